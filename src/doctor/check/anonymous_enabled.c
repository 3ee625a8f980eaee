// SPDX-License-Identifier: Apache-2.0
// Nobody is asked to log in.
// A front that answers while its nodes ask is connection_shared; nodes that disagree are
// node_differs.
#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

void check_anonymous_enabled(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *end;
    bool is_any_asking = view_node_that_offers(facts) != NULL;
    for (size_t i = 0; (end = view_end(facts, i)) != NULL; i++) {
        long long status = fact_number(end, "http.first.status", 0);
        bool is_answer = status >= 200 && status < 300;
        if ((!is_answer && status != 404) || is_any_asking)
            continue;
        if (status == 404 && view_has_account(facts) && view_succeeded(end, "ntlm.outcome"))
            continue;
        struct finding *finding = diagnosis_add(
            diagnosis, "anonymous_enabled", WEIGHT_CAUSE,
            is_answer ? CONFIDENCE_SURE : CONFIDENCE_POSSIBLE,
            is_answer
                ? "The page is given to anybody: no login is asked for."
                : "There is no such page, and nobody is asked to log in before being told so.");
        finding_place(finding, view_name(end));
        finding_evidence(finding, "a request without credentials for %s is answered with %lld",
                         view_words(facts->root, "subject.target"), status);
        finding_cause(finding, is_answer ? "Anonymous authentication is switched on for this path."
                                         : "The path may be wrong; try one that exists.");
        finding_remedy(finding, REMEDY_SERVER, "Switch anonymous authentication off:",
                       REMEDY_APPCMD
                       " set config \"SITE\" -section:system.webServer/security/"
                       "authentication/anonymousAuthentication /enabled:\"False\" /commit:apphost");
        finding_remedy(finding, REMEDY_SERVER, "and Windows authentication on:",
                       REMEDY_WINDOWS " /enabled:\"True\" /commit:apphost");
    }
}
