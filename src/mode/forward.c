// SPDX-License-Identifier: Apache-2.0
// Forward: the request's way to a server. The link is chosen and bound before its first byte is
// written: the client's own tie if it has one, else a fresh link when the request carries
// credentials, else (shared pools only) an idle one.
#include "base/check.h"
#include "mode/client.h"
#include "wire/claim.h"

// What TLS has to say of a failed connect, for the log.
static void note_problem(struct exchange *exchange, const struct link *link)
{
    struct text text = text_over(exchange->problem, sizeof exchange->problem);
    if (link->side->pool->tls)
        text_add(&text, span_first(span_text(tls_channel_problem(link->channel)),
                                   sizeof exchange->problem));
    exchange->problem_size = (uint8_t)text.size;
}

static void on_link_event(struct link *link, unsigned ready)
{
    struct exchange *exchange = link->holder;
    struct client *client = exchange->client;
    bool more = true;
    if (!link_is_open(link) && link->channel->end != END_OK) {
        note_problem(exchange, link);
        forward_connect_failed(exchange, link_end(link));
        terminate_run(client);
        return;
    }
    if (link->channel->end != END_OK)
        link->session.is_mute = true; // what it said before may still be there to read
    if (ready & CHANNEL_WRITE)
        link->session.is_write_blocked = false;
    for (unsigned round = 0; round < 8 && more; round++) {
        more = ready & CHANNEL_READ && h1_fill(&link->session, response_fill_limit(exchange));
        terminate_run(client);
        if (client->exchange != exchange || exchange->link != link)
            return;
    }
}

static void take_link(struct exchange *exchange, struct link *link)
{
    link->holder = exchange;
    link->on_event = on_link_event;
    exchange->link = link;
    exchange->server_index = link->server_index;
    exchange->link_id = link->id;
    if (exchange->tie) {
        exchange->tie->link = link;
        exchange->tie->is_lent = true;
        exchange->tie->server_index = link->server_index;
    }
}

static size_t choose_server(struct exchange *exchange)
{
    struct pool_side *side = exchange->pool_side;
    size_t before = exchange->tie ? exchange->tie->server_index : SIZE_MAX;
    bool may_stay = before != SIZE_MAX && !tried_has(&exchange->tried, before);
    if (may_stay && pool_may_take(side, before))
        return before;
    return pool_choose(side, address_bytes(&exchange->client->address), &exchange->tried);
}

// Opens a link to `server`, or to one after another until a connect has at least begun.
static struct status open_link_to(struct exchange *exchange, size_t server, struct link **ret_link)
{
    enum end end = END_NO_SERVER;
    while (server != SIZE_MAX) {
        struct status status =
            link_open(exchange->pool_side, server, false, on_link_event, exchange, ret_link);
        if (is_ok(status) || status.end == END_FILE_LIMIT || status.end == END_OVERLOAD)
            return status;
        tried_add(&exchange->tried, server);
        end = status.end;
        server = choose_server(exchange);
    }
    return failed(end);
}

static struct status open_link(struct exchange *exchange, struct link **ret_link)
{
    return open_link_to(exchange, choose_server(exchange), ret_link);
}

// Connecting failed before a byte was sent: what was composed moves to a link to another server.
void forward_connect_failed(struct exchange *exchange, enum end end)
{
    struct link *failed_link = exchange->link;
    struct link *link = NULL;
    enum binding binding = failed_link->binding;
    if (end == END_CONNECT_TIMEOUT)
        link_note_timeout(failed_link);
    tried_add(&exchange->tried, failed_link->server_index);
    bool may_retry = end != END_SERVER_CERTIFICATE;
    if (!may_retry || !is_ok(open_link(exchange, &link))) {
        answer_end(exchange->client, end);
        return;
    }
    link->session.out = failed_link->session.out;
    failed_link->session.out = (struct buf){0};
    link->binding = binding;
    link->exchanges = failed_link->exchanges;
    failed_link->binding = BINDING_FREE;
    link_close(failed_link, true);
    take_link(exchange, link);
}

// ---- the pin, decided before the first byte

static bool is_credentials(const struct field *field)
{
    return field->id == FIELD_AUTHORIZATION || field->id == FIELD_PROXY_AUTHORIZATION;
}

