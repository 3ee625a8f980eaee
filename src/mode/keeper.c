// SPDX-License-Identifier: Apache-2.0
// The keeper owns every client of one worker and what the worker has of each service still in use.
// A service side goes when a newer one serves and the last client that lives on it has gone.
#include <stdlib.h>
#include <sys/random.h>

#include "base/check.h"
#include "mode/client.h"

#define EXCHANGES_KEPT 256

bool keeper_init(struct keeper *keeper, struct io_thread *io, unsigned worker, unsigned workers)
{
    keeper->io = io;
    keeper->id_step = workers;
    keeper->next_client_id = keeper->next_exchange_id = worker;
    keeper->next_link_id = keeper->next_login_id = worker;
    list_init(&keeper->sides);
    list_init(&keeper->clients);
    stock_init(&keeper->exchanges, sizeof(struct exchange), EXCHANGES_KEPT);
    ssize_t size = getrandom(&keeper->mark_secret, sizeof keeper->mark_secret, 0);
    return size == sizeof keeper->mark_secret;
}

static void side_free(struct service_side *side)
{
    list_leave(&side->siblings);
    for (size_t i = 0; side->pools && i < side->service->snapshot->pool_count; i++)
        pool_side_done(&side->pools[i]);
    service_unref(side->service);
    free(side->pools);
    free(side);
}

static void free_unused(struct keeper *keeper)
{
    LIST_EACH (item, &keeper->sides) {
        struct service_side *side = CONTAINER(item, struct service_side, siblings);
        if (side != keeper->side && side->clients == 0)
            side_free(side);
    }
}

void keeper_release_side(struct keeper *keeper, struct service_side *side)
{
    CHECK(side->clients > 0);
    if (--side->clients == 0 && side != keeper->side)
        side_free(side);
}

static bool init_pools(struct keeper *keeper, struct service_side *side)
{
    const struct snapshot *snapshot = side->service->snapshot;
    side->pools = calloc(snapshot->pool_count + 1, sizeof *side->pools);
    for (size_t i = 0; side->pools && i < snapshot->pool_count; i++) {
        struct pool_side *pool = &side->pools[i];
        if (!pool_side_init(pool, side->service->pools[i], keeper->io, &snapshot->timeouts,
                            &keeper->next_link_id, keeper->id_step))
            return false;
    }
    return side->pools != NULL;
}

// Whoever rests, and was shown a certificate that has gone, has a new deadline.
static void tell_clients(struct keeper *keeper)
{
    LIST_EACH (item, &keeper->clients) {
        struct client *client = CONTAINER(item, struct client, siblings);
        if (client->state == CLIENT_RESTING && client_is_due(client))
            client_rearm(client);
    }
}

bool keeper_adopt(struct keeper *keeper, struct service *service)
{
    struct service_side *side = calloc(1, sizeof *side);
    CHECK(side);
    list_init(&side->siblings);
    side->service = service_ref(service);
    CHECK(init_pools(keeper, side));
    list_join(&keeper->sides, &side->siblings);
    keeper->side = side;
    keeper->adoptions++;
    free_unused(keeper);
    tell_clients(keeper);
    return true;
}

void keeper_drain(struct keeper *keeper)
{
    keeper->is_draining = true;
    LIST_EACH (item, &keeper->clients) {
        struct client *client = CONTAINER(item, struct client, siblings);
        bool is_idle = client->state == CLIENT_RESTING || client->state == CLIENT_PEEKING;
        if (is_idle && !client_is_between_legs(client))
            client_close(client, END_STOPPING, false);
    }
}

void keeper_close_all(struct keeper *keeper, enum end end)
{
    while (!list_is_empty(&keeper->clients))
        client_close(CONTAINER(keeper->clients.next, struct client, siblings), end, false);
}

void keeper_done(struct keeper *keeper)
{
    CHECK(keeper->client_count == 0 && keeper->exchange_count == 0 && keeper->pin_count == 0);
    keeper->side = NULL;
    free_unused(keeper);
    CHECK(list_is_empty(&keeper->sides));
    stock_done(&keeper->exchanges);
    logbook_done(&keeper->logbook);
}
