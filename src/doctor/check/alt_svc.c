// SPDX-License-Identifier: Apache-2.0
// HTTP/3 is advertised where people log in by Windows authentication.
#include <string.h>

#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_alt_svc(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts);
    const char *text = fact_text(front, "http.first.alt_svc");
    if (strstr(text, "h3") == NULL || !view_offers_windows(fact(front, "http.first")))
        return;
    struct finding *finding = diagnosis_add(
        diagnosis, "alt_svc", WEIGHT_RISK, CONFIDENCE_POSSIBLE,
        "HTTP/3 is advertised (Alt-Svc) for a name with Windows authentication, which "
        "is tied to TCP connections.");
    finding_place(finding, view_name(front));
    finding_evidence(finding, "Alt-Svc: %s", text);
    finding_remedy(finding, REMEDY_BALANCER,
                   "Take the header away. HAProxy, in the frontend section:",
                   "http-response del-header Alt-Svc");
    finding_remedy(finding, REMEDY_BALANCER,
                   "nginx, in the location:", "proxy_hide_header Alt-Svc;");
    finding_remedy(finding, REMEDY_SERVER, "Where IIS sends it:",
                   "netsh http update sslcert "
                   "hostnameport=%s:443 certhash=THUMBPRINT appid="
                   "{4dc3e181-e14b-4a21-b022-59fc669b0914} certstorename=MY disablequic=enable",
                   view_command_host(facts));
}
