// SPDX-License-Identifier: Apache-2.0
// The HTTP/1.1 session: bytes from the channel into heads and pieces, and heads and pieces back
// onto a channel. It owns its two buffers and nothing else, and never closes the channel.
#include "base/check.h"
#include "http/http.h"

#define OUT_MAX  (4 * 1024 * 1024 + 64 * 1024) // a head of the largest limit, and what we add to it
#define JOIN_MAX (8 * 1024) // body bytes copied behind a head so that both leave in one write

void h1_init(struct h1_session *session, struct io_thread *io, struct channel *channel)
{
    *session = (struct h1_session){.io = io, .channel = channel};
}

void h1_splice_end(struct h1_session *session)
{
    if (session->pipe)
        pipes_give(&session->io->pipes, session->pipe);
    session->pipe = NULL;
    session->is_splicing = false;
}

void h1_done(struct h1_session *session)
{
    if (!session->io)
        return;
    buf_done(&session->in, &session->io->blocks);
    buf_done(&session->out, &session->io->blocks);
    h1_splice_end(session);
}

static void note_sent(struct h1_session *session, struct moved moved)
{
    session->sent_bytes += moved.bytes;
    if (moved.outcome == CHANNEL_BROKEN)
        session->is_mute = true;
}

static void note_outcome(struct h1_session *session, enum channel_outcome outcome)
{
    if (outcome == CHANNEL_ENDED)
        session->is_ended = true;
    if (outcome == CHANNEL_BROKEN)
        session->is_broken = true;
}

