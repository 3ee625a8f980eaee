// SPDX-License-Identifier: Apache-2.0
// Names that must be unique and names that must exist. Resolves every reference of the snapshot to
// an index.
#include <stdio.h>

#include "config/endpoint.h"
#include "config/load.h"
#include "config/names.h"
#include "config/snapshot.h"
#include "wire/host.h"

struct index {
    struct names sites;
    struct names pools;
    struct names hosts; // of all sites; the index is that of the site
};

// Where that member was written, as " (line 12)", for the other half of a finding about two places.
static const char *line_of(struct load *load, const void *member, char out[32])
{
    const struct mark *mark = marks_find(&load->marks, member);
    out[0] = '\0';
    if (mark)
        snprintf(out, 32, " (line %u)", mark->place.line);
    return out;
}

static void refuse_duplicates(struct load *load, struct names *names, const char *what,
                              const char *advice)
{
    names_sort(names);
    size_t first = 0;
    for (size_t i = 1; i < names->count; i++) {
        if (strcmp(names->items[first].text, names->items[i].text) != 0) {
            first = i;
            continue;
        }
        const struct mark *other = marks_find(&load->marks, names->items[first].owner);
        char line[32];
        load_error(load, names->items[i].owner, NULL, NULL, advice, "%s %s is already that of %s%s",
                   what, names->items[i].text, other ? other->path : "another",
                   line_of(load, names->items[first].owner, line));
    }
}

// ---------------------------------------------------------------------------- listeners

static bool is_overlap(const struct listener_config *a, const struct listener_config *b)
{
    if (!a->address || !b->address || a->port != b->port || a->port == 0)
        return false;
    return endpoint_overlap(a->address, b->address);
}

// The metrics' door is one more bind.
static void check_metrics(struct load *load)
{
    struct snapshot *snapshot = load->snapshot;
    struct listener_config door = {.address = snapshot->metrics_address,
                                   .port = snapshot->metrics_port};
    for (size_t i = 0; i < snapshot->listener_count; i++) {
        const struct listener_config *listener = &snapshot->listeners[i];
        char line[32];
        if (!is_overlap(&door, listener))
            continue;
        load_error(load, &snapshot->metrics, NULL, NULL, "give the metrics a port of their own",
                   "port %u is already taken by listeners[%zu], %s%s", door.port, i, listener->bind,
                   line_of(load, &listener->bind, line));
        return;
    }
}

static void check_binds(struct load *load)
{
    struct snapshot *snapshot = load->snapshot;
    for (size_t i = 1; i < snapshot->listener_count; i++)
        for (size_t j = 0; j < i; j++) {
            struct listener_config *earlier = &snapshot->listeners[j];
            struct listener_config *later = &snapshot->listeners[i];
            char line[32];
            if (!is_overlap(earlier, later))
                continue;
            load_error(load, &later->bind, later, NULL, "one listener can serve both",
                       "port %u is already taken by listeners[%zu], %s%s", later->port, j,
                       earlier->bind, line_of(load, &earlier->bind, line));
            break;
        }
}

static void resolve_default_site(struct load *load, struct index *index,
                                 struct listener_config *listener)
{
    if (!listener->default_site)
        return;
    const struct name *site = names_find(&index->sites, listener->default_site);
    if (site) {
        listener->site_index = site->index;
        return;
    }
    const char *nearest = names_suggest(&index->sites, listener->default_site);
    char advice[192] = "";
    if (nearest)
        snprintf(advice, sizeof advice, "did you mean %s?", nearest);
    load_error(load, &listener->default_site, listener, "the name of a site", advice,
               "no site is named %s", listener->default_site);
}

// ---------------------------------------------------------------------------- references to pools

static size_t resolve_pool(struct load *load, struct index *index, const void *member,
                           const void *owner, const char *wanted)
{
    if (!wanted)
        return SIZE_MAX;
    const struct name *pool = names_find(&index->pools, wanted);
    if (pool)
        return pool->index;
    const char *nearest = names_suggest(&index->pools, wanted);
    char advice[192] = "";
    if (nearest)
        snprintf(advice, sizeof advice, "did you mean %s?", nearest);
    load_error(load, member, owner, "the name of a pool", advice, "no pool is named %s", wanted);
    return SIZE_MAX;
}

