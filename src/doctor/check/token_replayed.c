// SPDX-License-Identifier: Apache-2.0
// The server sees the same Kerberos token twice.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_token_replayed(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *end;
    for (size_t i = 0; (end = view_end(facts, i)) != NULL; i++) {
        if (fact_number(end, "kerberos.krb_error.code", 0) != 34)
            continue;
        struct finding *finding =
            diagnosis_add(diagnosis, "token_replayed", WEIGHT_CAUSE, CONFIDENCE_SURE,
                          "The server sees the same Kerberos token twice and refuses it.");
        finding_place(finding, view_name(end));
        finding_evidence(finding, "its answer: error 34 (KRB_AP_ERR_REPEAT)");
        finding_cause(finding, "The load balancer sends a request again, or to two servers.");
        finding_remedy(finding, REMEDY_BALANCER,
                       "Never repeat or mirror a request that carries "
                       "Authorization. HAProxy, in the backend section:",
                       "retry-on conn-failure");
        finding_remedy(finding, REMEDY_BALANCER,
                       "nginx, in the location (and no mirror):", "proxy_next_upstream off;");
        finding_remedy(finding, REMEDY_BALANCER, "Handfast never repeats them; nothing to set.",
                       NULL);
        return;
    }
}
