// SPDX-License-Identifier: Apache-2.0
// Moving bytes both ways. Each direction is a flow with at most one place where bytes wait: the
// held buffer or the pipe. The relay never looks at the bytes and never closes a channel; its owner
// does.
#include "io/relay.h"

#include "base/check.h"

#define ROUNDS_PER_TURN 16 // a busy flow lets the others in after this many moves
#define SPLICE_BYTES    (1024 * 1024)
#define SMALL_BYTES     (16 * 1024) // first read of a round; a full one means bulk

enum flow_step {
    FLOW_AGAIN = 0, // something moved, there may be more
    FLOW_WAITING,
    FLOW_BROKEN,
};

static bool has_waiting(const struct relay_flow *flow)
{
    return !buf_is_empty(&flow->held) || (flow->pipe && flow->pipe->held > 0);
}

static void delivered(struct relay *relay, struct relay_flow *flow, size_t bytes)
{
    flow->bytes += bytes;
    relay->moved_at_ms = loop_time_ms(relay->io->loop);
}

static enum flow_step from_outcome(enum channel_outcome outcome)
{
    return outcome == CHANNEL_BROKEN ? FLOW_BROKEN : FLOW_WAITING;
}

static void leave_splice(struct relay *relay, struct relay_flow *flow)
{
    pipes_give(&relay->io->pipes, flow->pipe);
    flow->pipe = NULL;
}

// `to` takes no more. What it said before is still worth delivering, so only this direction ends.
static enum flow_step give_up(struct relay *relay, struct relay_flow *flow)
{
    leave_splice(relay, flow);
    buf_done(&flow->held, &relay->io->blocks);
    flow->is_ended = flow->is_shut = relay->gave_up = true;
    return FLOW_WAITING;
}

static enum flow_step deliver_held(struct relay *relay, struct relay_flow *flow)
{
    struct moved moved = channel_write(flow->to, buf_span(&flow->held));
    if (moved.outcome == CHANNEL_BROKEN)
        return give_up(relay, flow);
    if (moved.outcome != CHANNEL_MOVED)
        return FLOW_WAITING;
    buf_take(&flow->held, moved.bytes);
    buf_relax(&flow->held, &relay->io->blocks);
    delivered(relay, flow, moved.bytes);
    return FLOW_AGAIN;
}

// Tells `to` that no more will come. The second time round there is no need: closing says it.
static void pass_end(struct relay *relay, struct relay_flow *flow)
{
    bool is_last = relay->flows[0].is_shut || relay->flows[1].is_shut;
    if (!flow->is_shut && !is_last)
        channel_shut(flow->to);
    flow->is_shut = true;
}

// `from` has ended and nothing of it waits any more: the other side is told at once, since no event
// would remind us.
static enum flow_step end_reached(struct relay *relay, struct relay_flow *flow)
{
    flow->is_ended = true;
    if (flow->from->is_cut) {
        // a truncation must not become an orderly end; and who cuts waits for nothing more
        flow->to->ends_cut = true;
        relay->flows[0].is_shut = relay->flows[1].is_shut = true;
    }
    pass_end(relay, flow);
    return FLOW_WAITING;
}

static enum flow_step deliver_pipe(struct relay *relay, struct relay_flow *flow)
{
    struct moved moved = pipe_drain(flow->pipe, flow->to);
    if (moved.outcome == CHANNEL_BROKEN)
        return give_up(relay, flow);
    if (moved.outcome != CHANNEL_MOVED)
        return FLOW_WAITING;
    delivered(relay, flow, moved.bytes);
    return FLOW_AGAIN;
}

static enum flow_step fill_pipe(struct relay *relay, struct relay_flow *flow)
{
    struct moved moved = pipe_fill(flow->pipe, flow->from, SPLICE_BYTES);
    if (moved.outcome == CHANNEL_MOVED)
        return FLOW_AGAIN;
    leave_splice(relay, flow);
    return moved.outcome == CHANNEL_ENDED ? end_reached(relay, flow) : from_outcome(moved.outcome);
}

static void enter_splice(struct relay *relay, struct relay_flow *flow)
{
    if (channel_plain_fd(flow->from) >= 0 && channel_plain_fd(flow->to) >= 0)
        flow->pipe = pipes_take(&relay->io->pipes);
}

// Reads once through the scratch area and writes at once; what `to` does not take is held.
static enum flow_step copy_once(struct relay *relay, struct relay_flow *flow)
{
    struct io_thread *io = relay->io;
    struct moved got = channel_read(flow->from, io->scratch, SMALL_BYTES);
    if (got.outcome == CHANNEL_ENDED)
        return end_reached(relay, flow);
    if (got.outcome != CHANNEL_MOVED)
        return from_outcome(got.outcome);
    struct span bytes = span_of(io->scratch, got.bytes);
    struct moved put = channel_write(flow->to, bytes);
    if (put.outcome == CHANNEL_BROKEN)
        return give_up(relay, flow);
    if (put.bytes)
        delivered(relay, flow, put.bytes);
    struct span rest = span_after(bytes, put.bytes);
    if (!is_ok(buf_append(&flow->held, &io->blocks, rest, SMALL_BYTES))) {
        flow->to->end = END_OVERLOAD;
        return FLOW_BROKEN;
    }
    bool is_bulk = got.bytes == SMALL_BYTES || flow->from->has_pending;
    if (is_bulk && !rest.size)
        enter_splice(relay, flow);
    // otherwise the socket is empty, and the next read would only say so
    return is_bulk || flow->from->is_finished ? FLOW_AGAIN : FLOW_WAITING;
}

