// SPDX-License-Identifier: Apache-2.0
// Ties: which server and which link belong to a client, by pool and authority. Here the second pin
// rule is kept: a pinned link that the server closes takes the client with it, and a client that
// goes takes its links with it.
#include <stdlib.h>

#include "base/check.h"
#include "mode/client.h"

struct tie *tie_find(struct client *client, const struct pool_side *side, struct span authority)
{
    LIST_EACH (item, &client->ties) {
        struct tie *tie = CONTAINER(item, struct tie, siblings);
        if (tie->side == side &&
            span_equal(span_of(tie->authority, tie->authority_size), authority))
            return tie;
    }
    return NULL;
}

// Makes room by dropping the oldest tie that is no pin and not in use.
static bool make_room(struct client *client)
{
    if (client->tie_count < client_snapshot(client)->limits.links_per_client)
        return true;
    LIST_EACH (item, &client->ties) {
        struct tie *tie = CONTAINER(item, struct tie, siblings);
        if (!tie->is_lent && !tie_is_pin(tie)) {
            tie_free(tie, END_OK);
            return true;
        }
    }
    return false;
}

struct tie *tie_new(struct client *client, struct pool_side *side, struct span authority)
{
    if (!make_room(client))
        return NULL;
    struct tie *tie = calloc(1, sizeof *tie + authority.size);
    if (!tie)
        return NULL;
    list_init(&tie->siblings);
    tie->client = client;
    tie->side = side;
    tie->server_index = SIZE_MAX;
    tie->authority_size = authority.size;
    memcpy(tie->authority, authority.data, authority.size);
    list_join(&client->ties, &tie->siblings);
    client->tie_count++;
    return tie;
}

bool tie_is_pin(const struct tie *tie)
{
    return tie->link && !binding_may_share(tie->link->binding);
}

void tie_close_link(struct keeper *keeper, struct link *link, enum end end, bool abort)
{
    if (!binding_may_share(link->binding)) {
        keeper->pin_count--;
        // after an answer in which all is well a client is closed because it asked for that
        tally_add(&keeper->tally.pins_ended[end == END_OK ? END_CLIENT_CLOSED : end], 1);
    }
    link_close(link, abort);
}

void tie_free(struct tie *tie, enum end end)
{
    if (tie->link && !tie->is_lent)
        tie_close_link(tie->client->keeper, tie->link, end, false);
    list_leave(&tie->siblings);
    tie->client->tie_count--;
    free(tie);
}

// A resting link has nothing to say. What it says is its end, or something nobody asked for. False
// with the reason when it is of no more use.
static struct status hear(struct link *link)
{
    h1_fill(&link->session, 1);
    if (!buf_is_empty(&link->session.in))
        return failed(END_SERVER_UNASKED);
    return link_is_clean(link) && link->channel->end == END_OK ? OK : failed(END_LINK_LOST);
}

// True when it was the pin.
static bool lose(struct tie *tie, enum end end)
{
    bool was_pin = tie_is_pin(tie);
    tie_close_link(tie->client->keeper, tie->link, end, false);
    tie->link = NULL;
    return was_pin;
}

static void on_resting_event(struct link *link, unsigned ready)
{
    struct tie *tie = link->holder;
    struct client *client = tie->client;
    struct status status = hear(link);
    if (is_ok(status) || !lose(tie, status.end))
        return;
    if (client->exchange)
        client->exchange->wants_close =
            true; // what is in flight with another server is finished first
    else
        client_close(client, status.end, false);
}

struct status tie_wake(struct tie *tie)
{
    if (!tie->link || channel_is_silent(tie->link->channel))
        return OK;
    struct status status = hear(tie->link);
    return is_ok(status) || !lose(tie, status.end) ? OK : status;
}

void tie_keep(struct tie *tie, struct link *link)
{
    CHECK(!tie->link || tie->link == link);
    tie->link = link;
    tie->is_lent = false;
    link->holder = tie;
    link->on_event = on_resting_event;
    h1_want(&link->session, 1);
}
