// SPDX-License-Identifier: Apache-2.0
// What the KDC says: who we are to it, and for which of the names that clients may ask by it has a
// ticket. Browsers ask by the host, by the name a CNAME leads to, or with the port; people type
// short names.
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "doctor/look/logins.h"

enum {
    KDCS_MAX = 8,
    KEYS_MAX = 64,
    KDC_WAIT_MS = 1000,
};

// ---- who we are

static json_t *client_of(const struct look_round *round)
{
    struct kerberos_ticket tgt;
    const struct subject *subject = round->subject;

    if (!round->kerberos)
        return json_pack("{s:n,s:o,s:o}", "principal", "realm",
                         look_text(subject->accounts[0].realm), "error",
                         look_kerberos_problem(&round->kerberos_problem));
    kerberos_client_tgt(round->kerberos, &tgt);
    return json_pack("{s:o,s:o,s:n,s:{s:i,s:I,s:I}}", "principal",
                     look_text(kerberos_client_principal(round->kerberos)), "realm",
                     look_text(kerberos_client_realm(round->kerberos)), "error", "tgt", "etype",
                     tgt.etype, "kvno", (json_int_t)tgt.kvno, "ends_s", (json_int_t)tgt.ends_s);
}

// One entry for each account, in their order: the first one's stands in `client` at greater length.
static json_t *accounts_of(const struct look_round *round)
{
    const struct kerberos_client *clients[] = {round->kerberos, round->kerberos_second};
    const struct kerberos_problem *problems[] = {&round->kerberos_problem,
                                                 &round->kerberos_second_problem};
    json_t *accounts = json_array();

    for (size_t i = 0; i < round->subject->account_count; i++)
        json_array_append_new(
            accounts,
            json_pack("{s:o,s:o,s:b}", "principal",
                      clients[i] ? look_text(kerberos_client_principal(clients[i])) : json_null(),
                      "error", clients[i] ? json_null() : look_kerberos_problem(problems[i]),
                      "is_another", i < round->people));
    return accounts;
}

// ---- tickets

static void ask(const struct look_round *round, const char *asked, const char *spn, json_t *tickets)
{
    struct kerberos_ticket ticket;
    struct kerberos_problem problem;

    if (!look_has_time(round, NULL))
        return;
    bool is_given = kerberos_client_ticket(round->kerberos, spn, &ticket, &problem);
    json_t *node =
        json_pack("{s:o,s:s,s:b}", "spn", look_text(spn), "asked", asked, "ok", is_given);
    CHECK(node);
    if (is_given) {
        json_t *more = json_pack("{s:i,s:i,s:I,s:I,s:o}", "etype", ticket.etype, "session_etype",
                                 ticket.session_etype, "kvno", (json_int_t)ticket.kvno, "bytes",
                                 (json_int_t)ticket.bytes, "server", look_text(ticket.server));
        json_object_update(node, more);
        json_decref(more);
    } else {
        json_object_set_new(node, "error", look_kerberos_problem(&problem));
    }
    json_array_append_new(tickets, node);
}

static void ask_service(const struct look_round *round, const char *asked, const char *service,
                        const char *host, json_t *tickets)
{
    char spn[LOOK_SPN_MAX];

    snprintf(spn, sizeof(spn), "%s/%.280s", service, host);
    ask(round, asked, spn, tickets);
}

static void ask_by_host(const struct look_round *round, json_t *tickets)
{
    const struct subject *subject = round->subject;
    char text[LOOK_HOST_MAX];
    const char *dot = strchr(subject->host, '.');

    ask_service(round, "host", "HTTP", subject->host, tickets);
    if (subject->port != (subject->is_tls ? 443 : 80)) {
        snprintf(text, sizeof(text), "%.255s:%u", subject->host, subject->port);
        ask_service(round, "port", "HTTP", text, tickets);
    }
    if (dot && dot != subject->host) {
        snprintf(text, sizeof(text), "%.*s", (int)(dot - subject->host), subject->host);
        ask_service(round, "short", "HTTP", text, tickets);
    }
    ask_service(round, "host_service", "HOST", subject->host, tickets);
}

