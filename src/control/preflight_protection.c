// SPDX-License-Identifier: Apache-2.0
// Extended Protection in a configuration that nobody serves yet: what the file alone tells, and
// what the servers show when they are asked. Owns nothing beyond a call.
#include <stdio.h>

#include "base/check.h"
#include "control/preflight.h"
#include "control/protection.h"

// ---- the file alone

struct file_look {
    const struct snapshot *snapshot;
    struct findings *findings;
    size_t several_told; // of which site it was said that it has several certificates
};

// The SPN that clients of the site ask tickets for, as the server must list it.
static const char *first_host(const struct site_config *site)
{
    for (size_t i = 0; i < site->host_count; i++)
        if (site->hosts[i][0] != '*')
            return site->hosts[i];
    return "NAME";
}

static void note_way(const struct file_look *look, const struct way *way, enum protection verdict)
{
    const struct site_config *site = &look->snapshot->sites[way->site_index];
    char path[64];
    char advice[512];
    snprintf(path, sizeof path, "sites[%zu].routes", way->site_index);
    snprintf(advice, sizeof advice, "%s (HTTP/%s)", protection_advice(verdict), first_host(site));
    findings_add(look->findings, FINDING_NOTE, way->route->place, path, NULL, advice,
                 "site %s, pool %s: %s", site->name, look->snapshot->pools[way->pool_index].name,
                 protection_sentence(verdict));
}

// Only one of them can be the server's.
static void warn_of_several(struct file_look *look, const struct way *way)
{
    const struct site_config *site = &look->snapshot->sites[way->site_index];
    char path[64];
    if (look->several_told == way->site_index)
        return;
    look->several_told = way->site_index;
    snprintf(path, sizeof path, "sites[%zu].certificates[1]", way->site_index);
    findings_add(look->findings, FINDING_WARNING, site->certificates[1].place, path,
                 "one certificate, the one that the servers show",
                 "keep the kind of key that the servers have",
                 "the client chooses between %zu certificates of site %s, and a server can have "
                 "only one of them: where channel binding is enforced, logins of the other clients "
                 "fail",
                 site->certificate_count, site->name);
}

static void look_at_way(void *owner, const struct way *way)
{
    struct file_look *look = owner;
    const struct pool_config *pool = &look->snapshot->pools[way->pool_index];
    if (way->kind != PROTECTION_WAY_FORWARD)
        return;
    struct protection_case judged = {.client_is_tls = way->client_is_tls,
                                     .server_is_tls = pool->tls.enabled};
    enum protection verdict = protection_judge(&judged);
    if (verdict == PROTECTION_PLAIN || verdict == PROTECTION_UNBOUND)
        note_way(look, way, verdict);
    else if (look->snapshot->sites[way->site_index].certificate_count > 1)
        warn_of_several(look, way);
}

void preflight_protection(const struct snapshot *snapshot, struct findings *findings)
{
    struct file_look look = {snapshot, findings, SIZE_MAX};
    if (findings->errors == 0) // first things first
        ways_each(snapshot, look_at_way, &look);
}

// ---- the servers

struct server_look {
    struct service *service;
    struct findings *findings;
    struct io_thread io;
    struct looks *looks;
    size_t awaited;
};

static void on_look(void *owner, struct server *server, enum end why, const char *problem)
{
    struct server_look *look = owner;
    server->health.why = why;
    snprintf(server->health.detail, sizeof server->health.detail, "%s", problem);
    CHECK(look->awaited > 0);
    if (--look->awaited == 0)
        loop_stop(look->io.loop);
}

static void ask(struct server_look *look, const struct pool *pool, struct server *server,
                const char *name)
{
    server->shown.name[0] = '\0';
    look->awaited++;
    looks_ask(look->looks, pool, server, name);
}

static void ask_all(struct server_look *look)
{
    const struct service *service = look->service;
    for (size_t p = 0; p < service->snapshot->pool_count; p++) {
        const struct pool *pool = service->pools[p];
        for (size_t i = 0; pool->tls && i < pool->server_count; i++)
            ask(look, pool, pool->servers[i], pool_tls_name(pool, pool->servers[i]));
    }
    if (look->awaited)
        loop_run(look->io.loop);
}

struct pair {
    struct server_look *look;
    const struct way *way;
    const struct pool *pool;
    size_t server_index;
};

static const struct site_config *site_of(const struct pair *pair)
{
    return &pair->look->service->snapshot->sites[pair->way->site_index];
}