// How many fields carry credentials; two of a kind are refused, since two readers could believe
// different ones.
static struct status count_credentials(const struct request_head *head, size_t *ret_count)
{
    size_t of_kind[2] = {0, 0};
    for (size_t i = 0; i < head->head.field_count; i++)
        if (is_credentials(&head->head.fields[i]))
            of_kind[head->head.fields[i].id == FIELD_AUTHORIZATION]++;
    if (of_kind[0] > 1 || of_kind[1] > 1)
        return failed(END_HEADER_REPEATED);
    *ret_count = of_kind[0] + of_kind[1];
    return OK;
}

static bool came_through_proxy(const struct request_head *head)
{
    for (size_t i = 0; i < head->head.field_count; i++)
        if (claim_shows_proxy(head->head.fields[i].name))
            return true;
    return false;
}

// For a request without credentials: an idle link to the server whose turn it is, or a new one.
static struct status link_without_tie(struct exchange *exchange, struct link **ret_link)
{
    size_t server = choose_server(exchange);
    if (server == SIZE_MAX)
        return failed(END_NO_SERVER);
    *ret_link = link_take_idle(exchange->pool_side, server, on_link_event, exchange);
    return *ret_link ? OK : open_link_to(exchange, server, ret_link);
}

static struct status get_link(struct exchange *exchange, bool has_credentials)
{
    struct client *client = exchange->client;
    struct pool_side *side = exchange->pool_side;
    struct span authority = exchange_host(exchange);
    bool is_shared = side->pool->config->links == LINKS_SHARED;
    exchange->tie = tie_find(client, side, authority);
    if (exchange->tie)
        TRY(tie_wake(exchange->tie));
    if (exchange->tie && exchange->tie->link) {
        take_link(exchange, exchange->tie->link);
        return OK;
    }
    if (!exchange->tie && (!is_shared || has_credentials)) {
        exchange->tie = tie_new(client, side, authority);
        if (!exchange->tie)
            return failed(END_LINK_LIMIT);
    }
    struct link *link;
    TRY(exchange->tie ? open_link(exchange, &link) : link_without_tie(exchange, &link));
    take_link(exchange, link);
    return OK;
}

static void bind_link(struct exchange *exchange, const struct request_head *head,
                      size_t credentials)
{
    struct keeper *keeper = exchange->client->keeper;
    exchange->has_credentials = credentials > 0;
    for (size_t i = 0; credentials && i < head->head.field_count; i++) {
        const struct field *field = &head->head.fields[i];
        if (!is_credentials(field))
            continue;
        token_read(field->value, keeper->token_bytes, sizeof keeper->token_bytes, &keeper->token);
        exchange_bind(exchange, binding_event_of_request(&keeper->token));
        if (field->id == FIELD_AUTHORIZATION) // nobody is logged in at a web server by the other
            login_note_request(exchange);
    }
    if (!head_field(&head->head, FIELD_AUTHORIZATION))
        login_watch_request(exchange, NULL);
    if (!credentials)
        exchange_bind(exchange, binding_event_of_request(NULL));
}

// A login that came through a proxy which may carry several people on one connection (rule 10).
static bool is_refused_login(struct exchange *exchange, const struct request_head *head)
{
    struct keeper *keeper = exchange->client->keeper;
    if (!came_through_proxy(head) || exchange->site->client_per_person_proxy)
        return false;
    struct tie *tie = tie_find(exchange->client, exchange->pool_side, exchange_host(exchange));
    if (tie && tie->link &&
        (binding_is_bound(tie->link->binding) || binding_is_between_legs(tie->link->binding)))
        return true; // somebody is logged in on this connection, and it may not be whoever asks now
    for (size_t i = 0; i < head->head.field_count; i++) {
        if (!is_credentials(&head->head.fields[i]))
            continue;
        token_read(head->head.fields[i].value, keeper->token_bytes, sizeof keeper->token_bytes,
                   &keeper->token);
        if (auth_scheme_binds(keeper->token.scheme))
            return true;
    }
    return false;
}

// HTTP/1.0 without Host: the server must be told a name, and a pattern is none.
static bool is_unnamed(const struct exchange *exchange, const struct request_head *head)
{
    return !head_field(&head->head, FIELD_HOST) && span_is_empty(head->host) &&
           span_is_empty(exchange_site_name(exchange));
}

