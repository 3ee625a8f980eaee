// SPDX-License-Identifier: Apache-2.0
// Is HTTP/2 offered, and what becomes of a login on it? Windows authentication belongs to a
// connection, so a server must refuse it there, and say so with HTTP_1_1_REQUIRED. nghttp2 makes
// the frames; a call carries them.
#include <stdio.h>
#include <stdlib.h>

#include <nghttp2/nghttp2.h>

#include "base/check.h"
#include "base/clock.h"
#include "doctor/look/look.h"
#include "doctor/ntlm_client.h"

// What became of one request.
struct stream {
    int32_t id;
    unsigned status;
    bool is_over;
    bool is_reset;
    uint32_t code; // of the reset
};

struct conversation {
    struct call *call;
    nghttp2_session *session;
    struct stream stream; // the one that is going on
    bool is_broken;       // the connection, by either side
    bool is_going_away;   // with `code`
    uint32_t code;
};

// ---- what comes

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
                     void *context)
{
    (void)session, (void)flags;
    struct conversation *talk = context;
    uint64_t status = 0;
    if (frame->hd.stream_id == talk->stream.id &&
        span_equal(span_of(name, name_size), SPAN(":status")) &&
        span_to_u64(span_of(value, value_size), &status) && status >= 200 && status < 1000)
        talk->stream.status = (unsigned)status;
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *context)
{
    (void)session;
    struct conversation *talk = context;
    if (id == talk->stream.id) {
        talk->stream.is_over = true;
        talk->stream.is_reset = code != NGHTTP2_NO_ERROR;
        talk->stream.code = code;
    }
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
    (void)session;
    struct conversation *talk = context;
    if (frame->hd.type == NGHTTP2_GOAWAY) {
        talk->is_going_away = true;
        talk->code = frame->goaway.error_code;
    }
    return 0;
}

static bool begin(struct conversation *talk)
{
    nghttp2_session_callbacks *callbacks = NULL;
    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        return false;
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    bool is_made = nghttp2_session_client_new(&talk->session, callbacks, talk) == 0 &&
                   nghttp2_submit_settings(talk->session, NGHTTP2_FLAG_NONE, NULL, 0) == 0;
    nghttp2_session_callbacks_del(callbacks);
    return is_made;
}

// ---- carrying

static bool send_all(struct conversation *talk)
{
    for (;;) {
        const uint8_t *bytes = NULL;
        ssize_t size = nghttp2_session_mem_send(talk->session, &bytes);
        if (size <= 0)
            return size == 0;
        if (!is_ok(call_send(talk->call, span_of(bytes, (size_t)size))))
            return false;
    }
}

static bool receive_some(struct conversation *talk)
{
    uint8_t bytes[8 * 1024];
    size_t size = 0;
    return is_ok(call_receive(talk->call, bytes, sizeof bytes, &size)) && size > 0 &&
           nghttp2_session_mem_recv(talk->session, bytes, size) == (ssize_t)size;
}

// Until the stream is over, the connection broke or the time is up.
static void run(struct conversation *talk, uint64_t until_us)
{
    while (!talk->stream.is_over && !talk->is_broken && loop_now_us() < until_us) {
        talk->is_broken = !send_all(talk);
        bool may_come = nghttp2_session_want_read(talk->session) != 0;
        if (!talk->is_broken)
            talk->is_broken = !may_come || !receive_some(talk);
    }
}

// ---- asking

static nghttp2_nv field(const char *name, const char *value)
{
    return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
                        .value = (uint8_t *)(uintptr_t)value,
                        .namelen = strlen(name),
                        .valuelen = strlen(value)};
}

static void ask(struct conversation *talk, const struct look_round *round, const char *login)
{
    char host[LOOK_HOST_MAX];
    look_host(round, host);
    nghttp2_nv fields[] = {field(":method", "GET"),
                           field(":scheme", "https"),
                           field(":authority", host),
                           field(":path", round->subject->target),
                           field("user-agent", "handfast-doctor/" HANDFAST_VERSION),
                           field("authorization", login ? login : "")};
    size_t count = sizeof fields / sizeof *fields - (login ? 0 : 1);
    talk->stream = (struct stream){0};
    talk->stream.id = nghttp2_submit_request(talk->session, NULL, fields, count, NULL, NULL);
    if (talk->stream.id < 0)
        talk->is_broken = true;
    run(talk, loop_now_us() + round->subject->patience_ms * US_PER_MS);
}

// "" when the stream ended as it should, else the error's name.
static const char *error_of(const struct conversation *talk)
{
    if (talk->stream.is_over)
        return talk->stream.is_reset ? nghttp2_http2_strerror(talk->stream.code) : "";
    if (talk->is_going_away && talk->code != NGHTTP2_NO_ERROR)
        return nghttp2_http2_strerror(talk->code);
    return talk->is_broken ? "closed" : "timeout";
}

static json_t *converse(struct conversation *talk, const struct look_round *round)
{
    ask(talk, round, NULL);
    json_t *node = json_pack("{s:b,s:i,s:o}", "offered", 1, "status", (int)talk->stream.status,
                             "error", look_text(error_of(talk)));
    CHECK(node);
    if (talk->is_broken || talk->is_going_away || !talk->stream.is_over)
        return node;
    char *type1 = ntlm_client_negotiate(false);
    char *login = NULL;
    CHECK(type1 && asprintf(&login, "Negotiate %s", type1) > 0);
    ask(talk, round, login);
    free(login);
    free(type1);
    json_object_set_new(node, "token_status", json_integer(talk->stream.status));
    json_object_set_new(node, "token_error", look_text(error_of(talk)));
    return node;
}

json_t *look_http2(const struct look_round *round, const struct look_end *end)
{
    struct tls_dialogue_facts facts;
    struct conversation talk = {0};
    struct call_wish wish = look_wish(round, end);
    wish.alpn = "h2,http/1.1";
    if (!end->is_tls || !is_ok(call_open(&end->address, &wish, &talk.call, NULL)))
        return NULL;
    call_tls(talk.call, &facts);
    json_t *node = NULL;
    if (strcmp(facts.alpn, "h2") != 0)
        node = json_pack("{s:b}", "offered", 0);
    else if (begin(&talk))
        node = converse(&talk, round);
    nghttp2_session_del(talk.session);
    call_close(talk.call);
    return node ? json_pack("{s:o}", "h2", node) : NULL;
}
