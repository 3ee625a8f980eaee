// SPDX-License-Identifier: Apache-2.0
// The TLS handshake fails.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_tls_fails(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *end;
    for (size_t i = 0; (end = view_end(facts, i)) != NULL; i++) {
        if (!fact_is_false(end, "tls.ok") || fact_bool(end, "tls.speaks_plain") ||
            fact_is_false(end, "tcp.is_open"))
            continue;
        bool is_node = view_is_node(end);
        struct finding *finding =
            diagnosis_add(diagnosis, "tls_fails", is_node ? WEIGHT_FAULT : WEIGHT_CAUSE,
                          CONFIDENCE_SURE, "The TLS handshake with %s fails.", view_name(end));
        finding_place(finding, view_name(end));
        finding_evidence(finding, "%s, asked for the name %s: %s", view_words(end, "address"),
                         view_words(facts->root, "subject.host"), view_words(end, "tls.problem"));
        if (fact_bool(end, "tls.no_name.ok"))
            finding_evidence(finding, "without a server name (SNI) the handshake succeeds");
        finding_cause(finding, "No certificate is bound to that name or address, its key cannot be "
                               "used, or the two sides share no version or cipher.");
        if (is_node)
            finding_remedy(finding, REMEDY_SERVER,
                           "See which certificate is bound to what:", "netsh http show sslcert");
        else
            finding_remedy(finding, REMEDY_BALANCER, "See what the other side says:",
                           "openssl s_client -connect %s:%lld -servername %s",
                           view_command_host(facts), fact_number(facts->root, "subject.port", 443),
                           view_command_host(facts));
    }
}
