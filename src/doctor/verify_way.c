// SPDX-License-Identifier: Apache-2.0
// See verify_way.h. Pure: reads the snapshot.
#include "doctor/verify_way.h"

#include <stdio.h>

#include "route/route.h"

struct sink {
    struct verify_way *ways;
    size_t max;
    size_t count;
    unsigned port;
    const struct snapshot *snapshot;
};

// A listener by which the site is reached: with TLS, unless the site is served in clear only.
static const struct listener_config *listener_of(const struct snapshot *snapshot,
                                                 const struct site_config *site)
{
    const struct listener_config *plain = NULL;

    for (size_t i = 0; i < snapshot->listener_count; i++) {
        if (snapshot->listeners[i].is_tls)
            return &snapshot->listeners[i];
        if (!plain)
            plain = &snapshot->listeners[i];
    }
    return site->plain_http ? plain : NULL;
}

// False when there is no such way to be had, or no room for it.
static bool add(struct sink *sink, const struct site_config *site, const char *host,
                const char *path, enum verify_mode mode, const struct pool_config *pool,
                size_t server_index)
{
    const struct listener_config *listener = listener_of(sink->snapshot, site);
    struct verify_way way = {.mode = mode, .pool = pool, .server_index = server_index};

    if (!listener || strlen(path) >= sizeof(way.start.target))
        return false;
    snprintf(way.name, sizeof(way.name), "%.100s %.160s -> %.100s", site->name,
             mode == VERIFY_PASSTHROUGH ? host : path, pool->name);
    way.start.is_tls = listener->is_tls;
    way.start.port = sink->port ? sink->port : listener->port;
    snprintf(way.start.host, sizeof(way.start.host), "%s", host);
    snprintf(way.start.target, sizeof(way.start.target), "%s", path);
    if (sink->count < sink->max)
        sink->ways[sink->count] = way;
    sink->count++;
    return true;
}

// A name of the site that can be asked for; "*.example.com" cannot.
static const char *name_of(const struct site_config *site)
{
    for (size_t i = 0; i < site->host_count; i++)
        if (site->hosts[i][0] != '*')
            return site->hosts[i];
    return NULL;
}

static void add_routes(struct sink *sink, const struct site_config *site)
{
    const char *host = name_of(site);

    for (size_t i = 0; host && i < site->route_count; i++) {
        const struct route_config *route = &site->routes[i];
        add(sink, site, host, route->path,
            route->action == ROUTE_REDIRECT ? VERIFY_REDIRECT : VERIFY_FORWARD,
            &sink->snapshot->pools[route->pool_index], 0);
    }
}

// Each server by its own name where the site covers it; otherwise the first name of the site.
static void add_servers(struct sink *sink, const struct site_config *site)
{
    const struct pool_config *pool = &sink->snapshot->pools[site->pool_index];
    size_t named = 0;

    for (size_t i = 0; i < pool->server_count; i++) {
        const char *name = pool->servers[i].name;
        size_t index = route_site(sink->snapshot, span_text(name));
        if (index < sink->snapshot->site_count && &sink->snapshot->sites[index] == site)
            named += add(sink, site, name, "/", VERIFY_PASSTHROUGH, pool, i);
    }
    const char *host = name_of(site);
    if (named == 0 && host)
        add(sink, site, host, "/", VERIFY_PASSTHROUGH, pool, 0);
}

size_t verify_ways(const struct snapshot *snapshot, unsigned port, struct verify_way *ret_ways,
                   size_t max)
{
    struct sink sink = {.ways = ret_ways, .max = max, .port = port, .snapshot = snapshot};

    for (size_t i = 0; i < snapshot->site_count; i++) {
        if (snapshot->sites[i].mode == SITE_PASSTHROUGH)
            add_servers(&sink, &snapshot->sites[i]);
        else
            add_routes(&sink, &snapshot->sites[i]);
    }
    return sink.count;
}
