// SPDX-License-Identifier: Apache-2.0
// Only NTLM is offered.
#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

void check_only_ntlm(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts), *node;
    const json_t *first = fact(front, "http.first");
    if (!view_offers(first, "NTLM") || view_offers(first, "Negotiate") ||
        view_offers(first, "Kerberos"))
        return;
    const json_t *offering = NULL;
    for (size_t i = 0; offering == NULL && (node = facts_node(facts, i)) != NULL; i++)
        if (view_offers(fact(node, "http.first"), "Negotiate"))
            offering = node;
    // chosen by some, and then nothing is broken, as long as NTLM is there
    bool is_by_design = offering == NULL && view_succeeded(front, "ntlm.outcome");
    struct finding *finding =
        diagnosis_add(diagnosis, "only_ntlm", is_by_design ? WEIGHT_RISK : WEIGHT_FAULT,
                      CONFIDENCE_SURE, "Only NTLM is offered: nobody can log in by Kerberos.");
    finding_place(finding, view_name(front));
    finding_evidence(finding, "challenges: %zu, none is Negotiate",
                     fact_count(first, "challenges"));
    if (offering != NULL) {
        finding_evidence(finding, "%s, reached directly, offers Negotiate", view_name(offering));
        finding_cause(finding, "The load balancer removes the line with Negotiate.");
        remedy_untouched_answers(finding);
        return;
    }
    finding_cause(finding, "The provider Negotiate was taken out of the list.");
    finding_remedy(finding, REMEDY_SERVER, "Negotiate must stand first: take NTLM out,",
                   REMEDY_WINDOWS " /-\"providers.[value='NTLM']\" /commit:apphost");
    finding_remedy(finding, REMEDY_SERVER, "then add both in order:",
                   REMEDY_WINDOWS
                   " /+\"providers.[value='Negotiate']\" /+\"providers.[value='NTLM']\" "
                   "/commit:apphost");
}
