// SPDX-License-Identifier: Apache-2.0
// The server's part of the NTLM handshake does not arrive.
#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

void check_type2_missing(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts);
    if (!fact_is(front, "ntlm.outcome", "no challenge") || view_is_kerberos_only(facts))
        return;
    const json_t *node = view_node_that_works(facts, "ntlm.outcome");
    bool is_at_nodes = view_node_where(facts, "ntlm.outcome", "no challenge") != NULL;
    const json_t *answer = fact(front, "ntlm.type1");
    struct finding *finding = diagnosis_add(
        diagnosis, "type2_missing", WEIGHT_CAUSE,
        node != NULL ? CONFIDENCE_SURE : CONFIDENCE_LIKELY,
        "The first message of NTLM is answered without the server's challenge (Type 2).");
    finding_place(finding, view_name(front));
    finding_evidence(finding, "Type 1 by %s, answer %lld %s with %zu challenges, none with a token",
                     view_words(front, "ntlm.scheme"), fact_number(answer, "status", 0),
                     fact_text(answer, "reason"), fact_count(answer, "challenges"));
    if (node != NULL)
        finding_evidence(finding, "%s, reached directly, sends one", view_name(node));
    if (is_at_nodes)
        finding_cause(finding, "The nodes do the same: the provider NTLM is off, or NTLM is "
                               "switched off in the domain.");
    else
        finding_cause(finding, "The load balancer removes the token from the answer, replaces the "
                               "401, or does not pass Authorization to the server.");
    if (is_at_nodes)
        finding_remedy(finding, REMEDY_SERVER, "Which providers are there?",
                       REMEDY_APPCMD
                       " list config \"SITE\" -section:system.webServer/security/authentication/"
                       "windowsAuthentication");
    else
        remedy_untouched_answers(finding);
}
