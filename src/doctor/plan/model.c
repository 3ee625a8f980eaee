// SPDX-License-Identifier: Apache-2.0
// The plan as a whole: its making, its memory, and what is asked of it in many places. Owns every
// text and array of a plan.
#include "doctor/plan/model.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "wire/host.h"

// ---------------------------------------------------------------------------- memory

void *plan_grow(void *items, size_t count, size_t size)
{
    if (count & (count - 1))
        return items;
    void *grown = realloc(items, (count ? count * 2 : 1) * size);
    CHECK(grown);
    return grown;
}

const char *plan_text(struct plan *plan, const char *format, ...)
{
    char *text;
    va_list arguments;
    va_start(arguments, format);
    int size = vasprintf(&text, format, arguments);
    va_end(arguments);
    CHECK(size >= 0);
    plan->texts = plan_grow(plan->texts, plan->text_count, sizeof *plan->texts);
    plan->texts[plan->text_count++] = text;
    return text;
}

const char *plan_spaced(struct plan *plan, const char *list)
{
    const char *spaced = "";
    for (const char *before = ""; *list; before = ", ") {
        size_t size = strcspn(list, ",");
        spaced = plan_text(plan, "%s%s%.*s", spaced, before, (int)size, list);
        list += size + (list[size] == ',');
    }
    return spaced;
}

bool plan_next_item(const char **list, char *item, size_t capacity)
{
    if (!**list)
        return false;
    size_t size = strcspn(*list, ",");
    CHECK(size < capacity);
    memcpy(item, *list, size);
    item[size] = '\0';
    *list += size + ((*list)[size] == ',');
    return true;
}

static bool is_same(const struct requirement *a, const struct requirement *b)
{
    return a->act == b->act && a->kind == b->kind && a->scope == b->scope && a->port == b->port &&
           strcmp(a->owner, b->owner) == 0 && strcmp(a->subject, b->subject) == 0 &&
           (a->act != PLAN_READ || strcmp(a->what, b->what) == 0) &&
           (a->kind != PLAN_FIREWALL || strcmp(a->value, b->value) == 0);
}

void plan_require(struct plan *plan, const struct requirement *requirement)
{
    struct requirement added = *requirement;
    const char **texts[] = {&added.owner,  &added.subject, &added.value,
                            &added.detail, &added.what,    &added.why};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (!*texts[i])
            *texts[i] = "";
    for (size_t i = 0; i < plan->requirement_count; i++)
        if (is_same(&plan->requirements[i], &added))
            return;
    plan->requirements =
        plan_grow(plan->requirements, plan->requirement_count, sizeof *plan->requirements);
    plan->requirements[plan->requirement_count++] = added;
}

// ---------------------------------------------------------------------------- the wish

static bool is_domain(const char *domain)
{
    struct host host;
    return host_parse(span_text(domain), &host) && !host.is_address && host.port == 0 &&
           strchr(domain, '.');
}

// What a sAMAccountName may hold, less what nobody means.
static bool is_account(const char *account)
{
    size_t size = strlen(account);
    bool is_managed = size && account[size - 1] == '$';
    size_t name_size = is_managed ? size - 1 : size;
    if (name_size == 0 || name_size > (is_managed ? 15 : 20))
        return false;
    for (size_t i = 0; i < name_size; i++) {
        char c = account[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(c >= '0' && c <= '9') && !strchr("-_.", c))
            return false;
    }
    return true;
}

const char *plan_wish_problem(const struct plan_wish *wish)
{
    if (wish->domain && !is_domain(wish->domain))
        return "--domain is not the DNS name of a domain, such as contoso.com";
    if (wish->account && !is_account(wish->account))
        return "--service-account is not an account name, such as svc-web or svc-web$: at most 20 "
               "(managed: 15) letters, digits, '-', '_' and '.', without a domain";
    for (size_t i = 0; i < wish->address_count; i++) {
        struct host host;
        struct span address = span_text(wish->addresses[i]);
        bool is_v6 = span_find(address, ':') < address.size;
        char bracketed[80];
        int size = snprintf(bracketed, sizeof bracketed, is_v6 ? "[%s]" : "%s", wish->addresses[i]);
        bool is_read =
            size > 0 && (size_t)size < sizeof bracketed && host_parse(span_text(bracketed), &host);
        if (!is_read || !host.is_address || host.port)
            return "--lb-address is not an IPv4 or IPv6 address";
    }
    return NULL;
}

// ---------------------------------------------------------------------------- the domain

// Where the labels begin that both names end with; "" when there are none.
static const char *common_end(const char *a, const char *b)
{
    const char *best = a + strlen(a);
    for (const char *at = a; at; at = strchr(at, '.') ? strchr(at, '.') + 1 : NULL) {
        size_t size = strlen(at);
        size_t other = strlen(b);
        bool is_end = other >= size && strcmp(b + other - size, at) == 0 &&
                      (other == size || b[other - size - 1] == '.');
        if (is_end)
            return at;
    }
    return best;
}

