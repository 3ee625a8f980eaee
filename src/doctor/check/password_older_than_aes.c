// SPDX-License-Identifier: Apache-2.0
// The password of the service account may be older than AES keys.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

#define AES_SINCE_S 1230768000 // 2009: domains of the level of Windows Server 2008 make AES keys

void check_password_older_than_aes(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *holder = fact(view_holders(facts, "HTTP", view_host(facts)), "0");
    long long set = fact_number(holder, "password_set_s", 0);
    long long now = fact_number(facts->root, "taken_s", 0);
    if (set <= 0 || set >= AES_SINCE_S)
        return;
    struct finding *finding = diagnosis_add(
        diagnosis, "password_older_than_aes", WEIGHT_RISK, CONFIDENCE_POSSIBLE,
        "The password of %s was set before the domain knew AES: the account may have no AES keys.",
        view_words(holder, "name"));
    finding_evidence(finding, "set %lld days ago, kvno %lld", (now - set) / 86400,
                     fact_number(holder, "kvno", -1));
    finding_cause(finding,
                  "Keys are made when a password is set; with RC4 switched off none is left.");
    finding_remedy(finding, REMEDY_DOMAIN,
                   "Set it again, then export keytabs anew:", "Set-ADAccountPassword %s -Reset",
                   view_harmless(fact_text(holder, "name"), "ACCOUNT"));
}
