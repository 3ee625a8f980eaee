// SPDX-License-Identifier: Apache-2.0
// The load balancer does not say which name it wants when it speaks TLS to the nodes.
#include <string.h>

#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

void check_sni_missing(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts), *node;
    long long status = fact_number(front, "http.first.status", -1);
    bool is_unavailable = status == 0 || status == 500 || (status >= 502 && status <= 504);
    for (size_t i = 0; (node = facts_node(facts, i)) != NULL; i++) {
        const char *named = fact_text(node, "tls.certificate.sha256");
        const char *unnamed = fact_text(node, "tls.no_name.sha256");
        bool is_refused = fact_is_false(node, "tls.no_name.ok");
        bool is_other = *unnamed != '\0' && *named != '\0' && strcmp(named, unnamed) != 0;
        if (!is_unavailable || !fact_bool(node, "tls.ok") || !(is_refused || is_other))
            continue;
        struct finding *finding = diagnosis_add(
            diagnosis, "sni_missing", WEIGHT_CAUSE,
            is_refused ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE,
            "The load balancer probably sends no server name (SNI) to the nodes, which need one.");
        finding_place(finding, view_name(front));
        finding_evidence(finding, "%s answers %lld%s", view_name(front), status,
                         status == 0 ? " (nothing came in time)" : "");
        finding_evidence(
            finding,
            is_refused ? "%s shakes hands when asked for %s, and refuses when asked for no name"
                       : "%s shows another certificate when asked for no name than for %s",
            view_name(node), view_words(facts->root, "subject.host"));
        remedy_send_sni(finding, facts);
        return;
    }
}
