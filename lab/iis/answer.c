// SPDX-License-Identifier: Apache-2.0
// See answer.h.
#include "answer.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

// As long as the page of IIS (1293 bytes), because its length has to be drained by clients.
enum { PAGE_BYTES = 1293 };

struct span answer_unauthorized_page(void)
{
    static const char start[] =
        "<!DOCTYPE html>\r\n<html>\r\n<head>\r\n<meta charset=\"utf-8\">\r\n"
        "<title>401 - Unauthorized</title>\r\n</head>\r\n<body>\r\n<h1>Server Error</h1>\r\n"
        "<h2>401 - Unauthorized</h2>\r\n"
        "<p>The credentials are missing or were not accepted for this page.</p>\r\n<!-- ";
    static const char end[] = " -->\r\n</body>\r\n</html>\r\n";
    static _Thread_local char page[PAGE_BYTES];
    memset(page, '.', sizeof page);
    memcpy(page, start, sizeof start - 1);
    memcpy(page + sizeof page - (sizeof end - 1), end, sizeof end - 1);
    return (struct span){(const uint8_t *)page, sizeof page};
}

static void add_date(struct buffer *out)
{
    char text[64];
    struct tm tm;
    time_t now = time(NULL);
    gmtime_r(&now, &tm);
    size_t len = strftime(text, sizeof text, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
    buffer_add(out, text, len);
}

static void start_head(struct answer *a, const char *status, const char *type)
{
    buffer_add_format(&a->out, "HTTP/1.1 %s\r\nContent-Type: %s\r\nServer: Microsoft-IIS/10.0\r\n",
                      status, type);
}

static void end_head(struct answer *a)
{
    buffer_add_text(&a->out, "X-Powered-By: ASP.NET\r\n");
    add_date(&a->out);
    if (!a->request->keep_alive)
        buffer_add_text(&a->out, "Connection: close\r\n");
    else if (a->request->minor == 0)
        buffer_add_text(&a->out, "Connection: keep-alive\r\n");
}

static void add_body(struct answer *a, struct span body)
{
    buffer_add_format(&a->out, "Content-Length: %zu\r\n\r\n", body.len);
    if (!span_is(a->request->method, span_of("HEAD")))
        buffer_add_span(&a->out, body);
}

static void add_challenge(struct answer *a, bool negotiate, struct span token)
{
    buffer_add_format(&a->out, "WWW-Authenticate: %s", negotiate ? "Negotiate" : "NTLM");
    if (token.len) {
        buffer_add_text(&a->out, " ");
        buffer_add_base64(&a->out, token);
    }
    buffer_add_text(&a->out, "\r\n");
}

// `error` is what goes with Negotiate when a ticket was refused; mostly nothing.
static void add_offers(struct answer *a, struct span error)
{
    const struct settings *s = a->settings;
    if (s->offer_ntlm && s->ntlm_first)
        add_challenge(a, false, (struct span){0});
    if (s->offer_negotiate)
        add_challenge(a, true, error);
    if (s->offer_ntlm && !s->ntlm_first)
        add_challenge(a, false, (struct span){0});
}

void answer_unauthorized(struct answer *a, const struct gate_answer *g)
{
    start_head(a, "401 Unauthorized", "text/html");
    if (g->verdict == GATE_CONTINUED) {
        add_challenge(a, g->negotiate, buffer_span(&g->token));
    } else {
        add_offers(a, buffer_span(&g->token));
    }
    end_head(a);
    add_body(a, answer_unauthorized_page());
}

void answer_bad_request(struct answer *a)
{
    static const char page[] = "<html><body><h2>Bad Request</h2></body></html>\r\n";
    buffer_add_format(&a->out,
                      "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n"
                      "Server: Microsoft-HTTPAPI/2.0\r\nConnection: close\r\n"
                      "Content-Length: %zu\r\n\r\n%s",
                      sizeof page - 1, page);
}

// The head of a 200, up to the framing: a token that completes the login goes with it.
static void start_ok(struct answer *a, const struct gate_answer *g, const char *type)
{
    start_head(a, "200 OK", type);
    if (g->decided_now && g->negotiate) {
        if (g->token.len)
            add_challenge(a, true, buffer_span(&g->token));
        bool forgotten = a->settings->single_request || (a->gate->known_by == SCHEME_KERBEROS &&
                                                         a->settings->kerberos_per_request);
        buffer_add_format(&a->out, "Persistent-Auth: %s\r\n", forgotten ? "false" : "true");
    }
    end_head(a);
}

static const char *scheme_word(enum gate_scheme scheme)
{
    return scheme == SCHEME_KERBEROS ? "kerberos" : scheme == SCHEME_NTLM ? "ntlm" : "none";
}

static void add_identity(const struct answer *a, struct buffer *page)
{
    static const struct gate nobody;
    const struct gate *gate = a->anonymous ? &nobody : a->gate;
    buffer_add_format(page, "server: %s\nperson: ", a->settings->name);
    gate_add_person(gate, page);
    buffer_add_text(page, "\nuser: ");
    if (gate->known_by == SCHEME_NONE)
        buffer_add_text(page, "-");
    else
        buffer_add_span(page, buffer_span(&gate->user));
    buffer_add_format(page, "\nscheme: %s\nconnection: %llu\nrequests: %llu\npath: ",
                      scheme_word(gate->known_by), a->connection, a->requests);
    buffer_add_span(page, a->request->target);
    buffer_add_text(page, "\n");
}

static bool serve_page(struct answer *a, const struct gate_answer *g, struct channel *c)
{
    struct buffer page = {0};
    add_identity(a, &page);
    start_ok(a, g, "text/plain; charset=utf-8");
    add_body(a, buffer_span(&page));
    buffer_done(&page);
    return channel_write(c, buffer_span(&a->out));
}

static bool serve_bytes_in_hand(struct answer *a, const struct gate_answer *g, struct channel *c,
                                struct span body)
{
    start_ok(a, g, "application/octet-stream");
    add_body(a, body);
    return channel_write(c, buffer_span(&a->out));
}

static void fill_piece(uint8_t *piece, size_t len)
{
    for (size_t i = 0; i < len; i++)
        piece[i] = (uint8_t)('a' + i % 26);
}

static bool serve_bytes(struct answer *a, const struct gate_answer *g, struct channel *c)
{
    enum { PIECE = 32768 };
    uint8_t piece[PIECE];
    uint64_t left = request_number(a->request, "n", 1024);
    fill_piece(piece, sizeof piece);
    start_ok(a, g, "application/octet-stream");
    buffer_add_format(&a->out, "Content-Length: %llu\r\n\r\n", (unsigned long long)left);
    if (!channel_write(c, buffer_span(&a->out)))
        return false;
    if (span_is(a->request->method, span_of("HEAD")))
        return true;
    while (left > 0) {
        size_t now = left < PIECE ? (size_t)left : PIECE;
        if (!channel_write(c, (struct span){piece, now}))
            return false;
        left -= now;
    }
    return true;
}

// n chunks of a line each, then a trailer.
static bool serve_chunked(struct answer *a, const struct gate_answer *g, struct channel *c)
{
    uint64_t count = request_number(a->request, "n", 3);
    start_ok(a, g, "text/plain; charset=utf-8");
    buffer_add_text(&a->out, "Transfer-Encoding: chunked\r\nTrailer: X-Chunks\r\n\r\n");
    if (span_is(a->request->method, span_of("HEAD")))
        return channel_write(c, buffer_span(&a->out));
    for (uint64_t i = 0; i < count; i++) {
        char line[64];
        int len = snprintf(line, sizeof line, "chunk %llu\n", (unsigned long long)i);
        buffer_add_format(&a->out, "%x\r\n%s\r\n", (unsigned)len, line);
        if (!channel_write(c, buffer_span(&a->out)))
            return false;
        buffer_clear(&a->out);
    }
    buffer_add_format(&a->out, "0\r\nX-Chunks: %llu\r\n\r\n", (unsigned long long)count);
    return channel_write(c, buffer_span(&a->out));
}

static bool serve_slow(struct answer *a, const struct gate_answer *g, struct channel *c)
{
    uint64_t ms = request_number(a->request, "ms", 100);
    struct timespec wait = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&wait, NULL);
    return serve_page(a, g, c);
}

