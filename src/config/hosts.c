// SPDX-License-Identifier: Apache-2.0
// The hosts of all sites in an order in which they are found by halving, made once: every
// connection and every request asks for one. The texts stay those of the sites.
#include <stdlib.h>

#include "config/load.h"
#include "config/snapshot.h"

int host_order(struct span a, struct span b)
{
    if (a.size != b.size)
        return a.size < b.size ? -1 : 1;
    return a.size ? memcmp(a.data, b.data, a.size) : 0;
}

static int compare_entries(const void *a, const void *b)
{
    const struct host_entry *left = a;
    const struct host_entry *right = b;
    return host_order(left->text, right->text);
}

static void add(struct host_index *index, struct span text, size_t site_index)
{
    index->entries[index->count++] = (struct host_entry){text, site_index};
}

static void sort(struct host_index *index)
{
    if (index->count)
        qsort(index->entries, index->count, sizeof *index->entries, compare_entries);
}

void hosts_index(struct snapshot *snapshot)
{
    size_t count = 0;
    for (size_t i = 0; i < snapshot->site_count; i++)
        count += snapshot->sites[i].host_count;
    struct host_index *exact = &snapshot->exact_hosts;
    struct host_index *star = &snapshot->star_hosts;
    exact->entries = snapshot_alloc(snapshot, count * sizeof *exact->entries);
    star->entries = snapshot_alloc(snapshot, count * sizeof *star->entries);
    for (size_t i = 0; i < snapshot->site_count; i++)
        for (size_t j = 0; j < snapshot->sites[i].host_count; j++) {
            struct span host = span_text(snapshot->sites[i].hosts[j]);
            bool is_star = span_starts_with(host, SPAN("*."));
            add(is_star ? star : exact, is_star ? span_after(host, 1) : host, i);
        }
    sort(exact);
    sort(star);
}
