// SPDX-License-Identifier: Apache-2.0
// Links: opening, lending, closing. A link is held by exactly one holder; the list it is on says
// which. What carried credentials never comes back to an idle list: link_give_idle is the only way
// there, and it asks the binding.
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "pool/pool.h"

#define AVOIDED_MS     10000 // after connect errors in a row
#define AVOIDED_ERRORS 3

// Checks see the certificate themselves.
static void note_leaf(const struct link *link)
{
    const struct pool *pool = link->side->pool;
    struct tls_leaf leaf;
    if (pool->tls && pool->config->health.kind == HEALTH_NONE &&
        tls_channel_peer_leaf(link->channel, &leaf))
        server_note_link_leaf(link->server, pool_tls_name(pool, link->server), &leaf);
}

static void note_connect(struct link *link, bool succeeded)
{
    struct server *server = link->server;
    if (succeeded) {
        link->connect_us = loop_now_us() - link->opened_us;
        atomic_store(&server->connect_errors, 0);
        atomic_store(&server->avoided_until, 0);
        note_leaf(link);
        return;
    }
    server_count(&link->side->tallies[link->server_index]->connect_errors, 1);
    if (atomic_fetch_add(&server->connect_errors, 1) + 1 >= AVOIDED_ERRORS)
        atomic_store(&server->avoided_until, loop_time_ms(link->side->io->loop) + AVOIDED_MS);
}

void link_note_timeout(struct link *link)
{
    if (!link->connect_us)
        note_connect(link, false);
}

static void on_ready(struct channel *channel, unsigned ready)
{
    struct link *link = channel->owner;
    if (!link->connect_us && (channel->is_open || channel->end != END_OK))
        note_connect(link, channel->is_open);
    link->on_event(link, ready);
}

static void bury(struct task *task)
{
    free(CONTAINER(task, struct link, burial));
}

static void on_idle_too_long(struct timer *timer)
{
    link_close(CONTAINER(timer, struct link, idle_timer), false);
}

static struct channel *with_tls(struct pool_side *side, size_t server_index, struct channel *below)
{
    const char *name = pool_tls_name(side->pool, side->pool->servers[server_index]);
    return tls_connect(side->io->loop, side->pool->tls, name, side->sessions[server_index], below);
}

static struct status open_channel(struct pool_side *side, size_t server_index, bool is_raw,
                                  struct channel **ret_channel)
{
    struct channel *below;
    TRY(socket_channel_connect(side->io->loop, &side->pool->servers[server_index]->address,
                               &below));
    struct channel *channel =
        side->pool->tls && !is_raw ? with_tls(side, server_index, below) : below;
    if (!channel) {
        channel_close(below, true);
        return failed(END_OVERLOAD);
    }
    *ret_channel = channel;
    return OK;
}

struct status link_open(struct pool_side *side, size_t server_index, bool is_raw,
                        link_event_fn *on_event, void *holder, struct link **ret_link)
{
    struct link *link = calloc(1, sizeof *link);
    if (!link)
        return failed(END_OVERLOAD);
    struct status status = open_channel(side, server_index, is_raw, &link->channel);
    if (!is_ok(status)) {
        free(link);
        return status;
    }
    list_init(&link->siblings);
    link->side = side;
    link->server_index = server_index;
    link->server = side->pool->servers[server_index];
    link->id = *side->next_link_id += side->id_step;
    link->opened_us = loop_now_us();
    link->on_event = on_event;
    link->holder = holder;
    link->channel->owner = link;
    link->channel->on_ready = on_ready;
    h1_init(&link->session, side->io, link->channel);
    timer_init(&link->idle_timer, on_idle_too_long);
    task_init(&link->burial, bury);
    side->link_count++;
    server_count(&side->tallies[server_index]->links_opened, 1);
    atomic_fetch_add(&link->server->links, 1);
    channel_want(link->channel, CHANNEL_READ | CHANNEL_WRITE);
    *ret_link = link;
    return OK;
}

