// SPDX-License-Identifier: Apache-2.0
// The account that the doctor was given is locked or disabled.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_account_locked(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *client = fact(facts->root, "kerberos.client");
    if (fact_number(client, "error.code", 0) != 18)
        return;
    struct finding *finding =
        diagnosis_add(diagnosis, "account_locked", WEIGHT_CAUSE, CONFIDENCE_SURE,
                      "The test account is locked, disabled or outside its logon hours.");
    finding_evidence(finding, "KDC error 18 %s for %s", view_words(client, "error.name"),
                     view_account(facts));
    const char *name = view_harmless(fact_text(facts->root, "subject.accounts.0.name"), "ACCOUNT");
    finding_remedy(finding, REMEDY_DOMAIN, "Which is it?",
                   "Get-ADUser %s -Properties LockedOut,Enabled,AccountExpirationDate", name);
    finding_remedy(finding, REMEDY_DOMAIN, "Unlock it:", "Unlock-ADAccount %s", name);
}
