// SPDX-License-Identifier: Apache-2.0
// The account of the service may act as anybody anywhere.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_unconstrained_delegation(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *holder = fact(view_holders(facts, "HTTP", view_host(facts)), "0");
    if (!fact_bool(holder, "unconstrained"))
        return;
    struct finding *finding =
        diagnosis_add(diagnosis, "unconstrained_delegation", WEIGHT_RISK, CONFIDENCE_SURE,
                      "The account %s may act as anybody who logs in, towards every server "
                      "(unconstrained delegation).",
                      view_words(holder, "name"));
    finding_evidence(finding, "%s: TRUSTED_FOR_DELEGATION", view_words(holder, "dn"));
    finding_cause(finding,
                  "Whoever takes over one node takes over everybody who visits it; tickets "
                  "also become twice as large.");
    finding_remedy(finding, REMEDY_DOMAIN,
                   "Take it away, and name the services it may delegate to "
                   "if there are any:",
                   "Set-ADAccountControl %s -TrustedForDelegation $false",
                   view_harmless(fact_text(holder, "name"), "ACCOUNT"));
}
