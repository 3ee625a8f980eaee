// SPDX-License-Identifier: Apache-2.0
// A login lasts for one request only.
#include <stdio.h>

#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

static void say(struct diagnosis *diagnosis, const struct facts *facts, const char *scheme,
                enum weight weight, bool is_at_nodes)
{
    const json_t *front = facts_front(facts);
    char path[64];
    snprintf(path, sizeof path, "affinity.%s", scheme);
    const json_t *affinity = fact(front, path);
    struct finding *finding =
        diagnosis_add(diagnosis, "authenticates_each_request", weight, CONFIDENCE_LIKELY,
                      "A login by %s lasts for one request: the next one on the same connection is "
                      "asked to log in again.",
                      *scheme == 'n' ? "NTLM" : "Kerberos");
    finding_place(finding, view_name(front));
    finding_evidence(finding, "second request on the connection: %lld, Persistent-Auth: %s",
                     fact_number(affinity, "second_status", 0),
                     view_words_or(affinity, "persistent_auth", "(none)"));
    if (is_at_nodes) {
        finding_cause(finding, "The nodes are set up so; every page costs %s.",
                      *scheme == 'n' ? "three round trips instead of one" : "a new token");
        finding_remedy(finding, REMEDY_SERVER, "Let a login last as long as the connection:",
                       REMEDY_WINDOWS " /authPersistSingleRequest:\"False\" "
                                      "/authPersistNonNTLM:\"True\" /commit:apphost");
        return;
    }
    finding_cause(finding, "The load balancer takes another server connection for the second "
                           "request.");
    remedy_own_link(finding);
}

void check_authenticates_each_request(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts), *node;
    bool is_ntlm = view_succeeded(front, "ntlm.outcome") &&
                   fact_number(front, "affinity.ntlm.second_status", 0) == 401;
    bool is_kerberos = view_succeeded(front, "kerberos.outcome") &&
                       (fact_number(front, "affinity.kerberos.second_status", 0) == 401 ||
                        fact_is(front, "affinity.kerberos.persistent_auth", "false"));
    bool lasts_at_node = false;
    const char *path = is_ntlm ? "affinity.ntlm.second_status" : "affinity.kerberos.second_status";
    for (size_t i = 0; (node = facts_node(facts, i)) != NULL; i++)
        lasts_at_node |= fact_number(node, path, 0) == 200;
    if (is_ntlm)
        say(diagnosis, facts, "ntlm", WEIGHT_FAULT, !lasts_at_node);
    else if (is_kerberos)
        say(diagnosis, facts, "kerberos", WEIGHT_RISK, !lasts_at_node);
}
