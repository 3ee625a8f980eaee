// SPDX-License-Identifier: Apache-2.0
// The load balancer and the nodes show certificates of different age.
// A day apart, so that two certificates made together are not taken for a renewal.
#include <stdlib.h>

#include "doctor/check/check.h"
#include "doctor/check/view.h"

static bool is_renewal(const json_t *a, const json_t *b)
{
    long long apart = fact_number(a, "not_before_s", 0) - fact_number(b, "not_before_s", 0);
    return *fact_text(a, "sha256") != '\0' && *fact_text(b, "sha256") != '\0' &&
           !fact_is(a, "sha256", fact_text(b, "sha256")) &&
           fact_is(a, "subject", fact_text(b, "subject")) &&
           fact_is(a, "issuer", fact_text(b, "issuer")) && llabs(apart) > 86400;
}

void check_certificate_renewed_on_one_side(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts), *node;
    const json_t *ours = fact(front, "tls.certificate");
    for (size_t i = 0; (node = facts_node(facts, i)) != NULL; i++) {
        const json_t *theirs = fact(node, "tls.certificate");
        if (!is_renewal(ours, theirs))
            continue;
        bool is_felt =
            fact_is(front, "protection.P0", "refused") && fact_is(front, "protection.P5", "ok");
        bool is_front_newer =
            fact_number(ours, "not_before_s", 0) > fact_number(theirs, "not_before_s", 0);
        struct finding *finding = diagnosis_add(
            diagnosis, "certificate_renewed_on_one_side", is_felt ? WEIGHT_CAUSE : WEIGHT_RISK,
            CONFIDENCE_LIKELY, "The certificate was renewed only %s.",
            is_front_newer ? "on the load balancer" : "on the nodes");
        finding_place(finding, view_name(node));
        finding_evidence(
            finding, "%s: SHA-256 %.16s…; %s: %.16s…, issued %lld days %s", view_name(front),
            view_words(ours, "sha256"), view_name(node), view_words(theirs, "sha256"),
            llabs(fact_number(ours, "not_before_s", 0) - fact_number(theirs, "not_before_s", 0)) /
                86400,
            is_front_newer ? "earlier" : "later");
        finding_cause(finding, "Extended Protection compares the certificates byte by byte: the "
                               "same name or key is not enough.");
        finding_remedy(finding, REMEDY_SERVER,
                       "Install the same file on both sides, then drop "
                       "resumable TLS sessions by restarting both. On a node:",
                       "(Get-WebBinding -Name \"SITE\" -Protocol https).AddSslCertificate("
                       "\"THUMBPRINT\", \"My\")");
        return;
    }
}
