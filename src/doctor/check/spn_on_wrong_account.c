// SPDX-License-Identifier: Apache-2.0
// The service name belongs to an account that the nodes do not run as.
#include <string.h>
#include <strings.h>

#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

static bool is_computer_of_node(const struct facts *facts, const char *name)
{
    const json_t *node;
    for (size_t i = 0; (node = facts_node(facts, i)) != NULL; i++) {
        const char *computer = fact_text(node, "ntlm.server.computer");
        size_t size = strlen(computer);
        if (size > 0 && strncasecmp(name, computer, size) == 0 &&
            (name[size] == '$' || name[size] == '\0'))
            return true;
    }
    return false;
}

void check_spn_on_wrong_account(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *holder = fact(view_holders(facts, "HTTP", view_host(facts)), "0");
    const json_t *front = facts_front(facts);
    if (holder == NULL)
        return;
    bool is_computer = fact_bool(holder, "is_computer") && !fact_bool(holder, "is_managed");
    bool is_refused = view_failed(front, "kerberos.outcome") ||
                      view_node_that_fails(facts, "kerberos.outcome") != NULL;
    bool is_of_node = is_computer_of_node(facts, fact_text(holder, "name"));
    long long code = fact_number(front, "kerberos.krb_error.code", 0);
    bool is_told =
        code == 31 || code == 35 || code == 41 || code == 45 ||
        (fact_is(front, "kerberos.outcome", "refused") &&
         !fact_is_known(front, "kerberos.krb_error.code") && view_succeeded(front, "ntlm.outcome"));
    bool is_farm = view_node_count(facts) > 1;
    bool is_foreign = is_computer && (is_farm || !is_of_node) && (is_refused || is_farm);
    bool is_everywhere = is_told && view_node_that_works(facts, "kerberos.outcome") == NULL;
    if (!is_foreign && !is_everywhere)
        return;
    struct finding *finding = diagnosis_add(
        diagnosis, "spn_on_wrong_account", is_refused ? WEIGHT_CAUSE : WEIGHT_RISK,
        is_foreign && is_refused ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE,
        "The service name HTTP/%s belongs to %s%s, which the nodes probably do not run as.",
        view_words(facts->root, "subject.host"), is_computer ? "the computer " : "",
        view_words(holder, "name"));
    finding_evidence(finding, "%s", view_words(holder, "dn"));
    if (is_refused)
        finding_evidence(finding, "Kerberos: %s%s", view_words(front, "kerberos.outcome"),
                         is_told ? ": the server cannot open the ticket" : "");
    finding_cause(finding, is_foreign
                               ? "Only one machine can open tickets made for a computer; "
                                 "several nodes need one account of the domain."
                               : "Or the account is the right one, and IIS opens tickets with "
                                 "the key of the computer instead (kernel mode).");
    finding_remedy(finding, REMEDY_DOMAIN,
                   "Move it to the account that the nodes run as:", "setspn -D HTTP/%s %s",
                   view_command_host(facts), view_harmless(fact_text(holder, "name"), "ACCOUNT"));
    finding_remedy(finding, REMEDY_DOMAIN, "and", "setspn -S HTTP/%s %s\\SERVICE-ACCOUNT",
                   view_command_host(facts), view_domain(facts));
    finding_remedy(finding, REMEDY_SERVER, "Let IIS open tickets with that account, on every node:",
                   REMEDY_WINDOWS " /useAppPoolCredentials:\"True\" /commit:apphost");
}
