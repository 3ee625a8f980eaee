// SPDX-License-Identifier: Apache-2.0
// The load balancer has no server that it would use.
#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

void check_front_unavailable(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts), *node, *good = NULL;
    long long status = fact_number(front, "http.first.status", 0);
    if (status < 502 || status > 504)
        return;
    for (size_t i = 0; good == NULL && (node = facts_node(facts, i)) != NULL; i++)
        if (view_answers(node) && fact_number(node, "http.first.status", 0) < 500)
            good = node;
    struct finding *finding = diagnosis_add(
        diagnosis, "front_unavailable", WEIGHT_CAUSE,
        good != NULL ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE,
        "The load balancer answers %lld: it reaches no server, or believes none is healthy.",
        status);
    finding_place(finding, view_name(front));
    finding_evidence(finding, "%lld %s, Server: %s", status, fact_text(front, "http.first.reason"),
                     *fact_text(front, "http.first.server") ? fact_text(front, "http.first.server")
                                                            : "(none)");
    if (good != NULL) {
        finding_evidence(finding, "%s, reached directly, answers %lld", view_name(good),
                         fact_number(good, "http.first.status", 0));
        finding_cause(finding, "Health checks that take the 401 of a login for a failure are the "
                               "common reason; a wrong port, TLS towards a plain port or a "
                               "certificate that is refused are others.");
        remedy_health(finding);
    }
    finding_remedy(finding, REMEDY_BALANCER,
                   "Its log says which servers it holds for down and why.", NULL);
}
