// SPDX-License-Identifier: Apache-2.0
// The account that the doctor was given, or its password, has expired.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_account_expired(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *client = fact(facts->root, "kerberos.client");
    long long code = fact_number(client, "error.code", 0);
    if (code != 23 && code != 1) // KEY_EXP, NAME_EXP
        return;
    struct finding *finding = diagnosis_add(
        diagnosis, "account_expired", WEIGHT_CAUSE, CONFIDENCE_SURE,
        "The %s of the test account has expired.", code == 23 ? "password" : "validity");
    finding_evidence(finding, "KDC error %lld %s for %s", code, view_words(client, "error.name"),
                     view_account(facts));
    const char *name = view_harmless(fact_text(facts->root, "subject.accounts.0.name"), "ACCOUNT");
    if (code == 23)
        finding_remedy(finding, REMEDY_DOMAIN,
                       "Set a new password:", "Set-ADAccountPassword %s -Reset", name);
    else
        finding_remedy(finding, REMEDY_DOMAIN, "Let it live on:", "Clear-ADAccountExpiration %s",
                       name);
}
