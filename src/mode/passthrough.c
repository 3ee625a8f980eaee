// SPDX-License-Identifier: Apache-2.0
// Passthrough: bytes both ways between a client and a server, untouched. The hello was only peeked
// at, so a connect that fails costs nothing: another server is tried, unless the name asked for one
// server alone. Also the relay after 101.
#include <stdlib.h>

#include "base/check.h"
#include "mode/client.h"

struct relayed {
    struct client *client;
    struct link *link;
    struct relay relay;
    struct tried tried;
    bool is_named;   // the name asked for this server and no other
    bool is_running; // the relay has both channels
    bool is_upgrade;
};

static void try_server(struct client *client, size_t server_index);
static void rescue(struct client *client, size_t named);

const struct link *passthrough_link(const struct client *client)
{
    return client->relayed ? client->relayed->link : NULL;
}

bool passthrough_is_idle_too_long(const struct client *client, uint64_t now_ms,
                                  uint64_t *ret_deadline_ms)
{
    const struct timeouts_config *timeouts = &client_snapshot(client)->timeouts;
    const struct relayed *relayed = client->relayed;
    if (!relayed->is_running)
        *ret_deadline_ms = relayed->link->opened_us / 1000 + timeouts->connect_ms;
    else
        *ret_deadline_ms = relayed->relay.moved_at_ms + timeouts->relay_idle_ms;
    return *ret_deadline_ms <= now_ms;
}

// Was something lost, so that the other side must see a reset and not an end?
static bool is_abrupt(const struct relayed *relayed, enum end end)
{
    if (relayed->is_running && relayed->relay.gave_up)
        return false; // what the side that went away had said was delivered to its end
    return end != END_RELAY_DONE && end != END_RELAY_CUT && end != END_RELAY_IDLE &&
           end != END_CLIENT_CLOSED;
}

// True when the client must see a reset.
static bool end_relayed(struct client *client, enum end end)
{
    struct relayed *relayed = client->relayed;
    if (relayed->is_running)
        relay_stop(&relayed->relay);
    uint64_t to_server = relayed->relay.flows[0].bytes;
    uint64_t to_client = relayed->relay.flows[1].bytes;
    tally_add(&client->keeper->tally.counts[TALLY_CLIENT_BYTES_IN], to_server);
    tally_add(&client->keeper->tally.counts[TALLY_CLIENT_BYTES_OUT], to_client);
    record_relay(client, relayed->link, end, to_server, to_client, relayed->is_upgrade);
    bool abort = is_abrupt(relayed, end);
    if (relayed->link) {
        link_note_relayed(relayed->link, to_server, to_client);
        tie_close_link(client->keeper, relayed->link, end, abort);
    }
    client->relayed = NULL;
    free(relayed);
    return abort;
}

// Nothing was lost, so the client sees an end and no reset: a hello left unread would make it one.
static void close_unserved(struct client *client, enum end end)
{
    channel_read(client->channel, client->keeper->io->scratch, IO_SCRATCH_BYTES);
    client_close(client, end, false);
}

void passthrough_close(struct client *client, enum end end)
{
    if (client->state == CLIENT_CLOSED)
        return;
    bool was_served = client->relayed->is_running;
    bool abort = end_relayed(client, end);
    client->state = CLIENT_LINGERING; // recorded already
    if (was_served)
        client_close(client, end, abort);
    else
        close_unserved(client, end);
}

static void on_relay_done(struct relay *relay, enum end end)
{
    struct relayed *relayed = CONTAINER(relay, struct relayed, relay);
    struct client *client = relayed->client;
    client->channel->owner = client;
    relayed->link->channel->owner = relayed->link;
    bool is_cut =
        end == END_RELAY_DONE && relayed->link->channel->is_cut && !client->channel->is_cut;
    passthrough_close(client, is_cut ? END_RELAY_CUT : end);
}

static void begin_relay(struct relayed *relayed)
{
    relayed->is_running = true;
    relayed->relay.moved_at_ms = loop_time_ms(relayed->client->keeper->io->loop);
    client_rearm(relayed->client);
    relay_start(&relayed->relay, relayed->client->keeper->io, relayed->client->channel,
                relayed->link->channel, on_relay_done);
}

// ---- connecting

static void on_client_event(struct channel *channel, unsigned ready)
{
    // nothing was wanted of it, so it can only be a reset or the end of both directions
    passthrough_close(channel->owner, END_CLIENT_RESET);
}

static void connect_failed(struct client *client, enum end end)
{
    struct relayed *relayed = client->relayed;
    struct pool_side *side = relayed->link->side;
    size_t named = relayed->link->server_index; // if the name asked for one at all
    tried_add(&relayed->tried, named);
    size_t next = relayed->is_named
                      ? SIZE_MAX
                      : pool_choose(side, address_bytes(&client->address), &relayed->tried);
    bool can_rescue = relayed->is_named && client->side->service->tls[client->site_index];
    if (next == SIZE_MAX && !can_rescue) {
        passthrough_close(client, end);
        return;
    }
    link_close(relayed->link, true);
    relayed->link = NULL;
    if (next != SIZE_MAX)
        try_server(client, next);
    else
        rescue(client, named);
}

