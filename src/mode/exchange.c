// SPDX-License-Identifier: Apache-2.0
// One request and its answer. Here it is routed, run and finished; the bytes are moved by forward
// and response. An exchange belongs to its client and borrows a link, from a tie or from the pool.
#include "base/check.h"
#include "base/clock.h"
#include "mode/client.h"

struct span exchange_host(const struct exchange *exchange)
{
    return span_of(exchange->host, exchange->host_size);
}

struct span exchange_site_name(const struct exchange *exchange)
{
    const struct site_config *site = exchange->site;
    const char *sni = exchange->client->sni;
    struct host host;
    for (size_t i = 0; i < site->host_count; i++)
        if (site->hosts[i][0] != '*')
            return span_text(site->hosts[i]);
    bool is_name = sni && host_parse(span_text(sni), &host) && !host.is_address;
    return is_name ? span_text(sni) : (struct span){0};
}

static size_t copy_bounded(char *out, size_t capacity, struct span text)
{
    size_t size = text.size < capacity ? text.size : capacity;
    if (size)
        memcpy(out, text.data, size);
    return size;
}

static void describe_request(struct exchange *exchange, const struct request_head *head)
{
    exchange->is_head = head->is_head;
    exchange->is_http10 = head->head.minor_version == 0;
    // h2c would carry requests past us that nobody has looked at
    exchange->is_upgrade =
        head->head.wants_upgrade && !head_lists(&head->head, FIELD_UPGRADE, SPAN("h2c"));
    bool has_body = head->head.body == BODY_CHUNKED || head->head.length > 0;
    exchange->expects_continue = head->expects_continue && has_body;
    exchange->wants_close = !head->head.is_persistent;
    exchange->mark = login_mark(exchange->client->keeper, head);
    exchange->method_size =
        (uint8_t)copy_bounded(exchange->method, sizeof exchange->method, head->method);
    exchange->path_size =
        (uint16_t)copy_bounded(exchange->path, sizeof exchange->path, head->target.path);
    exchange->host_size = (uint8_t)copy_bounded(exchange->host, sizeof exchange->host, head->host);
    for (size_t i = 0; i < exchange->host_size; i++)
        exchange->host[i] = (char)ascii_lower((uint8_t)exchange->host[i]);
}

static struct exchange *exchange_new(struct client *client, const struct request_head *head)
{
    struct keeper *keeper = client->keeper;
    struct exchange *exchange = stock_take(&keeper->exchanges);
    if (!exchange)
        return NULL;
    memset(exchange, 0, offsetof(struct exchange, method));
    exchange->client = client;
    exchange->server_index = SIZE_MAX;
    exchange->id = keeper->next_exchange_id += keeper->id_step;
    exchange->started_us = loop_now_us();
    exchange->progress_ms = loop_time_ms(keeper->io->loop);
    describe_request(exchange, head);
    client->exchange = exchange;
    client->exchanges++;
    keeper->exchange_count++;
    client_enter(client, CLIENT_BUSY);
    return exchange;
}

// The site of a request that came over TLS: the one the connection was made for, or 421 (RFC 9110
// section 15.5.20).
static struct status site_over_tls(struct client *client, size_t by_host)
{
    if (by_host == client->site_index || (by_host == SIZE_MAX && client->is_default_site))
        return OK;
    return failed(by_host == SIZE_MAX ? END_NO_SITE : END_MISDIRECTED);
}

static struct status find_site(struct exchange *exchange, const struct request_head *head)
{
    struct client *client = exchange->client;
    const struct snapshot *snapshot = client_snapshot(client);
    struct host host = {0};
    if (!span_is_empty(head->host) && !host_parse(head->host, &host))
        return failed(END_HOST_BAD);
    size_t by_host = host.name_size ? route_site(snapshot, host_name(&host)) : client->site_index;
    size_t site_index = client->is_tls ? client->site_index : by_host;
    if (client->is_tls)
        TRY(site_over_tls(client, by_host));
    if (site_index == SIZE_MAX)
        site_index = client->listener->site_index;
    if (site_index == SIZE_MAX)
        return failed(END_NO_SITE);
    exchange->site = &snapshot->sites[site_index];
    return OK;
}

