// SPDX-License-Identifier: Apache-2.0
// Clients see different certificates of the same name.
#include <string.h>

#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_dual_certificates(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts), *node;
    const char *rsa = fact_text(front, "tls.rsa_sha256"),
               *ecdsa = fact_text(front, "tls.ecdsa_sha256");
    if (*rsa == '\0' || *ecdsa == '\0' || strcmp(rsa, ecdsa) == 0)
        return;
    bool is_same_everywhere = view_node_count(facts) > 0;
    for (size_t i = 0; (node = facts_node(facts, i)) != NULL; i++)
        is_same_everywhere &=
            fact_is(node, "tls.rsa_sha256", rsa) && fact_is(node, "tls.ecdsa_sha256", ecdsa);
    struct finding *finding = diagnosis_add(
        diagnosis, "dual_certificates", is_same_everywhere ? WEIGHT_NOTE : WEIGHT_RISK,
        is_same_everywhere ? CONFIDENCE_SURE : CONFIDENCE_LIKELY,
        "Clients get an RSA or an ECDSA certificate, each by what it can do; Extended Protection "
        "accepts only those that the nodes hold too.");
    finding_place(finding, view_name(front));
    finding_evidence(finding, "RSA: SHA-256 %.16s…, ECDSA: %.16s…", rsa, ecdsa);
    for (size_t i = 0; (node = facts_node(facts, i)) != NULL && i < 4; i++)
        finding_evidence(finding, "%s: RSA %.16s, ECDSA %.16s", view_name(node),
                         view_words_or(node, "tls.rsa_sha256", "none"),
                         view_words_or(node, "tls.ecdsa_sha256", "none"));
    if (!is_same_everywhere)
        finding_remedy(finding, REMEDY_BALANCER,
                       "Show one certificate for this name, on both sides. "
                       "HAProxy: leave one of NAME.pem.rsa and NAME.pem.ecdsa; nginx: one "
                       "ssl_certificate; Handfast: one entry of certificates.",
                       NULL);
}