void passthrough_give_up(struct client *client)
{
    if (client->relayed->is_running) {
        passthrough_close(client, END_RELAY_IDLE);
        return;
    }
    link_note_timeout(client->relayed->link);
    connect_failed(client, END_CONNECT_TIMEOUT);
}

static void on_link_event(struct link *link, unsigned ready)
{
    struct relayed *relayed = link->holder;
    if (link_is_open(link))
        begin_relay(relayed);
    else if (link->channel->end != END_OK)
        connect_failed(relayed->client, link_end(link));
}

static void try_server(struct client *client, size_t server_index)
{
    struct relayed *relayed = client->relayed;
    struct pool_side *side = &client->side->pools[client_site(client)->pool_index];
    struct status status =
        link_open(side, server_index, true, on_link_event, relayed, &relayed->link);
    if (is_ok(status))
        client_rearm(client);
    else
        passthrough_close(client, status.end);
}

static struct relayed *relayed_new(struct client *client)
{
    struct relayed *relayed = calloc(1, sizeof *relayed);
    if (!relayed)
        return NULL;
    relayed->client = client;
    client->relayed = relayed;
    client_enter(client, CLIENT_RELAYING);
    return relayed;
}

// The named server is down: with a certificate of our own the client can be told where to go,
// without one it cannot.
static void rescue(struct client *client, size_t named)
{
    size_t site = client->site_index;
    struct tls_server *server = client->side->service->tls[site];
    struct channel *channel =
        server ? tls_accept(client->keeper->io->loop, server, client->channel) : NULL;
    if (!channel) {
        close_unserved(client, END_SERVER_DOWN);
        return;
    }
    client->rescue_from = named;
    free(client->relayed);
    client->relayed = NULL;
    client->channel = channel;
    client->is_tls = true;
    client->rescue_pool = client_site(client)->pool_index;
    terminate_start(client);
}

void passthrough_start(struct client *client)
{
    struct pool_side *side = &client->side->pools[client_site(client)->pool_index];
    struct span name = span_text(client->sni ? client->sni : "");
    size_t named = route_named_server(side->pool->config, name);
    size_t server = named;
    if (named != SIZE_MAX && !pool_may_take(side, named)) {
        rescue(client, named);
        return;
    }
    if (named == SIZE_MAX)
        server = pool_choose(side, address_bytes(&client->address), &(struct tried){0});
    if (server == SIZE_MAX) {
        close_unserved(client, END_NO_SERVER);
        return;
    }
    struct relayed *relayed = relayed_new(client);
    if (!relayed) {
        close_unserved(client, END_OVERLOAD);
        return;
    }
    relayed->is_named = named != SIZE_MAX;
    client->channel->on_ready = on_client_event;
    channel_want(client->channel, CHANNEL_NOTHING);
    try_server(client, server);
}

// ---- after 101

static bool hold_both(struct relayed *relayed, struct client *client, struct link *link)
{
    struct io_thread *io = client->keeper->io;
    struct h1_session *from_client = &client->session;
    struct h1_session *from_link = &link->session;
    if (!is_ok(relay_hold(&relayed->relay, io, 0, buf_span(&from_link->out))) ||
        !is_ok(relay_hold(&relayed->relay, io, 0, buf_span(&from_client->in))) ||
        !is_ok(relay_hold(&relayed->relay, io, 1, buf_span(&from_client->out))) ||
        !is_ok(relay_hold(&relayed->relay, io, 1, buf_span(&from_link->in))))
        return false;
    h1_done(from_client);
    h1_done(from_link);
    return true;
}

void passthrough_upgrade(struct exchange *exchange)
{
    struct client *client = exchange->client;
    struct link *link = exchange->link;
    struct relayed *relayed = relayed_new(client);
    bool is_ready = relayed && hold_both(relayed, client, link);
    exchange_part(exchange);
    exchange->request = REQUEST_DONE;
    exchange->response = RESPONSE_DONE;
    exchange_finish(exchange, END_OK);
    if (!is_ready) {
        tie_close_link(client->keeper, link, END_OVERLOAD, true);
        for (unsigned i = 0; relayed && i < 2; i++)
            buf_done(&relayed->relay.flows[i].held, &client->keeper->io->blocks);
        client->relayed = NULL;
        free(relayed);
        client_close(client, END_OVERLOAD, true);
        return;
    }
    relayed->link = link;
    relayed->is_upgrade = true;
    begin_relay(relayed);
}
