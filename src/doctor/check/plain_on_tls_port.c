// SPDX-License-Identifier: Apache-2.0
// The port of the URL speaks HTTP in clear, not TLS.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_plain_on_tls_port(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *end;
    for (size_t i = 0; (end = view_end(facts, i)) != NULL; i++) {
        if (!fact_is_false(end, "tls.ok") || !fact_bool(end, "tls.speaks_plain"))
            continue;
        struct finding *finding = diagnosis_add(
            diagnosis, "plain_on_tls_port", view_is_node(end) ? WEIGHT_FAULT : WEIGHT_CAUSE,
            CONFIDENCE_SURE, "%s speaks plain HTTP on the port where TLS is expected.",
            view_words(end, "address"));
        finding_place(finding, view_name(end));
        finding_evidence(finding, "the TLS handshake fails (%s), a request in clear is answered",
                         view_words(end, "tls.problem"));
        if (view_is_node(end))
            finding_remedy(finding, REMEDY_SERVER, "Add a binding of type https to the site:",
                           "New-WebBinding -Name \"SITE\" -Protocol https -Port 443 -HostHeader %s "
                           "-SslFlags 1",
                           view_command_host(facts));
        else
            finding_remedy(finding, REMEDY_BALANCER,
                           "End TLS on this port, with a certificate. "
                           "HAProxy, on the bind line:",
                           "ssl crt CERTIFICATE.pem alpn http/1.1");
    }
}