static enum flow_step flow_step(struct relay *relay, struct relay_flow *flow)
{
    if (!buf_is_empty(&flow->held))
        return deliver_held(relay, flow);
    if (flow->pipe && flow->pipe->held)
        return deliver_pipe(relay, flow);
    if (flow->is_ended) {
        pass_end(relay, flow);
        return FLOW_WAITING;
    }
    return flow->pipe ? fill_pipe(relay, flow) : copy_once(relay, flow);
}

static enum flow_step flow_pump(struct relay *relay, struct relay_flow *flow)
{
    if (!flow->to->is_open || !flow->from->is_open)
        return FLOW_WAITING;
    enum flow_step step = FLOW_AGAIN;
    for (unsigned round = 0; round < ROUNDS_PER_TURN && step == FLOW_AGAIN; round++)
        step = flow_step(relay, flow);
    return step;
}

// What each channel must wait for, seen from the flow that reads it and the one that writes it.
static void want(struct relay *relay)
{
    for (unsigned i = 0; i < 2; i++) {
        struct relay_flow *reads = &relay->flows[i];
        struct relay_flow *writes = &relay->flows[1 - i];
        struct channel *channel = reads->from;
        unsigned wanted = CHANNEL_NOTHING;
        if (!channel->is_open)
            wanted = CHANNEL_READ | CHANNEL_WRITE;
        else if (!reads->is_ended && !has_waiting(reads) && reads->to->is_open)
            wanted |= CHANNEL_READ;
        if (has_waiting(writes))
            wanted |= CHANNEL_WRITE;
        channel_want(channel, wanted);
    }
}

static void finish(struct relay *relay, enum end end)
{
    relay_stop(relay);
    relay->on_done(relay, end);
}

static enum end broken_end(const struct relay *relay)
{
    enum end end = relay->flows[0].from->end;
    if (end == END_OK)
        end = relay->flows[0].to->end;
    CHECK(end != END_OK);
    return end;
}

// Nobody waits to read from a side that has ended; if it is called readable all the same, it was
// reset.
static void note_reset(struct relay *relay, struct channel *channel, struct relay_flow *to_it)
{
    if (to_it->is_shut)
        return;
    if (channel->end == END_OK)
        channel->end = channel->end_reset != END_OK ? channel->end_reset : END_CLIENT_RESET;
    give_up(relay, to_it);
}

static void on_ready(struct channel *channel, unsigned ready)
{
    struct relay *relay = channel->owner;
    unsigned reads = channel == relay->flows[0].from ? 0 : 1;
    enum flow_step step = FLOW_WAITING;
    if (relay->flows[reads].is_ended && ready & CHANNEL_READ)
        note_reset(relay, channel, &relay->flows[1 - reads]);
    if (ready & CHANNEL_WRITE)
        step = flow_pump(relay, &relay->flows[1 - reads]);
    if (step != FLOW_BROKEN && ready & CHANNEL_READ)
        step = flow_pump(relay, &relay->flows[reads]);
    if (step == FLOW_BROKEN)
        finish(relay, broken_end(relay));
    else if (relay->flows[0].is_shut && relay->flows[1].is_shut)
        finish(relay, relay->gave_up ? broken_end(relay) : END_RELAY_DONE);
    else
        want(relay);
}

struct status relay_hold(struct relay *relay, struct io_thread *io, unsigned flow,
                         struct span bytes)
{
    return buf_append(&relay->flows[flow].held, &io->blocks, bytes, UINT32_MAX / 4);
}

void relay_start(struct relay *relay, struct io_thread *io, struct channel *first,
                 struct channel *second, relay_done_fn *on_done)
{
    relay->io = io;
    relay->on_done = on_done;
    relay->moved_at_ms = loop_time_ms(io->loop);
    relay->flows[0].from = relay->flows[1].to = first;
    relay->flows[0].to = relay->flows[1].from = second;
    first->owner = second->owner = relay;
    first->on_ready = second->on_ready = on_ready;
    if (first->is_open && second->is_open)
        on_ready(first, CHANNEL_READ); // the first bytes are there already: they made us choose
    else
        want(relay);
}

void relay_stop(struct relay *relay)
{
    if (relay->is_done)
        return;
    relay->is_done = true;
    for (unsigned i = 0; i < 2; i++) {
        leave_splice(relay, &relay->flows[i]);
        buf_done(&relay->flows[i].held, &relay->io->blocks);
    }
}
