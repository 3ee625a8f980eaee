// SPDX-License-Identifier: Apache-2.0
// Wires, readiness, time, and the system calls that the linker sends here. Calls on descriptors
// that are not ours go to the real ones.
#include "fake_kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"

#define FD_EPOLL   (1 << 20)
#define FD_WIRES   (FD_EPOLL + 1)
#define FD_PIPES   (FD_WIRES + WIRES_MAX)
#define PIPES_MAX  16
#define PIPE_BYTES (96 * 1024)

struct fake_pipe {
    struct bytes held;
    bool is_read_open;
    bool is_write_open;
};

struct kernel kernel = {.now_us = 1000000000};

static struct fake_pipe pipes[PIPES_MAX];

// ---- bytes

void bytes_add(struct bytes *bytes, struct span more)
{
    if (bytes->size + more.size > bytes->capacity) {
        bytes->capacity = 2 * (bytes->size + more.size) + 256;
        bytes->data = realloc(bytes->data, bytes->capacity);
        CHECK(bytes->data);
    }
    if (more.size)
        memcpy(bytes->data + bytes->size, more.data, more.size);
    bytes->size += more.size;
}

static void bytes_drop(struct bytes *bytes, size_t count)
{
    CHECK(count <= bytes->size);
    bytes->size -= count;
    if (bytes->size)
        memmove(bytes->data, bytes->data + count, bytes->size);
}

static void bytes_done(struct bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct bytes){0};
}

// ---- the far ends

static enum stream says(const struct wire *wire)
{
    return wire->is_link ? STREAM_LINK_SAYS : STREAM_CLIENT_SAYS;
}

static enum stream hears(const struct wire *wire)
{
    return wire->is_link ? STREAM_LINK_HEARS : STREAM_CLIENT_HEARS;
}

// How many of `wanted` bytes may move on that stream now.
static size_t allowed(enum stream stream, size_t wanted)
{
    if (kernel.cut_stream != stream)
        return wanted;
    size_t left = kernel.cut_at - kernel.moved[stream];
    return wanted < left ? wanted : left;
}

static void note_moved(struct wire *wire, enum stream stream, const void *data, size_t count)
{
    kernel.moved[stream] += count;
    if (kernel.traces)
        bytes_add(&kernel.traces[stream], span_of(data, count));
    kernel.calls++;
    if (kernel.cut_stream == stream && kernel.moved[stream] == kernel.cut_at)
        kernel.cut_wire = wire;
}

static struct wire *wire_new(bool is_link)
{
    CHECK(kernel.wire_count < WIRES_MAX);
    struct wire *wire = &kernel.wires[kernel.wire_count++];
    wire->is_link = is_link;
    wire->owner = -1;
    wire->low_water = 1;
    kernel.open_files++;
    return wire;
}

static void note_opened(struct wire *wire)
{
    wire->state = WIRE_OPEN;
    if (kernel.cut_stream == says(wire) || kernel.cut_stream == hears(wire))
        if (kernel.cut_at == 0 && !kernel.cut_wire)
            kernel.cut_wire = wire;
}

struct wire *kernel_accept(int *ret_fd)
{
    struct wire *wire = wire_new(false);
    note_opened(wire);
    *ret_fd = FD_WIRES + (int)(wire - kernel.wires);
    return wire;
}

void wire_say(struct wire *wire, struct span bytes)
{
    bytes_add(&wire->said, bytes);
    wire->said_bytes += bytes.size;
}

void wire_end(struct wire *wire)
{
    wire->wants_fin = true;
}

void wire_leave(struct wire *wire)
{
    wire->wants_fin = true;
    wire->is_gone = true;
}

// Both directions have ended: the connection is gone, and nothing can happen to it any more.
static bool is_over(const struct wire *wire)
{
    return wire->has_fin && wire->is_shut;
}

void wire_reset(struct wire *wire)
{
    if (wire->is_reset || is_over(wire))
        return;
    wire->said.size = 0;
    wire->is_reset = true;
    wire->error = wire->has_fin ? EPIPE : ECONNRESET;
}

bool wire_is_ended(const struct wire *wire)
{
    return wire->is_shut || wire->state == WIRE_CLOSED;
}

