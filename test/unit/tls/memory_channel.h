// SPDX-License-Identifier: Apache-2.0
// A channel through memory for tests: two ends, each a queue for the other, as many bytes per call
// as the test says. Readiness is level-triggered, as a socket's in our loop. The test owns the
// cable; closing an end only marks it.
#pragma once

#include <string.h>

#include "base/check.h"
#include "io/channel.h"

enum { CABLE_BYTES = 1 << 20 };

struct cable_end {
    struct channel channel;
    struct cable_end *other;
    uint8_t *inbox; // CABLE_BYTES
    size_t start, end;
    size_t read_max;      // bytes per call
    size_t write_max;     // bytes per call
    size_t room_max;      // how much the other side's inbox may hold
    size_t reads, writes; // calls that reached it
    size_t moved;         // bytes in and out
    bool has_shut;        // sends no more
    bool is_closed, was_aborted;
    bool breaks; // from now on every call is broken
};

struct cable {
    struct cable_end near; // what our channel stands on
    struct cable_end far;  // the test's own side
};

static inline struct cable_end *cable_end_of(struct channel *channel)
{
    return CONTAINER(channel, struct cable_end, channel);
}

static inline struct moved cable_broken(struct cable_end *end)
{
    end->channel.end = end->channel.end_reset;
    return (struct moved){0, CHANNEL_BROKEN};
}

static inline struct moved cable_read(struct channel *channel, void *data, size_t size)
{
    struct cable_end *end = cable_end_of(channel);
    CHECK(!end->is_closed);
    end->reads++;
    if (end->breaks)
        return cable_broken(end);
    size_t count = end->end - end->start;
    if (count == 0)
        return (struct moved){0, end->other->has_shut ? CHANNEL_ENDED : CHANNEL_BLOCKED};
    count = count < size ? count : size;
    count = count < end->read_max ? count : end->read_max;
    memcpy(data, end->inbox + end->start, count);
    end->start += count;
    end->moved += count;
    return (struct moved){count, CHANNEL_MOVED};
}

static inline size_t cable_room(const struct cable_end *end)
{
    size_t held = end->other->end - end->other->start;
    return held < end->room_max ? end->room_max - held : 0;
}

static inline void cable_add(struct cable_end *end, const uint8_t *data, size_t count)
{
    memmove(end->inbox, end->inbox + end->start, end->end - end->start);
    end->end -= end->start;
    end->start = 0;
    CHECK(end->end + count <= CABLE_BYTES);
    if (count > 0)
        memcpy(end->inbox + end->end, data, count);
    end->end += count;
}

static inline struct moved cable_write(struct channel *channel, struct span data)
{
    struct cable_end *end = cable_end_of(channel);
    CHECK(!end->is_closed && !end->has_shut);
    end->writes++;
    if (end->breaks)
        return cable_broken(end);
    size_t count = data.size < cable_room(end) ? data.size : cable_room(end);
    count = count < end->write_max ? count : end->write_max;
    cable_add(end->other, data.data, count);
    end->moved += count;
    return (struct moved){count, count ? CHANNEL_MOVED : CHANNEL_BLOCKED};
}

static inline void cable_want(struct channel *channel, unsigned wanted)
{
    CHECK(!cable_end_of(channel)->is_closed);
    channel->wanted = wanted;
}

static inline void cable_shut(struct channel *channel)
{
    cable_end_of(channel)->has_shut = true;
}

static inline void cable_close(struct channel *channel, bool abort)
{
    struct cable_end *end = cable_end_of(channel);
    CHECK(!end->is_closed);
    end->is_closed = end->has_shut = true;
    end->was_aborted = abort;
}

static inline int cable_plain_fd(const struct channel *channel)
{
    (void)channel;
    return -1;
}

static const struct channel_ops cable_ops = {
    .name = "cable",
    .read = cable_read,
    .write = cable_write,
    .want = cable_want,
    .shut = cable_shut,
    .close = cable_close,
    .plain_fd = cable_plain_fd,
};

static inline void cable_end_init(struct cable_end *end, struct cable_end *other,
                                  enum end end_reset)
{
    *end = (struct cable_end){
        .channel = {.ops = &cable_ops, .is_open = true, .end_reset = end_reset},
        .other = other,
        .inbox = malloc(CABLE_BYTES),
        .read_max = CABLE_BYTES,
        .write_max = CABLE_BYTES,
        .room_max = CABLE_BYTES,
    };
    CHECK(end->inbox);
}

static inline void cable_init(struct cable *cable, enum end end_reset)
{
    cable_end_init(&cable->near, &cable->far, end_reset);
    cable_end_init(&cable->far, &cable->near, end_reset);
}

static inline void cable_done(struct cable *cable)
{
    free(cable->near.inbox);
    free(cable->far.inbox);
}

// Tells the near end what a socket would be told; false when there was nothing to tell.
static inline bool cable_ring(struct cable_end *end)
{
    if (end->is_closed || !end->channel.on_ready)
        return false;
    unsigned ready = 0;
    if (end->start != end->end || end->other->has_shut || end->breaks)
        ready |= CHANNEL_READ;
    if (cable_room(end) > 0 || end->breaks)
        ready |= CHANNEL_WRITE;
    ready &= end->channel.wanted;
    if (ready)
        end->channel.on_ready(&end->channel, ready);
    return ready != 0;
}
