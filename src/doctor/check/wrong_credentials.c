// SPDX-License-Identifier: Apache-2.0
// The account is refused everywhere.
// Only where nothing says that the account is good, and nothing else explains it.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_wrong_credentials(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts);
    bool has_kdc_spoken = fact_is_known(facts->root, "kerberos.client.error.code") &&
                          fact_number(facts->root, "kerberos.client.error.code", -1) > 0;
    bool is_node_tried = view_node_that_fails(facts, "ntlm.outcome") != NULL;
    if (!fact_is(front, "ntlm.outcome", "refused") || has_kdc_spoken ||
        view_password_is_right(facts) || view_succeeded(front, "kerberos.outcome") ||
        view_node_that_works(facts, "ntlm.outcome") != NULL ||
        fact_is(front, "protection.P2", "ok") || fact_number(front, "ntlm.repeats.ok", 0) > 0)
        return;
    struct finding *finding = diagnosis_add(
        diagnosis, "wrong_credentials", WEIGHT_CAUSE,
        is_node_tried ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE,
        "The account %s is refused%s: probably its name, domain or password is wrong.",
        view_words(facts->root, "subject.accounts.0.name"), is_node_tried ? " everywhere" : "");
    finding_evidence(finding, "NTLM as %s\\%s: refused after the last leg",
                     view_words(facts->root, "subject.accounts.0.ntlm_domain"),
                     view_words(facts->root, "subject.accounts.0.name"));
    if (fact_is_known(facts->root, "kerberos.client.error"))
        finding_evidence(finding, "Kerberos cannot tell: %s",
                         view_words(facts->root, "kerberos.client.error.text"));
    finding_cause(finding, "If the account is right: the servers have lost their trust in the "
                           "domain, or the account is locked, expired or outside its hours.");
    finding_remedy(finding, REMEDY_DOMAIN, "Look at the account:",
                   "Get-ADUser %s -Properties "
                   "LockedOut,Enabled,badPwdCount,PasswordExpired",
                   view_harmless(fact_text(facts->root, "subject.accounts.0.name"), "ACCOUNT"));
    finding_remedy(finding, REMEDY_SERVER, "Does the server trust the domain?",
                   "nltest /sc_verify:%s", view_domain(facts));
}
