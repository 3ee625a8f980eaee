// SPDX-License-Identifier: Apache-2.0
// People are redirected to a name that leads nowhere.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_nodes_not_reachable_by_name(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts), *node;
    const char *host = fact_text(front, "http.redirect.host");
    if (*host == '\0' || fact_bool(front, "http.redirect.same_host"))
        return;
    const json_t *dns = fact_find(facts->root, "dns.nodes", "name", host);
    bool is_unknown = dns != NULL && fact_count(dns, "a") == 0 && *fact_text(dns, "error") != '\0';
    is_unknown |= fact_is_known(front, "http.redirect.address") &&
                  *fact_text(front, "http.redirect.address") == '\0';
    bool is_closed = fact_is_false(front, "http.redirect.is_open");
    for (size_t i = 0; (node = facts_node(facts, i)) != NULL; i++)
        is_closed |= fact_is(node, "name", host) && fact_is_false(node, "tcp.is_open");
    if (!is_unknown && !is_closed)
        return;
    struct finding *finding = diagnosis_add(
        diagnosis, "nodes_not_reachable_by_name", WEIGHT_CAUSE,
        is_unknown ? CONFIDENCE_SURE : CONFIDENCE_LIKELY, "People are redirected to %s, which %s.",
        host, is_unknown ? "has no address" : "accepts no connection");
    finding_place(finding, view_name(front));
    finding_evidence(finding, "%lld to %s", fact_number(front, "http.first.status", 0),
                     view_words(front, "http.redirect.location"));
    if (is_unknown && dns != NULL)
        finding_evidence(finding, "the look-up of %s says: %s", host, view_words(dns, "error"));
    finding_remedy(finding, REMEDY_DNS,
                   "Give every node's name an address that people reach: the "
                   "node's own, or that of a load balancer that passes the name through.",
                   "Add-DnsServerResourceRecordA -ZoneName ZONE -Name %s -IPv4Address ADDRESS",
                   view_harmless(host, "NODE"));
    finding_remedy(finding, REMEDY_BALANCER,
                   "Handfast answers for the nodes' names itself, in a "
                   "site of their names:",
                   "passthrough: POOL");
}
