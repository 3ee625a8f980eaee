// SPDX-License-Identifier: Apache-2.0
// Where redirected clients end up: each server's own name must come back as passthrough, be public,
// or be answered by another site without sending the client round in a circle. Follows names the
// way the running program does: an exact host before a "*." one, the longest path first.
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/check.h"
#include "config/load.h"
#include "config/names.h"
#include "wire/host.h"

struct paths {
    struct load *load;
    struct names exact; // hosts without a star; the index is that of the site
    struct names stars; // "*.example.com"
    bool *visited;      // by number of route, counted through all sites
    bool *is_reported;  // by pool: its servers' names have been checked
    size_t *first_route;
};

static void paths_init(struct paths *paths, struct load *load)
{
    struct snapshot *snapshot = load->snapshot;
    size_t routes = 0;
    *paths = (struct paths){.load = load};
    paths->first_route = calloc(snapshot->site_count + 1, sizeof *paths->first_route);
    CHECK(paths->first_route);
    for (size_t i = 0; i < snapshot->site_count; i++) {
        const struct site_config *site = &snapshot->sites[i];
        paths->first_route[i] = routes;
        routes += site->route_count;
        for (size_t j = 0; j < site->host_count; j++) {
            const char *host = site->hosts[j];
            if (host)
                names_add(host[0] == '*' ? &paths->stars : &paths->exact, host, i, NULL);
        }
    }
    paths->visited = calloc(routes + 1, sizeof *paths->visited);
    paths->is_reported = calloc(snapshot->pool_count + 1, sizeof *paths->is_reported);
    CHECK(paths->visited && paths->is_reported);
}

static void paths_done(struct paths *paths)
{
    names_done(&paths->exact);
    names_done(&paths->stars);
    free(paths->visited);
    free(paths->is_reported);
    free(paths->first_route);
}

// The site that answers for `host`, or NULL.
static struct site_config *site_of(struct paths *paths, const char *host)
{
    const struct name *name = names_find(&paths->exact, host);
    const char *dot = strchr(host, '.');
    char pattern[HOST_NAME_MAX + 3];
    if (!name && dot && strlen(dot) < sizeof pattern - 1) {
        snprintf(pattern, sizeof pattern, "*%s", dot);
        name = names_find(&paths->stars, pattern);
    }
    return name ? &paths->load->snapshot->sites[name->index] : NULL;
}

// Is `path` that prefix or below it, on segment boundaries?
static bool is_below(const char *path, const char *prefix)
{
    size_t size = strlen(prefix);
    while (size && prefix[size - 1] == '/')
        size--;
    return strncasecmp(path, prefix, size) == 0 && (path[size] == '\0' || path[size] == '/');
}

// May a request that came by a route of `path` be answered by `route` of `site`? It is when the
// route lies below that path, or is the longest above it.
static bool is_reached(const struct site_config *site, const struct route_config *route,
                       const char *path)
{
    if (!route->path)
        return false;
    if (is_below(route->path, path))
        return true;
    if (!is_below(path, route->path))
        return false;
    for (size_t i = 0; i < site->route_count; i++) {
        const char *other = site->routes[i].path;
        if (other && is_below(path, other) && strlen(other) > strlen(route->path))
            return false;
    }
    return true;
}

static const struct pool_config *pool_of(const struct paths *paths, size_t index)
{
    return index == SIZE_MAX ? NULL : &paths->load->snapshot->pools[index];
}

// ---------------------------------------------------------------------------- circles

static bool is_redirect(const struct route_config *route)
{
    return route->action == ROUTE_REDIRECT && route->path && route->pool_index != SIZE_MAX;
}

// Does following redirects from `from` come back to `sought`? Names the server whose name leads
// back, in `ret_server`.
static bool leads_back(struct paths *paths, const struct route_config *from,
                       const struct route_config *sought, const struct server_config **ret_server);

static bool leads_back_by(struct paths *paths, struct site_config *site,
                          const struct route_config *from, const struct route_config *sought)
{
    size_t number = paths->first_route[site - paths->load->snapshot->sites];
    for (size_t i = 0; i < site->route_count; i++) {
        const struct route_config *next = &site->routes[i];
        const struct server_config *server;
        if (!is_redirect(next) || !is_reached(site, next, from->path))
            continue;
        if (next->pool_index == sought->pool_index)
            return true;
        if (paths->visited[number + i])
            continue;
        paths->visited[number + i] = true;
        if (leads_back(paths, next, sought, &server))
            return true;
    }
    return false;
}

static bool leads_back(struct paths *paths, const struct route_config *from,
                       const struct route_config *sought, const struct server_config **ret_server)
{
    const struct pool_config *pool = pool_of(paths, from->pool_index);
    for (size_t i = 0; pool && i < pool->server_count; i++) {
        const struct server_config *server = &pool->servers[i];
        if (!server->name || server->is_public)
            continue;
        struct site_config *site = site_of(paths, server->name);
        if (!site || site->mode != SITE_HTTP || !leads_back_by(paths, site, from, sought))
            continue;
        *ret_server = server;
        return true;
    }
    return false;
}

static bool check_circle(struct paths *paths, const struct route_config *route, size_t route_count)
{
    const struct server_config *server;
    memset(paths->visited, 0, route_count * sizeof *paths->visited);
    if (!leads_back(paths, route, route, &server))
        return false;
    load_error(
        paths->load, &route->redirect, route, NULL,
        "give the servers' names to a site with passthrough, or forward instead",
        "clients would be redirected in a circle: %s is a host of a site that redirects them again",
        server->name);
    return true;
}

