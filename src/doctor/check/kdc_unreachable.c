// SPDX-License-Identifier: Apache-2.0
// No domain controller answers for Kerberos.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

static bool is_any(const json_t *kdcs, bool is_open)
{
    for (size_t i = 0; i < json_array_size(kdcs); i++)
        if (fact_bool(json_array_get(kdcs, i), "is_open") == is_open)
            return true;
    return false;
}

void check_kdc_unreachable(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *kdcs = fact(facts->root, "kerberos.kdcs"),
                 *client = fact(facts->root, "kerberos.client");
    bool is_said = fact_is(client, "error.name", "KDC_UNREACHABLE") ||
                   fact_is(client, "error.name", "REALM_UNKNOWN");
    bool is_gone = json_array_size(kdcs) > 0 && !is_any(kdcs, true);
    bool has_tgt = json_is_object(fact(client, "tgt"));
    if (has_tgt || (!is_said && !is_gone))
        return;
    const json_t *front = facts_front(facts);
    bool is_needed = view_offers(fact(front, "http.first"), "Negotiate") || !view_answers(front);
    bool ntlm_works = view_succeeded(front, "ntlm.outcome");
    struct finding *finding = diagnosis_add(
        diagnosis, "kdc_unreachable",
        !is_needed   ? WEIGHT_NOTE
        : ntlm_works ? WEIGHT_FAULT
                     : WEIGHT_CAUSE,
        CONFIDENCE_SURE, "No domain controller can be reached for Kerberos%s%s.",
        *fact_text(client, "realm") ? " in the realm " : "", fact_text(client, "realm"));
    if (*fact_text(client, "error.text") != '\0')
        finding_evidence(finding, "%s", view_words(client, "error.text"));
    for (size_t i = 0; i < json_array_size(kdcs) && i < 4; i++) {
        const json_t *kdc = json_array_get(kdcs, i);
        finding_evidence(finding, "%s port %lld: %s", view_words(kdc, "host"),
                         fact_number(kdc, "port", 88),
                         fact_bool(kdc, "is_open") ? "open" : view_words(kdc, "error"));
    }
    if (fact_is_known(facts->root, "dns.kdc") && fact_count(facts->root, "dns.kdc") == 0)
        finding_evidence(finding, "DNS has no record _kerberos._tcp of the realm");
    finding_cause(finding,
                  "Seen from this machine: the port 88 is closed by a firewall, DNS does "
                  "not lead to the domain, or the realm is misspelt. Clients elsewhere may "
                  "be better off.");
    finding_remedy(finding, REMEDY_DNS, "Does DNS name the domain controllers?",
                   "nslookup -type=SRV _kerberos._tcp.%s",
                   view_harmless(fact_text(client, "realm"), "REALM"));
    finding_remedy(finding, REMEDY_CLIENT, "Does a client of the domain find one?",
                   "nltest /dsgetdc:%s", view_harmless(fact_text(client, "realm"), "REALM"));
}
