// SPDX-License-Identifier: Apache-2.0
// Requests that came through another proxy are refused.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_proxy_refused(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts);
    if (fact_number(front, "http.with_via.status", 0) != 403 ||
        fact_number(front, "http.first.status", 0) != 401)
        return;
    struct finding *finding =
        diagnosis_add(diagnosis, "proxy_refused", WEIGHT_RISK, CONFIDENCE_SURE,
                      "Requests that say they came through another proxy are refused (403).");
    finding_place(finding, view_name(front));
    finding_evidence(finding, "with a header Via: 403 %s; without: 401",
                     fact_text(front, "http.with_via.reason"));
    finding_cause(finding, "Meant to protect people behind a shared proxy from being mixed up; "
                           "people whose way leads through a proxy cannot get in.");
    finding_remedy(finding, REMEDY_CLIENT, "Let clients reach this name without the proxy.", NULL);
    finding_remedy(finding, REMEDY_BALANCER,
                   "Handfast, in the site, if that proxy keeps one "
                   "connection for each client:",
                   "proxy_before: one-connection-per-client");
}
