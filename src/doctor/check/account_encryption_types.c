// SPDX-License-Identifier: Apache-2.0
// The account of the service allows no AES.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_account_encryption_types(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *holder = fact(view_holders(facts, "HTTP", view_host(facts)), "0");
    if (!fact_is_known(holder, "encryption_types") && !fact_bool(holder, "des_only"))
        return;
    long long types = fact_number(holder, "encryption_types", 0x18);
    bool is_des = fact_bool(holder, "des_only");
    if (!is_des && (types == 0 || (types & 0x18) != 0)) // 0: the domain decides
        return;
    struct finding *finding = diagnosis_add(
        diagnosis, "account_encryption_types", is_des ? WEIGHT_FAULT : WEIGHT_RISK, CONFIDENCE_SURE,
        "The account %s allows only %s, which Active Directory is switching off.",
        view_words(holder, "name"), is_des ? "DES" : "RC4 or weaker");
    finding_evidence(finding, "msDS-SupportedEncryptionTypes is 0x%llx%s",
                     (unsigned long long)types, is_des ? ", DES only" : "");
    finding_evidence(finding, "tickets for the name have encryption type %lld",
                     fact_number(view_ticket(facts, "host"), "etype", 0));
    const char *name = view_harmless(fact_text(holder, "name"), "ACCOUNT");
    finding_remedy(finding, REMEDY_DOMAIN, "Allow AES:",
                   "Set-ADUser %s -KerberosEncryptionType "
                   "AES128,AES256",
                   name);
    finding_remedy(finding, REMEDY_DOMAIN,
                   "then set its password again, which makes the AES keys, "
                   "and export keytabs anew:",
                   "Set-ADAccountPassword %s -Reset", name);
}
