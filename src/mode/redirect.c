// SPDX-License-Identifier: Apache-2.0
// Redirect: the answer names a server of the pool, chosen among those healthy; path and query as
// they were sent. The server's name comes back through the same port as passthrough, so the server
// itself can stay private.
#include <stdio.h>

#include "mode/client.h"

// "https://name[:port]path?query" in the thread's scratch area; empty when it does not fit.
static struct span compose(struct client *client, struct span name, unsigned port,
                           const struct request_head *head)
{
    struct text text = text_over((char *)client->keeper->io->scratch, IO_SCRATCH_BYTES);
    text_add_string(&text, "https://");
    text_add(&text, name);
    if (port != 443)
        text_add_printf(&text, ":%u", port);
    text_add(&text, span_is_empty(head->target.path) ? SPAN("/") : head->target.path);
    text_add(&text, head->target.query);
    return text.cut ? (struct span){0} : text_span(&text);
}

static bool is_safe(const struct request_head *head)
{
    return head->is_head || span_equal(head->method, SPAN("GET"));
}

// Where a client of ours finds https: not on the port of a plain listener.
static unsigned https_port(struct client *client)
{
    return client->is_tls ? client_port(client) : client->listener->redirect_port;
}

static void redirect_to_server(struct exchange *exchange, const struct request_head *head,
                               struct pool_side *side, unsigned safe_status, unsigned other_status)
{
    struct client *client = exchange->client;
    size_t index = pool_choose(side, address_bytes(&client->address), &exchange->tried);
    if (index == SIZE_MAX) {
        answer_end(client, END_NO_SERVER);
        return;
    }
    const struct server_config *server = &side->pool->config->servers[index];
    exchange->server_index = index;
    unsigned port = server->redirect_port ? server->redirect_port : https_port(client);
    struct span location = compose(client, span_text(server->name), port, head);
    if (span_is_empty(location))
        answer_end(client, END_TARGET_TOO_LONG);
    else
        answer_redirect(exchange, is_safe(head) ? safe_status : other_status, location);
}

void redirect_begin(struct exchange *exchange, const struct request_head *head)
{
    const struct route_config *route = exchange->route;
    redirect_to_server(exchange, head, exchange->pool_side, route->redirect_status_safe,
                       route->redirect_status_other);
}

void redirect_rescue(struct exchange *exchange, const struct request_head *head)
{
    exchange->pool_side = &exchange->client->side->pools[exchange->client->rescue_pool];
    tried_add(&exchange->tried, exchange->client->rescue_from);
    redirect_to_server(exchange, head, exchange->pool_side, 302, 307);
}

void redirect_to_https(struct exchange *exchange, const struct request_head *head)
{
    struct client *client = exchange->client;
    struct host host;
    bool is_named = host_parse(head->host, &host) && !host.is_address;
    struct span name = is_named ? host_name(&host) : exchange_site_name(exchange);
    if (span_is_empty(name)) {
        answer_end(client, END_HOST_UNNAMED);
        return;
    }
    struct span location = compose(client, name, https_port(client), head);
    if (span_is_empty(location))
        answer_end(client, END_TARGET_TOO_LONG);
    else
        answer_redirect(exchange, client->listener->redirect_status, location);
}
