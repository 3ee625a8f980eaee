// SPDX-License-Identifier: Apache-2.0
// A node accepts no connections.
// How grave depends on what the front does: a firewall may let only the load balancer through.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

// Without an address it is a mistake in the name, not a firewall.
static void say_nameless(const struct facts *facts, struct diagnosis *diagnosis, const json_t *node)
{
    struct finding *finding = diagnosis_add(
        diagnosis, "node_closed", WEIGHT_FAULT, CONFIDENCE_SURE,
        "The name given for the node %s has no address: it was not looked at.", view_name(node));
    const char *host =
        fact_text(fact_find(facts->root, "subject.nodes", "name", view_name(node)), "host");
    const char *error = fact_text(fact_find(facts->root, "dns.nodes", "name", host), "error");
    finding_place(finding, view_name(node));
    finding_evidence(finding, "%s: %s", *host != '\0' ? host : view_name(node),
                     *error != '\0' ? error : "the name has no address");
    finding_cause(finding, "It is written differently in DNS, or this machine asks another DNS "
                           "server than the load balancer does.");
    finding_remedy(finding, REMEDY_CLIENT, "Give its address:", "--direct %s=ADDRESS",
                   view_harmless(view_name(node), "NODE"));
}

static enum weight weigh(const struct facts *facts, bool is_any_open)
{
    long long status = fact_number(facts_front(facts), "http.first.status", 0);
    if (status >= 502 && status <= 504 && !is_any_open)
        return WEIGHT_CAUSE;
    return is_any_open ? WEIGHT_FAULT : WEIGHT_NOTE;
}

void check_node_closed(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *node;
    bool is_any_open = false;
    for (size_t i = 0; (node = facts_node(facts, i)) != NULL; i++)
        is_any_open |= fact_bool(node, "tcp.is_open");
    for (size_t i = 0; (node = facts_node(facts, i)) != NULL; i++) {
        if (!fact_is_false(node, "tcp.is_open"))
            continue;
        if (*fact_text(node, "address") == '\0') {
            say_nameless(facts, diagnosis, node);
            continue;
        }
        struct finding *finding =
            diagnosis_add(diagnosis, "node_closed", weigh(facts, is_any_open),
                          is_any_open ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE,
                          "No connection to the node %s (%s) can be made.", view_name(node),
                          view_words(node, "address"));
        finding_place(finding, view_name(node));
        finding_evidence(finding, "the attempt ended with: %s (after %lld ms)",
                         view_words(node, "tcp.error"), fact_number(node, "tcp.ms", 0));
        finding_cause(finding, is_any_open ? "Its site is stopped, the machine is down, or a "
                                             "firewall treats it differently from the others."
                                           : "Perhaps a firewall lets only the load balancer reach "
                                             "the nodes; then nothing is wrong.");
        finding_remedy(finding, REMEDY_SERVER, "Is the site running, and bound to that port?",
                       "Get-Website; netsh http show servicestate view=requestq");
        finding_remedy(finding, REMEDY_SERVER, "Does the firewall of the node let it in?",
                       "Get-NetFirewallPortFilter | Where-Object LocalPort -eq 443 | "
                       "Get-NetFirewallRule");
    }
}
