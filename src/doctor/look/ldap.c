// SPDX-License-Identifier: Apache-2.0
// Who holds the service names, as the directory has it: asked of the global catalog, which knows
// the whole forest, and read in detail from the domain, which knows all attributes.
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/filetime.h"
#include "doctor/directory.h"
#include "doctor/look/logins.h"
#include "wire/host.h"

enum {
    PORT_LDAP = 389,
    PORT_CATALOG = 3268,
    SPNS_MAX = 96,
    HOLDERS_MAX = 10,
};

// userAccountControl, [MS-ADTS] 2.2.16
enum {
    UAC_DISABLED = 0x2,
    UAC_UNCONSTRAINED = 0x80000,
    UAC_NOT_DELEGATED = 0x100000,
    UAC_DES_ONLY = 0x200000,
    UAC_PROTOCOL_TRANSITION = 0x1000000,
};

static const char *const attributes[] = {"sAMAccountName",
                                         "objectClass",
                                         "userAccountControl",
                                         "msDS-SupportedEncryptionTypes",
                                         "msDS-KeyVersionNumber",
                                         "pwdLastSet",
                                         "lockoutTime",
                                         "servicePrincipalName",
                                         "msDS-AllowedToDelegateTo",
                                         "msDS-AllowedToActOnBehalfOfOtherIdentity",
                                         NULL};

struct inquiry {
    const struct look_round *round;
    struct directory *domain;
    struct directory *catalog; // NULL: there is none
    char spns[SPNS_MAX][RESOLVER_NAME_MAX + 32];
    size_t spn_count;
};

// ---- which names

static void add_spn(struct inquiry *inquiry, const char *service, const char *host, unsigned port)
{
    char spn[sizeof inquiry->spns[0]];
    if (port)
        snprintf(spn, sizeof spn, "%s/%.255s:%u", service, host, port);
    else
        snprintf(spn, sizeof spn, "%s/%.255s", service, host);
    for (size_t i = 0; i < inquiry->spn_count; i++) {
        if (strcasecmp(inquiry->spns[i], spn) == 0)
            return;
    }
    if (host[0] && inquiry->spn_count < SPNS_MAX)
        memcpy(inquiry->spns[inquiry->spn_count++], spn, sizeof spn);
}

static void list_spns(struct inquiry *inquiry)
{
    const struct subject *subject = inquiry->round->subject;
    const json_t *root = inquiry->round->facts->root;
    unsigned usual = subject->is_tls ? 443 : 80;
    add_spn(inquiry, "HTTP", subject->host, 0);
    add_spn(inquiry, "HOST", subject->host, 0);
    if (subject->port != usual)
        add_spn(inquiry, "HTTP", subject->host, subject->port);
    add_spn(inquiry, "HTTP", fact_text(root, "dns.short_name.name"), 0);
    const json_t *aliases = fact(root, "dns.cname");
    for (size_t i = 0; i < json_array_size(aliases); i++)
        add_spn(inquiry, "HTTP", json_string_value(json_array_get(aliases, i)), 0);
    for (size_t i = 0; i < subject->node_count; i++) {
        struct address address;
        bool is_name = !address_parse(subject->nodes[i].name, 0, &address);
        if (is_name)
            add_spn(inquiry, "HTTP", subject->nodes[i].name, 0);
    }
}

// ---- accounts

static const char *value_of(const json_t *entry, const char *attribute)
{
    return json_string_value(json_array_get(json_object_get(entry, attribute), 0));
}

static long long number_of(const json_t *entry, const char *attribute, long long otherwise)
{
    const char *text = value_of(entry, attribute);
    char *end = NULL;
    long long number = text ? strtoll(text, &end, 10) : 0;
    return text && *text && *end == '\0' ? number : otherwise;
}

static bool is_of_class(const json_t *entry, const char *class)
{
    const json_t *classes = json_object_get(entry, "objectClass");
    for (size_t i = 0; i < json_array_size(classes); i++) {
        if (strcasecmp(json_string_value(json_array_get(classes, i)), class) == 0)
            return true;
    }
    return false;
}

static json_t *list_of(const json_t *entry, const char *attribute)
{
    json_t *list = json_object_get(entry, attribute);
    return list ? json_incref(list) : json_array();
}

static void add_numbers(json_t *node, const json_t *entry)
{
    long long types = number_of(entry, "msDS-SupportedEncryptionTypes", -1);
    long long kvno = number_of(entry, "msDS-KeyVersionNumber", -1);
    long long changed = number_of(entry, "pwdLastSet", 0);
    json_object_set_new(node, "encryption_types", types < 0 ? json_null() : json_integer(types));
    if (kvno >= 0)
        json_object_set_new(node, "kvno", json_integer(kvno));
    int64_t set_s = changed > 0 ? filetime_to_unix_s((uint64_t)changed) : 0;
    if (set_s > 0)
        json_object_set_new(node, "password_set_s", json_integer(set_s));
}

