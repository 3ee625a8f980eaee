// SPDX-License-Identifier: Apache-2.0
// The entry: a new connection, its first bytes, and the mode they choose. The hello is looked at
// without being taken (MSG_PEEK), so passthrough has nothing to replay and TLS reads it from the
// socket itself.
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mode/client.h"
#include "wire/hello.h"

static void start_tls(struct client *client)
{
    struct tls_server *server = client->side->service->tls[client->site_index];
    struct channel *channel =
        server ? tls_accept(client->keeper->io->loop, server, client->channel) : NULL;
    if (!channel) {
        client_close(client, END_OVERLOAD, true);
        return;
    }
    client->channel = channel;
    client->is_tls = true;
    terminate_start(client);
}

// The hello was only looked at: closing with it unread would reset the connection, and the alert
// with it.
static void refuse_hello(struct client *client, struct span alert, enum end end)
{
    channel_read(client->channel, client->keeper->io->scratch, IO_SCRATCH_BYTES);
    socket_farewell(channel_plain_fd(client->channel), alert);
    client_close(client, end, false);
}

static void choose_mode(struct client *client, const struct hello *hello)
{
    bool is_late = client->side != client->keeper->side; // there was a reload meanwhile
    if (is_late && client->entrance->index != SIZE_MAX)
        client_move(client, SIZE_MAX);
    const struct snapshot *snapshot = client_snapshot(client);
    client->site_index = hello->name_size ? route_site(snapshot, hello_name(hello)) : SIZE_MAX;
    if (hello->name_size)
        client->sni = strndup((const char *)hello->name, hello->name_size);
    if (client->site_index == SIZE_MAX) {
        client->site_index = client->listener->site_index;
        client->is_default_site = true;
    }
    if (client->site_index == SIZE_MAX)
        refuse_hello(client, tls_alert_unrecognized_name(),
                     hello->name_size ? END_HELLO_UNKNOWN_NAME : END_HELLO_NO_NAME);
    else if (snapshot->sites[client->site_index].mode == SITE_PASSTHROUGH)
        passthrough_start(client);
    else
        start_tls(client);
}

// Somebody speaks HTTP to the TLS port: say so in HTTP.
static void answer_in_clear(struct client *client)
{
    h1_init(&client->session, client->keeper->io, client->channel);
    answer_end(client, END_HTTP_ON_TLS_PORT);
}

static void wait_for_more(struct client *client, size_t seen)
{
    socket_wait_for(channel_plain_fd(client->channel), seen + 1);
    client->seen_bytes = seen;
    channel_want(client->channel, CHANNEL_READ);
}

static void look_at_hello(struct client *client, struct span bytes)
{
    struct hello hello;
    struct parse parse = hello_read(bytes, &hello);
    if (parse.state == PARSE_BAD) {
        refuse_hello(client, tls_alert_decode_error(), parse.end);
    } else if (parse.state == PARSE_MORE && bytes.size >= HELLO_MAX_BYTES) {
        refuse_hello(client, tls_alert_decode_error(), END_HELLO_TOO_BIG);
    } else if (parse.state == PARSE_MORE) {
        wait_for_more(client, bytes.size);
    } else {
        if (client->seen_bytes)
            socket_wait_for(channel_plain_fd(client->channel), 1);
        choose_mode(client, &hello);
    }
}

static void look(struct client *client)
{
    uint8_t *scratch = client->keeper->io->scratch;
    struct moved moved = socket_peek(channel_plain_fd(client->channel), scratch, IO_SCRATCH_BYTES);
    if (moved.outcome == CHANNEL_BLOCKED) {
        channel_want(client->channel, CHANNEL_READ);
        return;
    }
    if (moved.outcome != CHANNEL_MOVED) {
        client_close(client, moved.outcome == CHANNEL_ENDED ? END_CLIENT_CLOSED : END_CLIENT_RESET,
                     false);
        return;
    }
    if (moved.bytes <= client->seen_bytes) {
        client_close(client, END_CLIENT_LEFT,
                     false); // called readable without a byte more: it has ended its side
        return;
    }
    struct span bytes = span_of(scratch, moved.bytes);
    switch (first_bytes_look(bytes)) {
    case FIRST_BYTES_MORE:
        wait_for_more(client, bytes.size);
        return;
    case FIRST_BYTES_TLS:
        look_at_hello(client, bytes);
        return;
    case FIRST_BYTES_HTTP:
        answer_in_clear(client);
        return;
    case FIRST_BYTES_OTHER:
        client_close(client, END_NOT_TLS, false);
        return;
    }
}

static void on_ready(struct channel *channel, unsigned ready)
{
    struct client *client = channel->owner;
    if (channel->end != END_OK)
        client_close(client, END_CLIENT_RESET, false);
    else
        look(client);
}

static bool enter(struct keeper *keeper, struct entrance *entrance)
{
    const struct listener_config *listener =
        &keeper->side->service->snapshot->listeners[entrance->index];
    if (keeper->is_draining || !turnstile_enter(keeper->turnstile, keeper->clients_max))
        return false;
    if (turnstile_enter(entrance->turnstile, listener->clients_max)) {
        entrance->clients++;
        return true;
    }
    turnstile_leave(keeper->turnstile);
    return false;
}

void entry_leave(struct keeper *keeper, struct entrance *entrance)
{
    entrance->clients--;
    turnstile_leave(entrance->turnstile);
    turnstile_leave(keeper->turnstile);
}

static void refuse(struct keeper *keeper, int fd)
{
    tally_one(&keeper->tally, TALLY_CLIENTS_REFUSED);
    tally_add(&keeper->tally.ends[END_CLIENT_LIMIT], 1);
    socket_reset_on_close(fd);
    close(fd);
}

void entry_accept(struct keeper *keeper, struct entrance *entrance, int fd,
                  const struct address *address)
{
    if (!enter(keeper, entrance)) {
        refuse(keeper, fd);
        return;
    }
    struct channel *channel = socket_channel_new(keeper->io->loop, fd, END_CLIENT_RESET);
    struct client *client = channel ? client_new(keeper, channel) : NULL;
    if (!client) {
        entry_leave(keeper, entrance);
        if (channel)
            channel_close(channel, true);
        else
            refuse(keeper, fd);
        return;
    }
    client->address = *address;
    client->entrance = entrance;
    client->listener = &client_snapshot(client)->listeners[entrance->index];
    tally_one(&keeper->tally, TALLY_CLIENTS_ACCEPTED);
    channel->on_ready = on_ready;
    if (!client->listener->is_tls) {
        terminate_start(client);
        return;
    }
    client_rearm(client);
    look(client);
}
