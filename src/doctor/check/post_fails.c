// SPDX-License-Identifier: Apache-2.0
// A POST without credentials fails instead of being asked to log in.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_post_fails(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts), *node, *good = NULL;
    const json_t *post = fact(front, "http.post");
    long long status = fact_number(post, "status", -1);
    if (fact_number(front, "http.first.status", 0) != 401 || status < 0 || status == 401)
        return;
    if (status >= 200 && status < 400)
        return;
    for (size_t i = 0; good == NULL && (node = facts_node(facts, i)) != NULL; i++)
        if (fact_number(node, "http.post.status", 0) == 401)
            good = node;
    struct finding *finding = diagnosis_add(
        diagnosis, "post_fails", WEIGHT_FAULT, good != NULL ? CONFIDENCE_SURE : CONFIDENCE_LIKELY,
        "A POST on a connection that is not logged in %s instead of being asked to "
        "log in.",
        status == 0 ? "is cut off" : "is refused");
    finding_place(finding, view_name(front));
    finding_evidence(finding, "a POST of 8 KiB: %lld %s; a GET: 401", status,
                     fact_text(post, "reason"));
    if (good != NULL)
        finding_evidence(finding, "%s, reached directly, answers 401", view_name(good));
    finding_cause(finding, status == 0
                               ? "IIS may close the connection on a body that nobody vouched "
                                 "for; the 401 must reach the client before that, and idle "
                                 "connections must not be cut early."
                               : "A limit on bodies or a filter answers in place of the node.");
    finding_remedy(finding, REMEDY_BALANCER,
                   "Pass an early 401 on at once, and keep idle client "
                   "connections as long as IIS does. HAProxy, in the defaults section:",
                   "timeout http-keep-alive 115s");
    finding_remedy(finding, REMEDY_BALANCER,
                   "nginx, in the location:", "proxy_request_buffering off;");
}
