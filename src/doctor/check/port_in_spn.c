// SPDX-License-Identifier: Apache-2.0
// Clients that put the port into the service name get no ticket.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_port_in_spn(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *ticket = view_ticket(facts, "port");
    if (!fact_is_false(ticket, "ok") || fact_number(ticket, "error.code", 0) != 7 ||
        !fact_bool(view_ticket(facts, "host"), "ok"))
        return;
    long long port = fact_number(facts->root, "subject.port", 443);
    if (port == 80 || port == 443)
        return;
    struct finding *finding = diagnosis_add(
        diagnosis, "port_in_spn", WEIGHT_FAULT, CONFIDENCE_SURE,
        "Clients that put the port into the service name (.NET, some policies) get no "
        "Kerberos ticket.");
    finding_evidence(finding, "%s: %s", view_words(ticket, "spn"),
                     view_words(ticket, "error.name"));
    finding_evidence(finding, "HTTP/%s: ok", view_words(facts->root, "subject.host"));
    finding_remedy(finding, REMEDY_DOMAIN,
                   "Register the name with the port as well:", "setspn -S HTTP/%s:%lld %s\\%s",
                   view_command_host(facts), port, view_domain(facts), view_service_account(facts));
}
