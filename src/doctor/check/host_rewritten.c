// SPDX-License-Identifier: Apache-2.0
// The server does not know the host name it is asked for.
#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

void check_host_rewritten(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts), *node, *good = NULL;
    if (!fact_is(front, "http.first.body_says", "invalid hostname"))
        return;
    for (size_t i = 0; good == NULL && (node = facts_node(facts, i)) != NULL; i++)
        if (view_answers(node) && !fact_is(node, "http.first.body_says", "invalid hostname"))
            good = node;
    struct finding *finding =
        diagnosis_add(diagnosis, "host_rewritten", WEIGHT_CAUSE,
                      good != NULL ? CONFIDENCE_SURE : CONFIDENCE_LIKELY,
                      "The nodes refuse the host name that reaches them (400, Invalid Hostname).");
    finding_place(finding, view_name(front));
    finding_evidence(finding, "%lld %s, Server: %s", fact_number(front, "http.first.status", 0),
                     fact_text(front, "http.first.reason"), view_words(front, "http.first.server"));
    if (good != NULL) {
        finding_evidence(finding, "%s, asked directly for %s, answers %lld", view_name(good),
                         view_words(facts->root, "subject.host"),
                         fact_number(good, "http.first.status", 0));
        finding_cause(finding,
                      "The load balancer puts another name into Host than the client sent.");
    } else {
        finding_cause(finding, "No site has a binding for the name, or the load balancer puts "
                               "another one into Host.");
    }
    remedy_keep_host(finding);
    finding_remedy(
        finding, REMEDY_SERVER, "The binding that answers to the name:",
        "New-WebBinding -Name \"SITE\" -Protocol https -Port 443 -HostHeader %s -SslFlags "
        "1",
        view_command_host(facts));
}