static json_t *account_of(const json_t *entry)
{
    long long control = number_of(entry, "userAccountControl", 0);
    const char *name = value_of(entry, "sAMAccountName");
    bool is_managed = is_of_class(entry, "msDS-GroupManagedServiceAccount") ||
                      is_of_class(entry, "msDS-ManagedServiceAccount");
    json_t *node = json_pack(
        "{s:O,s:o,s:b,s:b,s:b,s:b,s:b,s:b,s:b,s:b,s:b}", "dn", json_object_get(entry, "dn"), "name",
        look_text(name ? name : ""), "is_computer", is_of_class(entry, "computer") && !is_managed,
        "is_managed", is_managed, "is_disabled", (control & UAC_DISABLED) != 0, "is_locked",
        number_of(entry, "lockoutTime", 0) > 0, "unconstrained", (control & UAC_UNCONSTRAINED) != 0,
        "protocol_transition", (control & UAC_PROTOCOL_TRANSITION) != 0, "not_delegated",
        (control & UAC_NOT_DELEGATED) != 0, "des_only", (control & UAC_DES_ONLY) != 0,
        "resource_delegation",
        json_object_get(entry, "msDS-AllowedToActOnBehalfOfOtherIdentity") != NULL);
    CHECK(node);
    json_object_set_new(node, "spns", list_of(entry, "servicePrincipalName"));
    json_object_set_new(node, "delegates_to", list_of(entry, "msDS-AllowedToDelegateTo"));
    add_numbers(node, entry);
    return node;
}

// The domain knows more of an account than the catalog, unless it is another domain's.
static json_t *read_account(const struct inquiry *inquiry, const json_t *hit)
{
    struct directory_problem problem;
    const char *dn = json_string_value(json_object_get(hit, "dn"));
    json_t *entries = inquiry->catalog
                          ? directory_search(inquiry->domain, dn, false, "(objectClass=*)",
                                             attributes, 1, &problem)
                          : NULL;
    const json_t *entry = json_array_get(entries, 0);
    json_t *account = account_of(entry ? entry : hit);
    json_decref(entries);
    return account;
}

// The whole forest where there is a catalog (its root is the empty name), else the domain.
static json_t *find_holders(const struct inquiry *inquiry, const char *filter,
                            struct directory_problem *problem)
{
    json_t *hits = NULL;
    if (inquiry->catalog)
        hits =
            directory_search(inquiry->catalog, "", true, filter, attributes, HOLDERS_MAX, problem);
    if (!hits || json_array_size(hits) == 0) {
        json_decref(hits);
        hits = directory_search(inquiry->domain, directory_base(inquiry->domain), true, filter,
                                attributes, HOLDERS_MAX, problem);
    }
    return hits;
}

// NULL when the search failed: unknown is not "nobody".
static json_t *holders_of(const struct inquiry *inquiry, const char *spn,
                          struct directory_problem *problem)
{
    char filter[1200];
    if (!directory_filter("servicePrincipalName", spn, filter, sizeof filter))
        return NULL;
    json_t *hits = find_holders(inquiry, filter, problem);
    if (!hits)
        return NULL;
    json_t *accounts = json_array();
    for (size_t i = 0; i < json_array_size(hits); i++)
        json_array_append_new(accounts, read_account(inquiry, json_array_get(hits, i)));
    json_decref(hits);
    return json_pack("{s:o,s:o}", "spn", look_text(spn), "accounts", accounts);
}

static json_t *find_all(const struct inquiry *inquiry, struct directory_problem *problem)
{
    json_t *holders = json_array();
    for (size_t i = 0; i < inquiry->spn_count && look_has_time(inquiry->round, NULL); i++) {
        json_t *holder = holders_of(inquiry, inquiry->spns[i], problem);
        if (holder)
            json_array_append_new(holders, holder);
    }
    return holders;
}

// ---- where and as whom

struct whereabouts {
    char host[HOST_NAME_MAX + 1];
    unsigned port; // 0: the usual ones
    struct address address;
    char cache[128];
    char user[320];
    struct directory_wish wish;
};

static bool choose_server(const struct look_round *round, struct whereabouts *place)
{
    const json_t *root = round->facts->root;
    const char *said = round->subject->ldap_server;
    const char *found = fact_text(root, "dns.ldap.0.host");
    struct host host;
    if (!said)
        said = found[0] ? found : fact_text(root, "dns.kdc.0.host");
    if (!host_parse(span_text(said), &host))
        return false;
    memcpy(place->host, host.name, host.name_size);
    place->port = host.port;
    return true;
}

