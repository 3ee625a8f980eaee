// SPDX-License-Identifier: Apache-2.0
// HTTP/2 is offered where people log in by Windows authentication.
#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

void check_h2_offered(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts);
    const json_t *h2 = fact(front, "http.h2");
    bool is_offered = fact_bool(h2, "offered") || fact_is(front, "tls.alpn", "h2");
    if (!is_offered || !view_offers_windows(fact(front, "http.first")))
        return;
    bool falls_back = fact_is(h2, "token_error", "HTTP_1_1_REQUIRED") ||
                      fact_is(h2, "error", "HTTP_1_1_REQUIRED");
    bool is_tried =
        fact_number(h2, "token_status", 0) != 0 || *fact_text(h2, "token_error") != '\0';
    bool works = fact_number(h2, "token_status", 0) == 200;
    struct finding *finding = diagnosis_add(
        diagnosis, "h2_offered",
        works                     ? WEIGHT_NOTE
        : is_tried && !falls_back ? WEIGHT_FAULT
                                  : WEIGHT_RISK,
        is_tried && !falls_back ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE,
        "HTTP/2 is offered for a name with Windows authentication, which does not work over it.");
    finding_place(finding, view_name(front));
    if (is_tried)
        finding_evidence(
            finding, "a login over HTTP/2: status %lld%s%s", fact_number(h2, "token_status", 0),
            *fact_text(h2, "token_error") ? ", error " : "", fact_text(h2, "token_error"));
    finding_cause(finding, falls_back
                               ? "The server asks for HTTP/1.1 then, and browsers obey; .NET "
                                 "does not."
                               : "Browsers, WinHTTP and curl turn to HTTP/1.1 by themselves "
                                 "when they see the challenge; .NET (HttpClient) does not.");
    remedy_no_h2(finding);
}
