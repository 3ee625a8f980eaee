// SPDX-License-Identifier: Apache-2.0
// See http2.h. nghttp2 does the framing; the only state of ours is one mark per stream, kept as the
// stream's user data.
#include "http2.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <string.h>

#include "answer.h"

struct http2 {
    struct channel *channel;
    const struct settings *settings;
};

static char carries_authorization; // its address is the mark

static ssize_t send_out(nghttp2_session *session, const uint8_t *data, size_t len, int flags,
                        void *user)
{
    (void)session;
    (void)flags;
    struct http2 *h = user;
    bool ok = channel_write(h->channel, (struct span){data, len});
    return ok ? (ssize_t)len : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user)
{
    (void)value;
    (void)value_len;
    (void)flags;
    (void)user;
    if (span_is((struct span){name, name_len}, span_of("authorization")))
        nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, &carries_authorization);
    return 0;
}

static ssize_t read_page(nghttp2_session *session, int32_t stream, uint8_t *out, size_t room,
                         uint32_t *flags, nghttp2_data_source *source, void *user)
{
    (void)session;
    (void)stream;
    (void)source;
    (void)user;
    struct span page = answer_unauthorized_page();
    if (page.len > room)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    memcpy(out, page.at, page.len);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)page.len;
}

static nghttp2_nv field(const char *name, const char *value)
{
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
                        strlen(value), NGHTTP2_NV_FLAG_NONE};
}

static int submit_unauthorized(nghttp2_session *session, int32_t stream, const struct settings *s)
{
    char length[24];
    snprintf(length, sizeof length, "%zu", answer_unauthorized_page().len);
    nghttp2_nv fields[6] = {field(":status", "401"), field("content-type", "text/html"),
                            field("server", "Microsoft-IIS/10.0"), field("content-length", length)};
    size_t count = 4;
    if (s->offer_negotiate)
        fields[count++] = field("www-authenticate", "Negotiate");
    if (s->offer_ntlm)
        fields[count++] = field("www-authenticate", "NTLM");
    nghttp2_data_provider page = {.read_callback = read_page};
    return nghttp2_submit_response(session, stream, fields, count, &page);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct http2 *h = user;
    int32_t stream = frame->hd.stream_id;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    bool marked = nghttp2_session_get_stream_user_data(session, stream) == &carries_authorization;
    if (h->settings->verbose)
        fprintf(stderr, "%s h2 stream=%d %s\n", h->settings->name, stream,
                marked ? "HTTP_1_1_REQUIRED" : "401");
    if (marked)
        return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream,
                                         NGHTTP2_HTTP_1_1_REQUIRED);
    return submit_unauthorized(session, stream, h->settings);
}

static nghttp2_session *make_session(struct http2 *h)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_session *session = NULL;
    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        return NULL;
    nghttp2_session_callbacks_set_send_callback(callbacks, send_out);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    if (nghttp2_session_server_new(&session, callbacks, h) != 0)
        session = NULL;
    nghttp2_session_callbacks_del(callbacks);
    return session;
}

void http2_serve(struct channel *c, const struct settings *settings)
{
    struct http2 h = {.channel = c, .settings = settings};
    nghttp2_session *session = make_session(&h);
    if (!session)
        return;
    struct buffer in = {0};
    nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, NULL, 0);
    while (nghttp2_session_send(session) == 0 &&
           (nghttp2_session_want_read(session) || nghttp2_session_want_write(session)) &&
           channel_read(c, &in)) {
        ssize_t used = nghttp2_session_mem_recv(session, in.at, in.len);
        if (used < 0)
            break;
        buffer_clear(&in);
    }
    buffer_done(&in);
    nghttp2_session_del(session);
}
