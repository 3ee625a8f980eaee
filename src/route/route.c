// SPDX-License-Identifier: Apache-2.0
// Looking up names and paths in a snapshot. No state, no allocation.
#include "route/route.h"

static size_t find_host(const struct host_index *index, struct span text)
{
    size_t low = 0;
    size_t high = index->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = host_order(index->entries[middle].text, text);
        if (order == 0)
            return index->entries[middle].site_index;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return SIZE_MAX;
}

// A star stands for exactly one label (RFC 6125 section 6.4.3), so one pattern at most can match.
size_t route_site(const struct snapshot *snapshot, struct span name)
{
    size_t exact = find_host(&snapshot->exact_hosts, name);
    size_t label = span_find(name, '.');
    if (exact != SIZE_MAX || label == 0 || label == name.size)
        return exact;
    return find_host(&snapshot->star_hosts, span_after(name, label));
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
