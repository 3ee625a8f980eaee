// SPDX-License-Identifier: Apache-2.0
// Idle connections are cut early.
// IIS keeps them for 120 seconds; whoever cuts earlier makes people log in again.
#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

void check_idle_cut(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts), *node;
    long long waited = fact_number(front, "http.idle.waited_s", 0);
    if (!fact_bool(front, "http.idle.was_cut") || waited >= 110)
        return;
    bool is_at_node = false;
    for (size_t i = 0; (node = facts_node(facts, i)) != NULL; i++)
        is_at_node |= fact_bool(node, "http.idle.was_cut") &&
                      fact_number(node, "http.idle.waited_s", 999) <= waited + 1;
    struct finding *finding =
        diagnosis_add(diagnosis, "idle_cut", WEIGHT_RISK, CONFIDENCE_SURE,
                      "Idle connections are cut after %lld seconds: people log in again and again, "
                      "and a POST after a pause may fail.",
                      waited);
    finding_place(finding, is_at_node ? "the nodes" : view_name(front));
    finding_evidence(finding, "after %lld s of silence the connection was gone; IIS waits 120 s",
                     waited);
    if (is_at_node) {
        finding_remedy(finding, REMEDY_SERVER, "The time that IIS waits:",
                       REMEDY_APPCMD " set site \"SITE\" /limits.connectionTimeout:00:02:00");
        return;
    }
    finding_remedy(finding, REMEDY_BALANCER,
                   "Wait almost as long as IIS. HAProxy, in the defaults "
                   "section:",
                   "timeout http-keep-alive 115s");
    finding_remedy(finding, REMEDY_BALANCER,
                   "nginx, in the server section:", "keepalive_timeout 115s;");
    finding_remedy(finding, REMEDY_BALANCER,
                   "Handfast, at the top of the configuration:", "timeouts: {idle: 115s}");
}