static struct status find_route(struct exchange *exchange, const struct request_head *head)
{
    uint8_t *path = exchange->client->keeper->io->scratch;
    size_t size = 1;
    path[0] = '/';
    if (head->target.form == TARGET_AUTHORITY)
        return failed(END_REQUEST_TARGET_BAD);
    if (head->target.path.size > IO_SCRATCH_BYTES)
        return failed(END_TARGET_TOO_LONG);
    if (head->target.form != TARGET_ASTERISK &&
        !path_normalise(head->target.path, path, IO_SCRATCH_BYTES, &size))
        return failed(END_REQUEST_TARGET_BAD);
    exchange->route = route_find(exchange->site, span_of(path, size));
    return exchange->route ? OK : failed(END_NO_ROUTE);
}

static struct status dispatch(struct exchange *exchange, const struct request_head *head)
{
    struct client *client = exchange->client;
    uint64_t body_max = client_snapshot(client)->limits.body_bytes;
    TRY(find_site(exchange, head));
    if (body_max && head->head.body == BODY_LENGTH && head->head.length > body_max)
        return failed(END_BODY_TOO_BIG);
    if (client->rescue_pool != SIZE_MAX) {
        redirect_rescue(exchange, head);
        return OK;
    }
    if (!client->is_tls && !exchange->site->plain_http) {
        redirect_to_https(exchange, head);
        return OK;
    }
    TRY(find_route(exchange, head));
    exchange->pool_side = &client->side->pools[exchange->route->pool_index];
    if (exchange->route->action == ROUTE_REDIRECT)
        redirect_begin(exchange, head);
    else
        forward_begin(exchange, head);
    return OK;
}

void exchange_begin(struct client *client, size_t head_bytes)
{
    const struct request_head *head = &client->keeper->request;
    struct exchange *exchange = exchange_new(client, head);
    if (!exchange) {
        answer_end(client, END_OVERLOAD);
        return;
    }
    enum body_kind body = head->head.body;
    uint64_t length = head->head.length;
    struct status status = dispatch(exchange, head);
    if (!is_ok(status))
        answer_end(client, status.end);
    if (client->exchange == exchange)
        h1_take_head(&client->session, head_bytes, body, length);
}

bool exchange_may_never_send(const struct exchange *exchange)
{
    return exchange->expects_continue && exchange->request_bytes == 0 &&
           exchange->discarded_bytes == 0;
}

void exchange_discard_request(struct exchange *exchange)
{
    h1_splice_end(&exchange->client->session);
    exchange->request = REQUEST_DISCARDED;
}

// The answer is complete and the request is not: read on, within a limit, so that the client gets
// to see the answer.
static void discard_request(struct exchange *exchange)
{
    struct client *client = exchange->client;
    struct span run;
    if (exchange_may_never_send(exchange)) {
        exchange->wants_close = true;
        exchange->request = REQUEST_DONE;
        return;
    }
    for (;;) {
        struct parse parse = h1_look_run(&client->session, &run);
        if (parse.state == PARSE_DONE) {
            exchange->request = REQUEST_DONE;
            return;
        }
        bool is_enough =
            exchange->discarded_bytes > client_snapshot(client)->limits.unread_body_bytes;
        if (parse.state == PARSE_BAD || is_enough || client->session.is_ended ||
            client->session.is_broken) {
            exchange->wants_close = true;
            exchange->request = REQUEST_DONE;
            return;
        }
        if (span_is_empty(run))
            return;
        exchange->discarded_bytes += run.size;
        h1_take(&client->session, run);
    }
}

// Each step may end the exchange, and with it the memory it stands in.
static void run_link(struct client *client, struct exchange *exchange)
{
    h1_flush(&exchange->link->session);
    forward_pump_request(exchange);
    if (client->exchange == exchange && exchange->link)
        response_pump(exchange);
    if (client->exchange != exchange || !exchange->link)
        return;
    h1_flush(&exchange->link->session);
    h1_want(&exchange->link->session, response_fill_limit(exchange));
}

// Why its client is closed after it, should it be.
static enum end why_closing(const struct exchange *exchange)
{
    if (exchange->is_outdated)
        return END_CERTIFICATE_CHANGED;
    return exchange->client->keeper->is_draining ? END_STOPPING : END_OK;
}

static void end_client_after(struct client *client, bool was_read, enum end end)
{
    if (was_read && buf_is_empty(&client->session.in) && !client->session.is_write_blocked) {
        client_close(client, end, false);
        return;
    }
    if (end != END_OK)
        record_client(client, end);
    client_linger(client, end);
}

