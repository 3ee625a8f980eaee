// SPDX-License-Identifier: Apache-2.0
// The answer's way back: interim answers, the head, the body as it comes. What the server's words
// mean for the link (bound, closing, upgraded) is decided here before the client sees them.
#include "mode/client.h"

size_t response_fill_limit(const struct exchange *exchange)
{
    if (exchange->response != RESPONSE_AWAITED)
        return IO_BULK_BYTES;
    return client_snapshot(exchange->client)->limits.header_bytes + IO_BLOCK_BYTES;
}

static void note_progress(struct exchange *exchange)
{
    exchange->progress_ms = loop_time_ms(exchange->client->keeper->io->loop);
}

void response_drop_link(struct exchange *exchange, enum end end)
{
    tie_close_link(exchange->client->keeper, exchange_part(exchange), end, true);
}

// The server closed before it answered. On a link that had served before, that is the ordinary race
// with its idle timeout: the client is closed without a word and will ask again on a new
// connection, which is safe; anything else is a 502.
static void closed_without_answer(struct exchange *exchange)
{
    struct client *client = exchange->client;
    struct link *link = exchange->link;
    enum end end = link->channel->end != END_OK ? link->channel->end : END_SERVER_CLOSED;
    bool is_race = link->exchanges > 1 && (exchange->is_pinned || client->exchanges > 1);
    exchange->link_wants_close = true;
    if (is_race)
        client_close(client, END_LINK_LOST, false);
    else
        answer_end(client, end);
}

static void cut(struct exchange *exchange, enum end end)
{
    exchange->link_wants_close = true;
    client_close(exchange->client, end, true);
}

static void bad_answer(struct exchange *exchange, enum end end)
{
    exchange->link_wants_close = true;
    answer_end(exchange->client, end);
}

// ---- the head

static void bind_link(struct exchange *exchange, const struct response_head *head)
{
    const struct token *challenges = exchange->client->keeper->challenges;
    size_t of_server = 0;
    size_t count = login_read_challenges(exchange, head, &of_server);
    exchange_bind(exchange, binding_event_of_response(head->status, challenges, count));
    login_note_response(exchange, head, of_server);
}

static bool carries_token(const struct exchange *exchange)
{
    if (!exchange->login) // none, or one at a proxy
        return exchange->has_credentials && binding_is_between_legs(exchange->binding);
    return exchange->login->outcome == LOGIN_CONTINUED;
}

// A client that was shown another certificate than its site has now is told to come anew, unless
// somebody is logged in on its connection; and always when it is asked to log in, for that would be
// refused here.
static bool is_outdated(const struct exchange *exchange, unsigned status)
{
    struct client *client = exchange->client;
    enum binding binding = exchange->binding;
    if (!client_is_outdated(client) || client_is_between_legs(client) ||
        binding_is_between_legs(binding))
        return false;
    bool is_asked = status == 401 && (binding == BINDING_OFFERED || binding == BINDING_REFUSED);
    return is_asked || (client_is_due(client) && !binding_is_bound(binding));
}

// Will this be the last answer on the client's connection?
static bool closes_client(struct exchange *exchange, const struct response_head *head)
{
    if (exchange->wants_close || head->head.body == BODY_UNTIL_CLOSE)
        return true;
    if (exchange->is_http10 && head->head.body == BODY_CHUNKED)
        return true;
    if (!head->head.is_persistent && exchange->is_pinned)
        return true; // the pinned link ends with this answer, and the client with it
    if (exchange->link_wants_close && exchange_may_never_send(exchange))
        return true; // the server will take no body any more
    if (carries_token(exchange))
        return false;
    exchange->is_outdated = is_outdated(exchange, head->status);
    return exchange->client->keeper->is_draining || exchange->is_outdated;
}

static void begin_answer(struct exchange *exchange, const struct response_head *head,
                         size_t head_bytes)
{
    struct h1_session *from = &exchange->link->session;
    bind_link(exchange, head);
    exchange->status = head->status;
    exchange->drops_framing = exchange->is_http10 && head->head.body == BODY_CHUNKED;
    exchange->link_wants_close = exchange->link_wants_close || !head->head.is_persistent ||
                                 head->head.body == BODY_UNTIL_CLOSE;
    exchange->wants_close = closes_client(exchange, head);
    exchange->first_byte_us = loop_now_us() - exchange->started_us;
    exchange->connect_us = exchange->link->exchanges == 1 ? exchange->link->connect_us : 0;
    enum body_kind body = head->head.body;
    uint64_t length = head->head.length;
    struct status status = heads_put_response(exchange, head, exchange->wants_close);
    if (!is_ok(status)) {
        cut(exchange, status.end);
        return;
    }
    h1_take_head(from, head_bytes, body, length);
    exchange->response = RESPONSE_STREAMING;
}

static void pass_interim(struct exchange *exchange, const struct response_head *head,
                         size_t head_bytes)
{
    struct status status = exchange->is_http10 ? OK : heads_put_response(exchange, head, false);
    h1_take_head(&exchange->link->session, head_bytes, BODY_NONE, 0);
    if (head->status == 100)
        exchange->expects_continue = false;
    if (!is_ok(status))
        cut(exchange, status.end);
}

