// SPDX-License-Identifier: Apache-2.0
// Several challenges are joined into one header line.
#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

void check_challenges_merged(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts), *node;
    const json_t *first = fact(front, "http.first");
    size_t count = fact_count(first, "challenges");
    long long lines = fact_number(first, "challenge_lines", (long long)count);
    if (count < 2 || lines < 1 || lines >= (long long)count)
        return;
    bool is_split_at_node = false;
    for (size_t i = 0; (node = facts_node(facts, i)) != NULL; i++)
        is_split_at_node |= fact_number(node, "http.first.challenge_lines", 0) > lines;
    struct finding *finding =
        diagnosis_add(diagnosis, "challenges_merged", WEIGHT_FAULT,
                      is_split_at_node ? CONFIDENCE_SURE : CONFIDENCE_LIKELY,
                      "%zu challenges come joined by commas in %lld header line%s; some clients do "
                      "not take them apart.",
                      count, lines, lines == 1 ? "" : "s");
    finding_place(finding, view_name(front));
    if (is_split_at_node)
        finding_evidence(finding, "the nodes send them on lines of their own");
    remedy_untouched_answers(finding);
}