static void resolve_route(struct load *load, struct index *index, struct route_config *route)
{
    bool has_forward = load_is_written(load, &route->forward);
    bool has_redirect = load_is_written(load, &route->redirect);
    if (has_forward && has_redirect) {
        load_error(load, &route->redirect, route, "forward or redirect", "remove one of them",
                   "the route has both forward and redirect");
        return;
    }
    if (!has_forward && !has_redirect) {
        load_error(load, route, NULL, "forward: POOL or redirect: POOL", NULL,
                   "the route does not say where to");
        return;
    }
    const void *member = has_redirect ? &route->redirect : &route->forward;
    route->pool_index = resolve_pool(load, index, member, route, route->pool);
}

// ---------------------------------------------------------------------------- sites

// What two paths have in common when they match the same requests: case and a slash at the end do
// not count.
static const char *path_key(struct load *load, const char *path)
{
    if (!path)
        return NULL;
    char *key = snapshot_text(load->snapshot, span_text(path));
    for (char *c = key; *c; c++)
        *c = (char)ascii_lower((uint8_t)*c);
    size_t size = strlen(key);
    if (size > 1 && key[size - 1] == '/')
        key[size - 1] = '\0';
    return key;
}

static void check_route_paths(struct load *load, struct site_config *site)
{
    struct names paths = {0};
    for (size_t i = 0; i < site->route_count; i++)
        names_add(&paths, path_key(load, site->routes[i].path), i, &site->routes[i].path);
    refuse_duplicates(load, &paths, "the path",
                      "case and a slash at the end do not count, so one of them is never used");
    names_done(&paths);
}

static void check_mode(struct load *load, struct site_config *site)
{
    bool has_routes = load_is_written(load, &site->routes);
    if (site->mode == SITE_PASSTHROUGH && has_routes)
        load_error(load, &site->passthrough, site, "passthrough or routes",
                   "make two sites with different hosts",
                   "the site has passthrough beside routes, but paths of what is passed through "
                   "cannot be seen");
    if (site->mode == SITE_HTTP && !has_routes)
        load_error(load, site, NULL, "routes, or passthrough: POOL", NULL, "the site has no route");
}

static bool has_tls_listener(const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->listener_count; i++)
        if (snapshot->listeners[i].is_tls)
            return true;
    return false;
}

static void check_site(struct load *load, struct index *index, struct site_config *site)
{
    check_mode(load, site);
    check_route_paths(load, site);
    site->pool_index = resolve_pool(load, index, &site->passthrough, site, site->passthrough);
    for (size_t i = 0; i < site->route_count; i++)
        resolve_route(load, index, &site->routes[i]);
    bool has_certificates = load_is_written(load, &site->certificates);
    if (site->mode == SITE_HTTP && has_tls_listener(load->snapshot) && !has_certificates)
        load_error(load, site, NULL, "certificates: [{chain: FILE, key: FILE}]",
                   "or passthrough: POOL, where the servers have them",
                   "the site has no certificate, but a listener speaks TLS");
}

// ---------------------------------------------------------------------------- all

static void index_build(struct load *load, struct index *index)
{
    struct snapshot *snapshot = load->snapshot;
    for (size_t i = 0; i < snapshot->site_count; i++) {
        struct site_config *site = &snapshot->sites[i];
        names_add(&index->sites, site->name, i, &site->name);
        for (size_t j = 0; j < site->host_count; j++)
            names_add(&index->hosts, site->hosts[j], i, &site->hosts[j]);
    }
    for (size_t i = 0; i < snapshot->pool_count; i++)
        names_add(&index->pools, snapshot->pools[i].name, i, &snapshot->pools[i].name);
}

static void check_server_names(struct load *load, struct pool_config *pool)
{
    struct names names = {0};
    for (size_t i = 0; i < pool->server_count; i++)
        names_add(&names, pool->servers[i].name, i, &pool->servers[i].name);
    refuse_duplicates(load, &names, "the name", "servers of one pool need names of their own");
    names_done(&names);
}

void cross_check(struct load *load)
{
    struct snapshot *snapshot = load->snapshot;
    struct index index = {0};
    index_build(load, &index);
    refuse_duplicates(load, &index.sites, "the name", "give the site a name of its own");
    refuse_duplicates(load, &index.pools, "the name", "give the pool a name of its own");
    refuse_duplicates(load, &index.hosts, "the host", "a host belongs to one site");
    check_binds(load);
    check_metrics(load);
    for (size_t i = 0; i < snapshot->listener_count; i++)
        resolve_default_site(load, &index, &snapshot->listeners[i]);
    for (size_t i = 0; i < snapshot->site_count; i++)
        check_site(load, &index, &snapshot->sites[i]);
    for (size_t i = 0; i < snapshot->pool_count; i++)
        check_server_names(load, &snapshot->pools[i]);
    names_done(&index.sites);
    names_done(&index.pools);
    names_done(&index.hosts);
}
