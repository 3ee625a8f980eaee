// SPDX-License-Identifier: Apache-2.0
// Clocks differ by more than Kerberos allows.
#include <stdlib.h>

#include "doctor/check/check.h"
#include "doctor/check/view.h"

#define SKEW_S 300 // what Windows and MIT allow by default

static bool is_skew_told(const struct facts *facts)
{
    const json_t *end;
    for (size_t i = 0; (end = view_end(facts, i)) != NULL; i++)
        if (fact_number(end, "kerberos.krb_error.code", 0) == 37)
            return true;
    return fact_number(facts->root, "kerberos.client.error.code", 0) == 37 ||
           fact_number(view_ticket(facts, "host"), "error.code", 0) == 37;
}

// Ours is wrong when everyone else agrees that it is.
static bool is_ours(const json_t *sources)
{
    long long first = fact_number(sources, "0.offset_s", 0);
    for (size_t i = 1; i < json_array_size(sources); i++)
        if (llabs(fact_number(json_array_get(sources, i), "offset_s", 0) - first) > 60)
            return false;
    return json_array_size(sources) > 1;
}

static void describe(struct finding *finding, const json_t *sources, bool is_mine)
{
    for (size_t i = 0; i < json_array_size(sources) && i < FINDING_EVIDENCE_MAX; i++) {
        const json_t *source = json_array_get(sources, i);
        long long offset = fact_number(source, "offset_s", 0);
        finding_evidence(finding, "%s: %lld s %s of this machine", view_words(source, "name"),
                         llabs(offset), offset < 0 ? "behind the clock" : "ahead of the clock");
    }
    finding_cause(finding, "%s",
                  is_mine ? "All others agree: it is the clock of this machine that "
                            "is off."
                          : "Kerberos refuses tickets when clocks are more than five "
                            "minutes apart; NTLM suffers from larger differences.");
    if (is_mine)
        finding_remedy(finding, REMEDY_CLIENT,
                       "Set the clock of this machine:", "chronyc makestep");
    finding_remedy(finding, REMEDY_SERVER,
                   "Set the clock of a Windows server that is off:", "w32tm /resync /rediscover");
    if (!is_mine)
        finding_remedy(finding, REMEDY_SERVER, "Whose clock does it follow?",
                       "w32tm /query /status /verbose");
}

void check_clock_skew(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *sources = fact(facts->root, "clock.sources"), *worst = NULL;
    long long most = 0;
    for (size_t i = 0; i < json_array_size(sources); i++) {
        const json_t *source = json_array_get(sources, i);
        long long offset = llabs(fact_number(source, "offset_s", 0));
        if (offset > most) {
            most = offset;
            worst = source;
        }
    }
    bool is_told = is_skew_told(facts), is_mine = is_ours(sources);
    if (!is_told && most < SKEW_S / 2)
        return;
    bool is_beyond = is_told || most > SKEW_S;
    struct finding *finding =
        diagnosis_add(diagnosis, "clock_skew", is_beyond ? WEIGHT_CAUSE : WEIGHT_RISK,
                      is_told ? CONFIDENCE_SURE : CONFIDENCE_LIKELY, "%s",
                      is_beyond ? "Clocks differ by more than Kerberos allows."
                                : "Clocks drift apart; Kerberos stops working at five minutes.");
    if (!is_mine && worst != NULL)
        finding_place(finding, fact_text(worst, "name"));
    if (is_told)
        finding_evidence(finding, "the other side says so: error 37, clock skew too great");
    describe(finding, sources, is_mine);
}
