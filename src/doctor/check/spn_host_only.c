// SPDX-License-Identifier: Apache-2.0
// Only the HOST name of a computer stands for the service name.
#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

void check_spn_host_only(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *http = view_holders(facts, "HTTP", view_host(facts));
    const json_t *host = fact(view_holders(facts, "HOST", view_host(facts)), "0");
    const json_t *end;
    if (json_array_size(http) > 0 || !fact_bool(host, "is_computer"))
        return;
    bool is_felt = false;
    for (size_t i = 0; (end = view_end(facts, i)) != NULL; i++)
        is_felt |= view_failed(end, "kerberos.outcome");
    is_felt |= fact_is_false(view_ticket(facts, "host"), "ok");
    bool is_farm = view_node_count(facts) > 1;
    struct finding *finding = diagnosis_add(
        diagnosis, "spn_host_only",
        is_felt   ? WEIGHT_CAUSE
        : is_farm ? WEIGHT_RISK
                  : WEIGHT_NOTE,
        is_felt ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE,
        "Nobody holds HTTP/%s; tickets are made for the computer %s, which holds HOST/%s.",
        view_words(facts->root, "subject.host"), view_words(host, "name"),
        view_words(facts->root, "subject.host"));
    finding_evidence(finding, "%s", view_words(host, "dn"));
    finding_cause(finding,
                  "HOST stands for HTTP as long as there is no HTTP name. Only that "
                  "computer opens such tickets, not several nodes behind a load balancer.");
    finding_remedy(finding, REMEDY_DOMAIN,
                   "Register the name for the account that the nodes run as:",
                   "setspn -S HTTP/%s %s\\ACCOUNT", view_command_host(facts), view_domain(facts));
    finding_remedy(finding, REMEDY_SERVER, "Let IIS open tickets with that account, on every node:",
                   REMEDY_WINDOWS " /useAppPoolCredentials:\"True\" /commit:apphost");
}
