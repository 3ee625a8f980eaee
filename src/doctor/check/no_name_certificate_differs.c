// SPDX-License-Identifier: Apache-2.0
// Clients that send no server name see another certificate.
#include <string.h>

#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_no_name_certificate_differs(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts);
    const char *named = fact_text(front, "tls.certificate.sha256");
    const char *unnamed = fact_text(front, "tls.no_name.sha256");
    if (*named == '\0' || *unnamed == '\0' || strcmp(named, unnamed) == 0)
        return;
    struct finding *finding =
        diagnosis_add(diagnosis, "no_name_certificate_differs", WEIGHT_RISK, CONFIDENCE_POSSIBLE,
                      "Clients that send no server name (SNI) see another certificate: a warning, "
                      "and with Extended Protection a refusal.");
    finding_place(finding, view_name(front));
    finding_evidence(finding, "SHA-256 with the name %.16s…, without %.16s…", named, unnamed);
    finding_remedy(finding, REMEDY_BALANCER,
                   "Only old clients and probes are affected. To serve "
                   "them, make this certificate the default: HAProxy, first after crt on the bind "
                   "line; nginx, in the server section:",
                   "listen 443 ssl default_server;");
    finding_remedy(finding, REMEDY_BALANCER, "Handfast, in the listener:", "default_site: SITE");
}
