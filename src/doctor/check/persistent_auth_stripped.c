// SPDX-License-Identifier: Apache-2.0
// The server's word on how long a login lasts does not arrive.
#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

static const char *hint(const json_t *end)
{
    const char *text = fact_text(end, "affinity.kerberos.persistent_auth");
    return *text != '\0' ? text : fact_text(end, "affinity.ntlm.persistent_auth");
}

void check_persistent_auth_stripped(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts), *node, *sending = NULL;
    for (size_t i = 0; sending == NULL && (node = facts_node(facts, i)) != NULL; i++)
        if (*hint(node) != '\0')
            sending = node;
    bool is_tried = fact_is_known(front, "affinity.kerberos.second_status") ||
                    fact_is_known(front, "affinity.ntlm.second_status");
    if (sending == NULL || !is_tried || *hint(front) != '\0')
        return;
    struct finding *finding =
        diagnosis_add(diagnosis, "persistent_auth_stripped", WEIGHT_RISK, CONFIDENCE_SURE,
                      "The header Persistent-Auth gets lost at the load balancer: clients do not "
                      "learn whether a login lasts.");
    finding_place(finding, view_name(front));
    finding_evidence(finding, "%s sends Persistent-Auth: %s, the front none", view_name(sending),
                     hint(sending));
    remedy_untouched_answers(finding);
}