// What all names have in common behind their first label, when that is at least two labels.
static const char *guess_domain(const struct plan *plan)
{
    const char *common = NULL;
    for (size_t i = 0; i < plan->name_count; i++) {
        const struct plan_name *name = &plan->names[i];
        const char *dot = strchr(name->host, '.');
        if (name->is_address || !dot)
            continue;
        common = common ? common_end(common, dot + 1) : dot + 1;
    }
    return common && strchr(common, '.') ? common : "";
}

const char *plan_short_name(struct plan *plan, const char *host)
{
    size_t size = strlen(host);
    size_t domain = strlen(plan->domain);
    if (domain == 0 || size <= domain + 1 || host[size - domain - 1] != '.' ||
        strcmp(host + size - domain, plan->domain) != 0)
        return NULL;
    size_t label = size - domain - 1;
    bool is_one = memchr(host, '.', label) == NULL && host[0] != '*';
    return is_one ? plan_text(plan, "%.*s", (int)label, host) : NULL;
}

size_t plan_ports(const struct plan *plan, bool is_tls, unsigned *ports, size_t capacity)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->snapshot->listener_count; i++) {
        const struct listener_config *listener = &plan->snapshot->listeners[i];
        bool is_new = listener->is_tls == is_tls;
        for (size_t j = 0; j < count; j++)
            is_new &= ports[j] != listener->port;
        if (is_new && count < capacity)
            ports[count++] = listener->port;
    }
    return count;
}

bool plan_uses_clear(const struct plan *plan, const struct site_config *site)
{
    unsigned port;
    return site->plain_http && plan_ports(plan, false, &port, 1) > 0;
}

const char *plan_tls_name(const struct pool_config *pool, const struct server_config *server)
{
    return pool->tls.name ? pool->tls.name : server->name;
}

// ---------------------------------------------------------------------------- in many places

bool plan_is_address(const char *host)
{
    struct host parsed;
    char bracketed[HOST_NAME_MAX + 3];
    snprintf(bracketed, sizeof bracketed, strchr(host, ':') ? "[%s]" : "%s", host);
    return host_parse(span_text(bracketed), &parsed) && parsed.is_address;
}

// ---------------------------------------------------------------------------- making

static void take_wish(struct plan *plan, const struct plan_wish *wish)
{
    plan->wish = *wish;
    plan->is_account_assumed = !wish->account;
    plan->account = wish->account ? wish->account : PLAN_ACCOUNT_ASSUMED;
    plan->is_account_managed = plan->account[strlen(plan->account) - 1] == '$';
    plan->is_domain_assumed = !wish->domain;
    plan->domain = "";
    if (!wish->domain)
        return;
    uint8_t name[HOST_NAME_MAX + 1];
    size_t size;
    CHECK(host_name_parse(span_text(wish->domain), name, &size));
    plan->domain = plan_text(plan, "%.*s", (int)size, (const char *)name);
}

struct plan *plan_new(const struct snapshot *snapshot, const struct plan_wish *wish)
{
    CHECK(!plan_wish_problem(wish));
    struct plan *plan = calloc(1, sizeof *plan);
    CHECK(plan);
    plan->snapshot = snapshot;
    take_wish(plan, wish);
    plan_find_names(plan);
    if (!wish->domain)
        plan->domain = guess_domain(plan);
    plan_find_servers(plan);
    plan_require_account(plan);
    plan_require_spns(plan);
    plan_require_dns(plan);
    plan_require_certificates(plan);
    plan_require_protection(plan);
    plan_require_iis(plan);
    plan_require_clients(plan);
    plan_require_firewall(plan);
    plan_list_documents(plan);
    return plan;
}

struct plan *plan_load(const char *file, const struct plan_wish *wish, char **ret_findings)
{
    struct findings *findings = findings_new(file);
    struct snapshot *snapshot = snapshot_load(file, findings);
    struct plan *plan = NULL;
    if (snapshot) {
        plan = plan_new(snapshot, wish);
        plan->owned = snapshot;
    } else {
        *ret_findings = findings_print(findings);
    }
    findings_free(findings);
    return plan;
}

struct plan *plan_free(struct plan *plan)
{
    if (!plan)
        return NULL;
    for (size_t i = 0; i < plan->text_count; i++)
        free(plan->texts[i]);
    for (size_t i = 0; i < plan->server_count; i++)
        free(plan->servers[i].arrivals);
    free(plan->texts);
    free(plan->names);
    free(plan->servers);
    free(plan->requirements);
    free(plan->documents);
    snapshot_unref(plan->owned);
    free(plan);
    return NULL;
}