static bool deliver_one(struct wire *wire)
{
    if (wire->state != WIRE_OPEN || wire->is_reset)
        return false;
    size_t count = allowed(says(wire), wire->said.size);
    if (kernel.dribble && count > kernel.dribble)
        count = kernel.dribble;
    if (count) {
        bytes_add(&wire->arrived, span_of(wire->said.data, count));
        note_moved(wire, says(wire), wire->said.data, count);
        bytes_drop(&wire->said, count);
        wire->arrived_bytes += count;
        return true;
    }
    if (wire->wants_fin && !wire->has_fin && !wire->said.size) {
        wire->has_fin = true;
        return true;
    }
    return false;
}

bool kernel_deliver(void)
{
    bool has_moved = false;
    for (size_t i = 0; i < kernel.wire_count; i++)
        has_moved = deliver_one(&kernel.wires[i]) || has_moved;
    return has_moved;
}

bool kernel_is_cut(void)
{
    return kernel.cut_stream != STREAM_NONE && kernel.cut_wire;
}

void kernel_lift_cut(void)
{
    kernel.cut_stream = STREAM_NONE;
}

void kernel_pass_ms(uint64_t ms)
{
    kernel.now_us += ms * 1000;
    kernel.has_passed = true;
}

void kernel_reset(void)
{
    for (size_t i = 0; i < kernel.wire_count; i++) {
        struct wire *wire = &kernel.wires[i];
        struct wire fresh = {.said = wire->said, .arrived = wire->arrived, .heard = wire->heard};
        fresh.said.size = fresh.arrived.size = fresh.heard.size = 0;
        *wire = fresh;
    }
    kernel.wire_count = 0;
    kernel.traces = NULL;
    kernel.is_backwards = false;
    kernel.dribble = 0;
    kernel.calls = kernel.open_files = 0;
    kernel.cut_stream = STREAM_NONE;
    kernel.cut_wire = NULL;
    kernel.cut_at = 0;
    memset(kernel.moved, 0, sizeof kernel.moved);
    memset(kernel.fates, 0, sizeof kernel.fates);
}

void kernel_done(void)
{
    for (size_t i = 0; i < WIRES_MAX; i++) {
        bytes_done(&kernel.wires[i].said);
        bytes_done(&kernel.wires[i].arrived);
        bytes_done(&kernel.wires[i].heard);
    }
    for (size_t i = 0; i < PIPES_MAX; i++)
        bytes_done(&pipes[i].held);
}

// ---- what our side sees

static struct wire *wire_of(int fd)
{
    return fd >= FD_WIRES && fd < FD_PIPES ? &kernel.wires[fd - FD_WIRES] : NULL;
}

static struct fake_pipe *pipe_of(int fd)
{
    return fd >= FD_PIPES && fd < FD_PIPES + 2 * PIPES_MAX ? &pipes[(fd - FD_PIPES) / 2] : NULL;
}

static int fail(int error)
{
    errno = error;
    return -1;
}

static size_t room(const struct wire *wire)
{
    return allowed(hears(wire), kernel.dribble ? kernel.dribble : SIZE_MAX);
}

static bool is_readable(const struct wire *wire)
{
    return wire->arrived.size >= wire->low_water || wire->has_fin || wire->is_reset;
}

static uint32_t readiness(const struct wire *wire)
{
    if (wire->state == WIRE_CONNECTING)
        return wire->error ? EPOLLERR | EPOLLHUP | EPOLLIN | EPOLLOUT | EPOLLRDHUP : 0;
    bool is_done = wire->is_reset || is_over(wire);
    uint32_t events = 0;
    if (is_readable(wire))
        events |= EPOLLIN;
    if (room(wire) > 0 || wire->is_shut || wire->is_reset)
        events |= EPOLLOUT;
    if (wire->has_fin || wire->is_reset)
        events |= EPOLLRDHUP;
    if (wire->error)
        events |= EPOLLERR;
    return is_done ? events | EPOLLHUP : events;
}

static void go_on_connecting(struct wire *wire)
{
    if (wire->state != WIRE_CONNECTING || wire->error)
        return;
    enum connect_fate fate =
        kernel.fates[((const uint8_t *)&wire->address.v4.sin_addr)[3] % SERVERS_MAX];
    if (fate == CONNECT_SUCCEEDS)
        note_opened(wire);
    else if (fate == CONNECT_REFUSED)
        wire->error = ECONNREFUSED;
}

