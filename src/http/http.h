// SPDX-License-Identifier: Apache-2.0
// The door of http: an HTTP/1.1 session on one channel, the same engine towards clients and towards
// servers. It knows heads, bodies and buffers; it decides nothing. HTTP/2 will stand beside it: an
// exchange then talks to one stream with the same verbs (head, piece, take, put, send, flush).
#pragma once

#include "io/io.h"
#include "wire/h1_body.h"
#include "wire/h1_head.h"

// One side of a conversation. Received bytes wait in `in` until they are taken; what was composed
// and could not be sent yet waits in `out`. Both hold no memory while empty.
struct h1_session {
    struct io_thread *io;
    struct channel *channel;
    struct buf in;
    struct buf out;
    struct h1_body body; // of the message being received
    uint32_t head_scanned;
    bool is_ended;         // the other side will send no more
    bool is_broken;        // no more can be read: channel->end tells why
    bool is_mute;          // no more can be sent; what the other side said before may still be read
    bool is_write_blocked; // the channel took less than it was given; whoever hears of WRITE clears
                           // it and tries again
    bool is_bulk;          // the last read filled a block
    bool is_splicing;      // the content being received goes through `pipe`, past `in`
    struct pipe *pipe;
    uint64_t received_bytes;
    uint64_t sent_bytes;
};

void h1_init(struct h1_session *session, struct io_thread *io, struct channel *channel);
// Gives the buffers back. The channel is its owner's.
void h1_done(struct h1_session *session);

// Reads what is there, at most until `in` holds `limit` bytes. True when it read all there was room
// for: there may be more. While splicing it reads nothing.
bool h1_fill(struct h1_session *session, size_t limit);

// Looks for a whole head at the front of `in`. DONE with its bytes; MORE; BAD with the reason.
struct parse h1_look_head(struct h1_session *session, const struct head_limits *limits,
                          struct span *ret_head);
// Takes the head off and begins its body.
void h1_take_head(struct h1_session *session, size_t head_bytes, enum body_kind body,
                  uint64_t length);

// The next run of the body of the message being received: see h1_body_look. When the channel has
// ended, a body that runs until the end is DONE.
struct parse h1_look_piece(const struct h1_session *session, struct piece *ret_piece);
// The longest run of whatever belongs to the body, framing and content together, to be passed as it
// came. DONE, MORE and BAD as above; what stands before a mistake is still a run.
struct parse h1_look_run(const struct h1_session *session, struct span *ret_run);
// Follows a front part of a piece or a run.
void h1_take(struct h1_session *session, struct span taken);

// Content of known length between two plain sockets can go past our memory: begins that if there is
// enough of it and nothing of it waits in `from`. True while `from` is splicing.
bool h1_splice_begin(struct h1_session *from, const struct h1_session *to);
// Moves what can be moved now; how many bytes were delivered. Splicing ends by itself with the
// content, or with either channel.
size_t h1_splice(struct h1_session *from, struct h1_session *to);

// Gives up splicing: what is in the pipe is thrown away, and reading goes on through `in`.
void h1_splice_end(struct h1_session *session);

// Adds to what is to be sent, without sending. END_OVERLOAD above the bound for heads (4 MiB).
struct status h1_put(struct h1_session *session, struct span bytes);
// Sends body bytes after whatever was put: behind a small head in one write, else without a copy.
// How many were accepted; fewer than given means: wait for WRITE.
size_t h1_send(struct h1_session *session, struct span bytes);
// Hands a run that waits in `from` over to `to`: h1_send, and h1_take of what was accepted. How
// many bytes.
size_t h1_pass(struct h1_session *from, struct h1_session *to, struct span run);
// Sends what was put. False when something is left (is_write_blocked) or the channel broke.
bool h1_flush(struct h1_session *session);
// What the channel must wait for, given that `in` may grow to `limit` bytes.
void h1_want(struct h1_session *session, size_t limit);
