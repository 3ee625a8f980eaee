// SPDX-License-Identifier: Apache-2.0
// A POST without credentials fails instead of being asked to log in.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

static void advise(struct finding *finding)
{
    finding_remedy(finding, REMEDY_BALANCER,
                   "Pass an early 401 on at once, and keep idle client connections as long as IIS "
                   "does. HAProxy, in the defaults section:",
                   "timeout http-keep-alive 115s");
    finding_remedy(finding, REMEDY_BALANCER,
                   "nginx, in the location:", "proxy_request_buffering off;");
    finding_remedy(finding, REMEDY_CLIENT,
                   "Programs: ask for a page with GET first, or send Expect: 100-continue.", NULL);
}

// The answer came, the connection went, and nothing had said that it would.
static void say_cut(struct diagnosis *diagnosis, const json_t *front)
{
    struct finding *finding = diagnosis_add(
        diagnosis, "post_fails", WEIGHT_RISK, CONFIDENCE_POSSIBLE,
        "The connection is cut after a POST that was not logged in: clients that are still sending "
        "see an error instead of the 401.");
    finding_place(finding, view_name(front));
    finding_evidence(finding, "a POST of 8 KiB is answered 401 without Connection: close; the "
                              "connection ends all the same");
    finding_cause(finding, "IIS may close the connection on a body that nobody vouched for. It "
                           "happens when connections were cut while idle, and people then send.");
    advise(finding);
}

void check_post_fails(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts), *node, *good = NULL;
    const json_t *post = fact(front, "http.post");
    long long status = fact_number(post, "status", -1);
    if (fact_number(front, "http.first.status", 0) != 401 || status < 0)
        return;
    if (status == 401 && fact_bool(front, "http.post_ended") && fact_bool(post, "is_persistent"))
        say_cut(diagnosis, front);
    if (status >= 200 && (status < 400 || status == 401))
        return;
    for (size_t i = 0; good == NULL && (node = facts_node(facts, i)) != NULL; i++)
        if (fact_number(node, "http.post.status", 0) == 401)
            good = node;
    struct finding *finding = diagnosis_add(
        diagnosis, "post_fails", WEIGHT_FAULT, good != NULL ? CONFIDENCE_SURE : CONFIDENCE_LIKELY,
        "A POST on a connection that is not logged in %s instead of being asked to log in.",
        status == 0 ? "is cut off" : "is refused");
    finding_place(finding, view_name(front));
    finding_evidence(finding, "a POST of 8 KiB: %lld %s; a GET: 401", status,
                     fact_text(post, "reason"));
    if (good != NULL)
        finding_evidence(finding, "%s, reached directly, answers 401", view_name(good));
    finding_cause(finding, status == 0 ? "The connection is closed on a body that nobody vouched "
                                         "for, before the 401 reached the client."
                                       : "A limit on bodies or a filter answers in place of the "
                                         "node.");
    advise(finding);
}
