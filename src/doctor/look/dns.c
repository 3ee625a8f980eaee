// SPDX-License-Identifier: Apache-2.0
// What names say: the way from the URL's name to addresses, the names of those addresses, and where
// the domain's controllers are. Two waits: the second asks about what the first found.
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "doctor/look/look.h"

enum { REVERSE_MAX = 16 };

struct survey {
    struct resolver *resolver;
    char realm[RESOLVER_NAME_MAX];
    char domain[RESOLVER_NAME_MAX];
    char label[RESOLVER_NAME_MAX]; // first label of the host; "" when it is no name with a dot
    struct resolver_answer host;
    struct resolver_answer kdc;
    struct resolver_answer ldap;
    struct resolver_answer brief; // of `label`
    struct resolver_answer nodes[SUBJECT_NODES_MAX];
    struct resolver_answer reverse[REVERSE_MAX];
};

static void copy_in_case(char *out, size_t capacity, const char *text, bool is_upper)
{
    size_t size = 0;
    for (; text[size] && size + 1 < capacity; size++) {
        bool is_lower_letter = text[size] >= 'a' && text[size] <= 'z';
        out[size] = is_upper && is_lower_letter ? (char)(text[size] - 'a' + 'A')
                    : is_upper                  ? text[size]
                                                : (char)ascii_lower((uint8_t)text[size]);
    }
    out[size] = '\0';
}

static bool is_name(const char *host)
{
    struct address address;
    return !address_parse(host, 0, &address);
}

// The realm of the first account, else the domain the host is in.
static void choose_domain(const struct subject *subject, struct survey *survey)
{
    const char *dot = is_name(subject->host) ? strchr(subject->host, '.') : NULL;
    const char *realm = subject->account_count ? subject->accounts[0].realm : "";
    const char *domain = realm && realm[0] ? realm : dot ? dot + 1 : "";
    copy_in_case(survey->realm, sizeof survey->realm, domain, true);
    copy_in_case(survey->domain, sizeof survey->domain, domain, false);
    if (dot)
        snprintf(survey->label, sizeof survey->label, "%.*s", (int)(dot - subject->host),
                 subject->host);
}

static void ask_service(struct survey *survey, const char *service, const char *domain,
                        struct resolver_answer *answer)
{
    char name[RESOLVER_NAME_MAX + 32];
    snprintf(name, sizeof name, "%s.%s", service, domain);
    resolver_ask_service(survey->resolver, name, answer);
}

static void ask_first(const struct subject *subject, struct survey *survey)
{
    if (is_name(subject->host))
        resolver_ask_addresses(survey->resolver, subject->host, &survey->host);
    if (survey->domain[0]) {
        ask_service(survey, "_kerberos._tcp", survey->realm, &survey->kdc);
        ask_service(survey, "_ldap._tcp", survey->domain, &survey->ldap);
    }
    if (survey->label[0])
        resolver_ask_addresses(survey->resolver, survey->label, &survey->brief);
    for (size_t i = 0; i < subject->node_count; i++) {
        if (is_name(subject->nodes[i].host))
            resolver_ask_addresses(survey->resolver, subject->nodes[i].host, &survey->nodes[i]);
    }
}

// An address in the URL is its own answer.
static void answer_literal(const struct subject *subject, struct survey *survey)
{
    struct resolver_answer *answer = &survey->host;
    if (is_name(subject->host))
        return;
    answer->problem = "";
    answer->count = address_parse(subject->host, 0, &answer->records[0].address) ? 1 : 0;
}

static void ask_reverse(struct survey *survey)
{
    for (size_t i = 0; i < survey->host.count && i < REVERSE_MAX; i++)
        resolver_ask_name(survey->resolver, &survey->host.records[i].address, &survey->reverse[i]);
}

// ---- what was found

static json_t *address_text(const struct address *address)
{
    char text[ADDRESS_TEXT_MAX];
    address_print_host(address, text);
    return look_text(text);
}

