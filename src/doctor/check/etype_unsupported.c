// SPDX-License-Identifier: Apache-2.0
// The domain and the account share no type of encryption.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_etype_unsupported(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *ticket = view_ticket(facts, "host");
    const json_t *error = fact(ticket, "error");
    bool is_client = fact_number(facts->root, "kerberos.client.error.code", 0) == 14;
    if (is_client)
        error = fact(facts->root, "kerberos.client.error");
    if (fact_number(error, "code", 0) != 14)
        return;
    struct finding *finding =
        diagnosis_add(diagnosis, "etype_unsupported", WEIGHT_CAUSE, CONFIDENCE_SURE,
                      "The domain gives no ticket: it shares no type of encryption with the %s.",
                      is_client ? "client's account" : "account of the service");
    finding_evidence(finding, "the KDC says: error 14 %s: %s", view_words(error, "name"),
                     view_words(error, "text"));
    const json_t *holder = fact(view_holders(facts, "HTTP", view_host(facts)), "0");
    if (fact_is_known(holder, "encryption_types"))
        finding_evidence(finding, "msDS-SupportedEncryptionTypes of %s is 0x%llx",
                         view_words(holder, "name"), fact_number(holder, "encryption_types", 0));
    finding_cause(finding, "RC4 is being switched off in Active Directory (updates of 2026); an "
                           "account without AES keys is left with nothing.");
    const char *account =
        is_client ? view_harmless(fact_text(facts->root, "subject.accounts.0.name"), "ACCOUNT")
                  : view_service_account(facts);
    finding_remedy(finding, REMEDY_DOMAIN, "Allow AES for the account:",
                   "Set-ADUser %s -KerberosEncryptionType AES128,AES256", account);
    finding_remedy(finding, REMEDY_DOMAIN,
                   "then set its password again, which makes the AES keys, "
                   "and export keytabs anew:",
                   "Set-ADAccountPassword %s -Reset", account);
}
