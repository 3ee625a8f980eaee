// SPDX-License-Identifier: Apache-2.0
// The channel directly above a TCP socket, and the few socket calls others need. Closing is
// deferred to the end of the turn for the memory, and immediate for the descriptor.
#include "io/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/check.h"

struct socket_channel {
    struct channel channel;
    struct loop *loop;
    struct watch watch;
    struct task burial;
};

static struct socket_channel *of_channel(struct channel *channel)
{
    return CONTAINER(channel, struct socket_channel, channel);
}

static struct moved broken(struct channel *channel, enum end end)
{
    if (is_ok(failed(channel->end)))
        channel->end = end;
    return (struct moved){0, CHANNEL_BROKEN};
}

static bool is_later(int error)
{
    return error == EAGAIN || error == EINTR;
}

static struct moved socket_read(struct channel *channel, void *data, size_t size)
{
    struct socket_channel *socket = of_channel(channel);
    if (!channel->is_open)
        return (struct moved){0, channel->end == END_OK ? CHANNEL_BLOCKED : CHANNEL_BROKEN};
    ssize_t count = recv(socket->watch.fd, data, size, 0);
    if (count > 0)
        return (struct moved){(size_t)count, CHANNEL_MOVED};
    if (count == 0)
        return (struct moved){0, CHANNEL_ENDED};
    return is_later(errno) ? (struct moved){0, CHANNEL_BLOCKED}
                           : broken(channel, channel->end_reset);
}

static struct moved socket_write(struct channel *channel, struct span data)
{
    struct socket_channel *socket = of_channel(channel);
    if (!channel->is_open)
        return (struct moved){0, channel->end == END_OK ? CHANNEL_BLOCKED : CHANNEL_BROKEN};
    ssize_t count = send(socket->watch.fd, data.data, data.size, MSG_NOSIGNAL);
    if (count >= 0)
        return (struct moved){(size_t)count, count ? CHANNEL_MOVED : CHANNEL_BLOCKED};
    return is_later(errno) ? (struct moved){0, CHANNEL_BLOCKED}
                           : broken(channel, channel->end_reset);
}

static struct moved socket_write_two(struct channel *channel, struct span first, struct span second)
{
    struct socket_channel *socket = of_channel(channel);
    if (!channel->is_open)
        return socket_write(channel, first);
    struct iovec pieces[2] = {{(void *)(uintptr_t)first.data, first.size},
                              {(void *)(uintptr_t)second.data, second.size}};
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2};
    ssize_t count = sendmsg(socket->watch.fd, &message, MSG_NOSIGNAL);
    if (count >= 0)
        return (struct moved){(size_t)count, count ? CHANNEL_MOVED : CHANNEL_BLOCKED};
    return is_later(errno) ? (struct moved){0, CHANNEL_BLOCKED}
                           : broken(channel, channel->end_reset);
}

static void socket_want(struct channel *channel, unsigned wanted)
{
    struct socket_channel *socket = of_channel(channel);
    channel->wanted = wanted;
    uint32_t interest = (wanted & CHANNEL_READ ? (uint32_t)EPOLLIN | EPOLLRDHUP : 0) |
                        (wanted & CHANNEL_WRITE ? (uint32_t)EPOLLOUT : 0);
    if (!channel->is_open)
        interest = EPOLLOUT;
    loop_watch(socket->loop, &socket->watch, interest);
}

static void socket_shut(struct channel *channel)
{
    shutdown(of_channel(channel)->watch.fd, SHUT_WR);
}

static void bury(struct task *task)
{
    free(CONTAINER(task, struct socket_channel, burial));
}

static void socket_close(struct channel *channel, bool abort)
{
    struct socket_channel *socket = of_channel(channel);
    channel->on_ready = NULL;
    if (abort)
        socket_reset_on_close(socket->watch.fd);
    loop_close(socket->loop, &socket->watch);
    loop_last(socket->loop, &socket->burial);
}

static bool socket_is_silent(const struct channel *channel)
{
    const struct socket_channel *socket = CONTAINER(channel, const struct socket_channel, channel);
    return loop_is_silent(socket->loop, &socket->watch);
}

static int socket_plain_fd(const struct channel *channel)
{
    return CONTAINER(channel, const struct socket_channel, channel)->watch.fd;
}

