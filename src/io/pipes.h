// SPDX-License-Identifier: Apache-2.0
// Pipes for splice, kept by a thread for whoever moves bulk data next. A pipe is always empty when
// it is given back.
#pragma once

#include "base/list.h"
#include "io/channel.h"

struct pipe {
    struct list idle;
    size_t held; // bytes in it
    int read_end;
    int write_end;
};

struct pipes {
    struct list idle;
    unsigned kept;
    unsigned kept_max;
};

void pipes_init(struct pipes *pipes, unsigned kept_max);
void pipes_done(struct pipes *pipes);
// NULL when no descriptor is left: the caller copies instead.
struct pipe *pipes_take(struct pipes *pipes);
// A pipe that still holds bytes is closed instead. NULL is accepted.
void pipes_give(struct pipes *pipes, struct pipe *pipe);

// Moves at most `max` bytes from a plain socket into the pipe, or what the pipe holds on to a plain
// socket, as channel_read and channel_write do; the bytes never come into our memory.
struct moved pipe_fill(struct pipe *pipe, struct channel *from, size_t max);
struct moved pipe_drain(struct pipe *pipe, struct channel *to);
