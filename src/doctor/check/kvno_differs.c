// SPDX-License-Identifier: Apache-2.0
// The keytab is older than the key of the account.
#include <string.h>
#include <strings.h>

#include "doctor/check/check.h"
#include "doctor/check/view.h"

static const json_t *entry_of(const json_t *keytab, const char *spn, long long *ret_newest)
{
    const json_t *found = NULL;
    for (size_t i = 0; i < json_array_size(keytab); i++) {
        const json_t *entry = json_array_get(keytab, i);
        const char *principal = fact_text(entry, "principal");
        size_t size = strlen(spn);
        if (strncasecmp(principal, spn, size) != 0 ||
            (principal[size] != '@' && principal[size] != '\0'))
            continue;
        if (found == NULL || fact_number(entry, "kvno", 0) > *ret_newest)
            *ret_newest = fact_number(entry, "kvno", 0);
        found = entry;
    }
    return found;
}

static void advise(struct finding *finding, const struct facts *facts)
{
    finding_remedy(finding, REMEDY_DOMAIN,
                   "Export the keys anew, and keep the old ones beside them "
                   "for tickets that are still around:",
                   "ktpass /princ HTTP/%s@REALM /mapuser %s\\%s "
                   "/crypto AES256-SHA1 /ptype KRB5_NT_PRINCIPAL /pass * /out FILE",
                   view_command_host(facts), view_domain(facts), view_service_account(facts));
    finding_remedy(finding, REMEDY_SERVER, "See what a keytab holds:", "klist -ekt FILE");
}

static void say(struct diagnosis *diagnosis, const struct facts *facts, const char *where,
                long long there, long long ticket)
{
    bool is_felt = view_failed(facts_front(facts), "kerberos.outcome");
    struct finding *finding = diagnosis_add(
        diagnosis, "kvno_differs", is_felt ? WEIGHT_CAUSE : WEIGHT_RISK, CONFIDENCE_LIKELY,
        "Tickets are made with key number %lld of the account, %s "
        "has number %lld.",
        ticket, where, there);
    finding_evidence(finding, "ticket for %s: kvno %lld",
                     view_words(view_ticket(facts, "host"), "server"), ticket);
    finding_cause(finding,
                  "The password of the account was changed, and with it its keys, after "
                  "%s was made.",
                  where);
    advise(finding, facts);
}

// The server lacks the key, the directory says that there were several (an account begins with 2).
static bool lacks_version(const json_t *front, const json_t *holder)
{
    long long code = fact_number(front, "kerberos.krb_error.code", 0);
    return holder != NULL && (code == 44 || (code == 45 && fact_number(holder, "kvno", 0) > 2));
}

static void say_servers(struct diagnosis *diagnosis, const struct facts *facts, long long kvno)
{
    struct finding *finding =
        diagnosis_add(diagnosis, "kvno_differs", WEIGHT_CAUSE, CONFIDENCE_LIKELY,
                      "The account has key number %lld by now; the keytab of the servers is "
                      "older.",
                      kvno);
    finding_evidence(finding, "the answer: error %lld %s",
                     fact_number(facts_front(facts), "kerberos.krb_error.code", 0),
                     view_words(facts_front(facts), "kerberos.krb_error.name"));
    finding_evidence(finding, "ticket and directory: kvno %lld", kvno);
    finding_cause(finding, "Its password was changed after the keytab was made.");
    advise(finding, facts);
}

void check_kvno_differs(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *ticket = view_ticket(facts, "host");
    const json_t *holder = fact(view_holders(facts, "HTTP", view_host(facts)), "0");
    long long kvno = fact_number(ticket, "kvno", -1), newest = 0;
    if (kvno < 0)
        return;
    if (entry_of(fact(facts->root, "kerberos.keytab"), fact_text(ticket, "spn"), &newest) != NULL &&
        newest != kvno)
        say(diagnosis, facts, "the keytab", newest, kvno);
    else if (fact_number(holder, "kvno", kvno) != kvno)
        say(diagnosis, facts, "the directory", fact_number(holder, "kvno", kvno), kvno);
    else if (lacks_version(facts_front(facts), holder))
        say_servers(diagnosis, facts, kvno);
}
