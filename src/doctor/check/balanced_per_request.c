// SPDX-License-Identifier: Apache-2.0
// Requests of one client connection go to different nodes.
#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

static bool shows_two(const json_t *computers)
{
    for (size_t i = 1; i < json_array_size(computers); i++)
        if (!fact_is(json_array_get(computers, i), "", fact_text(computers, "0")))
            return true;
    return false;
}

void check_balanced_per_request(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts);
    const json_t *computers = fact(front, "ntlm.same_connection_computers");
    if (!shows_two(computers))
        return;
    bool is_felt =
        view_failed(front, "ntlm.outcome") ||
        fact_number(front, "ntlm.repeats.ok", 0) < fact_number(front, "ntlm.repeats.tries", 0);
    struct finding *finding = diagnosis_add(
        diagnosis, "balanced_per_request", is_felt ? WEIGHT_CAUSE : WEIGHT_FAULT, CONFIDENCE_SURE,
        "Two handshakes on one client connection were answered by "
        "different nodes: every request is balanced anew.");
    finding_place(finding, view_name(front));
    finding_evidence(finding, "%s, then %s", view_words(computers, "0"),
                     view_words(computers, "1"));
    if (fact_is_known(front, "ntlm.repeats.tries"))
        finding_evidence(finding, "%lld of %lld logins succeed",
                         fact_number(front, "ntlm.repeats.ok", 0),
                         fact_number(front, "ntlm.repeats.tries", 0));
    remedy_own_link(finding);
}
