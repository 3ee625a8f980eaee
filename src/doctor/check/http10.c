// SPDX-License-Identifier: Apache-2.0
// Answers come as HTTP/1.0.
#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

void check_http10(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *end;
    for (size_t i = 0; (end = view_end(facts, i)) != NULL; i++) {
        // of a head that is not in order the version means nothing
        if (!view_answers(end) || !fact_is(end, "http.first.end", "done") ||
            fact_number(end, "http.first.minor_version", 1) != 0)
            continue;
        bool is_cut = fact_is_false(end, "http.first.is_persistent") ||
                      fact_is_false(end, "ntlm.type1.is_persistent");
        struct finding *finding = diagnosis_add(
            diagnosis, "http10", is_cut ? WEIGHT_CAUSE : WEIGHT_FAULT, CONFIDENCE_SURE,
            "Answers come as HTTP/1.0: connections do not last as long as a login "
            "by NTLM needs.");
        finding_place(finding, view_name(end));
        finding_evidence(finding, "HTTP/1.0 %lld %s", fact_number(end, "http.first.status", 0),
                         fact_text(end, "http.first.reason"));
        remedy_keep_alive(finding);
    }
}
