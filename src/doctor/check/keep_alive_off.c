// SPDX-License-Identifier: Apache-2.0
// The connection is closed after every answer.
// At a node it is the server's own setting and explains what is seen at the front.
#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

void check_keep_alive_off(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *end;
    for (size_t i = 0; (end = view_end(facts, i)) != NULL; i++) {
        const json_t *first = fact(end, "http.first");
        // an answer that did not come whole leaves no connection either, and that is not this
        if (!fact_is(first, "end", "done") || !fact_is_false(first, "is_persistent") ||
            fact_number(first, "status", 0) != 401)
            continue;
        bool is_node = view_is_node(end);
        struct finding *finding = diagnosis_add(
            diagnosis, "keep_alive_off", is_node ? WEIGHT_CAUSE : WEIGHT_FAULT, CONFIDENCE_SURE,
            "The connection is closed after every answer, so nothing that is tied to it lasts.");
        finding_place(finding, view_name(end));
        finding_evidence(finding, "the 401 says HTTP/1.%lld, Connection: %s, body %s",
                         fact_number(first, "minor_version", 1),
                         view_words_or(first, "connection", "(none)"), view_words(first, "body"));
        if (is_node)
            finding_remedy(finding, REMEDY_SERVER, "Let IIS keep connections:",
                           REMEDY_APPCMD " set config \"SITE\" -section:system.webServer/"
                                         "httpProtocol /allowKeepAlive:True");
        else
            remedy_keep_alive(finding);
    }
}
