// SPDX-License-Identifier: Apache-2.0
// Our own answers: small, plain, naming the reason and a request id that is also in the log. They
// never carry a WWW-Authenticate: only servers ask for credentials.
#include <stdio.h>

#include "mode/client.h"

#define BODY_MAX 768

static const char *reason_phrase(unsigned status)
{
    switch (status) {
    case 301:
        return "Moved Permanently";
    case 302:
        return "Found";
    case 303:
        return "See Other";
    case 307:
        return "Temporary Redirect";
    case 308:
        return "Permanent Redirect";
    case 400:
        return "Bad Request";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 408:
        return "Request Timeout";
    case 413:
        return "Content Too Large";
    case 414:
        return "URI Too Long";
    case 421:
        return "Misdirected Request";
    case 431:
        return "Request Header Fields Too Large";
    case 502:
        return "Bad Gateway";
    case 503:
        return "Service Unavailable";
    case 504:
        return "Gateway Timeout";
    case 505:
        return "HTTP Version Not Supported";
    default:
        return "Error";
    }
}

struct own_answer {
    unsigned status;
    enum end end;
    uint64_t id;
    struct span location;
    bool closes;
    bool is_http10;
    bool is_head;
};

static size_t print_body(const struct own_answer *answer, char *body)
{
    int size = snprintf(body, BODY_MAX, "%u %s\n\n%s.\nReason: %s\nRequest id: %llu\n",
                        answer->status, reason_phrase(answer->status), end_sentence(answer->end),
                        end_word(answer->end), (unsigned long long)answer->id);
    return size < 0 ? 0 : (size_t)size;
}

static struct status put_own(struct h1_session *session, const struct own_answer *answer)
{
    char body[BODY_MAX];
    char head[256];
    size_t body_size = print_body(answer, body);
    snprintf(head, sizeof head,
             "HTTP/1.1 %u %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %zu\r\n"
             "Cache-Control: no-store\r\n",
             answer->status, reason_phrase(answer->status), body_size);
    TRY(h1_put(session, span_text(head)));
    if (!span_is_empty(answer->location)) {
        TRY(h1_put(session, SPAN("Location: ")));
        TRY(h1_put(session, answer->location));
        TRY(h1_put(session, SPAN("\r\n")));
    }
    if (answer->status == 503)
        TRY(h1_put(session, SPAN("Retry-After: 5\r\n")));
    if (answer->closes)
        TRY(h1_put(session, SPAN("Connection: close\r\n")));
    else if (answer->is_http10)
        TRY(h1_put(session, SPAN("Connection: keep-alive\r\n")));
    TRY(h1_put(session, SPAN("\r\n")));
    return answer->is_head ? OK : h1_put(session, span_of(body, body_size));
}

// After these the framing of what follows cannot be trusted.
static bool ends_client(enum end end)
{
    unsigned status = end_http_status(end);
    return status == 400 || status == 408 || status == 413 || status == 431 || status == 505;
}

static void answer_exchange(struct exchange *exchange, unsigned status, enum end end,
                            struct span location)
{
    struct client *client = exchange->client;
    if (exchange->link) {
        exchange->wants_close = exchange->wants_close || exchange->is_pinned;
        response_drop_link(exchange, end);
    }
    exchange->is_outdated = client_is_due(client);
    exchange->wants_close = exchange->wants_close || ends_client(end) || exchange->is_outdated ||
                            exchange_may_never_send(exchange) || client->keeper->is_draining;
    exchange->end = end;
    exchange->status = status;
    exchange->is_own_answer = true;
    exchange->response = RESPONSE_DONE;
    exchange->progress_ms =
        loop_time_ms(client->keeper->io->loop); // from here on the client has time to take it
    struct own_answer answer = {
        status,           end, exchange->id, location, exchange->wants_close, exchange->is_http10,
        exchange->is_head};
    if (!is_ok(put_own(&client->session, &answer)))
        exchange->wants_close = true;
}

void answer_end(struct client *client, enum end end)
{
    struct exchange *exchange = client->exchange;
    unsigned status = end_http_status(end);
    if (status == 0)
        status = end_side(end) == END_SIDE_CLIENT ? 400 : 502;
    if (exchange) {
        answer_exchange(exchange, status, end, (struct span){0});
        return;
    }
    uint64_t id = client->keeper->next_exchange_id += client->keeper->id_step;
    struct own_answer answer = {.status = status, .end = end, .id = id, .closes = true};
    login_watch_refused(client, end);
    record_refused(client, end, id);
    if (is_ok(put_own(&client->session, &answer)))
        client_linger(client, end);
    else
        client_close(client, end, true);
}

void answer_redirect(struct exchange *exchange, unsigned status, struct span location)
{
    answer_exchange(exchange, status, END_REDIRECTED, location);
}
