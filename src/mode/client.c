// SPDX-License-Identifier: Apache-2.0
// The life of a client: its states, its one timer, and the three ways it ends: closed, reset, or
// lingering until its last answer has surely arrived. Owns the channel and the ties; never reads
// HTTP.
#include "mode/client.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"

#define LINGER_MS    2000
#define DUE_MS       1000 // a request may be on its way: it is answered, and told that it is the last
#define LINGER_BYTES (256 * 1024)

struct snapshot *client_snapshot(const struct client *client)
{
    return client->side->service->snapshot;
}

const struct site_config *client_site(const struct client *client)
{
    return client->site_index == SIZE_MAX ? NULL
                                          : &client_snapshot(client)->sites[client->site_index];
}

unsigned client_port(struct client *client)
{
    struct address local;
    if (!client->port)
        client->port = (uint16_t)client->listener->port;
    if (!client->port && socket_local_address(client->socket_fd, &local))
        client->port = (uint16_t)address_port(&local);
    return client->port;
}

bool client_is_between_legs(const struct client *client)
{
    for (const struct list *item = client->ties.next; item != &client->ties; item = item->next) {
        const struct tie *tie = CONTAINER(item, const struct tie, siblings);
        if (tie->link && binding_is_between_legs(tie->link->binding))
            return true;
    }
    return false;
}

// ---- after a reload

void client_move(struct client *client, size_t site_index)
{
    struct service_side *side = client->keeper->side;
    struct service_side *left = client->side;
    client->side = side;
    client->site_index = site_index;
    side->clients++;
    client->listener = &side->service->snapshot->listeners[client->entrance->index];
    keeper_release_side(client->keeper, left);
}

size_t client_site_in(const struct client *client, const struct snapshot *snapshot)
{
    const struct site_config *site = client_site(client);
    for (size_t i = 0; site && i < snapshot->site_count; i++)
        if (snapshot->sites[i].mode == SITE_HTTP &&
            strcmp(snapshot->sites[i].name, site->name) == 0)
            return i;
    return SIZE_MAX;
}

static bool was_shown_another(const struct client *client)
{
    const struct service *service = client->keeper->side->service;
    size_t site = client->is_tls ? client_site_in(client, service->snapshot) : SIZE_MAX;
    return site != SIZE_MAX && service->tls[site] &&
           tls_channel_binding_is_outdated(client->channel, service->tls[site]);
}

bool client_is_outdated(struct client *client)
{
    if (client->adoption != client->keeper->adoptions && client->channel->is_open) {
        client->adoption = client->keeper->adoptions;
        client->is_outdated = was_shown_another(client);
    }
    return client->is_outdated;
}

static bool has_login(const struct client *client)
{
    for (const struct list *item = client->ties.next; item != &client->ties; item = item->next) {
        const struct tie *tie = CONTAINER(item, const struct tie, siblings);
        if (tie->link && binding_is_bound(tie->link->binding))
            return true;
    }
    return client_is_between_legs(client);
}

bool client_is_due(struct client *client)
{
    return client_is_outdated(client) && !has_login(client);
}

// ---- states and their deadlines

void client_enter(struct client *client, enum client_state state)
{
    CHECK(client->state != CLIENT_CLOSED);
    client->state = state;
}

static void set_deadline(struct client *client, uint64_t deadline_ms)
{
    loop_timer_set(client->keeper->io->loop, &client->timer, deadline_ms);
}

static uint64_t busy_deadline_ms(const struct client *client,
                                 const struct timeouts_config *timeouts)
{
    const struct exchange *exchange = client->exchange;
    if (exchange->link && !link_is_open(exchange->link))
        return exchange->link->opened_us / US_PER_MS + timeouts->connect_ms;
    bool waits_for_server =
        exchange->request == REQUEST_DONE && exchange->response == RESPONSE_AWAITED;
    return exchange->progress_ms + (waits_for_server ? timeouts->server_ms : timeouts->stall_ms);
}

static uint64_t rest_ms(struct client *client)
{
    uint64_t idle_ms = client_snapshot(client)->timeouts.idle_ms;
    return client_is_due(client) && idle_ms > DUE_MS ? DUE_MS : idle_ms;
}

