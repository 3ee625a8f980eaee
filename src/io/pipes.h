// SPDX-License-Identifier: Apache-2.0
// Pipes for splice, kept by a thread for whoever moves bulk data next. A pipe is always empty when it is given back.
#pragma once

#include "base/list.h"

struct pipe {
    struct list idle;
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
void pipes_give(struct pipes *pipes, struct pipe *pipe);
// A pipe that still holds bytes is closed instead.
void pipes_discard(struct pipe *pipe);
