// SPDX-License-Identifier: Apache-2.0
// A channel is ordered bytes both ways: a socket, or a layer above one (TLS). Whoever reads or
// writes it need not know which. A channel belongs to one loop; it never blocks.
#pragma once

#include "base/span.h"
#include "base/status.h"
#include "io/loop.h"

enum channel_outcome {
    CHANNEL_MOVED = 0, // `bytes` > 0 were read or written
    CHANNEL_BLOCKED,   // not now: want READ or WRITE and wait
    CHANNEL_ENDED,     // read only: the other side will send no more (FIN, close_notify)
    CHANNEL_BROKEN,    // reset, TLS failure: see channel->end
};

struct moved {
    size_t bytes;
    enum channel_outcome outcome;
};

enum channel_want {
    CHANNEL_NOTHING = 0,
    CHANNEL_READ = 1,
    CHANNEL_WRITE = 2,
};

struct channel;

// Called when what was wanted may be possible, and always when the channel breaks. `ready` is a set
// of channel_want.
typedef void channel_ready_fn(struct channel *channel, unsigned ready);

struct channel_ops {
    const char *name;
    struct moved (*read)(struct channel *channel, void *data, size_t size);
    struct moved (*write)(struct channel *channel, struct span data);
    // Both in one call where that is cheaper; NULL: no better than one after the other.
    struct moved (*write_two)(struct channel *channel, struct span first, struct span second);
    void (*want)(struct channel *channel, unsigned wanted);
    // Sends what ends our direction (FIN; close_notify and FIN). Reading goes on.
    void (*shut)(struct channel *channel);
    // Frees the channel and what it stands on, at the end of the turn. `abort`: reset instead of a
    // polite end.
    void (*close)(struct channel *channel, bool abort);
    // True when there is certainly nothing to be read as far as this turn's events tell: asking the
    // kernel is then spared. NULL: never.
    bool (*is_silent)(const struct channel *channel);
    // The socket below for splice, or -1 when bytes must be transformed.
    int (*plain_fd)(const struct channel *channel);
};

struct channel {
    const struct channel_ops *ops;
    channel_ready_fn *on_ready;
    void *owner;
    unsigned wanted; // set of channel_want
    enum end end;    // why it broke
    enum end
        end_reset; // what it means when the other side resets: END_CLIENT_RESET or END_SERVER_RESET
    bool is_open; // connected, and above TLS the handshake is over: set before the first byte moves
    bool has_pending; // read: bytes are decoded already; no readiness of the socket will tell
    bool is_finished; // the other side has closed its half: no more comes behind what is there
    bool is_cut;      // ENDED came without close_notify: more may have been said (RFC 8446 6.1)
    bool ends_cut;    // our end shall show the same: what was written may not be all
};

static inline struct moved channel_read(struct channel *channel, void *data, size_t size)
{
    return channel->ops->read(channel, data, size);
}

static inline struct moved channel_write(struct channel *channel, struct span data)
{
    return channel->ops->write(channel, data);
}

// Writes `first`, then `second`; the bytes taken count through both.
static inline struct moved channel_write_two(struct channel *channel, struct span first,
                                             struct span second)
{
    return channel->ops->write_two ? channel->ops->write_two(channel, first, second)
                                   : channel_write(channel, first);
}

static inline void channel_want(struct channel *channel, unsigned wanted)
{
    if (channel->wanted != wanted || channel->has_pending)
        channel->ops->want(channel, wanted);
}

static inline void channel_shut(struct channel *channel)
{
    channel->ops->shut(channel);
}

static inline void channel_close(struct channel *channel, bool abort)
{
    channel->ops->close(channel, abort);
}

static inline bool channel_is_silent(const struct channel *channel)
{
    return channel->ops->is_silent && channel->ops->is_silent(channel);
}

static inline int channel_plain_fd(const struct channel *channel)
{
    return channel->ops->plain_fd(channel);
}
