// SPDX-License-Identifier: Apache-2.0
// What is allowed but hardly meant: warnings, each with its reason; and the few pairs of numbers
// that contradict each other, which are errors.
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "config/load.h"
#include "wire/host.h"

#define IIS_IDLE_MS 120000

// How the routes and sites use a pool.
struct use {
    bool forwarded;
    bool redirected;
    bool passed;
};

// Is every route resolved? Where a pool's name is misspelt, it is no news that the pool is unused.
static bool is_resolved(const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->site_count; i++) {
        const struct site_config *site = &snapshot->sites[i];
        if (site->mode == SITE_PASSTHROUGH && site->pool_index == SIZE_MAX)
            return false;
        for (size_t j = 0; j < site->route_count; j++)
            if (site->routes[j].pool_index == SIZE_MAX)
                return false;
    }
    return true;
}

static void use_collect(const struct snapshot *snapshot, struct use *uses)
{
    for (size_t i = 0; i < snapshot->site_count; i++) {
        const struct site_config *site = &snapshot->sites[i];
        if (site->pool_index != SIZE_MAX)
            uses[site->pool_index].passed = true;
        for (size_t j = 0; j < site->route_count; j++) {
            const struct route_config *route = &site->routes[j];
            if (route->pool_index == SIZE_MAX)
                continue;
            if (route->action == ROUTE_REDIRECT)
                uses[route->pool_index].redirected = true;
            else
                uses[route->pool_index].forwarded = true;
        }
    }
}

// ---------------------------------------------------------------------------- pools

static void check_unused_parts(struct load *load, const struct pool_config *pool)
{
    bool has_tls_check = pool->health.kind == HEALTH_TLS || pool->health.kind == HEALTH_HTTP;
    if (load_is_written(load, &pool->tls) && !has_tls_check)
        load_warning(
            load, &pool->tls, pool, NULL, "remove it, or forward to the pool",
            "nothing is forwarded to this pool and no check speaks TLS, so its tls is not used");
    if (pool->links == LINKS_SHARED)
        load_warning(load, &pool->links, pool, NULL, "remove it, or forward to the pool",
                     "nothing is forwarded to this pool, so it has no links to share");
}

static void check_links(struct load *load, const struct pool_config *pool)
{
    if (pool->links == LINKS_DEDICATED && load_is_written(load, &pool->idle_links_max))
        load_warning(load, &pool->idle_links_max, pool, "it beside links: shared", NULL,
                     "dedicated links end with their client and are never kept idle");
    if (pool->links == LINKS_SHARED && pool->balance == BALANCE_SOURCE)
        load_warning(load, &pool->balance, pool, NULL,
                     "links: dedicated keeps a client on its server by itself; round-robin suits "
                     "shared ones",
                     "balance: source keeps clients apart that links: shared would bring together");
}

// A plain-text pool on 443, or a TLS pool on 80, is a tls: forgotten or left over.
static void check_port(struct load *load, const struct pool_config *pool,
                       const struct server_config *server)
{
    if (!pool->tls.enabled && server->port == 443)
        load_warning(load, &server->address, server, NULL, "add tls: {} to the pool",
                     "plain HTTP is sent to port 443 of %s", server->host);
    if (pool->tls.enabled && server->port == 80)
        load_warning(load, &server->address, server, NULL,
                     "take port 443, or remove tls from the pool", "TLS is spoken to port 80 of %s",
                     server->host);
}

static void check_weights(struct load *load, const struct pool_config *pool)
{
    for (size_t i = 0; i < pool->server_count; i++)
        if (pool->servers[i].weight > 0)
            return;
    if (pool->server_count)
        load_warning(load, &pool->servers, pool, NULL, "give one of them a weight of 1 or more",
                     "all servers have weight 0, so none takes a new client");
}

static void check_health(struct load *load, const struct health_config *health,
                         const struct pool_config *pool)
{
    const void *http_only[] = {&health->request, &health->host, &health->expect};
    for (size_t i = 0; health->kind != HEALTH_HTTP && i < sizeof http_only / sizeof *http_only; i++)
        if (load_is_written(load, http_only[i]))
            load_warning(load, http_only[i], pool, NULL, "write check: http, or remove it",
                         "only an http check uses it");
    if (health->timeout_ms > health->interval_ms)
        load_warning(load, &health->timeout_ms, &health->interval_ms, "at most the interval", NULL,
                     "a check may still be waiting when the next one is due");
}

static void check_use(struct load *load, const struct pool_config *pool, struct use use)
{
    if (!use.forwarded)
        check_unused_parts(load, pool);
    bool sends = use.forwarded || pool->health.kind == HEALTH_HTTP;
    for (size_t i = 0; sends && i < pool->server_count; i++)
        check_port(load, pool, &pool->servers[i]);
}

static void check_pool(struct load *load, const struct pool_config *pool, struct use use)
{
    bool is_used = use.forwarded || use.redirected || use.passed;
    if (!is_used && pool->name && is_resolved(load->snapshot))
        load_warning(load, pool, NULL, NULL, "remove it, or name it in a route",
                     "no route and no site uses pool %s", pool->name);
    else if (is_used)
        check_use(load, pool, use);
    check_links(load, pool);
    check_weights(load, pool);
    check_health(load, &pool->health, pool);
}

