// SPDX-License-Identifier: Apache-2.0
// The certificate has expired.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_certificate_expired(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *end;
    long long now = fact_number(facts->root, "taken_s", 0);
    for (size_t i = 0; (end = view_end(facts, i)) != NULL; i++) {
        long long until = fact_number(end, "tls.certificate.not_after_s", now);
        if (now == 0 || until >= now)
            continue;
        bool is_node = view_is_node(end);
        struct finding *finding = diagnosis_add(
            diagnosis, "certificate_expired", is_node ? WEIGHT_RISK : WEIGHT_CAUSE, CONFIDENCE_SURE,
            "The certificate expired %lld days ago.", (now - until) / 86400);
        finding_place(finding, view_name(end));
        finding_evidence(finding, "%s, SHA-256 %.16s…", view_words(end, "tls.certificate.subject"),
                         view_words(end, "tls.certificate.sha256"));
        if (is_node)
            finding_cause(finding, "Clients that come through the load balancer do not see it; a "
                                   "load balancer that verifies its servers refuses it.");
        finding_remedy(
            finding, is_node ? REMEDY_SERVER : REMEDY_BALANCER,
            "Install a new one. With Extended Protection the load balancer and the nodes "
            "must get the very same certificate, together.",
            NULL);
    }
}