// Reads once into room for at most `room` more; true when all of it was filled.
static bool fill_room(struct h1_session *session, size_t room, size_t limit)
{
    if (!is_ok(buf_reserve(&session->in, &session->io->blocks, room, limit))) {
        session->is_broken = true;
        session->channel->end = END_OVERLOAD;
        return false;
    }
    struct moved moved = channel_read(session->channel, buf_tail(&session->in), room);
    buf_added(&session->in, moved.bytes);
    session->received_bytes += moved.bytes;
    note_outcome(session, moved.outcome);
    return moved.outcome == CHANNEL_MOVED && moved.bytes == room;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

bool h1_fill(struct h1_session *session, size_t limit)
{
    size_t size = buf_size(&session->in);
    if (session->is_splicing || size >= limit || session->is_ended || session->is_broken)
        return false;
    // a block first, since most messages are small, unless the last time it was not enough
    size_t bulk = smaller(limit, IO_BULK_BYTES);
    size_t first = session->is_bulk ? bulk : smaller(limit, IO_BLOCK_BYTES);
    size_t room = size < first ? first - size : limit - size;
    bool is_full = fill_room(session, room, limit);
    size_t got = buf_size(&session->in) - size;
    size = buf_size(&session->in);
    if (is_full && size < bulk)
        is_full = fill_room(session, bulk - size, limit);
    session->is_bulk = got >= IO_BLOCK_BYTES;
    buf_relax(&session->in, &session->io->blocks);
    return is_full;
}

struct parse h1_look_head(struct h1_session *session, const struct head_limits *limits,
                          struct span *ret_head)
{
    size_t scanned = session->head_scanned;
    size_t head_bytes = 0;
    struct parse parse = h1_head_end(buf_span(&session->in), limits, &scanned, &head_bytes);
    session->head_scanned = (uint32_t)scanned;
    if (parse.state == PARSE_DONE)
        *ret_head = span_first(buf_span(&session->in), head_bytes);
    return parse;
}

void h1_take_head(struct h1_session *session, size_t head_bytes, enum body_kind body,
                  uint64_t length)
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

struct parse h1_look_run(const struct h1_session *session, struct span *ret_run)
{
    struct span input = buf_span(&session->in);
    struct h1_body ahead = session->body;
    struct piece piece;
    size_t size = 0;
    struct parse parse = h1_look_piece(session, &piece);
    *ret_run = (struct span){0};
    if (parse.state != PARSE_MORE || span_is_empty(piece.bytes))
        return parse;
    while (parse.state == PARSE_MORE && piece.bytes.size) {
        h1_body_advance(&ahead, piece.bytes);
        size += piece.bytes.size;
        parse = h1_body_look(&ahead, span_after(input, size), &piece);
    }
    *ret_run = span_first(input, size);
    return PARSED_MORE;
}

void h1_take(struct h1_session *session, struct span taken)
{
    struct piece piece;
    for (struct span rest = taken; rest.size; rest = span_after(rest, piece.bytes.size)) {
        struct parse parse = h1_body_look(&session->body, rest, &piece);
        CHECK(parse.state == PARSE_MORE && piece.bytes.size);
        h1_body_advance(&session->body, piece.bytes);
    }
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
    note_sent(session, moved);
    session->is_write_blocked = moved.bytes < bytes.size && !session->is_mute;
    return moved.bytes;
}

bool h1_flush(struct h1_session *session)
{
    while (!buf_is_empty(&session->out) && !session->is_mute) {
        buf_take(&session->out, write_once(session, buf_span(&session->out)));
        if (session->is_write_blocked)
            return false;
    }
    buf_relax(&session->out, &session->io->blocks);
    return !session->is_mute;
}

// What was put and the body behind it in one call; how much of the body was taken.
static size_t send_behind(struct h1_session *session, struct span bytes)
{
    size_t put = buf_size(&session->out);
    struct moved moved = channel_write_two(session->channel, buf_span(&session->out), bytes);
    size_t of_put = smaller(moved.bytes, put);
    note_sent(session, moved);
    session->is_write_blocked = moved.outcome == CHANNEL_BLOCKED || of_put < put;
    buf_take(&session->out, of_put);
    buf_relax(&session->out, &session->io->blocks);
    return moved.bytes - of_put;
}

size_t h1_send(struct h1_session *session, struct span bytes)
{
    size_t sent = 0;
    if (!buf_is_empty(&session->out)) {
        if (buf_size(&session->out) + bytes.size <= JOIN_MAX)
            return is_ok(h1_put(session, bytes)) ? bytes.size : 0;
        sent = session->is_mute ? 0 : send_behind(session, bytes);
    }
    bool may_go_on = !session->is_mute && !session->is_write_blocked && buf_is_empty(&session->out);
    if (sent < bytes.size && may_go_on)
        sent += write_once(session, span_after(bytes, sent));
    return sent;
}

size_t h1_pass(struct h1_session *from, struct h1_session *to, struct span run)
{
    size_t sent = h1_send(to, run);
    h1_take(from, span_first(run, sent));
    return sent;
}

// ---- splicing

#define SPLICE_MIN    (128 * 1024)
#define SPLICE_BYTES  (1024 * 1024)
#define SPLICE_ROUNDS 16

bool h1_splice_begin(struct h1_session *from, const struct h1_session *to)
{
    if (from->is_splicing)
        return true;
    bool is_worth_it = from->body.kind == BODY_LENGTH && from->body.left >= SPLICE_MIN;
    if (!is_worth_it || !buf_is_empty(&from->in) || !buf_is_empty(&to->out) || from->is_ended)
        return false;
    if (channel_plain_fd(from->channel) < 0 || channel_plain_fd(to->channel) < 0)
        return false;
    from->pipe = pipes_take(&from->io->pipes);
    from->is_splicing = from->pipe != NULL;
    return from->is_splicing;
}

static bool fill_pipe(struct h1_session *from)
{
    size_t max = from->body.left < SPLICE_BYTES ? (size_t)from->body.left : SPLICE_BYTES;
    struct moved moved = pipe_fill(from->pipe, from->channel, max);
    note_outcome(from, moved.outcome);
    from->received_bytes += moved.bytes;
    h1_body_pass(&from->body, moved.bytes);
    return moved.outcome == CHANNEL_MOVED;
}

static size_t drain_pipe(struct h1_session *from, struct h1_session *to)
{
    struct moved moved = pipe_drain(from->pipe, to->channel);
    note_sent(to, moved);
    to->is_write_blocked = from->pipe->held > 0 && !to->is_mute;
    return moved.bytes;
}

size_t h1_splice(struct h1_session *from, struct h1_session *to)
{
    size_t delivered = 0;
    for (unsigned round = 0; round < SPLICE_ROUNDS; round++) {
        if (from->pipe->held == 0 && (from->body.left == 0 || !fill_pipe(from)))
            break;
        delivered += drain_pipe(from, to);
        if (from->pipe->held)
            break;
    }
    if (to->is_mute ||
        (from->pipe->held == 0 && (from->body.left == 0 || from->is_ended || from->is_broken)))
        h1_splice_end(from);
    return delivered;
}

void h1_want(struct h1_session *session, size_t limit)
{
    unsigned wanted = CHANNEL_NOTHING;
    bool has_room = session->pipe ? session->pipe->held == 0 : buf_size(&session->in) < limit;
    if (!session->is_ended && !session->is_broken && has_room)
        wanted |= CHANNEL_READ;
    if (session->is_write_blocked)
        wanted |= CHANNEL_WRITE;
    channel_want(session->channel, wanted);
}
