// SPDX-License-Identifier: Apache-2.0
// The short name does not work.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_short_name_missing(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *short_name = fact(facts->root, "dns.short_name");
    const json_t *ticket = view_ticket(facts, "short");
    const char *name = fact_text(short_name, "name");
    bool is_unknown = fact(short_name, "a") != NULL && fact_count(short_name, "a") == 0;
    bool has_no_ticket = fact_number(ticket, "error.code", 0) == 7;
    if (fact_bool(facts->root, "subject.host_is_address") || (!is_unknown && !has_no_ticket))
        return;
    struct finding *finding =
        diagnosis_add(diagnosis, "short_name_missing", WEIGHT_NOTE, CONFIDENCE_SURE,
                      "People who type only the first part of the name %s.",
                      is_unknown ? "do not get here" : "log in by NTLM, not by Kerberos");
    if (is_unknown)
        finding_evidence(finding, "%s has no address", *name ? name : "it");
    if (has_no_ticket)
        finding_evidence(finding, "no ticket for %s", view_words(ticket, "spn"));
    finding_remedy(finding, REMEDY_DOMAIN,
                   "If people type it, register it as well:", "setspn -S HTTP/%s %s\\%s",
                   view_harmless(name, "NAME"), view_domain(facts), view_service_account(facts));
}
