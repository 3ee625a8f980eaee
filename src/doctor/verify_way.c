// SPDX-License-Identifier: Apache-2.0
// See verify_way.h. Pure: reads the snapshot.
#include "doctor/verify_way.h"

#include <stdio.h>

#include "route/route.h"

struct sink {
    struct verify_way *ways;
    size_t max;
    size_t count;
    const struct verify_wish *wish;
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

static bool is_given(const struct verify_wish *wish, const char *host)
{
    for (size_t i = 0; i < wish->host_count; i++)
        if (strcmp(wish->hosts[i], host) == 0)
            return true;
    return false;
}

static void name_way(const struct verify_wish *wish, const struct site_config *site,
                     const char *path, struct verify_way *way)
{
    const char *host = way->start.host;
    bool is_passed = way->mode == VERIFY_PASSTHROUGH;

    snprintf(way->name, sizeof(way->name), "%.80s %.90s%.90s -> %.90s", site->name,
             is_passed || is_given(wish, host) ? host : "", is_passed ? "" : path, way->pool->name);
}

// False when there is no such way to be had. `way` has its mode, its pool and its server.
static bool add(struct sink *sink, const struct site_config *site, const char *host,
                const char *path, struct verify_way way)
{
    const struct listener_config *listener = listener_of(sink->snapshot, site);

    if (!listener || strlen(path) >= sizeof(way.start.target))
        return false;
    way.start.is_tls = listener->is_tls;
    way.start.port = sink->wish->port ? sink->wish->port : listener->port;
    snprintf(way.start.host, sizeof(way.start.host), "%s", host);
    snprintf(way.start.target, sizeof(way.start.target), "%s", path);
    name_way(sink->wish, site, path, &way);
    if (sink->count < sink->max)
        sink->ways[sink->count] = way;
    sink->count++;
    return true;
}

static bool has_name(const struct snapshot *snapshot, const struct site_config *site,
                     const char *host)
{
    size_t index = route_site(snapshot, span_text(host));
    return index < snapshot->site_count && &snapshot->sites[index] == site;
}

// The names by which the site is asked for: those that were given, or else the first that has no
// star. How many; none when all have stars.
static size_t hosts_of(const struct sink *sink, const struct site_config *site,
                       const char *ret_hosts[VERIFY_HOSTS_MAX])
{
    const struct verify_wish *wish = sink->wish;
    size_t count = 0;

    for (size_t i = 0; i < wish->host_count; i++)
        if (has_name(sink->snapshot, site, wish->hosts[i]))
            ret_hosts[count++] = wish->hosts[i];
    for (size_t i = 0; count == 0 && i < site->host_count; i++)
        if (site->hosts[i][0] != '*')
            ret_hosts[count++] = site->hosts[i];
    return count;
}

static void add_routes(struct sink *sink, const struct site_config *site)
{
    const char *hosts[VERIFY_HOSTS_MAX];
    size_t count = hosts_of(sink, site, hosts);

    for (size_t i = 0; i < count * site->route_count; i++) {
        const struct route_config *route = &site->routes[i % site->route_count];
        struct verify_way way = {.pool = &sink->snapshot->pools[route->pool_index]};
        way.mode = route->action == ROUTE_REDIRECT ? VERIFY_REDIRECT : VERIFY_FORWARD;
        add(sink, site, hosts[i / site->route_count], route->path, way);
    }
}

// Each server by its own name where the site covers it, and any other name that was given; without
// either the first name of the site.
static void add_servers(struct sink *sink, const struct site_config *site)
{
    const struct pool_config *pool = &sink->snapshot->pools[site->pool_index];
    struct verify_way way = {.mode = VERIFY_PASSTHROUGH, .pool = pool};
    const char *hosts[VERIFY_HOSTS_MAX];
    size_t count = hosts_of(sink, site, hosts);
    size_t named = 0;

    for (size_t i = 0; i < pool->server_count; i++) {
        way.server_index = i;
        if (has_name(sink->snapshot, site, pool->servers[i].name))
            named += add(sink, site, pool->servers[i].name, "/", way);
    }
    way.server_index = 0;
    for (size_t i = 0; i < count; i++)
        if (route_named_server(pool, span_text(hosts[i])) == SIZE_MAX &&
            (named == 0 || is_given(sink->wish, hosts[i])))
            add(sink, site, hosts[i], "/", way);
}

static void leave_out(const struct sink *sink, const struct site_config *site,
                      struct verify_report *report)
{
    struct verify_left_out *left_out = &report->left_out[report->left_out_count++];
    const char *hosts[VERIFY_HOSTS_MAX];

    snprintf(left_out->site, sizeof(left_out->site), "%.300s", site->name);
    if (!listener_of(sink->snapshot, site))
        snprintf(left_out->why, sizeof(left_out->why),
                 "no listener speaks TLS, and the site is not served in clear");
    else if (hosts_of(sink, site, hosts) == 0)
        snprintf(left_out->why, sizeof(left_out->why),
                 "all its names have stars: say which one to ask for, such as --host NAME%.260s",
                 site->hosts[0] + 1);
    else
        snprintf(left_out->why, sizeof(left_out->why), "it has no path that can be asked for");
}

size_t verify_ways(const struct snapshot *snapshot, const struct verify_wish *wish,
                   struct verify_way *ret_ways, size_t max, struct verify_report *report)
{
    struct sink sink = {.ways = ret_ways, .max = max, .wish = wish, .snapshot = snapshot};

    for (size_t i = 0; i < snapshot->site_count; i++) {
        const struct site_config *site = &snapshot->sites[i];
        size_t before = sink.count;
        if (site->mode == SITE_PASSTHROUGH)
            add_servers(&sink, site);
        else
            add_routes(&sink, site);
        if (sink.count == before)
            leave_out(&sink, site, report);
    }
    return sink.count;
}

const char *verify_unknown_host(const struct snapshot *snapshot, const struct verify_wish *wish)
{
    for (size_t i = 0; i < wish->host_count; i++)
        if (route_site(snapshot, span_text(wish->hosts[i])) == SIZE_MAX)
            return wish->hosts[i];
    return NULL;
}