static ssize_t wire_read(struct wire *wire, void *data, size_t size, bool peeks)
{
    if (wire->state != WIRE_OPEN)
        return fail(ENOTCONN);
    if (wire->arrived.size) {
        size_t count = wire->arrived.size < size ? wire->arrived.size : size;
        memcpy(data, wire->arrived.data, count);
        if (!peeks) {
            bytes_drop(&wire->arrived, count);
            kernel.calls++;
        }
        return (ssize_t)count;
    }
    if (wire->is_reset && wire->error && !wire->has_fin) {
        int error = wire->error;
        wire->error = 0;
        return fail(error);
    }
    return wire->has_fin || wire->is_reset ? 0 : fail(EAGAIN);
}

static ssize_t wire_write(struct wire *wire, const void *data, size_t size)
{
    if (wire->state != WIRE_OPEN)
        return fail(EAGAIN);
    if (wire->is_reset || wire->is_shut) {
        int error = wire->error ? wire->error : EPIPE;
        wire->error = 0;
        return fail(error);
    }
    size_t count = size < room(wire) ? size : room(wire);
    if (count == 0)
        return fail(EAGAIN);
    note_moved(wire, hears(wire), data, count);
    if (wire->is_gone && wire->has_fin)
        wire_reset(wire);
    else
        bytes_add(&wire->heard, span_of(data, count));
    return (ssize_t)count;
}

static void wire_close(struct wire *wire)
{
    CHECK(wire_is_live(wire));
    wire->was_reset_by_us = wire->resets_on_close || wire->arrived.size;
    wire->state = WIRE_CLOSED;
    wire->is_watched = false;
    kernel.open_files--;
    kernel.calls++;
}

// ---- the calls, as the linker names them

int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_epoll_create1(int flags);
int __wrap_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event);
int __wrap_epoll_wait(int epoll, struct epoll_event *events, int max, int timeout_ms);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_time);
int __wrap_socket(int domain, int type, int protocol);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t size);
ssize_t __wrap_recv(int fd, void *data, size_t size, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t size, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
int __wrap_shutdown(int fd, int how);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t size);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *size);
int __wrap_getsockname(int fd, struct sockaddr *address, socklen_t *size);
int __wrap_pipe2(int ends[2], int flags);
ssize_t __wrap_splice(int in, off_t *in_at, int out, off_t *out_at, size_t size, unsigned flags);
int __wrap_poll(struct pollfd *watched, nfds_t count, int timeout_ms);

// io has it for tools, which wait. Workers do not.
int __wrap_poll(struct pollfd *watched, nfds_t count, int timeout_ms)
{
    CHECK(!watched);
    return 0;
}

int __wrap_epoll_create1(int flags)
{
    return FD_EPOLL;
}

int __wrap_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
    struct wire *wire = wire_of(fd);
    CHECK(epoll == FD_EPOLL && wire && wire_is_live(wire));
    CHECK(wire->is_watched == (operation != EPOLL_CTL_ADD));
    wire->is_watched = operation != EPOLL_CTL_DEL;
    if (wire->is_watched) {
        wire->interest = event->events;
        wire->watch = event->data.ptr;
    }
    kernel.calls++;
    return 0;
}

int __wrap_epoll_wait(int epoll, struct epoll_event *events, int max, int timeout_ms)
{
    int count = 0;
    for (size_t n = 0; n < kernel.wire_count && count < max; n++) {
        size_t i = kernel.is_backwards ? kernel.wire_count - 1 - n : n;
        struct wire *wire = &kernel.wires[i];
        if (!wire_is_live(wire) || !wire->is_watched)
            continue;
        go_on_connecting(wire);
        uint32_t ready = readiness(wire) & (wire->interest | EPOLLERR | EPOLLHUP);
        if (ready)
            events[count++] = (struct epoll_event){.events = ready, .data.ptr = wire->watch};
    }
    kernel.is_idle = count == 0 && timeout_ms != 0 && !kernel.has_passed;
    kernel.has_passed = false;
    return count;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_time)
{
    ret_time->tv_sec = (time_t)(kernel.now_us / 1000000);
    ret_time->tv_nsec = (long)(kernel.now_us % 1000000) * 1000;
    return 0;
}

int __wrap_socket(int domain, int type, int protocol)
{
    CHECK(type & SOCK_NONBLOCK);
    return FD_WIRES + (int)(wire_new(true) - kernel.wires);
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t size)
{
    struct wire *wire = wire_of(fd);
    CHECK(wire && wire->is_link && wire->state == WIRE_UNUSED);
    memcpy(&wire->address.any, address, size);
    wire->address.size = size;
    wire->state = WIRE_CONNECTING;
    uint8_t server = ((const uint8_t *)&wire->address.v4.sin_addr)[3];
    bool is_refused = kernel.fates[server % SERVERS_MAX] == CONNECT_REFUSED_AT_ONCE;
    return fail(is_refused ? ECONNREFUSED : EINPROGRESS);
}

