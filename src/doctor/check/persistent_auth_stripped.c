// SPDX-License-Identifier: Apache-2.0
// The server's word on how long a login lasts does not arrive.
#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

static const char *hint(const json_t *end, const char *scheme)
{
    return fact_text(fact(fact(end, "affinity"), scheme), "persistent_auth");
}

// Logins of one scheme are compared: servers send the header with some only. NULL: nothing is lost.
static const json_t *who_sends(const struct facts *facts, const char *scheme)
{
    const json_t *front = facts_front(facts), *node;
    bool is_tried = fact_is_known(fact(fact(front, "affinity"), scheme), "second_status");
    if (!is_tried || *hint(front, scheme) != '\0')
        return NULL;
    for (size_t i = 0; (node = facts_node(facts, i)) != NULL; i++)
        if (*hint(node, scheme) != '\0')
            return node;
    return NULL;
}

void check_persistent_auth_stripped(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts);
    const char *scheme = "kerberos";
    const json_t *sending = who_sends(facts, scheme);
    if (sending == NULL)
        sending = who_sends(facts, scheme = "ntlm");
    if (sending == NULL)
        return;
    struct finding *finding =
        diagnosis_add(diagnosis, "persistent_auth_stripped", WEIGHT_RISK, CONFIDENCE_SURE,
                      "The header Persistent-Auth gets lost at the load balancer: clients do not "
                      "learn whether a login lasts.");
    finding_place(finding, view_name(front));
    finding_evidence(finding, "%s sends Persistent-Auth: %s, the front none", view_name(sending),
                     hint(sending, scheme));
    remedy_untouched_answers(finding);
}