// Of one family, or of both when it is AF_UNSPEC.
static json_t *addresses_of(const struct resolver_answer *answer, int family)
{
    json_t *list = json_array();
    for (size_t i = 0; i < answer->count; i++) {
        const struct address *address = &answer->records[i].address;
        if (family == AF_UNSPEC || address->any.sa_family == family)
            json_array_append_new(list, address_text(address));
    }
    return list;
}

static json_t *chain_of(const struct resolver_answer *answer)
{
    json_t *chain = json_array();
    for (size_t i = 0; i < answer->chain_count; i++)
        json_array_append_new(chain, look_text(answer->chain[i]));
    return chain;
}

static json_t *reverse_of(const struct survey *survey)
{
    json_t *list = json_array();
    for (size_t i = 0; i < survey->host.count && i < REVERSE_MAX; i++) {
        const struct resolver_answer *answer = &survey->reverse[i];
        json_array_append_new(
            list, json_pack("{s:o,s:o}", "address", address_text(&survey->host.records[i].address),
                            "name", look_text(answer->count ? answer->records[0].name : "")));
    }
    return list;
}

// NULL when it could not be known: a name server that does not answer has not said "none".
static json_t *services_of(const struct resolver_answer *answer)
{
    if (!answer->problem || (answer->problem[0] && !answer->is_absent))
        return NULL;
    json_t *list = json_array();
    for (size_t i = 0; i < answer->count; i++) {
        const struct resolver_record *record = &answer->records[i];
        json_array_append_new(list,
                              json_pack("{s:o,s:i,s:i}", "host", look_text(record->name), "port",
                                        (int)record->port, "priority", (int)record->priority));
    }
    return list;
}

static json_t *node_names_of(const struct subject *subject, const struct survey *survey)
{
    json_t *list = json_array();
    for (size_t i = 0; i < subject->node_count; i++) {
        const struct resolver_answer *answer = &survey->nodes[i];
        if (!is_name(subject->nodes[i].host))
            continue;
        json_array_append_new(
            list, json_pack("{s:o,s:o,s:s}", "name", look_text(subject->nodes[i].host), "a",
                            addresses_of(answer, AF_UNSPEC), "error", answer->problem));
    }
    return list;
}

static json_t *describe(const struct subject *subject, const struct survey *survey)
{
    json_t *node = json_pack("{s:o,s:o,s:o,s:s,s:o,s:o}", "a", addresses_of(&survey->host, AF_INET),
                             "aaaa", addresses_of(&survey->host, AF_INET6), "cname",
                             chain_of(&survey->host), "error", survey->host.problem, "reverse",
                             reverse_of(survey), "nodes", node_names_of(subject, survey));
    CHECK(node);
    json_t *kdc = services_of(&survey->kdc);
    json_t *ldap = services_of(&survey->ldap);
    if (kdc)
        json_object_set_new(node, "kdc", kdc);
    if (ldap)
        json_object_set_new(node, "ldap", ldap);
    if (survey->label[0])
        json_object_set_new(node, "short_name",
                            json_pack("{s:o,s:o}", "name", look_text(survey->label), "a",
                                      addresses_of(&survey->brief, AF_UNSPEC)));
    return node;
}

json_t *look_dns(const struct look_round *round, const struct look_end *end)
{
    (void)end;
    const struct subject *subject = round->subject;
    uint64_t patience_us = subject->patience_ms * US_PER_MS;
    struct survey *survey = calloc(1, sizeof *survey);
    CHECK(survey);
    survey->resolver = resolver_new(subject->dns_server);
    if (!survey->resolver) {
        free(survey);
        return json_pack("{s:s}", "error", "no name server can be asked");
    }
    choose_domain(subject, survey);
    ask_first(subject, survey);
    resolver_wait(survey->resolver, loop_now_us() + patience_us);
    answer_literal(subject, survey);
    ask_reverse(survey);
    resolver_wait(survey->resolver, loop_now_us() + patience_us);
    json_t *node = describe(subject, survey);
    resolver_free(survey->resolver);
    free(survey);
    return node;
}
