// SPDX-License-Identifier: Apache-2.0
// The pipes a thread keeps for splice.
#include "io/pipes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

// Room for many segments: the kernel counts a pipe in slots, and each segment of TCP data takes
// one.
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
    fcntl(ends[1], F_SETPIPE_SZ,
          PIPE_BYTES); // refused beyond the user's quota: then it stays smaller
    list_init(&pipe->idle);
    pipe->held = 0;
    pipe->read_end = ends[0];
    pipe->write_end = ends[1];
    return pipe;
}

static void discard(struct pipe *pipe)
{
    list_leave(&pipe->idle);
    close(pipe->read_end);
    close(pipe->write_end);
    free(pipe);
}

void pipes_done(struct pipes *pipes)
{
    while (!list_is_empty(&pipes->idle))
        discard(CONTAINER(pipes->idle.next, struct pipe, idle));
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
    if (!pipe)
        return;
    if (pipe->held || pipes->kept >= pipes->kept_max) {
        discard(pipe);
        return;
    }
    pipes->kept++;
    list_join_front(&pipes->idle, &pipe->idle);
}

static struct moved moved_of(ssize_t count, struct channel *channel)
{
    if (count > 0)
        return (struct moved){(size_t)count, CHANNEL_MOVED};
    if (count == 0)
        return (struct moved){0, CHANNEL_ENDED};
    if (errno == EAGAIN || errno == EINTR)
        return (struct moved){0, CHANNEL_BLOCKED};
    if (channel->end == END_OK)
        channel->end = channel->end_reset;
    return (struct moved){0, CHANNEL_BROKEN};
}

struct moved pipe_fill(struct pipe *pipe, struct channel *from, size_t max)
{
    ssize_t count = splice(channel_plain_fd(from), NULL, pipe->write_end, NULL, max,
                           SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    struct moved moved = moved_of(count, from);
    pipe->held += moved.bytes;
    return moved;
}

struct moved pipe_drain(struct pipe *pipe, struct channel *to)
{
    ssize_t count = splice(pipe->read_end, NULL, channel_plain_fd(to), NULL, pipe->held,
                           SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    struct moved moved = moved_of(count, to);
    pipe->held -= moved.bytes;
    return moved;
}
