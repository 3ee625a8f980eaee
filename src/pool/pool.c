// SPDX-License-Identifier: Apache-2.0
// Pools and what one worker keeps of them. A pool is immutable once built; a side belongs to its
// worker alone.
#include "pool/pool.h"

#include <stdlib.h>

#include "base/check.h"

// The index of the server of that name; `previous->server_count` when there is none.
static size_t find_previous(const struct pool *previous, const struct server_config *config)
{
    size_t i = 0;
    while (i < previous->server_count && strcmp(previous->servers[i]->name, config->name) != 0)
        i++;
    return i;
}

static bool is_same_place(const struct server_config *a, const struct server_config *b)
{
    return strcmp(a->host, b->host) == 0 && a->port == b->port;
}

static struct server *make_server(const struct pool *pool, const struct server_config *config,
                                  const struct pool *previous, const struct lookup *lookup)
{
    size_t i = previous ? find_previous(previous, config) : 0;
    bool is_known = previous && i < previous->server_count;
    struct server *before = is_known ? previous->servers[i] : NULL;
    bool may_keep = is_known && is_same_place(&previous->config->servers[i], config);
    struct address address;
    if (!lookup_address(lookup, config, may_keep ? &before->address : NULL, &address))
        return NULL;
    return server_new(pool->config, config, &address, before);
}

static bool add_servers(struct pool *pool, const struct pool *previous, const struct lookup *lookup,
                        struct tls_problem *ret_problem)
{
    for (size_t i = 0; i < pool->config->server_count; i++) {
        const struct server_config *config = &pool->config->servers[i];
        struct server *server = make_server(pool, config, previous, lookup);
        if (!server) {
            struct text text = text_over(ret_problem->text, sizeof ret_problem->text);
            text_add_printf(&text, "the address of server %.200s does not resolve: %.200s",
                            config->name, config->address);
            return false;
        }
        pool->servers[pool->server_count++] = server;
    }
    return true;
}

bool pool_has_moved(const struct pool *pool, const struct lookup *lookup)
{
    for (size_t i = 0; i < pool->server_count; i++) {
        struct address address;
        if (lookup_address(lookup, &pool->config->servers[i], &pool->servers[i]->address,
                           &address) &&
            !address_equal(&address, &pool->servers[i]->address))
            return true;
    }
    return false;
}

struct pool *pool_new(const struct pool_config *config, const struct pool *previous,
                      const struct lookup *lookup, struct tls_problem *ret_problem)
{
    struct pool *pool = calloc(1, sizeof *pool);
    CHECK(pool);
    pool->config = config;
    pool->servers = calloc(config->server_count + 1, sizeof(struct server *));
    CHECK(pool->servers);
    bool is_ready = add_servers(pool, previous, lookup, ret_problem);
    if (is_ready && previous && previous->config == config && previous->tls) {
        pool->tls = tls_client_share(previous->tls);
    } else if (is_ready && config->tls.enabled) {
        pool->tls = tls_client_new(config->tls.ca, config->tls.verify, ret_problem);
        is_ready = pool->tls != NULL;
    }
    return is_ready ? pool : pool_free(pool);
}

struct pool *pool_free(struct pool *pool)
{
    if (!pool)
        return NULL;
    for (size_t i = 0; i < pool->server_count; i++)
        server_unref(pool->servers[i]);
    free(pool->servers);
    tls_client_free(pool->tls);
    free(pool);
    return NULL;
}

const char *pool_tls_name(const struct pool *pool, const struct server *server)
{
    return pool->config->tls.name ? pool->config->tls.name : server->name;
}

static bool find_tallies(struct pool_side *side)
{
    bool has_all = side->tallies != NULL;
    for (size_t i = 0; has_all && i < side->pool->server_count; i++) {
        side->tallies[i] = server_tally_of(side->pool->servers[i], side->io);
        has_all = side->tallies[i] != NULL;
    }
    return has_all;
}

bool pool_side_init(struct pool_side *side, struct pool *pool, struct io_thread *io,
                    const struct timeouts_config *timeouts, uint64_t *next_link_id,
                    uint64_t id_step)
{
    size_t count = pool->server_count + 1;
    *side = (struct pool_side){.pool = pool,
                               .io = io,
                               .timeouts = timeouts,
                               .next_link_id = next_link_id,
                               .id_step = id_step};
    list_init(&side->idle);
    side->turns = calloc(count, sizeof *side->turns);
    side->tallies = calloc(count, sizeof(struct server_tally *));
    side->sessions = calloc(count, sizeof *side->sessions);
    for (size_t i = 0; pool->tls && side->sessions && i < pool->server_count; i++)
        side->sessions[i] = tls_sessions_new();
    return side->turns && side->sessions && find_tallies(side);
}

void pool_side_done(struct pool_side *side)
{
    while (!list_is_empty(&side->idle))
        link_close(CONTAINER(side->idle.next, struct link, siblings), false);
    CHECK(side->link_count == 0);
    for (size_t i = 0; side->sessions && i < side->pool->server_count; i++)
        tls_sessions_free(side->sessions[i]);
    free(side->sessions);
    free(side->tallies);
    free(side->turns);
}
