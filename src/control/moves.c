// SPDX-License-Identifier: Apache-2.0
// One round at a time: a thread asks for the names of all servers and comes back by mail. When a
// server has moved, the same configuration is built anew with the new addresses and handed over as
// after a reload, so that pins and relays stay where they are.
#include "control/moves.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "control/notice.h"
#include "control/supervisor.h"

struct round {
    struct letter letter;
    struct moves *moves;
    struct service *service; // whose servers are asked for
    struct lookup *lookup;   // the thread's until the letter is opened
    pthread_t thread;
};

struct moves {
    struct supervisor *supervisor;
    struct timer timer;
    struct round *round; // under way, or NULL
};

static void wait_for_next(struct moves *moves)
{
    struct loop *loop = moves->supervisor->io.loop;
    uint64_t pause_ms = moves->supervisor->service->snapshot->timeouts.resolve_ms;
    loop_timer_set(loop, &moves->timer, loop_time_ms(loop) + pause_ms);
}

// ---- a round

static struct round *round_free(struct round *round)
{
    lookup_free(round->lookup);
    service_unref(round->service);
    free(round);
    return NULL;
}

static void *ask(void *argument)
{
    struct round *round = argument;
    lookup_run(round->lookup);
    mailbox_post(&round->moves->supervisor->mailbox, &round->letter);
    return NULL;
}

static bool has_moved(const struct service *service, const struct lookup *lookup)
{
    for (size_t i = 0; i < service->snapshot->pool_count; i++)
        if (pool_has_moved(service->pools[i], lookup))
            return true;
    return false;
}

static void tell(struct supervisor *supervisor, const struct service *before,
                 const struct service *after)
{
    for (size_t i = 0; i < before->snapshot->pool_count; i++)
        for (size_t j = 0; j < before->pools[i]->server_count; j++)
            if (before->pools[i]->servers[j] != after->pools[i]->servers[j])
                notice_move(supervisor, before->pools[i]->servers[j], after->pools[i]->servers[j]);
}

static void follow(struct supervisor *supervisor, const struct lookup *lookup)
{
    struct findings *findings = findings_new(supervisor->config_file);
    struct service *before = service_ref(supervisor->service);
    struct service *service =
        service_new(before->snapshot, before, lookup, supervisor->tickets, findings);
    if (service) {
        tell(supervisor, before, service);
        reload_adopt(supervisor, service, NULL);
    } else {
        supervisor_say("servers have moved, but what is needed for them cannot be built");
    }
    service_unref(before);
    findings_free(findings);
}

static void on_answer(struct letter *letter)
{
    struct round *round = CONTAINER(letter, struct round, letter);
    struct moves *moves = round->moves;
    struct supervisor *supervisor = moves->supervisor;
    pthread_join(round->thread, NULL);
    moves->round = NULL;
    // after a reload in between the names are another configuration's
    if (!supervisor->is_draining && round->service == supervisor->service &&
        has_moved(supervisor->service, round->lookup))
        follow(supervisor, round->lookup);
    round_free(round);
    wait_for_next(moves);
}

static void on_timer(struct timer *timer)
{
    struct moves *moves = CONTAINER(timer, struct moves, timer);
    struct round *round = calloc(1, sizeof *round);
    CHECK(round);
    round->letter.open = on_answer;
    round->moves = moves;
    round->service = service_ref(moves->supervisor->service);
    round->lookup = lookup_new();
    lookup_add_servers(round->lookup, round->service->snapshot);
    if (lookup_count(round->lookup) > 0 && io_thread_start(&round->thread, ask, round)) {
        moves->round = round;
        return;
    }
    round_free(round);
    wait_for_next(moves);
}

// ---- life

struct moves *moves_new(struct supervisor *supervisor)
{
    struct moves *moves = calloc(1, sizeof *moves);
    CHECK(moves);
    moves->supervisor = supervisor;
    timer_init(&moves->timer, on_timer);
    wait_for_next(moves);
    return moves;
}

void moves_adopt(struct moves *moves)
{
    if (!moves->round)
        wait_for_next(moves);
}

struct moves *moves_free(struct moves *moves)
{
    if (!moves)
        return NULL;
    while (moves->round) // at most the patience of a look
        loop_turn(moves->supervisor->io.loop, -1);
    loop_timer_clear(moves->supervisor->io.loop, &moves->timer);
    free(moves);
    return NULL;
}