// An idle link has nothing to say: whatever it says, even its end, closes it.
static void on_idle_event(struct link *link, unsigned ready)
{
    link_close(link, false);
}

static bool is_idle(const struct link *link)
{
    return link->on_event == on_idle_event;
}

static struct server_tally *tally_of(const struct link *link)
{
    return link->side->tallies[link->server_index];
}

static void count_bytes(struct link *link)
{
    const struct h1_session *session = &link->session;
    server_count(&tally_of(link)->bytes_to_server, session->sent_bytes - link->counted_sent);
    server_count(&tally_of(link)->bytes_from_server,
                 session->received_bytes - link->counted_received);
    link->counted_sent = session->sent_bytes;
    link->counted_received = session->received_bytes;
}

void link_begin_exchange(struct link *link)
{
    link->exchanges++;
    server_count(&tally_of(link)->exchanges, 1);
    count_bytes(link);
}

void link_note_relayed(struct link *link, uint64_t to_server_bytes, uint64_t from_server_bytes)
{
    server_count(&tally_of(link)->bytes_to_server, to_server_bytes);
    server_count(&tally_of(link)->bytes_from_server, from_server_bytes);
}

void link_close(struct link *link, bool abort)
{
    struct pool_side *side = link->side;
    count_bytes(link);
    side->idle_count -= is_idle(link);
    list_leave(&link->siblings);
    loop_timer_clear(side->io->loop, &link->idle_timer);
    h1_done(&link->session);
    channel_close(link->channel, abort);
    atomic_fetch_sub(&link->server->links, 1);
    side->link_count--;
    loop_last(side->io->loop, &link->burial);
}

enum end link_end(const struct link *link)
{
    if (link->channel->end != END_OK)
        return link->channel->end;
    return link_is_open(link) ? END_SERVER_CLOSED : END_CONNECT_FAILED;
}

bool link_is_clean(const struct link *link)
{
    const struct h1_session *session = &link->session;
    return link_is_open(link) && !session->is_ended && !session->is_broken && !session->is_mute &&
           buf_is_empty(&session->in) && buf_is_empty(&session->out);
}

static struct link *find_idle(struct pool_side *side, size_t server_index)
{
    LIST_EACH (item, &side->idle) {
        struct link *link = CONTAINER(item, struct link, siblings);
        if (link->server_index == server_index)
            return link;
    }
    return NULL;
}

// Is there really nothing to be read? An event that says otherwise may still be on its way to us.
static bool is_silent(struct link *link)
{
    h1_fill(&link->session, 1);
    return link_is_clean(link) && !link->channel->has_pending;
}

struct link *link_take_idle(struct pool_side *side, size_t server_index, link_event_fn *on_event,
                            void *holder)
{
    struct link *link;
    while ((link = find_idle(side, server_index)) && !is_silent(link))
        link_close(link, false);
    if (!link)
        return NULL;
    CHECK(binding_may_share(link->binding));
    list_leave(&link->siblings);
    side->idle_count--;
    loop_timer_clear(side->io->loop, &link->idle_timer);
    link->on_event = on_event;
    link->holder = holder;
    return link;
}

void link_give_idle(struct link *link)
{
    struct pool_side *side = link->side;
    bool may_stay = side->pool->config->links == LINKS_SHARED && binding_may_share(link->binding) &&
                    link_is_clean(link) && !link->channel->has_pending &&
                    side->idle_count < side->pool->config->idle_links_max;
    if (!may_stay) {
        link_close(link, false);
        return;
    }
    link->on_event = on_idle_event;
    link->holder = NULL;
    side->idle_count++;
    list_join_front(&side->idle, &link->siblings);
    loop_timer_set(side->io->loop, &link->idle_timer,
                   loop_time_ms(side->io->loop) + side->timeouts->link_idle_ms);
    h1_want(&link->session, 1);
}

void link_bind(struct link *link, enum binding_event event)
{
    CHECK(!is_idle(link));
    link->binding = binding_next(link->binding, event);
}
