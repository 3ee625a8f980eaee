// SPDX-License-Identifier: Apache-2.0
// Only Negotiate is offered.
// By design in many places, so how grave it is depends on whether clients have another way.
#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

void check_only_negotiate(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts);
    const json_t *first = fact(front, "http.first"), *ticket = view_ticket(facts, "host");
    if (!view_offers(first, "Negotiate") || view_offers(first, "NTLM"))
        return;
    bool kerberos_works = view_succeeded(front, "kerberos.outcome");
    bool has_no_ticket = !kerberos_works && (fact_is_false(ticket, "ok") ||
                                             fact_bool(facts->root, "subject.host_is_address"));
    bool is_ntlm_inside =
        fact_is(front, "ntlm.scheme", "Negotiate") && !fact_is(front, "ntlm.outcome", "not tried");
    bool ntlm_works = is_ntlm_inside && view_succeeded(front, "ntlm.outcome");
    enum weight weight = ntlm_works || kerberos_works                           ? WEIGHT_NOTE
                         : has_no_ticket                                        ? WEIGHT_CAUSE
                         : is_ntlm_inside && view_failed(front, "ntlm.outcome") ? WEIGHT_RISK
                                                                                : WEIGHT_NOTE;
    struct finding *finding = diagnosis_add(
        diagnosis, "only_negotiate", weight, CONFIDENCE_LIKELY, "%s",
        has_no_ticket && !ntlm_works
            ? "Only Negotiate is offered, and no Kerberos ticket can be had: nothing "
              "is left to log in with."
            : "Only Negotiate is offered: clients that speak NTLM alone cannot log in.");
    finding_place(finding, view_name(front));
    if (has_no_ticket && ticket != NULL)
        finding_evidence(finding, "no ticket for %s: %s", view_words(ticket, "spn"),
                         view_words(ticket, "error.name"));
    if (is_ntlm_inside)
        finding_evidence(finding, "NTLM inside Negotiate: %s", view_words(front, "ntlm.outcome"));
    finding_cause(finding, "The provider NTLM was taken out of the list, or the provider is "
                           "Negotiate:Kerberos.");
    finding_remedy(finding, REMEDY_SERVER, "Mend Kerberos, or offer NTLM again:",
                   REMEDY_WINDOWS " /+\"providers.[value='NTLM']\" /commit:apphost");
}
