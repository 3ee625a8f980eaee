// SPDX-License-Identifier: Apache-2.0
// The name is an alias, and Windows clients ask Kerberos for what it points to.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_cname(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *chain = fact(facts->root, "dns.cname");
    size_t count = json_array_size(chain);
    if (count == 0)
        return;
    const char *target = fact_text(json_array_get(chain, count - 1), "");
    const json_t *ticket = view_ticket(facts, "canonical"), *plain = view_ticket(facts, "host");
    bool is_missing = fact_is_false(ticket, "ok") && !fact_is_false(plain, "ok");
    bool differs = false;
    const json_t *ours = view_holders(facts, "HTTP", view_host(facts));
    const json_t *theirs = view_holders(facts, "HTTP", target);
    if (fact_is_known(ours, "0.dn") && fact_is_known(theirs, "0.dn"))
        differs = !fact_is(ours, "0.dn", fact_text(theirs, "0.dn"));
    bool is_fine = fact_bool(ticket, "ok") && ours != NULL && !differs;
    struct finding *finding =
        diagnosis_add(diagnosis, "cname",
                      is_missing || differs ? WEIGHT_CAUSE
                      : is_fine             ? WEIGHT_NOTE
                                            : WEIGHT_RISK,
                      is_missing || differs ? CONFIDENCE_SURE : CONFIDENCE_POSSIBLE,
                      "%s is an alias (CNAME) of %s: Edge, Chrome and .NET on Windows ask for a "
                      "ticket of that name.",
                      view_words(facts->root, "subject.host"), target);
    finding_evidence(finding, "DNS: %s is an alias of %s", view_words(facts->root, "subject.host"),
                     target);
    if (is_missing)
        finding_evidence(finding, "no ticket for %s: %s; for %s: %s", view_words(ticket, "spn"),
                         view_words(ticket, "error.name"), view_words(plain, "spn"),
                         fact_bool(plain, "ok") ? "ok" : view_words(plain, "error.name"));
    if (differs)
        finding_evidence(finding, "HTTP/%s belongs to %s, HTTP/%s to %s",
                         view_words(facts->root, "subject.host"), view_words(ours, "0.name"),
                         target, view_words(theirs, "0.name"));
    finding_remedy(finding, REMEDY_DNS, "Put an address record in place of the alias:",
                   "Remove-DnsServerResourceRecord -ZoneName ZONE -Name NAME -RRType CName; "
                   "Add-DnsServerResourceRecordA -ZoneName ZONE -Name NAME -IPv4Address ADDRESS");
    if (!differs)
        finding_remedy(finding, REMEDY_DOMAIN,
                       "Or give the account that name too:", "setspn -S HTTP/%s %s\\%s",
                       view_harmless(target, "TARGET"), view_domain(facts),
                       view_service_account(facts));
    finding_remedy(finding, REMEDY_CLIENT,
                   "Or let Edge (and likewise Chrome) ask for the name as "
                   "typed:",
                   "reg add HKLM\\SOFTWARE\\Policies\\Microsoft\\Edge /v "
                   "DisableAuthNegotiateCnameLookup /t REG_DWORD /d 1 /f");
}