ssize_t __wrap_recv(int fd, void *data, size_t size, int flags)
{
    CHECK(wire_of(fd));
    return wire_read(wire_of(fd), data, size, flags & MSG_PEEK);
}

ssize_t __wrap_send(int fd, const void *data, size_t size, int flags)
{
    CHECK(wire_of(fd) && flags & MSG_NOSIGNAL);
    return wire_write(wire_of(fd), data, size);
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
    CHECK(wire_of(fd) && flags & MSG_NOSIGNAL);
    ssize_t total = 0;
    for (size_t i = 0; i < message->msg_iovlen; i++) {
        const struct iovec *piece = &message->msg_iov[i];
        ssize_t count = wire_write(wire_of(fd), piece->iov_base, piece->iov_len);
        if (count < 0)
            return total ? total : count;
        total += count;
        if ((size_t)count < piece->iov_len)
            break;
    }
    return total;
}

int __wrap_shutdown(int fd, int how)
{
    struct wire *wire = wire_of(fd);
    CHECK(wire && how == SHUT_WR);
    if (wire->is_reset || is_over(wire))
        return fail(ENOTCONN);
    wire->is_shut = true;
    kernel.calls++;
    return 0;
}

int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
    struct wire *wire = wire_of(fd);
    CHECK(wire && wire->state != WIRE_CLOSED);
    if (level == SOL_SOCKET && name == SO_LINGER)
        wire->resets_on_close = true;
    if (level == SOL_SOCKET && name == SO_RCVLOWAT)
        wire->low_water = (size_t) * (const int *)value;
    return 0;
}

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *size)
{
    CHECK(wire_of(fd) && name == SO_ERROR);
    *(int *)value = wire_of(fd)->error;
    wire_of(fd)->error = 0;
    return 0;
}

int __wrap_getsockname(int fd, struct sockaddr *address, socklen_t *size)
{
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons(80)};
    CHECK(wire_of(fd) && *size >= sizeof local);
    memcpy(address, &local, sizeof local);
    *size = sizeof local;
    return 0;
}

int __wrap_close(int fd)
{
    struct fake_pipe *pipe = pipe_of(fd);
    if (fd == FD_EPOLL)
        return 0;
    if (pipe) {
        bool *is_open = (fd - FD_PIPES) % 2 ? &pipe->is_write_open : &pipe->is_read_open;
        CHECK(*is_open);
        *is_open = false;
        kernel.open_files--;
        return 0;
    }
    if (!wire_of(fd))
        return __real_close(fd);
    if (wire_of(fd)->state == WIRE_UNUSED) // a connect that failed at once
        wire_of(fd)->state = WIRE_CONNECTING;
    wire_close(wire_of(fd));
    return 0;
}

int __wrap_pipe2(int ends[2], int flags)
{
    for (int i = 0; i < PIPES_MAX; i++) {
        if (pipes[i].is_read_open || pipes[i].is_write_open)
            continue;
        pipes[i].is_read_open = pipes[i].is_write_open = true;
        pipes[i].held.size = 0;
        kernel.open_files += 2;
        ends[0] = FD_PIPES + 2 * i;
        ends[1] = ends[0] + 1;
        return 0;
    }
    return fail(EMFILE);
}

static ssize_t splice_in(struct wire *from, struct fake_pipe *to, size_t size)
{
    static uint8_t moved[PIPE_BYTES];
    size_t free_bytes = PIPE_BYTES - to->held.size;
    if (!free_bytes)
        return fail(EAGAIN);
    ssize_t count = wire_read(from, moved, size < free_bytes ? size : free_bytes, false);
    if (count > 0)
        bytes_add(&to->held, span_of(moved, (size_t)count));
    return count;
}

ssize_t __wrap_splice(int in, off_t *in_at, int out, off_t *out_at, size_t size, unsigned flags)
{
    if (wire_of(in))
        return splice_in(wire_of(in), pipe_of(out), size);
    struct fake_pipe *from = pipe_of(in);
    CHECK(from && wire_of(out));
    if (!from->held.size)
        return fail(EAGAIN);
    ssize_t count =
        wire_write(wire_of(out), from->held.data, size < from->held.size ? size : from->held.size);
    if (count > 0)
        bytes_drop(&from->held, (size_t)count);
    return count;
}