static const struct channel_ops socket_ops = {
    .name = "socket",
    .read = socket_read,
    .write = socket_write,
    .write_two = socket_write_two,
    .want = socket_want,
    .shut = socket_shut,
    .close = socket_close,
    .is_silent = socket_is_silent,
    .plain_fd = socket_plain_fd,
};

static enum end connect_end(int error)
{
    return error == ECONNREFUSED ? END_CONNECT_REFUSED : END_CONNECT_FAILED;
}

// The first event of a connecting socket tells how it went.
static void finish_connect(struct socket_channel *socket, uint32_t events)
{
    int error = 0;
    socklen_t size = sizeof error;
    if (events & (EPOLLERR | EPOLLHUP))
        getsockopt(socket->watch.fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error)
        broken(&socket->channel, connect_end(error));
    else
        socket->channel.is_open = true;
}

static unsigned ready_of(uint32_t events)
{
    unsigned ready = 0;
    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP | EPOLLRDHUP))
        ready |= CHANNEL_READ;
    if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
        ready |= CHANNEL_WRITE;
    return ready;
}

static void on_events(struct watch *watch, uint32_t events)
{
    struct socket_channel *socket = CONTAINER(watch, struct socket_channel, watch);
    struct channel *channel = &socket->channel;
    if (!channel->is_open) {
        finish_connect(socket, events);
        socket_want(channel, channel->wanted);
        events = EPOLLOUT;
    } else if (channel->wanted == CHANNEL_NOTHING) {
        // ERR or HUP, reported even when nobody asks: hear it once, not in every turn
        loop_unwatch(socket->loop, watch);
    }
    if (!channel->is_open && channel->end != END_OK)
        loop_unwatch(socket->loop, watch);
    channel->is_finished |= (events & EPOLLRDHUP) != 0;
    if (channel->on_ready)
        channel->on_ready(channel, ready_of(events));
}

// Watched from the start: an error is reported even when nothing else is wanted yet.
static struct channel *channel_new(struct loop *loop, int fd, enum end end_reset, bool is_open)
{
    struct socket_channel *socket = calloc(1, sizeof *socket);
    if (!socket)
        return NULL;
    socket->channel.ops = &socket_ops;
    socket->channel.is_open = is_open;
    socket->loop = loop;
    socket->channel.end_reset = end_reset;
    watch_init(&socket->watch, fd, on_events);
    task_init(&socket->burial, bury);
    socket_want(&socket->channel, CHANNEL_NOTHING);
    return &socket->channel;
}

struct channel *socket_channel_new(struct loop *loop, int fd, enum end end_reset)
{
    return channel_new(loop, fd, end_reset, true);
}

static enum end open_end(int error)
{
    return error == EMFILE || error == ENFILE ? END_FILE_LIMIT : END_OVERLOAD;
}

struct status socket_channel_connect(struct loop *loop, const struct address *address,
                                     struct channel **ret_channel)
{
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return failed(open_end(errno));
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, &address->any, address->size) != 0 && errno != EINPROGRESS) {
        enum end end = connect_end(errno);
        close(fd);
        return failed(end);
    }
    struct channel *channel = channel_new(loop, fd, END_SERVER_RESET, false);
    if (!channel) {
        close(fd);
        return failed(END_OVERLOAD);
    }
    *ret_channel = channel;
    return OK;
}

struct moved socket_peek(int fd, void *data, size_t size)
{
    ssize_t count = recv(fd, data, size, MSG_PEEK);
    if (count > 0)
        return (struct moved){(size_t)count, CHANNEL_MOVED};
    if (count == 0)
        return (struct moved){0, CHANNEL_ENDED};
    return (struct moved){0, is_later(errno) ? CHANNEL_BLOCKED : CHANNEL_BROKEN};
}

void socket_wait_for(int fd, size_t bytes)
{
    int low_water = (int)bytes;
    setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &low_water, sizeof low_water);
}

void socket_farewell(int fd, struct span bytes)
{
    ssize_t ignored = send(fd, bytes.data, bytes.size, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)ignored;
}

void socket_reset_on_close(int fd)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

int socket_give_up(int fd)
{
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

bool socket_local_address(int fd, struct address *ret_address)
{
    ret_address->size = sizeof ret_address->v6;
    return getsockname(fd, &ret_address->any, &ret_address->size) == 0;
}
