// SPDX-License-Identifier: Apache-2.0
// A client certificate is asked for in the handshake.
#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

void check_client_certificate_asked(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts), *node;
    const json_t *asking = fact_bool(front, "tls.asks_client_certificate") ? front : NULL;
    for (size_t i = 0; asking == NULL && (node = facts_node(facts, i)) != NULL; i++)
        if (fact_bool(node, "tls.asks_client_certificate"))
            asking = node;
    if (asking == NULL)
        return;
    bool is_behind = asking != front;
    struct finding *finding = diagnosis_add(
        diagnosis, "client_certificate_asked", WEIGHT_RISK,
        is_behind ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE, "%s",
        is_behind
            ? "The nodes ask for a client certificate, which cannot reach them where TLS ends "
              "at the load balancer."
            : "A client certificate is asked for in the TLS handshake: people are asked to "
              "choose one, and programs may fail.");
    finding_place(finding, view_name(asking));
    finding_evidence(finding, "the handshake with %s has a CertificateRequest", view_name(asking));
    finding_remedy(finding, REMEDY_SERVER, "If nobody needs it:",
                   REMEDY_APPCMD
                   " set config \"SITE\" "
                   "-section:system.webServer/security/access /sslFlags:Ssl /commit:apphost");
    if (is_behind)
        finding_remedy(finding, REMEDY_BALANCER,
                       "If it is needed, pass the connection through. "
                       "Handfast, in the site:",
                       "passthrough: POOL");
    else
        finding_remedy(finding, REMEDY_BALANCER,
                       "HAProxy, on the bind line, in place of verify "
                       "optional or required:",
                       "verify none");
}