static bool find_server(const struct look_round *round, struct whereabouts *place)
{
    return resolver_find(round->subject->dns_server, place->host, PORT_LDAP,
                         loop_now_us() + round->subject->patience_ms * US_PER_MS, &place->address);
}

static bool choose_proof(const struct look_round *round, struct whereabouts *place)
{
    const struct subject *subject = round->subject;
    const struct account *account = subject->account_count ? &subject->accounts[0] : NULL;
    place->wish = (struct directory_wish){
        .host = place->host, .ca_file = subject->ca_file, .patience_ms = subject->patience_ms};
    if (round->kerberos &&
        kerberos_client_cache(round->kerberos, place->cache, sizeof place->cache)) {
        place->wish.cache = place->cache;
        snprintf(place->user, sizeof place->user, "%s", kerberos_client_principal(round->kerberos));
        return true;
    }
    if (!account || !look_has_password(round, 0))
        return false;
    bool has_realm = account->realm && account->realm[0];
    snprintf(place->user, sizeof place->user, "%.120s%s%.180s", account->user, has_realm ? "@" : "",
             has_realm ? account->realm : "");
    place->wish.user = place->user;
    place->wish.password = account->password;
    return true;
}

static struct directory *open_at(struct whereabouts *place, unsigned port,
                                 struct directory_problem *ret_problem)
{
    char text[ADDRESS_TEXT_MAX];
    struct address address;
    address_print_host(&place->address, text);
    if (!address_parse(text, port, &address))
        return NULL;
    place->wish.address = &address;
    struct directory *directory = directory_open(&place->wish, ret_problem);
    place->wish.address = NULL;
    return directory;
}

// A password goes by the guard that all looks share; tickets need none.
static struct directory *open_domain(const struct look_round *round, struct whereabouts *place,
                                     unsigned port, struct directory_problem *ret_problem)
{
    const struct account *account = &round->subject->accounts[0];
    enum look_pass pass =
        place->wish.password ? look_gate_enter(round, account, NULL) : LOOK_PASS_FREE;

    if (pass == LOOK_PASS_NONE) {
        *ret_problem = (struct directory_problem){
            .text = "the password was refused elsewhere, and is not sent once more"};
        return NULL;
    }
    struct directory *directory = open_at(place, port, ret_problem);
    if (pass == LOOK_PASS_ALONE)
        look_gate_leave(round, account, directory || ret_problem->was_password_sent,
                        directory != NULL);
    return directory;
}

// ---- the look

static json_t *failure(const char *words)
{
    return json_pack("{s:o}", "error", look_text(words));
}

static json_t *inquire(const struct look_round *round, struct whereabouts *place)
{
    struct directory_problem problem = {0};
    struct directory_problem ignored;
    unsigned port = place->port ? place->port : PORT_LDAP;
    char server[HOST_NAME_MAX + 16];
    struct inquiry *inquiry = calloc(1, sizeof *inquiry);
    CHECK(inquiry);
    inquiry->round = round;
    snprintf(server, sizeof server, "%.255s:%u", place->host, port);
    inquiry->domain = open_domain(round, place, port, &problem);
    json_t *holders = NULL;
    if (inquiry->domain) {
        if (!place->port)
            inquiry->catalog = open_at(place, PORT_CATALOG, &ignored);
        list_spns(inquiry);
        holders = find_all(inquiry, &problem);
    }
    json_t *node =
        json_pack("{s:o,s:o,s:o}", "error", look_text(problem.text), "server", look_text(server),
                  "bound_as", look_text(inquiry->domain ? place->user : ""));
    if (holders)
        json_object_set_new(node, "holders", holders);
    directory_close(inquiry->catalog);
    directory_close(inquiry->domain);
    free(inquiry);
    return node;
}

json_t *look_ldap(const struct look_round *round, const struct look_end *end)
{
    (void)end;
    struct whereabouts *place = calloc(1, sizeof *place);
    CHECK(place);
    json_t *node = NULL;
    if (!round->subject->asks_ldap)
        node = NULL;
    else if (!choose_server(round, place))
        node = failure("no directory server is known: DNS names none, and --ldap=SERVER was not "
                       "given");
    else if (!find_server(round, place))
        node = failure("the name of the directory server has no address");
    else if (!choose_proof(round, place))
        node = failure("there is no account to ask the directory with: no ticket and no password");
    else
        node = inquire(round, place);
    explicit_bzero(&place->wish, sizeof place->wish);
    free(place);
    return node;
}
