// SPDX-License-Identifier: Apache-2.0
// The service name belongs to more than one account.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

static size_t count_holders(const json_t *holders)
{
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(holders); i++) {
        bool is_again = false;
        for (size_t j = 0; j < i; j++)
            is_again |= fact_is(json_array_get(holders, i), "dn",
                                fact_text(json_array_get(holders, j), "dn"));
        count += !is_again;
    }
    return count;
}

void check_spn_duplicate(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *holders = view_holders(facts, "HTTP", view_host(facts));
    bool is_told = fact_number(view_ticket(facts, "host"), "error.code", 0) == 8;
    size_t count = count_holders(holders);
    if (count < 2 && !is_told)
        return;
    struct finding *finding = diagnosis_add(
        diagnosis, "spn_duplicate", WEIGHT_CAUSE, CONFIDENCE_SURE,
        "The service name HTTP/%s belongs to more than one account: no ticket, or one "
        "that the wrong server can open.",
        view_words(facts->root, "subject.host"));
    for (size_t i = 0; i < json_array_size(holders) && i < 4; i++)
        finding_evidence(finding, "%s", view_words(json_array_get(holders, i), "dn"));
    if (is_told)
        finding_evidence(finding, "the KDC says: error 8, the name is not unique");
    finding_remedy(finding, REMEDY_DOMAIN, "Find every duplicate of the forest:", "setspn -X -F");
    finding_remedy(finding, REMEDY_DOMAIN,
                   "Take it from the account that does not run the site:", "setspn -D HTTP/%s %s",
                   view_command_host(facts),
                   view_harmless(fact_text(holders, "1.name"), "ACCOUNT"));
}
