// SPDX-License-Identifier: Apache-2.0
// A relay moves bytes both ways between two channels until both directions have ended. Small data
// is read and written through the thread's scratch area, so an idle relay holds no buffer; when a
// reader fills that area and both ends are plain sockets, the kernel moves the bytes through a pipe
// (splice). A direction never reads while the other side cannot take.
#pragma once

#include "base/buf.h"
#include "io/channel.h"
#include "io/thread.h"

struct relay;
// `end` is END_RELAY_DONE, or why a channel broke. Both channels are still open and now the owner's
// again.
typedef void relay_done_fn(struct relay *relay, enum end end);

struct relay_flow {
    struct channel *from;
    struct channel *to;
    struct pipe *pipe; // in splice mode
    struct buf held;   // read but not yet taken by `to`
    uint64_t bytes;    // delivered
    bool is_ended;     // `from` has ended
    bool is_shut;      // and `to` was told
};

struct relay {
    struct io_thread *io;
    struct relay_flow flows[2]; // 0: first to second, 1: second to first
    uint64_t moved_at_ms;       // when a byte last moved
    relay_done_fn *on_done;
    bool gave_up; // one side took no more; what it had said was delivered all the same
    bool is_done;
};

// Takes over both channels (their owner and on_ready). The second may still be connecting. The
// struct must have been zeroed before the first relay_hold or relay_start. It may be done before
// this returns.
void relay_start(struct relay *relay, struct io_thread *io, struct channel *first,
                 struct channel *second, relay_done_fn *on_done);
// Bytes that were read before the relay began, for the direction that `from` sends. Before
// relay_start.
struct status relay_hold(struct relay *relay, struct io_thread *io, unsigned flow,
                         struct span bytes);
// Stops moving and gives back buffers and pipes. The channels are not closed.
void relay_stop(struct relay *relay);
