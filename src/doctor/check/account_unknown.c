// SPDX-License-Identifier: Apache-2.0
// The account that the doctor was given does not exist.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_account_unknown(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *client = fact(facts->root, "kerberos.client");
    if (fact_number(client, "error.code", 0) != 6)
        return;
    struct finding *finding =
        diagnosis_add(diagnosis, "account_unknown", WEIGHT_CAUSE, CONFIDENCE_SURE,
                      "The domain does not know the account %s.", view_account(facts));
    finding_evidence(finding, "KDC error 6 %s: %s", view_words(client, "error.name"),
                     view_words(client, "error.text"));
    finding_cause(finding,
                  "The name is misspelt or belongs to another domain. Nothing that needs a "
                  "login could be tried.");
    finding_remedy(finding, REMEDY_DOMAIN, "Is there such an account?", "Get-ADUser %s",
                   view_harmless(fact_text(facts->root, "subject.accounts.0.name"), "ACCOUNT"));
}
