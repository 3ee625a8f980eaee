// SPDX-License-Identifier: Apache-2.0
// The server believes it is reached in clear and sends people to http://.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_http_links(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts);
    const json_t *redirect = fact(front, "http.redirect");
    bool loops = fact_bool(redirect, "loops"), is_plain = fact_bool(redirect, "to_plain");
    if (!loops && !(is_plain && fact_bool(facts->root, "subject.is_tls")))
        return;
    struct finding *finding = diagnosis_add(
        diagnosis, "http_links", loops ? WEIGHT_CAUSE : WEIGHT_FAULT, CONFIDENCE_LIKELY, "%s",
        loops ? "The server redirects in a circle: nobody gets a page."
              : "The server redirects from https:// to http://.");
    finding_place(finding, view_name(front));
    finding_evidence(finding, "%lld to %s", fact_number(front, "http.first.status", 0),
                     view_words(redirect, "location"));
    finding_cause(finding, "The application does not know that TLS ends before it, so it makes "
                           "links and redirects with http://.");
    finding_remedy(finding, REMEDY_BALANCER,
                   "Tell it with the header its framework reads. HAProxy, "
                   "in the frontend section:",
                   "http-request set-header X-Forwarded-Proto https");
    finding_remedy(finding, REMEDY_BALANCER,
                   "nginx, in the location:", "proxy_set_header X-Forwarded-Proto https;");
    finding_remedy(finding, REMEDY_BALANCER,
                   "Older applications (Exchange, SharePoint) read:", "Front-End-Https: On");
    finding_remedy(finding, REMEDY_SERVER,
                   "ASP.NET Core reads it only after "
                   "UseForwardedHeaders, from proxies it was told about.",
                   NULL);
}