// ---------------------------------------------------------------------------- names that come back

static bool has_server(const struct pool_config *pool, const char *name)
{
    for (size_t i = 0; i < pool->server_count; i++)
        if (pool->servers[i].name && strcmp(pool->servers[i].name, name) == 0)
            return true;
    return false;
}

// Names of no site go to the default site of the listener, which may pass them through.
static bool is_passed_by_default(const struct paths *paths, const char *name)
{
    const struct snapshot *snapshot = paths->load->snapshot;
    for (size_t i = 0; i < snapshot->listener_count; i++) {
        size_t site = snapshot->listeners[i].site_index;
        if (!snapshot->listeners[i].is_tls || site == SIZE_MAX)
            continue;
        const struct pool_config *pool = pool_of(paths, snapshot->sites[site].pool_index);
        if (pool && has_server(pool, name))
            return true;
    }
    return false;
}

static bool has_listener(const struct snapshot *snapshot, unsigned port)
{
    for (size_t i = 0; i < snapshot->listener_count; i++)
        if (snapshot->listeners[i].is_tls && snapshot->listeners[i].port == port)
            return true;
    return false;
}

static void check_return(struct paths *paths, const struct route_config *route,
                         const struct pool_config *pool, const struct server_config *server)
{
    struct load *load = paths->load;
    struct site_config *site = site_of(paths, server->name);
    const struct pool_config *passed = site ? pool_of(paths, site->pool_index) : NULL;
    if (!site && is_passed_by_default(paths, server->name))
        return;
    if (!site) {
        load_warning(load, &route->redirect, route, NULL,
                     "add a site with these hosts and passthrough, or write public: true at the "
                     "server if clients "
                     "reach it without passing through here",
                     "clients are redirected to %s, which no site passes through", server->name);
        return;
    }
    if (site->mode == SITE_PASSTHROUGH && passed && !has_server(passed, server->name))
        load_warning(load, &route->redirect, route, NULL, "pass it through to the pool that has it",
                     "clients are redirected to %s, but site %s passes that name to pool %s, which "
                     "has no such "
                     "server",
                     server->name, site->name ? site->name : "", passed->name ? passed->name : "");
    if (server->redirect_port && !has_listener(load->snapshot, server->redirect_port))
        load_warning(load, &server->redirect_port, server, "the port of a TLS listener",
                     "or public: true, if clients reach it without passing through here",
                     "clients of pool %s are redirected to port %u, on which nothing listens here",
                     pool->name ? pool->name : "", server->redirect_port);
}

static void check_returns(struct paths *paths, const struct route_config *route)
{
    const struct pool_config *pool = pool_of(paths, route->pool_index);
    if (paths->is_reported[route->pool_index])
        return;
    paths->is_reported[route->pool_index] = true;
    for (size_t i = 0; i < pool->server_count; i++) {
        const struct server_config *server = &pool->servers[i];
        if (server->name && !server->is_public)
            check_return(paths, route, pool, server);
    }
}

// ---------------------------------------------------------------------------- plain listeners

// A listener that could not be read may be any.
static bool are_listeners_read(const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->listener_count; i++)
        if (!snapshot->listeners[i].address)
            return false;
    return true;
}

static bool redirects_to_https(const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->site_count; i++) {
        const struct site_config *site = &snapshot->sites[i];
        if (!site->plain_http)
            return true;
        for (size_t j = 0; j < site->route_count; j++)
            if (site->routes[j].action == ROUTE_REDIRECT)
                return true;
    }
    return false;
}

// Who writes a port knows of something before us that hands it on. Port 0 is whichever the kernel
// gives a listener. That no listener speaks TLS is said of the sites.
static void check_https_port(struct load *load, struct listener_config *listener)
{
    const struct snapshot *snapshot = load->snapshot;
    bool speaks_tls = false;
    for (size_t i = 0; i < snapshot->listener_count; i++)
        speaks_tls = speaks_tls || snapshot->listeners[i].is_tls;
    if (listener->is_tls || !speaks_tls || load_is_written(load, &listener->redirect_port) ||
        has_listener(snapshot, listener->redirect_port) || has_listener(snapshot, 0))
        return;
    load_warning(load, &listener->redirect_port, listener, "the port of a TLS listener",
                 "write redirect_port: the port by which clients reach a TLS listener",
                 "clients are redirected to https on port %u, on which nothing listens here",
                 listener->redirect_port);
}

static void check_https_ports(struct load *load)
{
    struct snapshot *snapshot = load->snapshot;
    if (!are_listeners_read(snapshot) || !redirects_to_https(snapshot))
        return;
    for (size_t i = 0; i < snapshot->listener_count; i++)
        check_https_port(load, &snapshot->listeners[i]);
}

void cross_redirects(struct load *load)
{
    struct snapshot *snapshot = load->snapshot;
    struct paths paths;
    check_https_ports(load);
    paths_init(&paths, load);
    size_t route_count = 0;
    for (size_t i = 0; i < snapshot->site_count; i++)
        route_count += snapshot->sites[i].route_count;
    for (size_t i = 0; i < snapshot->site_count; i++)
        for (size_t j = 0; j < snapshot->sites[i].route_count; j++) {
            const struct route_config *route = &snapshot->sites[i].routes[j];
            if (is_redirect(route) && !check_circle(&paths, route, route_count))
                check_returns(&paths, route);
        }
    paths_done(&paths);
}
