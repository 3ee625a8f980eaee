// SPDX-License-Identifier: Apache-2.0
// The server cannot open the Kerberos ticket.
#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

void check_wrong_key(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts), *ticket = view_ticket(facts, "host");
    long long code = fact_number(front, "kerberos.krb_error.code", 0);
    bool is_told = code == 41 || code == 31;
    // without a word from the server: a good ticket is refused where the same account is accepted
    bool is_silent = code == 0 && fact_is(front, "kerberos.outcome", "refused") &&
                     fact_bool(ticket, "ok") && view_succeeded(front, "ntlm.outcome") &&
                     view_node_that_works(facts, "kerberos.outcome") == NULL;
    if (!is_told && !is_silent)
        return;
    struct finding *finding = diagnosis_add(
        diagnosis, "wrong_key", WEIGHT_CAUSE, is_told ? CONFIDENCE_SURE : CONFIDENCE_LIKELY,
        "The servers cannot open the Kerberos tickets for HTTP/%s.",
        view_words(facts->root, "subject.host"));
    finding_place(finding, view_name(front));
    finding_evidence(finding,
                     is_told ? "the answer: error %lld (KRB_AP_ERR_%s)"
                             : "Kerberos is refused, NTLM with the same account is accepted",
                     code, code == 31 ? "BAD_INTEGRITY" : "MODIFIED");
    finding_evidence(finding, "ticket for %s, encryption type %lld, kvno %lld",
                     view_words(ticket, "server"), fact_number(ticket, "etype", 0),
                     fact_number(ticket, "kvno", -1));
    const json_t *holder = fact(view_holders(facts, "HTTP", view_host(facts)), "0");
    if (holder != NULL)
        finding_evidence(finding, "the directory gives the name to %s", view_words(holder, "dn"));
    finding_cause(finding, "The name belongs to an account, but IIS opens tickets with the key of "
                           "the computer (kernel mode), or the application pools run as another "
                           "account, or its password was changed.");
    finding_remedy(finding, REMEDY_SERVER,
                   "Let IIS open tickets with the account of the "
                   "application pool, on every node:",
                   REMEDY_WINDOWS " /useAppPoolCredentials:\"True\" /commit:apphost");
    finding_remedy(finding, REMEDY_SERVER, "The account must be the same everywhere:",
                   REMEDY_APPCMD " list apppool \"POOL\" /text:processModel.userName");
    finding_remedy(finding, REMEDY_DOMAIN, "Who holds the name?", "setspn -Q HTTP/%s",
                   view_command_host(facts));
    finding_remedy(finding, REMEDY_CLIENT,
                   "After a change, on clients that hold old tickets:", "klist purge");
}