static enum protection judge(const struct pair *pair, const struct tls_leaf *shown)
{
    const struct tls_leaf *leaves;
    uint8_t front[TLS_LEAVES_MAX][TLS_SHA256_BYTES];
    size_t count = tls_server_leaves(pair->look->service->tls[pair->way->site_index], &leaves);
    for (size_t i = 0; i < count; i++)
        memcpy(front[i], leaves[i].sha256, TLS_SHA256_BYTES);
    struct protection_case judged = {
        .client_is_tls = true,
        .server_is_tls = true,
        .front = front,
        .front_count = count,
        .server = shown->sha256,
    };
    return protection_judge(&judged);
}

static void add_finding(const struct pair *pair, enum finding_severity severity, const char *advice,
                        const char *what)
{
    const struct pool_config *pool = pair->pool->config;
    char path[80];
    snprintf(path, sizeof path, "pools[%zu].servers[%zu]", pair->way->pool_index,
             pair->server_index);
    findings_add(pair->look->findings, severity, pool->servers[pair->server_index].place, path,
                 NULL, advice, "%s", what);
}

static void add_unseen(const struct pair *pair)
{
    const struct server *server = pair->pool->servers[pair->server_index];
    const struct server_health *health = &server->health;
    char what[768];
    snprintf(what, sizeof what, "the certificate of server %s was not seen: %s%s%s", server->name,
             end_sentence(health->why), health->detail[0] ? ": " : "", health->detail);
    add_finding(pair, FINDING_WARNING, NULL, what);
}

// Servers often have the certificate bound to the public name and show another for their own.
static bool has_it_for(const struct pair *pair, const char *name)
{
    struct server *server = pair->pool->servers[pair->server_index];
    struct server_shown before = server->shown;
    if (strcmp(name, pool_tls_name(pair->pool, server)) == 0)
        return false;
    ask(pair->look, pair->pool, server, name);
    loop_run(pair->look->io.loop);
    bool has_it = server->shown.name[0] && judge(pair, &server->shown.leaf) == PROTECTION_SAME;
    server->shown = before;
    return has_it;
}

static void add_other(const struct pair *pair, enum protection verdict, const char *what)
{
    char advice[512];
    const char *host = first_host(site_of(pair));
    if (verdict == PROTECTION_DIFFERENT && has_it_for(pair, host))
        snprintf(advice, sizeof advice,
                 "asked for %s the server shows the site's certificate: write name: %s under the "
                 "pool's tls",
                 host, host);
    else
        snprintf(advice, sizeof advice, "%s (HTTP/%s)", protection_advice(verdict), host);
    add_finding(pair, FINDING_WARNING, advice, what);
}

static void add_verdict(const struct pair *pair)
{
    char what[768];
    struct text text = text_over(what, sizeof what - 1);
    const struct tls_leaf *leaves;
    size_t count = tls_server_leaves(pair->look->service->tls[pair->way->site_index], &leaves);
    const struct server *server = pair->pool->servers[pair->server_index];
    enum protection verdict = judge(pair, &server->shown.leaf);
    text_add_printf(&text, "site %.100s, server %.200s: %s", site_of(pair)->name, server->name,
                    protection_sentence(verdict));
    protection_add_leaves(&text, leaves, count, &server->shown.leaf);
    what[text.size] = '\0';
    if (verdict == PROTECTION_SAME)
        add_finding(pair, FINDING_NOTE, NULL, what);
    else
        add_other(pair, verdict, what);
}

static void look_at_servers(void *owner, const struct way *way)
{
    struct server_look *look = owner;
    struct pool *pool = look->service->pools[way->pool_index];
    if (way->kind != PROTECTION_WAY_FORWARD || !way->client_is_tls || !pool->tls)
        return;
    for (size_t i = 0; i < pool->server_count; i++) {
        struct pair pair = {look, way, pool, i};
        if (pool->servers[i]->shown.name[0])
            add_verdict(&pair);
        else
            add_unseen(&pair);
    }
}

void preflight_servers(struct snapshot *snapshot, struct findings *findings)
{
    struct tls_tickets *tickets = findings->errors ? NULL : tls_tickets_new();
    if (!tickets)
        return;
    struct server_look look = {.findings = findings};
    struct lookup *lookup = lookup_new();
    lookup_add_servers(lookup, snapshot);
    lookup_run(lookup);
    look.service = service_new(snapshot, NULL, lookup, tickets, findings);
    lookup_free(lookup);
    CHECK(io_thread_init(&look.io));
    look.looks = looks_new(&look.io, on_look, &look);
    CHECK(look.looks);
    if (look.service) {
        ask_all(&look);
        ways_each(snapshot, look_at_servers, &look);
    }
    looks_free(look.looks);
    loop_turn(look.io.loop, 0); // frees what has hung up
    service_unref(look.service);
    tls_tickets_free(tickets);
    io_thread_done(&look.io);
}
