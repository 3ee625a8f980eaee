// SPDX-License-Identifier: Apache-2.0
// Pools and what one worker keeps of them. A pool is immutable once built; a side belongs to its
// worker alone.
#include "pool/pool.h"

#include <stdlib.h>

#include "base/check.h"

static bool add_servers(struct pool *pool, const struct pool *previous,
                        struct tls_problem *ret_problem)
{
    const struct pool_config *config = pool->config;
    for (size_t i = 0; i < config->server_count; i++) {
        struct server *server =
            server_new(config, &config->servers[i], previous ? previous->servers : NULL,
                       previous ? previous->server_count : 0);
        if (!server) {
            struct text text = text_over(ret_problem->text, sizeof ret_problem->text);
            text_add_printf(&text, "the address of server %.200s does not resolve: %.200s",
                            config->servers[i].name, config->servers[i].address);
            return false;
        }
        pool->servers[pool->server_count++] = server;
    }
    return true;
}

struct pool *pool_new(const struct pool_config *config, const struct pool *previous,
                      struct tls_problem *ret_problem)
{
    struct pool *pool = calloc(1, sizeof *pool);
    CHECK(pool);
    pool->config = config;
    pool->servers = calloc(config->server_count + 1, sizeof(struct server *));
    CHECK(pool->servers);
    bool is_ready = add_servers(pool, previous, ret_problem);
    if (is_ready && config->tls.enabled) {
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
