// SPDX-License-Identifier: Apache-2.0
// No account holds the service name.
#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

void check_spn_missing(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *ticket = view_ticket(facts, "host"), *holders;
    const char *host = view_host(facts);
    if (fact_number(ticket, "error.code", 0) != 7 ||
        fact_bool(facts->root, "subject.host_is_address"))
        return;
    holders = view_holders(facts, "HTTP", host);
    struct finding *finding = diagnosis_add(
        diagnosis, "spn_missing", WEIGHT_CAUSE, CONFIDENCE_SURE,
        "No account holds the service name HTTP/%s: nobody gets a Kerberos ticket.", host);
    finding_evidence(finding, "the KDC says: error 7 %s for %s", view_words(ticket, "error.name"),
                     view_words(ticket, "spn"));
    if (holders != NULL && json_array_size(holders) == 0)
        finding_evidence(finding, "the directory has no account with that name either");
    if (fact_bool(holders, "0.is_disabled"))
        finding_evidence(finding, "the account that holds it, %s, is disabled",
                         view_words(holders, "0.name"));
    finding_evidence(finding, "NTLM at the same place: %s",
                     view_words_or(facts_front(facts), "ntlm.outcome", "not tried"));
    finding_cause(finding, "It was never registered, or only for another name. Browsers fall back "
                           "to NTLM without a word.");
    finding_remedy(finding, REMEDY_DOMAIN,
                   "Register it for the account that the nodes run as "
                   "(-S looks for duplicates first):",
                   "setspn -S HTTP/%s %s\\%s", view_command_host(facts), view_domain(facts),
                   view_service_account(facts));
    finding_remedy(finding, REMEDY_SERVER, "With an account of the domain, on every node:",
                   REMEDY_WINDOWS " /useAppPoolCredentials:\"True\" /commit:apphost");
    finding_remedy(finding, REMEDY_CLIENT,
                   "Then, on clients that have asked before:", "klist purge");
}
