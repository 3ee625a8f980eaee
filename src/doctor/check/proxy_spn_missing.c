// SPDX-License-Identifier: Apache-2.0
// Extended Protection asks for a service name that is not in its list.
// Where names are checked, a login without or with another name tells the list from the account.
#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

static bool refuses_all(const json_t *end)
{
    return fact_is(end, "protection.P0", "refused") && fact_is(end, "protection.P1", "refused") &&
           fact_is(end, "protection.P4", "refused") && !fact_is(end, "protection.P5", "ok");
}

void check_proxy_spn_missing(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts), *node;
    const json_t *ticket = view_ticket(facts, "host");
    if (!refuses_all(front) || fact_is(front, "protection.P2", "ok"))
        return;
    for (size_t i = 0; (node = facts_node(facts, i)) != NULL; i++)
        if (fact_is(node, "protection.P0", "ok"))
            return;
    bool is_known_without = view_succeeded(front, "ntlm.outcome");
    bool is_kerberos_refused = fact_bool(ticket, "ok") && view_failed(front, "kerberos.outcome") &&
                               !fact_is_known(front, "kerberos.krb_error.code") &&
                               view_password_is_right(facts);
    if (!is_known_without && !is_kerberos_refused)
        return;
    struct finding *finding = diagnosis_add(
        diagnosis, "proxy_spn_missing", WEIGHT_CAUSE,
        is_known_without ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE,
        "Extended Protection probably checks service names, and HTTP/%s is not in its list.",
        view_words(facts->root, "subject.host"));
    finding_place(finding, view_name(front));
    finding_evidence(finding,
                     "with the name HTTP/%s every login is refused, whatever it says "
                     "about the channel",
                     view_words(facts->root, "subject.host"));
    finding_evidence(finding, is_known_without
                                  ? "a login that names no service is accepted"
                                  : "the account and its ticket are good: the KDC gave both");
    finding_cause(finding,
                  "With the flag Proxy, IIS accepts only names that were entered: that "
                  "of the load balancer, its aliases, and with the port if it is not 443.");
    finding_remedy(finding, REMEDY_SERVER, "Enter the name on every node:",
                   REMEDY_WINDOWS " /+\"extendedProtection.[name='HTTP/%s']\" /commit:apphost",
                   view_command_host(facts));
    finding_remedy(finding, REMEDY_SERVER, "Which names are entered?",
                   REMEDY_APPCMD
                   " list config \"SITE\" -section:system.webServer/security/authentication/"
                   "windowsAuthentication");
}
