// SPDX-License-Identifier: Apache-2.0
// The server has no key for the ticket.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

static const char *word_of(long long code)
{
    switch (code) {
    case 35:
        return "the ticket is not for this server";
    case 44:
        return "the key of that version is not there";
    case 45:
        return "there is no key for that service";
    default:
        return NULL;
    }
}

void check_server_key_missing(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *end;
    for (size_t i = 0; (end = view_end(facts, i)) != NULL; i++) {
        long long code = fact_number(end, "kerberos.krb_error.code", 0);
        if (word_of(code) == NULL)
            continue;
        struct finding *finding =
            diagnosis_add(diagnosis, "server_key_missing", WEIGHT_CAUSE, CONFIDENCE_SURE,
                          "The server has no key that opens the ticket: %s.", word_of(code));
        finding_place(finding, view_name(end));
        finding_evidence(finding, "its answer: error %lld %s", code,
                         view_words(end, "kerberos.krb_error.name"));
        finding_evidence(finding, "ticket for %s, encryption type %lld, kvno %lld",
                         view_words(end, "kerberos.spn"),
                         fact_number(view_ticket(facts, "host"), "etype", 0),
                         fact_number(view_ticket(facts, "host"), "kvno", -1));
        finding_cause(finding, "Its keytab lacks the name, the type of encryption or the newest "
                               "version of the key.");
        finding_remedy(finding, REMEDY_SERVER, "See what it holds:", "klist -ekt FILE");
        finding_remedy(
            finding, REMEDY_DOMAIN, "Export the keys anew:",
            "ktpass /princ HTTP/%s@REALM "
            "/mapuser %s\\%s /crypto AES256-SHA1 /ptype KRB5_NT_PRINCIPAL /pass * /out FILE",
            view_command_host(facts), view_domain(facts), view_service_account(facts));
        return;
    }
}
