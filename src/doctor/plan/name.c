// SPDX-License-Identifier: Apache-2.0
// Which names stand in clients' address bars, and how each of them leads to a server: the hosts of
// sites, and the names of servers that clients are redirected to.
#include "doctor/plan/model.h"
#include "route/route.h"
#include "wire/host.h"

static struct plan_name *add_name(struct plan *plan, const char *host)
{
    for (size_t i = 0; i < plan->name_count; i++)
        if (strcmp(plan->names[i].host, host) == 0)
            return &plan->names[i];
    plan->names = plan_grow(plan->names, plan->name_count, sizeof *plan->names);
    struct plan_name *name = &plan->names[plan->name_count++];
    *name = (struct plan_name){
        .host = host, .is_pattern = host[0] == '*', .is_address = plan_is_address(host)};
    return name;
}

static unsigned ways_of_site(const struct plan *plan, const struct site_config *site)
{
    if (site->mode == SITE_PASSTHROUGH)
        return PLAN_PASSTHROUGH;
    unsigned ways = 0;
    for (size_t i = 0; i < site->route_count; i++) {
        const struct route_config *route = &site->routes[i];
        bool is_tls = plan->snapshot->pools[route->pool_index].tls.enabled;
        if (route->action == ROUTE_REDIRECT)
            ways |= PLAN_REDIRECT;
        else
            ways |= is_tls ? PLAN_FORWARD_TLS : PLAN_FORWARD_PLAIN;
    }
    return plan_uses_clear(plan, site) ? ways | PLAN_CLEAR : ways;
}

// The servers of a passed pool whose own names a pattern covers are names of their own.
static void add_covered(struct plan *plan, const struct site_config *site, const char *pattern)
{
    const struct pool_config *pool = &plan->snapshot->pools[site->pool_index];
    for (size_t i = 0; i < pool->server_count; i++) {
        const char *host = pool->servers[i].name;
        size_t index = route_site(plan->snapshot, span_text(host));
        if (!host_matches(span_text(pattern), span_text(host)) ||
            index != (size_t)(site - plan->snapshot->sites))
            continue;
        struct plan_name *name = add_name(plan, host);
        name->site = site;
        name->ways = PLAN_PASSTHROUGH;
        name->server = &pool->servers[i];
    }
}

static void add_hosts(struct plan *plan, const struct site_config *site)
{
    for (size_t i = 0; i < site->host_count; i++) {
        struct plan_name *name = add_name(plan, site->hosts[i]);
        name->site = site;
        name->ways = ways_of_site(plan, site);
        if (site->mode != SITE_PASSTHROUGH)
            continue;
        const struct pool_config *pool = &plan->snapshot->pools[site->pool_index];
        size_t index = route_named_server(pool, span_text(name->host));
        if (index != SIZE_MAX)
            name->server = &pool->servers[index];
        if (name->is_pattern)
            add_covered(plan, site, site->hosts[i]);
    }
}

// The site that answers for a name nobody names, on any TLS listener.
static const struct site_config *default_site(const struct plan *plan)
{
    for (size_t i = 0; i < plan->snapshot->listener_count; i++) {
        const struct listener_config *listener = &plan->snapshot->listeners[i];
        if (listener->is_tls && listener->site_index != SIZE_MAX)
            return &plan->snapshot->sites[listener->site_index];
    }
    return NULL;
}

static void add_target(struct plan *plan, const struct server_config *server)
{
    struct plan_name *name = add_name(plan, server->name);
    if (name->site)
        return; // a host of a site: clients come back
    size_t index =
        server->is_public ? SIZE_MAX : route_site(plan->snapshot, span_text(server->name));
    name->site = index == SIZE_MAX ? NULL : &plan->snapshot->sites[index];
    if (!name->site && !server->is_public)
        name->site = default_site(plan);
    name->server = server;
    name->ways = name->site ? ways_of_site(plan, name->site) : PLAN_DIRECT;
}

static void add_targets(struct plan *plan, const struct site_config *site)
{
    for (size_t i = 0; i < site->route_count; i++) {
        const struct route_config *route = &site->routes[i];
        if (route->action != ROUTE_REDIRECT)
            continue;
        const struct pool_config *pool = &plan->snapshot->pools[route->pool_index];
        for (size_t j = 0; j < pool->server_count; j++)
            add_target(plan, &pool->servers[j]);
    }
}

void plan_find_names(struct plan *plan)
{
    for (size_t i = 0; i < plan->snapshot->site_count; i++)
        add_hosts(plan, &plan->snapshot->sites[i]);
    for (size_t i = 0; i < plan->snapshot->site_count; i++)
        add_targets(plan, &plan->snapshot->sites[i]);
}
