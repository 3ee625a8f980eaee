// SPDX-License-Identifier: Apache-2.0
// The pipes a thread keeps for splice.
#include "io/pipes.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

// Room for many segments: the kernel counts a pipe in slots, and each segment of TCP data takes one.
#define PIPE_BYTES (512 * 1024)

void pipes_init(struct pipes *pipes, unsigned kept_max)
{
    list_init(&pipes->idle);
    pipes->kept = 0;
    pipes->kept_max = kept_max;
}

static struct pipe *pipe_new(void)
{
    int ends[2];
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0)
        return NULL;
    struct pipe *pipe = malloc(sizeof *pipe);
    if (!pipe) {
        close(ends[0]);
        close(ends[1]);
        return NULL;
    }
    fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES); // refused beyond the user's quota: then it stays smaller
    list_init(&pipe->idle);
    pipe->read_end = ends[0];
    pipe->write_end = ends[1];
    return pipe;
}

void pipes_discard(struct pipe *pipe)
{
    list_leave(&pipe->idle);
    close(pipe->read_end);
    close(pipe->write_end);
    free(pipe);
}

void pipes_done(struct pipes *pipes)
{
    while (!list_is_empty(&pipes->idle))
        pipes_discard(CONTAINER(pipes->idle.next, struct pipe, idle));
    pipes->kept = 0;
}

struct pipe *pipes_take(struct pipes *pipes)
{
    if (list_is_empty(&pipes->idle))
        return pipe_new();
    struct pipe *pipe = CONTAINER(pipes->idle.next, struct pipe, idle);
    list_leave(&pipe->idle);
    pipes->kept--;
    return pipe;
}

void pipes_give(struct pipes *pipes, struct pipe *pipe)
{
    if (pipes->kept >= pipes->kept_max) {
        pipes_discard(pipe);
        return;
    }
    pipes->kept++;
    list_join_front(&pipes->idle, &pipe->idle);
}
