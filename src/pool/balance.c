// SPDX-License-Identifier: Apache-2.0
// Choosing a server: smooth weighted round robin, least connections, rendezvous hash of the
// client's address. A choice looks at verdicts and limits but never waits for them.
#include <math.h>
#include <xxhash.h>

#include "pool/pool.h"

bool pool_may_take(const struct pool_side *side, size_t server_index)
{
    const struct server_config *config = &side->pool->config->servers[server_index];
    struct server *server = side->pool->servers[server_index];
    if (config->weight == 0 || atomic_load(&server->verdict) == VERDICT_DOWN)
        return false;
    return config->links_max == 0 || atomic_load(&server->links) < config->links_max;
}

static bool is_avoided(const struct pool_side *side, size_t i)
{
    return atomic_load(&side->pool->servers[i]->avoided_until) > loop_time_ms(side->io->loop);
}

struct choice {
    struct pool_side *side;
    struct span client;
    const struct tried *tried;
    bool with_avoided; // second round: those passively marked, too
};

static bool is_candidate(const struct choice *choice, size_t i)
{
    return !tried_has(choice->tried, i) && pool_may_take(choice->side, i) &&
           (choice->with_avoided || !is_avoided(choice->side, i));
}

static unsigned weight_of(const struct choice *choice, size_t i)
{
    return choice->side->pool->config->servers[i].weight;
}

// Every candidate gains its weight; the richest is taken and pays the sum.
static size_t by_turns(const struct choice *choice)
{
    struct pool_side *side = choice->side;
    size_t best = SIZE_MAX;
    int64_t total = 0;
    for (size_t i = 0; i < side->pool->server_count; i++) {
        if (!is_candidate(choice, i))
            continue;
        side->turns[i] += weight_of(choice, i);
        total += weight_of(choice, i);
        if (best == SIZE_MAX || side->turns[i] > side->turns[best])
            best = i;
    }
    if (best != SIZE_MAX)
        side->turns[best] -= total;
    return best;
}

// The fewest links for its weight; among equals their turn decides.
static size_t by_links(const struct choice *choice)
{
    struct pool_side *side = choice->side;
    size_t best = SIZE_MAX;
    double best_load = 0;
    for (size_t i = 0; i < side->pool->server_count; i++) {
        if (!is_candidate(choice, i))
            continue;
        side->turns[i] += weight_of(choice, i);
        double load =
            (double)(atomic_load(&side->pool->servers[i]->links) + 1) / weight_of(choice, i);
        bool is_better = best == SIZE_MAX || load < best_load ||
                         (load <= best_load && side->turns[i] > side->turns[best]);
        if (is_better) {
            best = i;
            best_load = load;
        }
    }
    if (best != SIZE_MAX)
        side->turns[best] = 0;
    return best;
}

// Weighted rendezvous: each server scores weight / -ln(hash); a server that comes or goes moves
// only its own clients.
static size_t by_source(const struct choice *choice)
{
    const struct pool *pool = choice->side->pool;
    size_t best = SIZE_MAX;
    double best_score = 0;
    for (size_t i = 0; i < pool->server_count; i++) {
        if (!is_candidate(choice, i))
            continue;
        const char *name = pool->config->servers[i].name;
        uint64_t seed = XXH64(name, strlen(name), 0);
        uint64_t hash = XXH64(choice->client.data, choice->client.size, seed);
        double fraction = ((double)(hash >> 11) + 0.5) / 9007199254740992.0;
        double score = weight_of(choice, i) / -log(fraction);
        if (best == SIZE_MAX || score > best_score) {
            best = i;
            best_score = score;
        }
    }
    return best;
}

static size_t choose(const struct choice *choice)
{
    switch (choice->side->pool->config->balance) {
    case BALANCE_LEAST_CONNECTIONS:
        return by_links(choice);
    case BALANCE_SOURCE:
        return by_source(choice);
    case BALANCE_ROUND_ROBIN:
        break;
    }
    return by_turns(choice);
}

size_t pool_choose(struct pool_side *side, struct span client, const struct tried *tried)
{
    struct choice choice = {side, client, tried, false};
    if (tried_is_full(tried))
        return SIZE_MAX;
    size_t chosen = choose(&choice);
    if (chosen != SIZE_MAX)
        return chosen;
    choice.with_avoided = true;
    return choose(&choice);
}