bool exchange_run(struct exchange *exchange)
{
    struct client *client = exchange->client;
    if (exchange->link && link_is_open(exchange->link))
        run_link(client, exchange);
    if (client->exchange != exchange)
        return false; // it ended with its client
    if (exchange->request == REQUEST_STREAMING && exchange->response == RESPONSE_DONE &&
        !exchange->link)
        exchange_discard_request(exchange);
    if (exchange->request == REQUEST_DISCARDED)
        discard_request(exchange);
    bool is_flushed = h1_flush(&client->session);
    if (client->session.is_broken || client->session.is_mute) {
        client_close(client, terminate_closing_end(client), true);
        return false;
    }
    if (!is_flushed || exchange->request != REQUEST_DONE || exchange->response != RESPONSE_DONE)
        return false;
    bool was_read = h1_body_is_done(&client->session.body);
    enum end why = why_closing(exchange);
    bool closes = exchange_finish(exchange, exchange->end);
    if (client->state == CLIENT_CLOSED)
        return false;
    client_enter(client, CLIENT_RESTING);
    if (closes) {
        end_client_after(client, was_read, why);
        return false;
    }
    return true;
}

void exchange_bind(struct exchange *exchange, enum binding_event event)
{
    struct keeper *keeper = exchange->client->keeper;
    struct link *link = exchange->link;
    bool was_shareable = binding_may_share(link->binding);
    link_bind(link, event);
    exchange->binding = link->binding;
    exchange->is_pinned = !binding_may_share(link->binding);
    if (!was_shareable || !exchange->is_pinned)
        return;
    keeper->pin_count++;
    tally_one(&keeper->tally, TALLY_PINS_MADE);
}

struct link *exchange_part(struct exchange *exchange)
{
    struct link *link = exchange->link;
    if (exchange->tie) {
        exchange->tie->link = NULL;
        exchange->tie->is_lent = false;
    }
    exchange->link = NULL;
    return link;
}

// The answer is complete, or `exchange` says why not.
static enum end why_link_ends(const struct exchange *exchange, const struct link *link)
{
    if (exchange->end != END_OK)
        return exchange->end;
    bool says_more = !exchange->link_wants_close && !buf_is_empty(&link->session.in);
    return says_more ? END_SERVER_UNASKED : END_LINK_LOST;
}

// Where the link goes now: back to its tie, to the pool's idle list, or nowhere.
static void release_link(struct exchange *exchange, bool is_clean)
{
    struct client *client = exchange->client;
    struct tie *tie = exchange->tie;
    struct link *link = exchange_part(exchange);
    if (!link)
        return;
    bool stays = is_clean && link_is_clean(link);
    bool was_pin = !binding_may_share(link->binding);
    if (!stays) {
        tie_close_link(client->keeper, link, why_link_ends(exchange, link), !is_clean);
        exchange->wants_close = exchange->wants_close || was_pin;
        return;
    }
    if (!tie && was_pin)
        tie = tie_new(client, link->side, exchange_host(exchange));
    if (tie)
        tie_keep(tie, link);
    else if (was_pin)
        tie_close_link(client->keeper, link, END_LINK_LIMIT, false);
    else
        link_give_idle(link);
}

static void count(struct exchange *exchange)
{
    struct tally *tally = &exchange->client->keeper->tally;
    uint64_t total_us = loop_now_us() - exchange->started_us;
    client_count_bytes(exchange->client);
    tally_one(tally, TALLY_EXCHANGES);
    tally_add(&tally->ends[exchange->end], 1);
    tally_add(&tally->statuses[exchange->status / 100 % 6], 1);
    histogram_note(&tally->total, total_us);
    if (exchange->first_byte_us)
        histogram_note(&tally->first_byte, exchange->first_byte_us);
    if (exchange->connect_us)
        histogram_note(&tally->connect, exchange->connect_us);
    if (exchange->login)
        tally_add(&tally->logins[exchange->login->mechanism][exchange->login->leg]
                                [exchange->login->outcome],
                  1);
}

bool exchange_finish(struct exchange *exchange, enum end end)
{
    struct client *client = exchange->client;
    exchange->end = end;
    bool is_clean = exchange->request == REQUEST_DONE && exchange->response == RESPONSE_DONE &&
                    !exchange->link_wants_close;
    record_exchange(exchange);
    count(exchange);
    login_watch_finish(exchange, end);
    release_link(exchange, is_clean);
    login_free(exchange->login);
    bool closes = exchange->wants_close;
    client->exchange = NULL;
    client->keeper->exchange_count--;
    stock_give(&client->keeper->exchanges, exchange);
    return closes;
}
