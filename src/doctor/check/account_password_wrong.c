// SPDX-License-Identifier: Apache-2.0
// The password that the doctor was given is wrong.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_account_password_wrong(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *client = fact(facts->root, "kerberos.client");
    long long code = fact_number(client, "error.code", 0);
    if (code != 24 && code != 31)
        return;
    bool is_keytab = fact_is(facts->root, "subject.accounts.0.proof", "keytab");
    struct finding *finding =
        diagnosis_add(diagnosis, "account_password_wrong", WEIGHT_CAUSE, CONFIDENCE_SURE, "%s",
                      is_keytab ? "The keytab is not that of the account any more."
                                : "The password that was given for the test account is wrong.");
    finding_evidence(finding, "KDC error %lld %s for %s", code, view_words(client, "error.name"),
                     view_account(facts));
    finding_cause(finding, is_keytab ? "The password of the account was changed after the keytab "
                                       "was made."
                                     : "Nothing that needs a login could be told apart; give the "
                                       "right one. Wrong ones count towards a lockout.");
    if (is_keytab)
        finding_remedy(finding, REMEDY_DOMAIN, "Make a new one:",
                       "ktpass /princ PRINCIPAL /mapuser "
                       "ACCOUNT /crypto AES256-SHA1 /ptype KRB5_NT_PRINCIPAL /pass * /out FILE");
    finding_remedy(finding, REMEDY_DOMAIN, "How often was it tried, is it locked?",
                   "Get-ADUser %s -Properties badPwdCount,LockedOut,PasswordLastSet",
                   view_harmless(fact_text(facts->root, "subject.accounts.0.name"), "ACCOUNT"));
}
