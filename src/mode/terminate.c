// SPDX-License-Identifier: Apache-2.0
// A client whose HTTP is ours to read: one request after another, in order. Every event on the
// client or on the link of its exchange ends in terminate_run, which does all that can be done now;
// so no wake-up can be lost.
#include "base/check.h"
#include "mode/client.h"

#define ROUNDS_PER_TURN    8  // fills of a busy client before the others have their turn
#define EXCHANGES_PER_TURN 32 // pipelined requests served before the others have their turn

static bool is_running(const struct client *client)
{
    return client->state == CLIENT_RESTING || client->state == CLIENT_READING ||
           client->state == CLIENT_BUSY;
}

static size_t fill_limit(const struct client *client)
{
    return client->exchange ? IO_BULK_BYTES
                            : client_snapshot(client)->limits.header_bytes + IO_BLOCK_BYTES;
}

static void on_ready(struct channel *channel, unsigned ready)
{
    struct client *client = channel->owner;
    bool more = true;
    if (channel->end != END_OK)
        client->session.is_broken = true;
    if (ready & CHANNEL_WRITE)
        client->session.is_write_blocked = false; // the next write will tell
    for (unsigned round = 0; round < ROUNDS_PER_TURN && more && is_running(client); round++) {
        more = ready & CHANNEL_READ && h1_fill(&client->session, fill_limit(client));
        terminate_run(client);
    }
}

static void skip_empty_lines(struct client *client)
{
    struct h1_session *session = &client->session;
    size_t skipped = session->head_scanned ? 0 : h1_skip_empty_lines(buf_span(&session->in));
    if (skipped) {
        buf_take(&session->in, skipped);
        buf_relax(&session->in, &client->keeper->io->blocks);
    }
}

enum end terminate_closing_end(const struct client *client)
{
    const struct h1_session *session = &client->session;
    if (client->channel->end != END_OK)
        return client->channel->end;
    if (session->is_broken)
        return END_CLIENT_RESET;
    return buf_is_empty(&session->in) ? END_CLIENT_CLOSED : END_CLIENT_LEFT;
}

// No whole head is there: wait, or see that none will come.
static void wait_for_head(struct client *client)
{
    struct h1_session *session = &client->session;
    if (session->is_broken || session->is_ended) {
        enum end end = terminate_closing_end(client);
        client_close(client, end, end == END_CLIENT_RESET); // an alert of ours may be on its way
        return;
    }
    bool is_idle = buf_is_empty(&session->in);
    if (is_idle && client->keeper->is_draining && client->channel->is_open &&
        !client_is_between_legs(client)) {
        client_close(client, END_STOPPING, false);
        return;
    }
    if (!is_idle && client->state != CLIENT_READING)
        client->head_began_ms = loop_time_ms(client->keeper->io->loop);
    client_enter(client, is_idle ? CLIENT_RESTING : CLIENT_READING);
}

static bool has_pin(const struct client *client)
{
    for (const struct list *item = client->ties.next; item != &client->ties; item = item->next)
        if (tie_is_pin(CONTAINER(item, const struct tie, siblings)))
            return true;
    return false;
}

// After a reload a client without a pin goes on with the new service; a pinned one, or one that is
// asked to log in, stays with what it began under.
static void follow_reload(struct client *client)
{
    struct service_side *newest = client->keeper->side;
    if (client->side == newest || has_pin(client) || client->login_watch ||
        client->rescue_pool != SIZE_MAX || client->entrance->index == SIZE_MAX)
        return;
    size_t site = SIZE_MAX;
    if (client->site_index != SIZE_MAX) {
        site = client_site_in(client, newest->service->snapshot);
        if (site == SIZE_MAX)
            return;
    }
    while (!list_is_empty(&client->ties))
        tie_free(CONTAINER(client->ties.next, struct tie, siblings), END_OK);
    client_move(client, site);
}

// True when an exchange has begun.
static bool next_request(struct client *client)
{
    struct h1_session *session = &client->session;
    skip_empty_lines(client);
    follow_reload(client);
    const struct limits_config *limits = &client_snapshot(client)->limits;
    struct head_limits head_limits = {limits->header_line_bytes, limits->header_bytes};
    struct span head;
    struct parse parse = h1_look_head(session, &head_limits, &head);
    if (parse.state == PARSE_MORE) {
        wait_for_head(client);
        return false;
    }
    struct status status = parse.state == PARSE_BAD
                               ? failed(parse.end)
                               : h1_request_parse(head, &client->keeper->request);
    if (!is_ok(status)) {
        answer_end(client, status.end);
        return false;
    }
    exchange_begin(client, head.size);
    return client->exchange != NULL;
}

void terminate_run(struct client *client)
{
    unsigned served = 0;
    while (is_running(client)) {
        bool goes_on = client->exchange ? exchange_run(client->exchange) : next_request(client);
        if (!goes_on)
            break;
        if (++served >= 2 * EXCHANGES_PER_TURN) {
            loop_soon(client->keeper->io->loop, &client->again);
            break;
        }
    }
    if (!is_running(client))
        return;
    h1_want(&client->session, fill_limit(client));
    client_rearm(client);
}

void terminate_start(struct client *client)
{
    h1_init(&client->session, client->keeper->io, client->channel);
    client->channel->owner = client;
    client->channel->on_ready = on_ready;
    client_enter(client, CLIENT_RESTING);
    client_rearm(client);
    on_ready(client->channel, CHANNEL_READ);
}
