// SPDX-License-Identifier: Apache-2.0
// How far Extended Protection is enforced.
// Read off which lies a server believes; one probe alone says little.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

static const char *level(const json_t *end)
{
    bool random = fact_is(end, "protection.P1", "ok"), silent = fact_is(end, "protection.P2", "ok");
    bool bogus = fact_is(end, "protection.P4", "ok");
    if (!fact_is(end, "protection.P0", "ok"))
        return NULL;
    if (random && bogus)
        return "off (None): neither channel nor service name is checked";
    if (random)
        return silent ? "Proxy with Allow: any binding, but the service name must be listed"
                      : "Proxy with Require: some binding, and the service name must be listed";
    if (fact_is(end, "protection.P4", "refused"))
        return "channel and service name are both checked";
    return silent ? "Allow: a client that says something about its channel must tell the truth"
                  : "Require: only clients that name the right channel get in";
}

void check_protection_level(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *end;
    for (size_t i = 0; (end = view_end(facts, i)) != NULL; i++) {
        if (level(end) == NULL)
            continue;
        struct finding *finding =
            diagnosis_add(diagnosis, "protection_level", WEIGHT_NOTE, CONFIDENCE_LIKELY,
                          "Extended Protection is %s.", level(end));
        finding_place(finding, view_name(end));
        finding_evidence(finding,
                         "right binding: %s, random: %s, none: %s, zero: %s, wrong name: %s",
                         view_words(end, "protection.P0"), view_words(end, "protection.P1"),
                         view_words(end, "protection.P2"), view_words(end, "protection.P3"),
                         view_words(end, "protection.P4"));
    }
}
