// SPDX-License-Identifier: Apache-2.0
// The load balancer has no server that it would use.
#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

// A load balancer that waits for its servers longer than we do is as good as one that says so. Who
// says what is no HTTP does not wait.
static bool is_silent(const json_t *front)
{
    return !view_is_malformed(fact(front, "http.first")) &&
           fact_number(front, "http.first.status", -1) == 0 && !fact_is_false(front, "tls.ok");
}

static const json_t *good_node(const struct facts *facts)
{
    const json_t *node;
    for (size_t i = 0; (node = facts_node(facts, i)) != NULL; i++)
        if (view_answers(node) && fact_number(node, "http.first.status", 0) < 500)
            return node;
    return NULL;
}

static void describe(struct finding *finding, const json_t *front, const json_t *good)
{
    if (is_silent(front))
        finding_evidence(finding, "the request was sent, then: %s",
                         view_words(front, "http.first.end"));
    else
        finding_evidence(finding, "%lld %s, Server: %s", fact_number(front, "http.first.status", 0),
                         fact_text(front, "http.first.reason"),
                         view_words_or(front, "http.first.server", "(none)"));
    if (good != NULL)
        finding_evidence(finding, "%s, reached directly, answers %lld", view_name(good),
                         fact_number(good, "http.first.status", 0));
    finding_cause(finding,
                  "Health checks that take the 401 of a login for a failure are the common "
                  "reason; a wrong port, TLS towards a plain port or a certificate that is "
                  "refused are others.");
}

void check_front_unavailable(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts), *good = good_node(facts);
    long long status = fact_number(front, "http.first.status", -1);
    if (!is_silent(front) && (status < 502 || status > 504))
        return;
    struct finding *finding = diagnosis_add(
        diagnosis, "front_unavailable", WEIGHT_CAUSE,
        good != NULL ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE, "%s",
        is_silent(front) ? "The load balancer takes the request and answers nothing."
                         : "The load balancer reaches no server, or believes none is healthy.");
    finding_place(finding, view_name(front));
    describe(finding, front, good);
    if (good != NULL)
        remedy_health(finding);
    finding_remedy(finding, REMEDY_BALANCER,
                   "Its log says which servers it holds for down and why.", NULL);
}
