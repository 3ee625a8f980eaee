// SPDX-License-Identifier: Apache-2.0
// Nothing accepts connections where users connect to.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_front_closed(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *end;
    bool is_any_open = fact_bool(facts_front(facts), "tcp.is_open");
    for (size_t i = 0; (end = view_end(facts, i)) != NULL; i++) {
        bool has_address = *fact_text(end, "address") != '\0';
        if (view_is_node(end) || !fact_is_false(end, "tcp.is_open"))
            continue;
        // without an address there is no port that could be closed; name_unknown has said so
        if (!has_address && diagnosis_find(diagnosis, "name_unknown") != NULL)
            continue;
        struct finding *finding =
            diagnosis_add(diagnosis, "front_closed", is_any_open ? WEIGHT_FAULT : WEIGHT_CAUSE,
                          CONFIDENCE_SURE, "No connection to %s can be made.",
                          has_address ? view_words(end, "address") : "the name of the URL");
        finding_place(finding, view_name(end));
        bool is_refused = fact_is(end, "tcp.error", "refused");
        finding_cause(finding, !has_address ? "It has no address here."
                               : is_refused
                                   ? "The machine is there, but nothing listens on that port."
                                   : "A firewall drops the packets, or the machine is off.");
        finding_evidence(finding, "the attempt ended with: %s (after %lld ms)",
                         view_words(end, "tcp.error"), fact_number(end, "tcp.ms", 0));
        if (is_any_open)
            finding_evidence(finding, "another address of the same name does answer");
        finding_remedy(finding, REMEDY_BALANCER, "Is it running, and does it listen there?",
                       "ss -ltnp");
        finding_remedy(finding, REMEDY_CLIENT, "Does a client of the domain get through?",
                       "Test-NetConnection %s -Port %lld", view_command_host(facts),
                       fact_number(facts->root, "subject.port", 443));
    }
}
