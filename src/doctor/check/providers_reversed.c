// SPDX-License-Identifier: Apache-2.0
// NTLM is offered before Negotiate.
#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

static bool is_reversed(const json_t *answer)
{
    const json_t *challenges = fact(answer, "challenges");
    for (size_t i = 0; i < json_array_size(challenges); i++) {
        if (fact_is(json_array_get(challenges, i), "scheme", "Negotiate"))
            return false;
        if (fact_is(json_array_get(challenges, i), "scheme", "NTLM"))
            return view_offers(answer, "Negotiate");
    }
    return false;
}

void check_providers_reversed(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts), *node;
    if (!is_reversed(fact(front, "http.first")))
        return;
    bool is_right_at_node = false;
    for (size_t i = 0; (node = facts_node(facts, i)) != NULL; i++)
        is_right_at_node |= view_offers(fact(node, "http.first"), "Negotiate") &&
                            !is_reversed(fact(node, "http.first"));
    struct finding *finding =
        diagnosis_add(diagnosis, "providers_reversed", WEIGHT_RISK, CONFIDENCE_SURE,
                      "NTLM is offered before Negotiate: clients that take the first never use "
                      "Kerberos.");
    finding_place(finding, view_name(front));
    finding_evidence(finding, "the first challenge of %zu is %s",
                     fact_count(front, "http.first.challenges"),
                     view_words(front, "http.first.challenges.0.scheme"));
    if (is_right_at_node) {
        finding_evidence(finding, "the nodes offer Negotiate first");
        remedy_untouched_answers(finding);
        return;
    }
    finding_remedy(finding, REMEDY_SERVER,
                   "Put Negotiate first on every node: remove both, then "
                   "add them in order.",
                   REMEDY_WINDOWS " /-\"providers.[value='Negotiate']\" "
                                  "/-\"providers.[value='NTLM']\" /commit:apphost");
    finding_remedy(finding, REMEDY_SERVER, "then",
                   REMEDY_WINDOWS
                   " /+\"providers.[value='Negotiate']\" /+\"providers.[value='NTLM']\" "
                   "/commit:apphost");
}
