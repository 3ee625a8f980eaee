// SPDX-License-Identifier: Apache-2.0
// The offer to log in by Windows authentication gets lost at the load balancer.
#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

void check_challenge_stripped(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts), *offering = view_node_that_offers(facts);
    const json_t *first = fact(front, "http.first");
    bool is_bare = fact_count(first, "challenges") == 0;
    bool is_lost = offering != NULL && !view_offers_windows(first);
    bool is_explained = *fact_text(first, "body_says") != '\0' || view_is_of_one_node(facts, first);
    if (fact_number(first, "status", 0) != 401 || is_explained || (!is_lost && !is_bare))
        return;
    struct finding *finding = diagnosis_add(
        diagnosis, "challenge_stripped", WEIGHT_CAUSE,
        is_lost ? CONFIDENCE_SURE : CONFIDENCE_LIKELY,
        is_bare ? "The 401 does not say how to log in: its WWW-Authenticate lines are missing."
                : "The offer of Windows authentication does not reach the client.");
    finding_place(finding, view_name(front));
    finding_evidence(finding, "%s answers 401 with %zu challenges", view_name(front),
                     fact_count(first, "challenges"));
    if (offering != NULL)
        finding_evidence(finding, "%s, reached directly, offers %s", view_name(offering),
                         view_words(offering, "http.first.challenges.0.scheme"));
    finding_cause(finding, "Something in front of the server removes the header or replaces the "
                           "page of the 401.");
    remedy_untouched_answers(finding);
}
