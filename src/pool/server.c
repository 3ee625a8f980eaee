// SPDX-License-Identifier: Apache-2.0
// Servers: their address and what all workers must know of each other's use of them. Counted, since
// snapshots share them.
#include <stdlib.h>
#include <xxhash.h>

#include "base/check.h"
#include "pool/pool.h"

struct server *server_new(const struct pool_config *pool, const struct server_config *config,
                          const struct address *address, struct server *previous)
{
    if (previous && address_equal(&previous->address, address))
        return server_ref(previous);
    struct server *server = calloc(1, sizeof *server);
    CHECK(server);
    atomic_init(&server->references, 1);
    server->address = *address;
    server->pool_name = strdup(pool->name);
    server->name = strdup(config->name);
    CHECK(server->pool_name && server->name);
    return server;
}

// ---- the certificate it shows

static uint64_t mark_of(const char *name, const struct tls_leaf *leaf)
{
    return XXH3_64bits_withSeed(leaf->sha256, sizeof leaf->sha256, XXH3_64bits(name, strlen(name)));
}

static struct server_shown shown_of(const char *name, const struct tls_leaf *leaf)
{
    struct server_shown shown = {.leaf = *leaf, .seen_us = loop_now_us()};
    struct text text = text_over(shown.name, sizeof shown.name - 1);
    text_add_string(&text, name);
    return shown;
}

void server_note_link_leaf(struct server *server, const char *name, const struct tls_leaf *leaf)
{
    uint64_t mark = mark_of(name, leaf);
    if (atomic_exchange(&server->shown_mark, mark) == mark)
        return;
    struct server_shown *shown = malloc(sizeof *shown);
    if (shown)
        *shown = shown_of(name, leaf);
    free(atomic_exchange(&server->shown_to_link, shown));
}

static bool take(struct server *server, const struct server_shown *shown)
{
    bool is_other = strcmp(server->shown.name, shown->name) != 0 ||
                    memcmp(server->shown.leaf.sha256, shown->leaf.sha256, TLS_SHA256_BYTES) != 0;
    server->shown = *shown;
    return is_other;
}

bool server_take_link_leaf(struct server *server)
{
    struct server_shown *shown = atomic_exchange(&server->shown_to_link, NULL);
    bool is_other = shown && take(server, shown);
    free(shown);
    return is_other;
}

bool server_note_leaf(struct server *server, const char *name, const struct tls_leaf *leaf)
{
    struct server_shown shown = shown_of(name, leaf);
    return take(server, &shown);
}

// ---- tallies

struct server_tally *server_tally_of(struct server *server, const void *worker)
{
    struct server_tally *first = atomic_load(&server->tallies);
    for (struct server_tally *tally = first; tally; tally = tally->next)
        if (tally->worker == worker)
            return tally;
    struct server_tally *tally = aligned_alloc(_Alignof(struct server_tally), sizeof *tally);
    if (!tally)
        return NULL;
    *tally = (struct server_tally){.next = first, .worker = worker};
    while (!atomic_compare_exchange_weak(&server->tallies, &tally->next, tally))
        ;
    return tally;
}

static uint64_t counted(const uint64_t *count)
{
    return __atomic_load_n(count, __ATOMIC_RELAXED);
}

void server_tally_sum(const struct server *server, struct server_tally *ret_sum)
{
    struct server_tally sum = {0};
    for (struct server_tally *tally = atomic_load(&server->tallies); tally; tally = tally->next) {
        sum.exchanges += counted(&tally->exchanges);
        sum.links_opened += counted(&tally->links_opened);
        sum.connect_errors += counted(&tally->connect_errors);
        sum.bytes_to_server += counted(&tally->bytes_to_server);
        sum.bytes_from_server += counted(&tally->bytes_from_server);
    }
    *ret_sum = sum;
}

static void free_tallies(struct server_tally *tally)
{
    while (tally) {
        struct server_tally *next = tally->next;
        free(tally);
        tally = next;
    }
}

struct server *server_ref(struct server *server)
{
    atomic_fetch_add(&server->references, 1);
    return server;
}

struct server *server_unref(struct server *server)
{
    if (server && atomic_fetch_sub(&server->references, 1) == 1) {
        free_tallies(atomic_load(&server->tallies));
        free(atomic_load(&server->shown_to_link));
        free(server->pool_name);
        free(server->name);
        free(server);
    }
    return NULL;
}
