// SPDX-License-Identifier: Apache-2.0
// From sites and routes to ways.
#include "route/way.h"

struct walk {
    const struct snapshot *snapshot;
    bool has_plain_listener;
    way_fn *visit;
    void *owner;
};

static bool is_first(const struct site_config *site, const struct route_config *route)
{
    for (const struct route_config *other = site->routes; other < route; other++)
        if (other->pool_index == route->pool_index && other->action == route->action)
            return false;
    return true;
}

static void walk_route(const struct walk *walk, size_t site_index, const struct route_config *route)
{
    const struct site_config *site = &walk->snapshot->sites[site_index];
    struct way way = {
        .site_index = site_index,
        .pool_index = route->pool_index,
        .client_is_tls = true,
        .route = route,
    };
    if (route->action == ROUTE_REDIRECT) {
        way.kind = PROTECTION_WAY_REDIRECT;
        walk->visit(walk->owner, &way);
        return;
    }
    if (site->certificate_count)
        walk->visit(walk->owner, &way);
    way.client_is_tls = false;
    if (site->plain_http && walk->has_plain_listener)
        walk->visit(walk->owner, &way);
}

static void walk_site(const struct walk *walk, size_t site_index)
{
    const struct site_config *site = &walk->snapshot->sites[site_index];
    if (site->mode == SITE_PASSTHROUGH) {
        struct way way = {.site_index = site_index,
                          .pool_index = site->pool_index,
                          .kind = PROTECTION_WAY_PASSTHROUGH,
                          .client_is_tls = true};
        walk->visit(walk->owner, &way);
        return;
    }
    for (size_t i = 0; i < site->route_count; i++)
        if (is_first(site, &site->routes[i]))
            walk_route(walk, site_index, &site->routes[i]);
}

void ways_each(const struct snapshot *snapshot, way_fn *visit, void *owner)
{
    struct walk walk = {.snapshot = snapshot, .visit = visit, .owner = owner};
    for (size_t i = 0; i < snapshot->listener_count; i++)
        walk.has_plain_listener = walk.has_plain_listener || !snapshot->listeners[i].is_tls;
    for (size_t i = 0; i < snapshot->site_count; i++)
        walk_site(&walk, i);
}

const char *way_word(enum protection_way kind)
{
    static const char *const words[] = {"forward", "passthrough", "redirect"};
    return words[kind];
}
