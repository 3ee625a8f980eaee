// SPDX-License-Identifier: Apache-2.0
// The legs of an NTLM handshake reach the server on different connections.
#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

void check_legs_split(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts);
    const json_t *repeats = fact(front, "ntlm.repeats");
    const json_t *node = view_node_that_works(facts, "ntlm.outcome");
    long long ok = fact_number(repeats, "ok", 0), tries = fact_number(repeats, "tries", 0);
    long long lost = fact_number(repeats, "refused", 0) + fact_number(repeats, "no_challenge", 0);
    bool is_sometimes = ok > 0 && lost > 0;
    bool is_always = node != NULL && fact_is(front, "ntlm.outcome", "refused");
    if ((!is_sometimes && !is_always) || view_node_that_fails(facts, "ntlm.outcome") != NULL)
        return;
    struct finding *finding =
        diagnosis_add(diagnosis, "legs_split", WEIGHT_CAUSE, CONFIDENCE_LIKELY,
                      "Logins by NTLM %s: the legs of the handshake reach the servers on different "
                      "connections.",
                      is_sometimes ? "fail now and then" : "fail");
    finding_place(finding, view_name(front));
    if (tries > 0)
        finding_evidence(finding,
                         "of %lld logins on new connections %lld succeeded, %lld were "
                         "refused after the last leg",
                         tries, ok, fact_number(repeats, "refused", 0));
    if (node != NULL)
        finding_evidence(finding, "%s, reached directly, accepts the same account",
                         view_name(node));
    if (fact_count(front, "ntlm.computers") > 1)
        finding_evidence(finding, "servers that answered: %s, %s",
                         view_words(front, "ntlm.computers.0"),
                         view_words(front, "ntlm.computers.1"));
    finding_cause(finding, "The load balancer opens or chooses a server connection for each "
                           "request; the server that knows nothing of the first legs refuses the "
                           "last one.");
    remedy_own_link(finding);
}