void client_rearm(struct client *client)
{
    const struct timeouts_config *timeouts = &client_snapshot(client)->timeouts;
    uint64_t now_ms = loop_time_ms(client->keeper->io->loop);
    uint64_t deadline_ms = 0;
    switch (client->state) {
    case CLIENT_PEEKING:
        set_deadline(client, client->accepted_us / US_PER_MS + timeouts->handshake_ms);
        return;
    case CLIENT_RESTING:
        if (!client->channel->is_open)
            set_deadline(client, client->accepted_us / US_PER_MS + timeouts->handshake_ms);
        else if (client_is_between_legs(client))
            loop_timer_clear(client->keeper->io->loop, &client->timer);
        else
            set_deadline(client, now_ms + rest_ms(client));
        return;
    case CLIENT_READING:
        set_deadline(client, client->head_began_ms + timeouts->header_ms);
        return;
    case CLIENT_BUSY:
        set_deadline(client, busy_deadline_ms(client, timeouts));
        return;
    case CLIENT_RELAYING:
        if (!passthrough_is_idle_too_long(client, now_ms, &deadline_ms))
            set_deadline(client, deadline_ms);
        return;
    case CLIENT_LINGERING:
    case CLIENT_CLOSED:
        return;
    }
}

static void on_busy_too_long(struct client *client)
{
    struct exchange *exchange = client->exchange;
    if (exchange->link && !link_is_open(exchange->link)) {
        forward_connect_failed(exchange, END_CONNECT_TIMEOUT);
        terminate_run(client);
        return;
    }
    bool is_server_full = exchange->link && exchange->link->session.is_write_blocked;
    bool is_clients_turn =
        client->session.is_write_blocked || (exchange->request != REQUEST_DONE && !is_server_full);
    enum end end = is_clients_turn ? END_CLIENT_STALLED : END_SERVER_TIMEOUT;
    if (exchange->response == RESPONSE_AWAITED && !is_clients_turn) {
        answer_end(client, end);
        terminate_run(client);
    } else {
        client_close(client, end, true);
    }
}

static void on_rested(struct client *client)
{
    bool is_due = client_is_due(client);
    if (!client->channel->is_open) {
        client_close(client, END_TLS_TIMEOUT, false);
        return;
    }
    if (is_due && client->login_watch && client->login_watch->attempt.stand == ATTEMPT_CHALLENGED)
        login_watch_drop(client); // it goes on with another connection
    client_close(client, is_due ? END_CERTIFICATE_CHANGED : END_CLIENT_IDLE, false);
}

static void on_due(struct timer *timer)
{
    struct client *client = CONTAINER(timer, struct client, timer);
    uint64_t deadline_ms = 0;
    switch (client->state) {
    case CLIENT_PEEKING:
        client_close(client, END_HELLO_TIMEOUT, false);
        return;
    case CLIENT_RESTING:
        on_rested(client);
        return;
    case CLIENT_READING:
        answer_end(client, END_REQUEST_TIMEOUT);
        return;
    case CLIENT_BUSY:
        on_busy_too_long(client);
        return;
    case CLIENT_RELAYING:
        if (passthrough_is_idle_too_long(client, loop_time_ms(client->keeper->io->loop),
                                         &deadline_ms))
            passthrough_give_up(client);
        else
            set_deadline(client, deadline_ms);
        return;
    case CLIENT_LINGERING:
        client_close(client, END_OK, false);
        return;
    case CLIENT_CLOSED:
        return;
    }
}

static void bury(struct task *task)
{
    struct client *client = CONTAINER(task, struct client, burial);
    free(client->sni);
    free(client);
}

static void go_on(struct task *task)
{
    terminate_run(CONTAINER(task, struct client, again));
}

