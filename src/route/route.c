// SPDX-License-Identifier: Apache-2.0
// Looking up names and paths in a snapshot. No state, no allocation.
#include "route/route.h"

static bool site_has(const struct site_config *site, struct span name, bool by_wildcard)
{
    for (size_t i = 0; i < site->host_count; i++) {
        struct span pattern = span_text(site->hosts[i]);
        if (span_starts_with(pattern, SPAN("*.")) != by_wildcard)
            continue;
        if (host_matches(pattern, name))
            return true;
    }
    return false;
}

static size_t find_site(const struct snapshot *snapshot, struct span name, bool by_wildcard)
{
    for (size_t i = 0; i < snapshot->site_count; i++)
        if (site_has(&snapshot->sites[i], name, by_wildcard))
            return i;
    return SIZE_MAX;
}

size_t route_site(const struct snapshot *snapshot, struct span name)
{
    size_t exact = find_site(snapshot, name, false);
    return exact != SIZE_MAX ? exact : find_site(snapshot, name, true);
}

static bool covers(struct span prefix, struct span path)
{
    if (prefix.size > 1 && prefix.data[prefix.size - 1] == '/')
        prefix.size--;
    if (!span_starts_with_nocase(path, prefix))
        return false;
    return prefix.size == 1 || path.size == prefix.size || path.data[prefix.size] == '/';
}

const struct route_config *route_find(const struct site_config *site, struct span path)
{
    const struct route_config *best = NULL;
    size_t best_size = 0;
    for (size_t i = 0; i < site->route_count; i++) {
        struct span prefix = span_text(site->routes[i].path);
        if (prefix.size > best_size && covers(prefix, path)) {
            best = &site->routes[i];
            best_size = prefix.size;
        }
    }
    return best;
}

size_t route_named_server(const struct pool_config *pool, struct span name)
{
    for (size_t i = 0; i < pool->server_count; i++)
        if (span_equal_nocase(span_text(pool->servers[i].name), name))
            return i;
    return SIZE_MAX;
}
