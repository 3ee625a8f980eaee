// SPDX-License-Identifier: Apache-2.0
// The connection is closed in the middle of the NTLM handshake.
#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

// The answer to Type 1 came whole and says that nothing more may follow it.
static bool is_last(const json_t *type1)
{
    return fact_number(type1, "status", 0) == 401 && fact_is(type1, "end", "done") &&
           fact_is_false(type1, "is_persistent");
}

// Only what was seen: that nothing came in time is no close, and one after Type 3 is not between
// the legs.
static bool is_closing(const json_t *end)
{
    const json_t *type1 = fact(end, "ntlm.type1");
    if (!view_offers_windows(fact(end, "http.first")) || !fact_is_known(end, "ntlm.type1") ||
        fact_is_known(end, "ntlm.type3") || fact_is(type1, "end", "server_timeout"))
        return false;
    return fact_is(end, "ntlm.outcome", "closed") ||
           (is_last(type1) && !fact_is(end, "ntlm.outcome", "no challenge"));
}

void check_close_between_legs(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts), *node;
    const json_t *type1 = fact(front, "ntlm.type1");
    if (!is_closing(front))
        return;
    bool is_at_nodes = false;
    for (size_t i = 0; (node = facts_node(facts, i)) != NULL; i++)
        is_at_nodes |= is_closing(node);
    // where NTLM is not offered by its name and Kerberos logs in, few will notice
    bool is_spare = !view_offers(fact(front, "http.first"), "NTLM") &&
                    view_succeeded(front, "kerberos.outcome");
    struct finding *finding = diagnosis_add(
        diagnosis, "close_between_legs", is_spare ? WEIGHT_FAULT : WEIGHT_CAUSE, CONFIDENCE_SURE,
        "The connection is closed between the legs of the NTLM handshake, which must share one.");
    finding_place(finding, view_name(front));
    if (fact_number(type1, "status", 0) == 0)
        finding_evidence(finding, "Type 1 was sent, then: %s", view_words(type1, "end"));
    else
        finding_evidence(finding,
                         "the answer to Type 1 is HTTP/1.%lld %lld, Connection: %s, body %s",
                         fact_number(type1, "minor_version", 1), fact_number(type1, "status", 0),
                         view_words_or(type1, "connection", "(none)"), view_words(type1, "body"));
    finding_evidence(finding, "the login ended with: %s", view_words(front, "ntlm.outcome"));
    finding_cause(finding, is_at_nodes
                               ? "The nodes close it as well when they are reached directly."
                               : "The load balancer closes it.");
    if (is_at_nodes)
        finding_remedy(finding, REMEDY_SERVER, "Let IIS keep connections:",
                       REMEDY_APPCMD " set config \"SITE\" -section:system.webServer/httpProtocol "
                                     "/allowKeepAlive:True");
    remedy_keep_alive(finding);
}