struct client *client_new(struct keeper *keeper, struct channel *channel)
{
    struct client *client = calloc(1, sizeof *client);
    if (!client)
        return NULL;
    client->keeper = keeper;
    client->side = keeper->side;
    client->side->clients++;
    client->adoption = keeper->adoptions;
    client->channel = channel;
    client->id = keeper->next_client_id += keeper->id_step;
    client->accepted_us = loop_now_us();
    client->site_index = client->rescue_pool = SIZE_MAX;
    client->socket_fd = channel_plain_fd(channel);
    channel->owner = client;
    list_init(&client->siblings);
    list_init(&client->ties);
    timer_init(&client->timer, on_due);
    task_init(&client->burial, bury);
    task_init(&client->again, go_on);
    list_join(&keeper->clients, &client->siblings);
    keeper->client_count++;
    return client;
}

static void end_work(struct client *client, enum end end)
{
    if (client->exchange)
        exchange_finish(client->exchange, end);
    else if (client->state != CLIENT_LINGERING)
        record_client(client, end);
}

void client_count_bytes(struct client *client)
{
    struct tally *tally = &client->keeper->tally;
    const struct h1_session *session = &client->session;
    tally_add(&tally->counts[TALLY_CLIENT_BYTES_IN], session->received_bytes - client->counted_in);
    tally_add(&tally->counts[TALLY_CLIENT_BYTES_OUT], session->sent_bytes - client->counted_out);
    client->counted_in = session->received_bytes;
    client->counted_out = session->sent_bytes;
}

void client_close(struct client *client, enum end end, bool abort)
{
    if (client->state == CLIENT_CLOSED)
        return;
    struct keeper *keeper = client->keeper;
    if (client->relayed) {
        passthrough_close(client, end);
        return;
    }
    // an answer that is cut short must not look complete
    abort = abort || (client->exchange && client->exchange->response == RESPONSE_STREAMING);
    end_work(client, end);
    if (client->login_watch)
        login_watch_close(client, end);
    client->state = CLIENT_CLOSED;
    while (!list_is_empty(&client->ties))
        tie_free(CONTAINER(client->ties.next, struct tie, siblings), end);
    client_count_bytes(client);
    h1_done(&client->session);
    loop_timer_clear(keeper->io->loop, &client->timer);
    loop_task_cancel(&client->again);
    channel_close(client->channel, abort);
    list_leave(&client->siblings);
    keeper->client_count--;
    if (client->entrance)
        entry_leave(keeper, client->entrance);
    keeper_release_side(keeper, client->side);
    loop_last(keeper->io->loop, &client->burial);
}

// ---- lingering: RFC 9112 section 9.6

static void linger_step(struct client *client)
{
    struct h1_session *session = &client->session;
    if (!buf_is_empty(&session->out)) {
        if (!h1_flush(session)) {
            if (session->is_broken || session->is_mute)
                client_close(client, END_OK, false);
            return;
        }
        channel_shut(client->channel);
    }
    struct moved moved;
    do {
        moved = channel_read(client->channel, client->keeper->io->scratch, IO_SCRATCH_BYTES);
        client->lingered_bytes += moved.bytes;
    } while (moved.outcome == CHANNEL_MOVED && client->lingered_bytes < LINGER_BYTES);
    if (moved.outcome != CHANNEL_BLOCKED)
        client_close(client, END_OK, false);
}

static void on_linger_ready(struct channel *channel, unsigned ready)
{
    struct client *client = channel->owner;
    linger_step(client);
    if (client->state == CLIENT_LINGERING)
        channel_want(channel, buf_is_empty(&client->session.out) ? CHANNEL_READ : CHANNEL_WRITE);
}

void client_linger(struct client *client, enum end end)
{
    CHECK(!client->exchange);
    client_enter(client, CLIENT_LINGERING);
    buf_done(&client->session.in, &client->keeper->io->blocks);
    while (!list_is_empty(&client->ties))
        tie_free(CONTAINER(client->ties.next, struct tie, siblings), end);
    set_deadline(client, loop_time_ms(client->keeper->io->loop) + LINGER_MS);
    client->channel->on_ready = on_linger_ready;
    if (buf_is_empty(&client->session.out))
        channel_shut(client->channel);
    on_linger_ready(client->channel, CHANNEL_WRITE);
}