// ---------------------------------------------------------------------------- sites

static void check_covered_hosts(struct load *load, const struct site_config *site,
                                const char *pattern)
{
    for (size_t i = 0; i < site->host_count; i++) {
        const char *host = site->hosts[i];
        if (host && host[0] != '*' && host_matches(span_text(pattern), span_text(host)))
            load_warning(load, &site->hosts[i], site, NULL, "remove one of them",
                         "the host %s is already covered by %s of the same site", host, pattern);
    }
}

static void check_redundant_hosts(struct load *load, const struct site_config *site)
{
    for (size_t i = 0; i < site->host_count; i++)
        if (site->hosts[i] && site->hosts[i][0] == '*')
            check_covered_hosts(load, site, site->hosts[i]);
}

struct doors {
    bool tls;
    bool plain;
};

static struct doors doors_of(const struct snapshot *snapshot)
{
    struct doors doors = {0};
    for (size_t i = 0; i < snapshot->listener_count; i++) {
        // a listener that could not be read may be either
        if (!snapshot->listeners[i].address)
            return (struct doors){true, true};
        doors.tls = doors.tls || snapshot->listeners[i].is_tls;
        doors.plain = doors.plain || !snapshot->listeners[i].is_tls;
    }
    return doors;
}

static void check_doors(struct load *load, const struct site_config *site, struct doors doors)
{
    if (load->snapshot->listener_count == 0)
        return;
    const char *name = site->name ? site->name : "";
    if (site->mode == SITE_PASSTHROUGH && !doors.tls)
        load_warning(load, &site->passthrough, site, NULL, "add a listener that speaks TLS",
                     "site %s is passed through by its TLS server name, but no listener speaks TLS",
                     name);
    if (site->mode == SITE_HTTP && !doors.tls && !site->plain_http)
        load_warning(load, site, NULL, NULL,
                     "add a listener that speaks TLS, or write plain_http: serve",
                     "site %s is only redirected to https, but no listener speaks TLS", name);
    if (site->plain_http && site->mode == SITE_HTTP && !doors.plain)
        load_warning(load, &site->plain_http, site, NULL, "add a listener with tls: false",
                     "site %s may be served in clear, but every listener speaks TLS", name);
    if (site->plain_http && site->mode == SITE_PASSTHROUGH)
        load_error(load, &site->plain_http, site, NULL, "remove it",
                   "a site that is passed through has no routes to serve in clear");
}

// ---------------------------------------------------------------------------- numbers

static void check_numbers(struct load *load)
{
    const struct timeouts_config *timeouts = &load->snapshot->timeouts;
    const struct limits_config *limits = &load->snapshot->limits;
    if (timeouts->idle_ms >= IIS_IDLE_MS)
        load_warning(load, &timeouts->idle_ms, NULL, "less than 120s", NULL,
                     "IIS closes a connection after 120 s without a request; if it closes first, a "
                     "client can lose the "
                     "request it is just sending");
    if (timeouts->link_idle_ms >= IIS_IDLE_MS)
        load_warning(load, &timeouts->link_idle_ms, NULL, "less than 120s", NULL,
                     "IIS closes a connection after 120 s without a request; a link kept longer "
                     "may be closed as it is "
                     "taken into use");
    if (limits->header_line_bytes > limits->header_bytes)
        load_error(load,
                   load_is_written(load, &limits->header_line_bytes) ? &limits->header_line_bytes
                                                                     : &limits->header_bytes,
                   NULL, NULL, "raise limits.header or lower limits.header_line",
                   "one header line may be larger than the whole head");
}

static void check_listeners(struct load *load)
{
    struct snapshot *snapshot = load->snapshot;
    for (size_t i = 0; i < snapshot->listener_count; i++) {
        struct listener_config *listener = &snapshot->listeners[i];
        const void *plain_only[] = {&listener->redirect_status, &listener->redirect_port};
        for (size_t j = 0; listener->is_tls && j < 2; j++)
            if (load_is_written(load, plain_only[j]))
                load_warning(load, plain_only[j], listener, NULL, "remove it, or write tls: false",
                             "only a listener without TLS redirects to https");
    }
}

void cross_sense(struct load *load)
{
    struct snapshot *snapshot = load->snapshot;
    struct use *uses = calloc(snapshot->pool_count + 1, sizeof *uses);
    CHECK(uses);
    use_collect(snapshot, uses);
    struct doors doors = doors_of(snapshot);
    for (size_t i = 0; i < snapshot->pool_count; i++)
        check_pool(load, &snapshot->pools[i], uses[i]);
    for (size_t i = 0; i < snapshot->site_count; i++) {
        check_redundant_hosts(load, &snapshot->sites[i]);
        check_doors(load, &snapshot->sites[i], doors);
    }
    check_numbers(load);
    check_listeners(load);
    free(uses);
}
