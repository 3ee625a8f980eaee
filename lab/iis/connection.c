// SPDX-License-Identifier: Apache-2.0
// See connection.h. The order matters: a 401 goes out before the request's body is read, as
// http.sys does, and the body is read after it so that the connection can be kept.
#include "connection.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "http2.h"
#include "request.h"
#include "site.h"

static void log_request(const struct answer *a, const struct gate_answer *g, unsigned status)
{
    if (!a->settings->verbose)
        return;
    struct buffer line = {0};
    struct span target = a->request->target;
    buffer_add_format(&line, "%s conn=%llu req=%llu %.*s %.*s %u person=", a->settings->name,
                      (unsigned long long)a->connection, (unsigned long long)a->requests,
                      (int)a->request->method.len, (const char *)a->request->method.at,
                      (int)(target.len < 120 ? target.len : 120), (const char *)target.at, status);
    gate_add_person(a->gate, &line);
    if (g->leg)
        buffer_add_format(&line, " scheme=%s leg=%u", g->negotiate ? "negotiate" : "ntlm", g->leg);
    if (g->verdict == GATE_REFUSED)
        buffer_add_format(&line, " why=%s", g->why);
    fprintf(stderr, "%.*s\n", (int)line.len, (const char *)line.at);
    buffer_done(&line);
}

static bool is_open_path(const struct settings *s, struct span path)
{
    for (unsigned i = 0; i < s->open_path_count; i++)
        if (span_starts(path, span_of(s->open_paths[i])))
            return true;
    return false;
}

// A 401. True when the connection goes on.
static bool serve_refusal(struct answer *a, struct channel *c, struct buffer *in,
                          const struct gate_answer *g)
{
    answer_unauthorized(a, g);
    log_request(a, g, 401);
    if (!channel_write(c, buffer_span(&a->out)))
        return false;
    if (!request_has_body(a->request))
        return a->request->keep_alive;
    if (a->settings->sever_bodies) {
        a->cut = in->len > 0 || channel_read(c, in);
        return false;
    }
    return request_read_body(a->request, c, in, NULL) && a->request->keep_alive;
}

static bool serve_request(struct answer *a, struct channel *c, struct buffer *in)
{
    struct gate_answer g = {.verdict = GATE_PASSED};
    bool go_on;
    if (site_answers(a, c->ssl != NULL))
        return channel_write(c, buffer_span(&a->out)) &&
               request_read_body(a->request, c, in, NULL) && a->request->keep_alive;
    a->anonymous = is_open_path(a->settings, a->request->path);
    if (!a->anonymous)
        gate_ask(a->gate, a->request->authorization, &g);
    if (g.verdict == GATE_PASSED) {
        log_request(a, &g, 200);
        go_on = answer_serve(a, &g, c, in);
        if (!a->anonymous)
            gate_request_ended(a->gate);
    } else {
        go_on = serve_refusal(a, c, in, &g);
    }
    buffer_done(&g.token);
    return go_on;
}

static void serve_http1(const struct connection_start *start, struct channel *c, struct gate *gate)
{
    static atomic_ullong counter;
    struct request request = {0};
    struct buffer in = {0};
    struct answer a = {.settings = start->settings,
                       .gate = gate,
                       .request = &request,
                       .connection = atomic_fetch_add(&counter, 1) + 1};
    bool go_on = true;
    while (go_on) {
        enum request_result result = request_read(&request, c, &in);
        if (result == REQUEST_ENDED)
            break;
        a.requests++;
        buffer_clear(&a.out);
        if (result == REQUEST_MALFORMED) {
            answer_bad_request(&a);
            channel_write(c, buffer_span(&a.out));
            break;
        }
        go_on = serve_request(&a, c, &in);
    }
    channel_close(c, a.cut);
    buffer_done(&a.out);
    buffer_done(&in);
    request_done(&request);
}

void connection_serve(const struct connection_start *start)
{
    struct channel c;
    struct gate gate;
    if (!channel_open(&c, start->fd, start->context, start->settings->idle_ms)) {
        channel_close(&c, false);
        return;
    }
    if (c.http2) {
        http2_serve(&c, start->settings);
        channel_close(&c, false);
        return;
    }
    gate_init(&gate, start->settings, c.has_binding ? c.binding : NULL);
    serve_http1(start, &c, &gate);
    gate_done(&gate);
}
