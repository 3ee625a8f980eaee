// SPDX-License-Identifier: Apache-2.0
// NTLM fails at one node and works at another.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_one_node_refuses_ntlm(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *good = view_node_that_works(facts, "ntlm.outcome");
    const json_t *bad = view_node_that_fails(facts, "ntlm.outcome");
    if (good == NULL || bad == NULL)
        return;
    struct finding *finding =
        diagnosis_add(diagnosis, "one_node_refuses_ntlm", WEIGHT_CAUSE, CONFIDENCE_SURE,
                      "NTLM fails at %s and works at %s, with the same account.", view_name(bad),
                      view_name(good));
    finding_place(finding, view_name(bad));
    finding_evidence(finding, "%s: %s; %s: ok", view_name(bad), view_words(bad, "ntlm.outcome"),
                     view_name(good));
    long long tries = fact_number(facts_front(facts), "ntlm.repeats.tries", 0);
    if (tries > 0)
        finding_evidence(finding, "through the load balancer %lld of %lld logins succeed",
                         fact_number(facts_front(facts), "ntlm.repeats.ok", 0), tries);
    finding_cause(finding, "That node has lost its trust in the domain (its secure channel), its "
                           "clock is off, or its site is set up differently.");
    finding_remedy(finding, REMEDY_SERVER,
                   "On that node, test the secure channel:", "nltest /sc_verify:%s",
                   view_domain(facts));
    finding_remedy(finding, REMEDY_SERVER, "and mend it:", "Test-ComputerSecureChannel -Repair");
    finding_remedy(finding, REMEDY_SERVER, "Set its clock:", "w32tm /resync /rediscover");
}
