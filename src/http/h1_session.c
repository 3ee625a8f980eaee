// SPDX-License-Identifier: Apache-2.0
// The HTTP/1.1 session: bytes from the channel into heads and pieces, and heads and pieces back onto a channel.
// It owns its two buffers and nothing else, and never closes the channel.
#include "base/check.h"
#include "http/http.h"

#define OUT_MAX   (256 * 1024)
#define JOIN_MAX  (8 * 1024) // body bytes copied behind a head so that both leave in one write

void h1_init(struct h1_session *session, struct io_thread *io, struct channel *channel)
{
    *session = (struct h1_session){.io = io, .channel = channel};
}

void h1_done(struct h1_session *session)
{
    if (!session->io)
        return;
    buf_done(&session->in, &session->io->blocks);
    buf_done(&session->out, &session->io->blocks);
}

static void note_outcome(struct h1_session *session, enum channel_outcome outcome)
{
    if (outcome == CHANNEL_ENDED)
        session->is_ended = true;
    if (outcome == CHANNEL_BROKEN)
        session->is_broken = true;
}

bool h1_fill(struct h1_session *session, size_t limit)
{
    size_t size = buf_size(&session->in);
    if (size >= limit || session->is_ended || session->is_broken)
        return false;
    // a block at a time: growing is for heads that need it, not for bodies
    size_t room = size < IO_BLOCK_BYTES ? IO_BLOCK_BYTES - size : limit - size;
    room = room < limit - size ? room : limit - size;
    if (!is_ok(buf_reserve(&session->in, &session->io->blocks, room, limit))) {
        session->is_broken = true;
        session->channel->end = END_OVERLOAD;
        return false;
    }
    struct moved moved = channel_read(session->channel, buf_tail(&session->in), room);
    buf_added(&session->in, moved.bytes);
    session->received_bytes += moved.bytes;
    note_outcome(session, moved.outcome);
    buf_relax(&session->in, &session->io->blocks);
    return moved.outcome == CHANNEL_MOVED && moved.bytes == room;
}

struct parse h1_look_head(struct h1_session *session, const struct head_limits *limits, struct span *ret_head)
{
    size_t scanned = session->head_scanned;
    size_t head_bytes = 0;
    struct parse parse = h1_head_end(buf_span(&session->in), limits, &scanned, &head_bytes);
    session->head_scanned = (uint32_t)scanned;
    if (parse.state == PARSE_DONE)
        *ret_head = span_first(buf_span(&session->in), head_bytes);
    return parse;
}

void h1_take_head(struct h1_session *session, size_t head_bytes, enum body_kind body, uint64_t length)
{
    buf_take(&session->in, head_bytes);
    buf_relax(&session->in, &session->io->blocks);
    session->head_scanned = 0;
    h1_body_init(&session->body, body, length);
}

struct parse h1_look_piece(const struct h1_session *session, struct piece *ret_piece)
{
    struct parse parse = h1_body_look(&session->body, buf_span(&session->in), ret_piece);
    bool may_end = session->body.kind == BODY_UNTIL_CLOSE && session->is_ended;
    if (parse.state == PARSE_MORE && span_is_empty(ret_piece->bytes) && may_end)
        return PARSED_DONE;
    return parse;
}

void h1_take_piece(struct h1_session *session, struct span taken)
{
    h1_body_advance(&session->body, taken);
    buf_take(&session->in, taken.size);
    buf_relax(&session->in, &session->io->blocks);
}

struct status h1_put(struct h1_session *session, struct span bytes)
{
    return buf_append(&session->out, &session->io->blocks, bytes, OUT_MAX);
}

// Writes once; how many bytes the channel took.
static size_t write_once(struct h1_session *session, struct span bytes)
{
    struct moved moved = channel_write(session->channel, bytes);
    note_outcome(session, moved.outcome);
    session->is_write_blocked = moved.bytes < bytes.size;
    session->sent_bytes += moved.bytes;
    return moved.bytes;
}

bool h1_flush(struct h1_session *session)
{
    while (!buf_is_empty(&session->out) && !session->is_broken) {
        buf_take(&session->out, write_once(session, buf_span(&session->out)));
        if (session->is_write_blocked)
            return false;
    }
    if (session->is_broken)
        return false;
    session->is_write_blocked = false;
    buf_relax(&session->out, &session->io->blocks);
    return true;
}

size_t h1_send(struct h1_session *session, struct span bytes)
{
    if (session->is_broken)
        return 0;
    if (!buf_is_empty(&session->out)) {
        if (buf_size(&session->out) + bytes.size <= JOIN_MAX)
            return is_ok(h1_put(session, bytes)) ? bytes.size : 0;
        if (!h1_flush(session))
            return 0;
    }
    return write_once(session, bytes);
}

void h1_want(struct h1_session *session, size_t limit)
{
    unsigned wanted = CHANNEL_NOTHING;
    if (!session->is_ended && !session->is_broken && buf_size(&session->in) < limit)
        wanted |= CHANNEL_READ;
    if (session->is_write_blocked && !session->is_broken)
        wanted |= CHANNEL_WRITE;
    channel_want(session->channel, wanted);
}
