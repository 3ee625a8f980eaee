// SPDX-License-Identifier: Apache-2.0
// People are redirected to a node's own name.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_redirected_to_node(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts);
    const char *host = fact_text(front, "http.redirect.host");
    if (*host == '\0' || fact_bool(front, "http.redirect.same_host") ||
        !fact_is_false(front, "http.redirect.same_host"))
        return;
    struct finding *finding =
        diagnosis_add(diagnosis, "redirected_to_node", WEIGHT_NOTE, CONFIDENCE_SURE,
                      "People are redirected to %s: what counts for logins is that name, its "
                      "certificate and its service name.",
                      host);
    char url[VIEW_URL_MAX];
    finding_place(finding, view_name(front));
    finding_evidence(finding, "%lld to %s", fact_number(front, "http.first.status", 0),
                     view_words(front, "http.redirect.location"));
    finding_remedy(finding, REMEDY_CLIENT, "Look there as well:", "handfast doctor %s",
                   view_redirect_url(front, url));
}
