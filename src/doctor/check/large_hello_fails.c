// SPDX-License-Identifier: Apache-2.0
// A large or split TLS hello fails.
// What browsers send by default today, so most people are affected and openssl s_client is not.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_large_hello_fails(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *end;
    for (size_t i = 0; (end = view_end(facts, i)) != NULL; i++) {
        bool is_large = fact_is_false(end, "tls.large_hello.ok");
        bool is_split = fact_is_false(end, "tls.split_hello.ok");
        if (!fact_bool(end, "tls.ok") || !(is_large || is_split))
            continue;
        struct finding *finding = diagnosis_add(
            diagnosis, "large_hello_fails", view_is_node(end) ? WEIGHT_RISK : WEIGHT_FAULT,
            CONFIDENCE_SURE, "The TLS handshake fails when the client's first message is %s.",
            is_large ? "large, as browsers send it today" : "split over several packets");
        finding_place(finding, view_name(end));
        if (is_large)
            finding_evidence(finding, "large: %s", view_words(end, "tls.large_hello.problem"));
        if (is_split)
            finding_evidence(finding, "split: %s", view_words(end, "tls.split_hello.problem"));
        finding_cause(finding,
                      "With a post-quantum key share it has more than 1500 bytes; something "
                      "on the way reads only its first packet for the server name.");
        finding_remedy(finding, REMEDY_BALANCER,
                       "Read the whole ClientHello before routing by "
                       "name. HAProxy, in the frontend section:",
                       "tcp-request inspect-delay 5s");
        finding_remedy(finding, REMEDY_BALANCER,
                       "Update what routes by name, firewalls that inspect "
                       "TLS included. Until then, on clients (Edge, and Chrome likewise):",
                       "reg add HKLM\\SOFTWARE\\Policies\\Microsoft\\Edge /v "
                       "PostQuantumKeyAgreementEnabled /t REG_DWORD /d 0 /f");
    }
}
