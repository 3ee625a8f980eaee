// SPDX-License-Identifier: Apache-2.0
// The server's proof of who it is does not arrive.
#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

void check_mutual_reply_stripped(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts);
    bool is_bad = fact_is(front, "kerberos.mutual", "bad");
    const json_t *node = view_node_where(facts, "kerberos.mutual", "ok");
    if (!view_succeeded(front, "kerberos.outcome") ||
        !(is_bad || fact_is(front, "kerberos.mutual", "absent")))
        return;
    bool is_stripped = node != NULL && !is_bad;
    struct finding *finding = diagnosis_add(
        diagnosis, "mutual_reply_stripped", is_stripped || is_bad ? WEIGHT_FAULT : WEIGHT_RISK,
        is_stripped ? CONFIDENCE_SURE : CONFIDENCE_POSSIBLE, "%s",
        is_bad
            ? "The server's proof of who it is (mutual authentication) cannot be verified."
            : "After a login by Kerberos the server's proof of who it is does not arrive; clients "
              "that insist on it fail.");
    finding_place(finding, view_name(front));
    finding_evidence(finding, "the %lld after the login has %zu WWW-Authenticate lines",
                     fact_number(front, "kerberos.answer.status", 0),
                     fact_count(front, "kerberos.answer.challenges"));
    if (is_stripped)
        finding_evidence(finding, "%s, reached directly, sends it", view_name(node));
    if (is_bad) {
        finding_cause(finding, "Something between answers with a token of its own or changes it.");
        return;
    }
    finding_cause(finding,
                  "The load balancer removes WWW-Authenticate from answers other than 401.");
    remedy_untouched_answers(finding);
}
