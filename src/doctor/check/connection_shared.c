// SPDX-License-Identifier: Apache-2.0
// Requests without credentials are answered as somebody.
#include <stdio.h>

#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

static struct finding *say(struct diagnosis *diagnosis, const json_t *end,
                           enum confidence confidence, const char *evidence)
{
    struct finding *finding =
        diagnosis_add(diagnosis, "connection_shared", WEIGHT_CAUSE, confidence,
                      "A client that sent no credentials gets pages of a person who did: treat "
                      "this as a security incident.");
    finding_place(finding, view_name(end));
    finding_cause(finding, "A server connection that somebody logged in on is used for other "
                           "clients.");
    finding_evidence(finding, "%s", evidence);
    remedy_own_link(finding);
    return finding;
}

// Whose pages they were shows only where pages say so.
static void put_names(struct finding *finding, const json_t *end)
{
    if (fact_bool(end, "isolation.names_people"))
        finding_evidence(finding, "the pages name whom they are for");
    else if (fact_is_false(end, "isolation.names_people"))
        finding_evidence(finding, "the pages do not name whom they are for, so it does not show "
                                  "whose they were");
    for (size_t i = 0; i < fact_count(end, "isolation.sample") && i < 3; i++)
        finding_evidence(finding, "%s",
                         view_words(json_array_get(fact(end, "isolation.sample"), i), ""));
}

void check_connection_shared(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *end, *front = facts_front(facts);
    char evidence[160];
    bool is_said = false;
    // where somebody is never asked, that is no wonder
    for (size_t i = 0; (end = facts_node(facts, i)) != NULL; i++)
        if (fact_number(end, "http.first.status", 0) == 200)
            return;
    for (size_t i = 0; (end = view_end(facts, i)) != NULL; i++) {
        long long answered = fact_number(end, "isolation.anonymous_answered", 0);
        if (answered <= 0 || fact_number(end, "http.first.status", 0) == 200)
            continue;
        snprintf(evidence, sizeof evidence,
                 "%lld requests without credentials, on connections of "
                 "their own, were answered as a person's",
                 answered);
        put_names(say(diagnosis, end, CONFIDENCE_SURE, evidence), end);
        is_said = true;
    }
    const json_t *node = view_node_where(facts, "http.first.challenges.0.scheme", "Negotiate");
    if (node == NULL)
        node = view_node_where(facts, "http.first.challenges.0.scheme", "NTLM");
    if (is_said || node == NULL || fact_number(front, "http.first.status", 0) != 200)
        return;
    snprintf(evidence, sizeof evidence,
             "%.40s answers 200 without credentials, %.40s reached "
             "directly asks for a login",
             view_name(front), view_name(node));
    say(diagnosis, front, CONFIDENCE_LIKELY, evidence);
}
