// SPDX-License-Identifier: Apache-2.0
// Tickets for the service are encrypted with RC4.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_rc4_only(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *ticket = view_ticket(facts, "host");
    long long etype = fact_number(ticket, "etype", 0);
    if (!fact_bool(ticket, "ok") || (etype != 23 && etype != 24 && etype != 3 && etype != 1))
        return;
    struct finding *finding = diagnosis_add(
        diagnosis, "rc4_only", WEIGHT_RISK, CONFIDENCE_SURE,
        "Tickets for HTTP/%s are encrypted with %s, which Active Directory is switching off.",
        view_words(facts->root, "subject.host"), etype == 23 || etype == 24 ? "RC4" : "DES");
    finding_evidence(finding, "%s: encryption type %lld, kvno %lld", view_words(ticket, "server"),
                     etype, fact_number(ticket, "kvno", -1));
    finding_cause(finding,
                  "The account has no AES keys or does not allow them. After the updates of "
                  "July 2026 such accounts get no tickets at all.");
    finding_remedy(finding, REMEDY_DOMAIN, "Allow AES:",
                   "Set-ADUser %s -KerberosEncryptionType "
                   "AES128,AES256",
                   view_service_account(facts));
    finding_remedy(finding, REMEDY_DOMAIN,
                   "then set its password again, which makes the AES keys, "
                   "and export keytabs anew:",
                   "Set-ADAccountPassword %s -Reset", view_service_account(facts));
}