static void switch_protocol(struct exchange *exchange, const struct response_head *head,
                            size_t head_bytes)
{
    if (!exchange->is_upgrade || exchange->request != REQUEST_DONE) {
        bad_answer(exchange, END_RESPONSE_BAD);
        return;
    }
    bind_link(exchange, head);
    exchange->status = head->status;
    exchange->first_byte_us = loop_now_us() - exchange->started_us;
    struct status status = heads_put_response(exchange, head, false);
    h1_take_head(&exchange->link->session, head_bytes, BODY_NONE, 0);
    if (!is_ok(status))
        cut(exchange, status.end);
    else
        passthrough_upgrade(exchange);
}

static void no_head_yet(struct exchange *exchange)
{
    if (exchange->link->session.is_ended || exchange->link->session.is_broken)
        closed_without_answer(exchange);
}

// True when a head was dealt with and there may be more to do.
static bool pump_head(struct exchange *exchange)
{
    struct client *client = exchange->client;
    const struct limits_config *limits = &client_snapshot(client)->limits;
    struct head_limits head_limits = {limits->header_line_bytes, limits->header_bytes};
    struct response_head *head = &client->keeper->response;
    struct span bytes;
    struct parse parse = h1_look_head(&exchange->link->session, &head_limits, &bytes);
    if (parse.state == PARSE_MORE) {
        no_head_yet(exchange);
        return false;
    }
    if (parse.state == PARSE_BAD) {
        bool is_size = parse.end == END_HEAD_TOO_BIG || parse.end == END_HEADER_TOO_BIG;
        bad_answer(exchange, is_size ? END_RESPONSE_TOO_BIG : END_RESPONSE_BAD);
        return false;
    }
    struct status status = h1_response_parse(bytes, exchange->is_head, false, head);
    if (!is_ok(status)) {
        bad_answer(exchange, status.end);
        return false;
    }
    note_progress(exchange);
    if (head->status == 101)
        switch_protocol(exchange, head, bytes.size);
    else if (head->status < 200)
        pass_interim(exchange, head, bytes.size);
    else
        begin_answer(exchange, head, bytes.size);
    return client->exchange == exchange && exchange->link;
}

// ---- the body

static void answer_complete(struct exchange *exchange)
{
    exchange->response = RESPONSE_DONE;
    if (exchange->request == REQUEST_DONE)
        return;
    // answered early: the body goes on while the link lives, as far as the server takes it, so that
    // both stay in step
    if (exchange->link_wants_close)
        response_drop_link(exchange, END_LINK_LOST);
}

static void note_sent(struct exchange *exchange, size_t bytes)
{
    exchange->response_bytes += bytes;
    if (bytes)
        note_progress(exchange);
}

// Nothing of the answer waits: past our memory with it, if it is long and both ends are plain. True
// when there may be more.
static bool splice_some(struct exchange *exchange)
{
    struct h1_session *from = &exchange->link->session;
    struct h1_session *to = &exchange->client->session;
    if (h1_splice_begin(from, to))
        note_sent(exchange, h1_splice(from, to));
    bool is_cut =
        (from->is_ended || from->is_broken) && !from->is_splicing && !h1_body_is_done(&from->body);
    if (is_cut)
        cut(exchange, END_RESPONSE_CUT);
    return !is_cut && h1_body_is_done(&from->body) && !from->is_splicing;
}

static bool send_run(struct exchange *exchange, struct span run)
{
    size_t sent = h1_pass(&exchange->link->session, &exchange->client->session, run);
    note_sent(exchange, sent);
    return sent == run.size;
}

// For an HTTP/1.0 client: the content of chunks without the framing around it.
static struct parse look_content(struct h1_session *from, struct span *ret_content)
{
    struct piece piece;
    struct parse parse = h1_look_piece(from, &piece);
    while (parse.state == PARSE_MORE && piece.bytes.size && !piece.is_payload) {
        h1_take(from, piece.bytes);
        parse = h1_look_piece(from, &piece);
    }
    *ret_content = piece.bytes;
    return parse;
}

static bool pump_body(struct exchange *exchange)
{
    struct h1_session *from = &exchange->link->session;
    struct span run = {0};
    struct parse parse = PARSED_MORE;
    if (exchange->drops_framing)
        parse = look_content(from, &run);
    else if (!from->is_splicing)
        parse = h1_look_run(from, &run);
    // without close_notify anybody on the way could have ended it (RFC 9112 section 9.8)
    if (parse.state == PARSE_DONE && from->body.kind == BODY_UNTIL_CLOSE && from->channel->is_cut) {
        cut(exchange, END_RESPONSE_CUT);
        return false;
    }
    if (parse.state == PARSE_DONE) {
        answer_complete(exchange);
        return false;
    }
    if (parse.state == PARSE_BAD) {
        cut(exchange, END_RESPONSE_FRAMING);
        return false;
    }
    return span_is_empty(run) ? splice_some(exchange) : send_run(exchange, run);
}

void response_pump(struct exchange *exchange)
{
    struct client *client = exchange->client;
    bool goes_on = true;
    while (goes_on && client->exchange == exchange && exchange->link &&
           exchange->response != RESPONSE_DONE)
        goes_on =
            exchange->response == RESPONSE_AWAITED ? pump_head(exchange) : pump_body(exchange);
}
