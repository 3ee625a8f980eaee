// SPDX-License-Identifier: Apache-2.0
// Clients, pins and logins as the admin API shows them. It runs on the worker's thread, so it is
// bounded: what does not fit is left out and counted, and the text is always whole JSON.
#include "mode/client.h"

static const char *state_word(enum client_state state)
{
    static const char *const words[] = {"peeking",  "resting",   "reading", "busy",
                                        "relaying", "lingering", "closed"};
    return words[state];
}

static void add_address(struct json *json, const struct client *client)
{
    char address[ADDRESS_TEXT_MAX];
    json_put_text(json, "address", span_of(address, address_print(&client->address, address)));
}

static void add_client(struct json *json, const struct client *client)
{
    json_put_open(json, NULL, '{');
    json_put_u64(json, "client", client->id);
    add_address(json, client);
    json_put_string(json, "listener", client->listener->bind);
    if (client->sni)
        json_put_string(json, "sni", client->sni);
    if (client_site(client))
        json_put_string(json, "site", client_site(client)->name);
    json_put_string(json, "state", state_word(client->state));
    json_put_bool(json, "tls", client->is_tls);
    json_put_u64(json, "exchanges", client->exchanges);
    json_put_u64(json, "since_us_ago", loop_now_us() - client->accepted_us);
    json_put_close(json, '}');
}

size_t keeper_describe_clients(struct keeper *keeper, struct json *json)
{
    size_t left_out = 0;
    json_put_open(json, NULL, '[');
    for (struct list *item = keeper->clients.next; item != &keeper->clients; item = item->next) {
        struct json_mark mark = json_mark_set(json);
        add_client(json, CONTAINER(item, const struct client, siblings));
        left_out += !json_mark_keep(json, &mark);
    }
    json_put_close(json, ']');
    return left_out;
}

static void add_pin(struct json *json, const struct client *client, const struct link *link,
                    struct span authority)
{
    const struct pool_config *pool = link->side->pool->config;
    json_put_open(json, NULL, '{');
    json_put_u64(json, "client", client->id);
    add_address(json, client);
    json_put_u64(json, "link", link->id);
    json_put_string(json, "pool", pool->name);
    json_put_string(json, "server", pool->servers[link->server_index].name);
    if (authority.size)
        json_put_text(json, "authority", authority);
    json_put_string(json, "binding", binding_word(link->binding));
    json_put_u64(json, "exchanges", link->exchanges);
    json_put_u64(json, "since_us_ago", loop_now_us() - link->opened_us);
    json_put_close(json, '}');
}

// 1 when it is a pin that did not fit.
static size_t add_if_pin(struct json *json, const struct client *client, const struct link *link,
                         struct span authority)
{
    if (!link || binding_may_share(link->binding))
        return 0;
    struct json_mark mark = json_mark_set(json);
    add_pin(json, client, link, authority);
    return !json_mark_keep(json, &mark);
}

// Every link of the client that is pinned: those of its ties, that of an exchange that has no tie
// yet, and the one a relay has after an upgrade.
static size_t add_pins_of(struct json *json, const struct client *client)
{
    size_t left_out = 0;
    const struct exchange *exchange = client->exchange;
    for (const struct list *item = client->ties.next; item != &client->ties; item = item->next) {
        const struct tie *tie = CONTAINER(item, const struct tie, siblings);
        left_out +=
            add_if_pin(json, client, tie->link, span_of(tie->authority, tie->authority_size));
    }
    if (exchange && (!exchange->tie || exchange->tie->link != exchange->link))
        left_out += add_if_pin(json, client, exchange->link, exchange_host(exchange));
    return left_out + add_if_pin(json, client, passthrough_link(client), span_of(NULL, 0));
}

size_t keeper_describe_pins(struct keeper *keeper, struct json *json)
{
    size_t left_out = 0;
    json_put_open(json, NULL, '[');
    for (struct list *item = keeper->clients.next; item != &keeper->clients; item = item->next)
        left_out += add_pins_of(json, CONTAINER(item, const struct client, siblings));
    json_put_close(json, ']');
    return left_out;
}

size_t keeper_describe_logins(struct keeper *keeper, struct json *json, uint64_t after)
{
    return logbook_describe(&keeper->logbook, json, after, loop_now_us());
}

size_t keeper_logins_bytes(const struct keeper *keeper)
{
    return logbook_bytes(&keeper->logbook);
}