static json_t *tickets_of(const struct look_round *round)
{
    const json_t *chain = fact(round->facts->root, "dns.cname");
    size_t links = json_array_size(chain);
    json_t *tickets = json_array();

    if (!round->kerberos)
        return tickets;
    ask_by_host(round, tickets);
    if (links)
        ask_service(round, "canonical", "HTTP", json_string_value(json_array_get(chain, links - 1)),
                    tickets);
    for (size_t i = 0; i < round->subject->node_count; i++)
        ask_service(round, "node", "HTTP", round->subject->nodes[i].name, tickets);
    return tickets;
}

// ---- KDCs

static size_t kdcs_of_dns(const struct look_round *round, struct kerberos_kdc *ret_kdcs, size_t max)
{
    const json_t *list = fact(round->facts->root, "dns.kdc");
    size_t count = 0;

    for (; count < max && count < json_array_size(list); count++) {
        const json_t *entry = json_array_get(list, count);
        ret_kdcs[count].port = (unsigned)fact_number(entry, "port", 88);
        snprintf(ret_kdcs[count].host, sizeof(ret_kdcs[count].host), "%s",
                 fact_text(entry, "host"));
    }
    return count;
}

static bool find(const struct look_round *round, const struct kerberos_kdc *kdc,
                 struct address *ret_address)
{
    return resolver_find(round->subject->dns_server, kdc->host, kdc->port,
                         loop_now_us() + KDC_WAIT_MS * US_PER_MS, ret_address);
}

static json_t *kdc_of(const struct look_round *round, const struct kerberos_kdc *kdc)
{
    struct address address;
    struct dial *dial = NULL;
    const char *error = "the name has no address";

    bool is_found = find(round, kdc, &address);
    if (is_found) {
        struct status status = dial_open(&address, loop_now_us() + KDC_WAIT_MS * US_PER_MS, &dial);
        error = is_ok(status) ? "" : end_sentence(status.end);
    }
    json_t *node = json_pack("{s:o,s:i,s:b,s:o}", "host", look_text(kdc->host), "port",
                             (int)kdc->port, "is_open", dial != NULL, "error", look_text(error));
    dial_close(dial);
    return node;
}

static json_t *kdcs_of(const struct look_round *round)
{
    struct kerberos_kdc kdcs[2 * KDCS_MAX];
    const char *realm = round->kerberos ? kerberos_client_realm(round->kerberos)
                                        : round->subject->accounts[0].realm;
    json_t *list = json_array();

    size_t count = realm && realm[0] ? kerberos_realm_kdcs(realm, kdcs, KDCS_MAX) : 0;
    count += kdcs_of_dns(round, kdcs + count, KDCS_MAX);
    for (size_t i = 0; i < count && look_has_time(round, NULL); i++)
        json_array_append_new(list, kdc_of(round, &kdcs[i]));
    return list;
}

// ---- keys

static json_t *keytab_of(const struct account *account)
{
    struct kerberos_key *keys = calloc(KEYS_MAX, sizeof(*keys));
    struct kerberos_problem problem;
    json_t *list = json_array();

    CHECK(keys);
    size_t count = kerberos_keytab_read(account->file, keys, KEYS_MAX, &problem);
    for (size_t i = 0; i < count && i < KEYS_MAX; i++)
        json_array_append_new(list,
                              json_pack("{s:o,s:I,s:i}", "principal", look_text(keys[i].principal),
                                        "kvno", (json_int_t)keys[i].kvno, "etype", keys[i].etype));
    free(keys);
    return list;
}

json_t *look_tickets(const struct look_round *round, const struct look_end *end)
{
    const struct subject *subject = round->subject;

    if (subject->account_count == 0 || subject->accounts[0].proof == PROOF_NONE)
        return NULL;
    json_t *node =
        json_pack("{s:o,s:o,s:o,s:o}", "client", client_of(round), "accounts", accounts_of(round),
                  "tickets", tickets_of(round), "kdcs", kdcs_of(round));
    CHECK(node);
    char realm[256];
    if (kerberos_host_realm(subject->host, realm))
        json_object_set_new(node, "host_realm", look_text(realm));
    if (subject->accounts[0].proof == PROOF_KEYTAB)
        json_object_set_new(node, "keytab", keytab_of(&subject->accounts[0]));
    return node;
}
