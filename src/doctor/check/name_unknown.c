// SPDX-License-Identifier: Apache-2.0
// The name of the URL has no address.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_name_unknown(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *dns = fact(facts->root, "dns");
    const json_t *addresses = fact(dns, "a");
    if (addresses == NULL || fact_bool(facts->root, "subject.host_is_address") ||
        json_array_size(addresses) + fact_count(dns, "aaaa") > 0)
        return;
    bool is_reached = fact_bool(facts_front(facts), "tcp.is_open");
    bool is_by_hand = is_reached || *fact_text(facts->root, "subject.address") != '\0';
    struct finding *finding = diagnosis_add(
        diagnosis, "name_unknown", is_by_hand ? WEIGHT_FAULT : WEIGHT_CAUSE, CONFIDENCE_SURE,
        "DNS knows no address of %s.", view_words(facts->root, "subject.host"));
    if (*fact_text(dns, "error") != '\0')
        finding_evidence(finding, "the look-up says: %s", view_words(dns, "error"));
    if (is_by_hand)
        finding_evidence(finding, "it was looked for at an address given by hand");
    finding_cause(finding, "The record is missing, or this machine asks another DNS server than "
                           "people do.");
    finding_remedy(finding, REMEDY_DNS, "Add an address record, not an alias (CNAME):",
                   "Add-DnsServerResourceRecordA -ZoneName ZONE -Name NAME -IPv4Address ADDRESS");
    finding_remedy(finding, REMEDY_CLIENT,
                   "Compare with what a client of the domain sees:", "nslookup %s",
                   view_command_host(facts));
}