static bool serve_upgrade(struct answer *a, const struct gate_answer *g, struct channel *c,
                          struct buffer *in)
{
    if (!span_is_word(a->request->upgrade, "echo"))
        return serve_page(a, g, c);
    buffer_add_text(&a->out, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                             "Upgrade: echo\r\nServer: Microsoft-IIS/10.0\r\n\r\n");
    bool ok = channel_write(c, buffer_span(&a->out));
    while (ok) {
        ok = (in->len == 0 || channel_write(c, buffer_span(in)));
        buffer_clear(in);
        ok = ok && channel_read(c, in);
    }
    return false;
}

static bool path_is(const struct answer *a, const char *path)
{
    return span_is(a->request->path, span_of(path));
}

static bool serve_path(struct answer *a, const struct gate_answer *g, struct channel *c,
                       struct buffer *in, struct buffer *body)
{
    if (path_is(a, "/echo"))
        return serve_bytes_in_hand(a, g, c, buffer_span(body));
    if (path_is(a, "/headers"))
        return serve_bytes_in_hand(a, g, c, buffer_span(&a->request->head));
    if (path_is(a, "/bytes"))
        return serve_bytes(a, g, c);
    if (path_is(a, "/chunked"))
        return serve_chunked(a, g, c);
    if (path_is(a, "/slow"))
        return serve_slow(a, g, c);
    if (path_is(a, "/upgrade"))
        return serve_upgrade(a, g, c, in);
    return serve_page(a, g, c);
}

bool answer_serve(struct answer *a, const struct gate_answer *g, struct channel *c,
                  struct buffer *in)
{
    struct buffer body = {0};
    if (path_is(a, "/drop"))
        return false;
    if (a->request->expects_continue && request_has_body(a->request) && a->request->minor == 1 &&
        !channel_write(c, span_of("HTTP/1.1 100 Continue\r\n\r\n")))
        return false;
    bool ok = request_read_body(a->request, c, in, path_is(a, "/echo") ? &body : NULL);
    if (path_is(a, "/close"))
        a->request->keep_alive = false;
    ok = ok && serve_path(a, g, c, in, &body);
    buffer_done(&body);
    return ok && a->request->keep_alive;
}
