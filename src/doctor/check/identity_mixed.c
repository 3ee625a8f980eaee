// SPDX-License-Identifier: Apache-2.0
// One person is served as another.
// The gravest of all: a server connection that carries one login is used for another person.
#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

void check_identity_mixed(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *end;
    for (size_t i = 0; (end = view_end(facts, i)) != NULL; i++) {
        long long wrong = fact_number(end, "isolation.wrong", 0);
        if (wrong <= 0)
            continue;
        struct finding *finding =
            diagnosis_add(diagnosis, "identity_mixed", WEIGHT_CAUSE, CONFIDENCE_SURE,
                          "One person is served as another: treat this as a security incident.");
        finding_place(finding, view_name(end));
        finding_cause(finding, "Server connections that were logged in for one person are used "
                               "for requests of another. Windows authentication belongs to the "
                               "connection, not to the request.");
        finding_evidence(finding,
                         "%lld of %lld interleaved exchanges were answered for the wrong "
                         "person",
                         wrong, fact_number(end, "isolation.exchanges", 0));
        if (fact_bool(end, "isolation.names_people"))
            finding_evidence(finding,
                             "all of them were named on pages of their own, so the name on "
                             "a page tells whom it is for");
        for (size_t j = 0; j < fact_count(end, "isolation.sample") && j < 3; j++)
            finding_evidence(finding, "%s",
                             view_words(json_array_get(fact(end, "isolation.sample"), j), ""));
        remedy_own_link(finding);
    }
}
