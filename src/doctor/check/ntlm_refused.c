// SPDX-License-Identifier: Apache-2.0
// NTLM is refused although the account is good.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_ntlm_refused(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts);
    bool is_kerberos = view_succeeded(front, "kerberos.outcome");
    if (!fact_is(front, "ntlm.outcome", "refused") || view_is_kerberos_only(facts) ||
        view_node_that_works(facts, "ntlm.outcome") != NULL ||
        fact_is(front, "protection.P2", "ok") || (!is_kerberos && !view_password_is_right(facts)))
        return;
    struct finding *finding =
        diagnosis_add(diagnosis, "ntlm_refused", is_kerberos ? WEIGHT_FAULT : WEIGHT_CAUSE,
                      CONFIDENCE_LIKELY, "NTLM is offered, but refused for an account that %s.",
                      is_kerberos ? "logs in by Kerberos" : "the domain accepts");
    finding_place(finding, view_name(front));
    finding_evidence(finding, "NTLM: refused%s; Kerberos: %s",
                     view_node_that_fails(facts, "ntlm.outcome") != NULL ? ", at the nodes too"
                                                                         : "",
                     view_words_or(front, "kerberos.outcome", "not tried"));
    finding_cause(finding, "Perhaps a policy restricts NTLM (event 4001 or 4002 in the log NTLM/"
                           "Operational), the account is in Protected Users, or the servers have "
                           "lost their secure channel to the domain.");
    finding_remedy(finding, REMEDY_SERVER, "Is NTLM restricted on the node?",
                   "reg query HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa\\MSV1_0 /v "
                   "RestrictReceivingNTLMTraffic");
    finding_remedy(finding, REMEDY_DOMAIN, "Or in the domain?",
                   "reg query HKLM\\SYSTEM\\"
                   "CurrentControlSet\\Services\\Netlogon\\Parameters /v RestrictNTLMInDomain");
    finding_remedy(finding, REMEDY_SERVER, "Does the node reach the domain?",
                   "nltest /sc_verify:%s", view_domain(facts));
}
