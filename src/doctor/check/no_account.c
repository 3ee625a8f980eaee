// SPDX-License-Identifier: Apache-2.0
// Only what can be seen without logging in was looked at.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_no_account(const struct facts *facts, struct diagnosis *diagnosis)
{
    if (view_has_account(facts) || !json_is_array(fact(facts->root, "subject.accounts")))
        return;
    struct finding *finding = diagnosis_add(
        diagnosis, "no_account", WEIGHT_NOTE, CONFIDENCE_SURE,
        "No account was given: logins, tickets and Extended Protection were not tried.");
    finding_remedy(finding, REMEDY_CLIENT,
                   "See the other half, with an ordinary account of the "
                   "domain:",
                   "handfast doctor %s --as USER@REALM",
                   view_harmless(fact_text(facts->root, "subject.url"), "URL"));
}
