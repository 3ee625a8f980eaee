// SPDX-License-Identifier: Apache-2.0
// Which names arrive at which server and how: what its bindings, certificate and Extended
// Protection must be ready for.
#include "base/check.h"
#include "doctor/plan/model.h"
#include "wire/host.h"

static struct plan_server *add_server(struct plan *plan, const struct server_config *config)
{
    for (size_t i = 0; i < plan->server_count; i++)
        if (strcmp(plan->servers[i].name, config->name) == 0)
            return &plan->servers[i];
    plan->servers = plan_grow(plan->servers, plan->server_count, sizeof *plan->servers);
    struct plan_server *server = &plan->servers[plan->server_count++];
    *server = (struct plan_server){.name = config->name, .config = config};
    return server;
}

static void add_arrival(struct plan_server *server, const char *host, unsigned port, unsigned ways,
                        bool is_login)
{
    server->ways |= ways;
    for (size_t i = 0; i < server->arrival_count; i++) {
        struct plan_arrival *arrival = &server->arrivals[i];
        if (arrival->port == port && strcmp(arrival->host, host) == 0) {
            arrival->ways |= ways;
            arrival->is_login |= is_login;
            return;
        }
    }
    server->arrivals = plan_grow(server->arrivals, server->arrival_count, sizeof *server->arrivals);
    server->arrivals[server->arrival_count++] =
        (struct plan_arrival){.host = host, .port = port, .ways = ways, .is_login = is_login};
}

static void add_forwarded(struct plan *plan, const struct site_config *site,
                          const struct pool_config *pool)
{
    unsigned way = pool->tls.enabled ? PLAN_FORWARD_TLS : PLAN_FORWARD_PLAIN;
    unsigned ways = plan_uses_clear(plan, site) ? way | PLAN_CLEAR : way;
    for (size_t i = 0; i < pool->server_count; i++) {
        const struct server_config *config = &pool->servers[i];
        struct plan_server *server = add_server(plan, config);
        for (size_t j = 0; j < site->host_count; j++)
            add_arrival(server, site->hosts[j], config->port, ways, true);
        if (pool->tls.enabled)
            add_arrival(server, plan_tls_name(pool, config), config->port, way, false);
        if (pool->tls.enabled && !server->forwarded_by)
            server->forwarded_by = site;
        if (pool->health.kind == HEALTH_HTTP)
            add_arrival(server, pool->health.host ? pool->health.host : config->name, config->port,
                        way, false);
    }
}

static bool is_own_name_of_other(const struct pool_config *pool, const char *host, size_t index)
{
    for (size_t i = 0; i < pool->server_count; i++)
        if (i != index && strcmp(pool->servers[i].name, host) == 0)
            return true;
    return false;
}

static void add_passed(struct plan *plan, const struct site_config *site)
{
    const struct pool_config *pool = &plan->snapshot->pools[site->pool_index];
    for (size_t i = 0; i < pool->server_count; i++) {
        const struct server_config *config = &pool->servers[i];
        struct plan_server *server = add_server(plan, config);
        server->ways |= PLAN_PASSTHROUGH;
        for (size_t j = 0; j < site->host_count; j++)
            if (!is_own_name_of_other(pool, site->hosts[j], i))
                add_arrival(server, site->hosts[j], config->port, PLAN_PASSTHROUGH, true);
    }
}

// Names of servers that clients are redirected to, or that a pattern passes through.
static void add_own_name(struct plan *plan, const struct plan_name *name)
{
    if (!name->server || !(name->ways & (PLAN_PASSTHROUGH | PLAN_DIRECT)))
        return;
    const struct server_config *config = name->server;
    struct plan_server *server = add_server(plan, config);
    bool is_direct = name->ways & PLAN_DIRECT;
    unsigned port = is_direct && config->redirect_port ? config->redirect_port : config->port;
    add_arrival(server, name->host, port, name->ways & (PLAN_PASSTHROUGH | PLAN_DIRECT), true);
}

static void add_site(struct plan *plan, const struct site_config *site)
{
    if (site->mode == SITE_PASSTHROUGH) {
        add_passed(plan, site);
        return;
    }
    for (size_t i = 0; i < site->route_count; i++)
        if (site->routes[i].action == ROUTE_FORWARD)
            add_forwarded(plan, site, &plan->snapshot->pools[site->routes[i].pool_index]);
}

void plan_find_servers(struct plan *plan)
{
    for (size_t i = 0; i < plan->snapshot->site_count; i++)
        add_site(plan, &plan->snapshot->sites[i]);
    for (size_t i = 0; i < plan->name_count; i++)
        add_own_name(plan, &plan->names[i]);
    for (size_t i = 0; i < plan->name_count; i++)
        for (size_t j = 0; j < plan->server_count; j++)
            if (plan->names[i].site && strcmp(plan->names[i].host, plan->servers[j].name) == 0)
                plan->servers[j].is_behind = true;
}