void forward_begin(struct exchange *exchange, const struct request_head *head)
{
    size_t credentials = 0;
    struct status status = count_credentials(head, &credentials);
    if (is_ok(status) && is_unnamed(exchange, head))
        status = failed(END_HOST_UNNAMED);
    if (is_ok(status) && is_refused_login(exchange, head))
        status = failed(END_LOGIN_THROUGH_PROXY);
    if (is_ok(status))
        status = get_link(exchange, credentials > 0);
    if (status.end == END_LINK_LOST || status.end == END_SERVER_UNASKED) {
        login_note_undelivered(exchange, head);
        client_close(exchange->client, status.end, false); // nothing was sent: it may ask again
        return;
    }
    if (!is_ok(status)) {
        if (status.end == END_HEADER_REPEATED)
            login_watch_confused(exchange);
        else
            login_note_undelivered(exchange, head);
        answer_end(exchange->client, status.end);
        return;
    }
    bind_link(exchange, head, credentials);
    link_begin_exchange(exchange->link);
    status = heads_put_request(exchange, head);
    if (!is_ok(status))
        answer_end(exchange->client, status.end);
}

// ---- the request's body

static void request_failed(struct exchange *exchange, enum end end)
{
    if (exchange->response == RESPONSE_AWAITED)
        answer_end(exchange->client, end);
    else
        client_close(exchange->client, end, true);
}

// The server closed while we were still sending: what it said before that is worth reading, the
// rest of the body is not.
static void stop_sending(struct exchange *exchange)
{
    exchange->link_wants_close = true;
    exchange_discard_request(exchange);
}

// The next of the body to be sent. Where content is limited, a piece at a time, so that none beyond
// the limit is sent.
static struct parse look_body(struct exchange *exchange, struct span *ret_bytes)
{
    const struct h1_session *session = &exchange->client->session;
    uint64_t limit = client_snapshot(exchange->client)->limits.body_bytes;
    struct piece piece = {0};
    if (session->is_splicing)
        return PARSED_MORE;
    if (!limit)
        return h1_look_run(session, ret_bytes);
    struct parse parse = h1_look_piece(session, &piece);
    uint64_t payload = session->body.payload + (piece.is_payload ? piece.bytes.size : 0);
    if (parse.state == PARSE_MORE && payload > limit)
        return parsed_bad(END_BODY_TOO_BIG);
    *ret_bytes = piece.bytes;
    return parse;
}

// The answer was complete and a body without a known end goes on: the server may take it, but not
// for ever.
static bool is_endless(struct exchange *exchange, uint64_t sent)
{
    const struct client *client = exchange->client;
    if (exchange->response != RESPONSE_DONE || client->session.body.kind != BODY_CHUNKED)
        return false;
    exchange->discarded_bytes += sent;
    return exchange->discarded_bytes > client_snapshot(client)->limits.unread_body_bytes;
}

// Sends a run of the body, or content of known length past our memory. True when there may be more
// to do at once.
static bool send_some(struct exchange *exchange, struct span bytes)
{
    struct client *client = exchange->client;
    struct h1_session *from = &client->session;
    struct h1_session *to = &exchange->link->session;
    bool is_splicing = span_is_empty(bytes) && h1_splice_begin(from, to);
    size_t sent = 0;
    if (is_splicing)
        sent = h1_splice(from, to);
    else if (!span_is_empty(bytes))
        sent = h1_pass(from, to, bytes);
    exchange->request_bytes += sent;
    if (sent)
        exchange->progress_ms = loop_time_ms(client->keeper->io->loop);
    if (to->is_mute)
        stop_sending(exchange);
    else if (!sent && from->is_ended && span_is_empty(bytes))
        client_close(client, END_CLIENT_LEFT, false);
    else
        return is_splicing ? !from->is_splicing : sent == bytes.size && sent > 0;
    return false;
}

void forward_pump_request(struct exchange *exchange)
{
    while (exchange->request == REQUEST_STREAMING) {
        struct span bytes = {0};
        struct parse parse = look_body(exchange, &bytes);
        if (parse.state == PARSE_DONE) {
            exchange->request = REQUEST_DONE;
            return;
        }
        if (parse.state == PARSE_BAD) {
            request_failed(exchange, parse.end);
            return;
        }
        if (is_endless(exchange, bytes.size)) {
            response_drop_link(exchange, END_BODY_TOO_BIG);
            exchange_discard_request(exchange);
            return;
        }
        if (!send_some(exchange, bytes))
            return;
    }
}
