// SPDX-License-Identifier: Apache-2.0
// Connecting, sending and receiving with a deadline: a non-blocking socket and poll. Holds nothing
// but the descriptor.
#include "io/dial.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/loop.h"

struct dial {
    int fd;
};

// Waits for `events`; false at the deadline.
static bool wait_for(int fd, short events, uint64_t deadline_us)
{
    struct pollfd watched = {.fd = fd, .events = events};
    for (;;) {
        uint64_t now_us = loop_now_us();
        uint64_t left_ms = now_us < deadline_us ? (deadline_us - now_us) / US_PER_MS + 1 : 0;
        int ready = poll(&watched, 1, left_ms < 60000 ? (int)left_ms : 60000);
        if (ready > 0)
            return true;
        bool is_final = ready == 0 ? left_ms < 60000 : errno != EINTR;
        if (is_final)
            return false;
    }
}

static struct status connect_failure(int error)
{
    errno = error;
    if (error == ECONNREFUSED)
        return failed(END_CONNECT_REFUSED);
    return failed(error == ETIMEDOUT ? END_CONNECT_TIMEOUT : END_CONNECT_FAILED);
}

static struct status connect_by(int fd, const struct address *address, uint64_t deadline_us)
{
    if (connect(fd, &address->any, address->size) == 0)
        return OK;
    if (errno != EINPROGRESS && errno != EINTR)
        return connect_failure(errno);
    if (!wait_for(fd, POLLOUT, deadline_us))
        return connect_failure(ETIMEDOUT);
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    return error ? connect_failure(error) : OK;
}

struct status dial_open(const struct address *address, uint64_t deadline_us, struct dial **ret_dial)
{
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return failed(errno == EAFNOSUPPORT ? END_CONNECT_FAILED : END_FILE_LIMIT);
    // what is sent in two pieces must travel in two pieces
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    struct status status = connect_by(fd, address, deadline_us);
    struct dial *dial = is_ok(status) ? malloc(sizeof *dial) : NULL;
    if (!dial) {
        int error = errno;
        close(fd);
        errno = error;
        return is_ok(status) ? failed(END_OVERLOAD) : status;
    }
    dial->fd = fd;
    *ret_dial = dial;
    return OK;
}

struct dial *dial_close(struct dial *dial)
{
    if (dial)
        close(dial->fd);
    free(dial);
    return NULL;
}

static bool is_later(int error)
{
    return error == EAGAIN || error == EINTR;
}

struct status dial_send(struct dial *dial, struct span bytes, uint64_t deadline_us)
{
    while (bytes.size) {
        ssize_t count = send(dial->fd, bytes.data, bytes.size, MSG_NOSIGNAL);
        if (count > 0)
            bytes = span_after(bytes, (size_t)count);
        else if (count < 0 && !is_later(errno))
            return failed(END_SERVER_RESET);
        else if (!wait_for(dial->fd, POLLOUT, deadline_us))
            return failed(END_SERVER_TIMEOUT);
    }
    return OK;
}

struct status dial_receive(struct dial *dial, void *data, size_t capacity, uint64_t deadline_us,
                           size_t *ret_size)
{
    for (;;) {
        ssize_t count = recv(dial->fd, data, capacity, 0);
        if (count >= 0) {
            *ret_size = (size_t)count;
            return OK;
        }
        if (!is_later(errno))
            return failed(END_SERVER_RESET);
        if (!wait_for(dial->fd, POLLIN, deadline_us))
            return failed(END_SERVER_TIMEOUT);
    }
}

int dial_release(struct dial *dial, unsigned patience_ms)
{
    int fd = dial->fd;
    struct timeval patience = {.tv_sec = (time_t)(patience_ms / MS_PER_S),
                               .tv_usec = (suseconds_t)(patience_ms % MS_PER_S * US_PER_MS)};
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    free(dial);
    return fd;
}

void dial_discard(int fd)
{
    close(fd);
}
