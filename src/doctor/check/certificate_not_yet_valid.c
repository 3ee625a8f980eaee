// SPDX-License-Identifier: Apache-2.0
// The certificate is not valid yet.
// A node's certificate is seen only by the load balancer, which may or may not look at the dates.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_certificate_not_yet_valid(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *end;
    long long now = fact_number(facts->root, "taken_s", 0);
    for (size_t i = 0; (end = view_end(facts, i)) != NULL; i++) {
        long long from = fact_number(end, "tls.certificate.not_before_s", 0);
        if (now == 0 || from <= now)
            continue;
        struct finding *finding = diagnosis_add(
            diagnosis, "certificate_not_yet_valid", view_is_node(end) ? WEIGHT_RISK : WEIGHT_CAUSE,
            CONFIDENCE_SURE, "The certificate becomes valid only in %lld hours.",
            (from - now) / 3600 + 1);
        finding_place(finding, view_name(end));
        finding_evidence(finding, "%s", view_words(end, "tls.certificate.subject"));
        finding_cause(finding, "It was issued for later, or the clock of this machine is behind.");
        finding_remedy(finding, REMEDY_BALANCER,
                       "Install one that is valid now; compare clocks "
                       "first:",
                       "timedatectl");
    }
}
