// SPDX-License-Identifier: Apache-2.0
// Does the fake kernel behave as the real one? Every short course of events on a connection is
// played on a wire of the fake kernel and on a TCP connection over loopback; after each step our
// side must see the same: readiness, bytes, errors.
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "fake_kernel.h"

#define STEPS_MAX  5
#define PATIENCE   1000 // times 1 ms until the real kernel must have delivered
#define FD_UNKNOWN (-2)

int __real_epoll_create1(int flags);
int __real_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event);
int __real_epoll_wait(int epoll, struct epoll_event *events, int max, int timeout_ms);
int __real_socket(int domain, int type, int protocol);
int __real_connect(int fd, const struct sockaddr *address, socklen_t size);
int __real_accept4(int fd, struct sockaddr *address, socklen_t *size, int flags);
int __real_getsockname(int fd, struct sockaddr *address, socklen_t *size);
int __real_setsockopt(int fd, int level, int name, const void *value, socklen_t size);
int __real_shutdown(int fd, int how);
ssize_t __real_recv(int fd, void *data, size_t size, int flags);
ssize_t __real_send(int fd, const void *data, size_t size, int flags);
int __real_close(int fd);

// What may happen: the far end says, ends, leaves, resets; we read, peek, write, shut.
static const char steps[] = "selrRPWS";

struct pair {
    struct wire *wire;
    int fake;
    int near;
    int far;
    int real_epoll;
    size_t far_heard;
};

// What our side saw: the return value, and errno when it failed.
struct seen {
    ssize_t count;
    int error;
};

static int listen_anywhere(struct sockaddr_in *ret_address)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = __real_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, 16) == 0);
    CHECK(__real_getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    *ret_address = address;
    return fd;
}

// As every socket of ours: what is sent leaves at once.
static void send_at_once(int fd)
{
    int on = 1;
    CHECK(__real_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
}

static struct pair pair_open(int listener, const struct sockaddr_in *address)
{
    struct pair pair = {.fake = FD_UNKNOWN};
    kernel_reset();
    pair.wire = kernel_accept(&pair.fake);
    pair.far = __real_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(__real_connect(pair.far, (const struct sockaddr *)address, sizeof *address) == 0);
    pair.near = __real_accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    send_at_once(pair.far);
    send_at_once(pair.near);
    pair.real_epoll = __real_epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP};
    CHECK(__real_epoll_ctl(pair.real_epoll, EPOLL_CTL_ADD, pair.near, &event) == 0);
    int fake_epoll = epoll_create1(EPOLL_CLOEXEC);
    CHECK(epoll_ctl(fake_epoll, EPOLL_CTL_ADD, pair.fake, &event) == 0);
    return pair;
}

static void reset_on_close(int fd)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    __real_setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

static void pair_close(struct pair *pair)
{
    reset_on_close(pair->near); // so that thousands of connections leave no port behind
    __real_close(pair->near);
    if (pair->far >= 0)
        __real_close(pair->far);
    __real_close(pair->real_epoll);
    close(pair->fake);
}

static uint32_t ready_in(int epoll, bool is_real)
{
    struct epoll_event event = {0};
    if (is_real)
        __real_epoll_wait(epoll, &event, 1, 0);
    else
        epoll_wait(epoll, &event, 1, 0);
    return event.events;
}

static void pause_briefly(void)
{
    struct timespec moment = {.tv_nsec = 1000000};
    nanosleep(&moment, NULL);
}

// A player hears at once: bytes that it has not read would turn its end into a reset.
static void far_hears(struct pair *pair)
{
    uint8_t data[64];
    for (unsigned i = 0; i < PATIENCE && pair->far_heard < pair->wire->heard.size; i++) {
        ssize_t count = __real_recv(pair->far, data, sizeof data, MSG_DONTWAIT);
        if (count > 0)
            pair->far_heard += (size_t)count;
        else
            pause_briefly();
    }
}

// What the far end does. False when it cannot do that any more.
static bool far_acts(struct pair *pair, char step)
{
    if (pair->far < 0 || (pair->wire->wants_fin && (step == 's' || step == 'e')))
        return false;
    far_hears(pair);
    switch (step) {
    case 's':
        wire_say(pair->wire, SPAN("abc"));
        CHECK(__real_send(pair->far, "abc", 3, MSG_NOSIGNAL) == 3 || errno == EPIPE);
        break;
    case 'e':
        wire_end(pair->wire);
        __real_shutdown(pair->far, SHUT_WR);
        break;
    case 'r':
        reset_on_close(pair->far);
        wire_reset(pair->wire);
        break;
    default:
        wire_leave(pair->wire);
        break;
    }
    if (step == 'r' || step == 'l') {
        __real_close(pair->far);
        pair->far = -1;
    }
    while (kernel_deliver())
        continue;
    return true;
}

static struct seen seen_of(ssize_t count)
{
    return (struct seen){count, count < 0 ? errno : 0};
}

static struct seen near_acts(int fd, char step, bool is_real)
{
    uint8_t data[64];
    int flags = step == 'P' ? MSG_PEEK : 0;
    switch (step) {
    case 'R':
    case 'P':
        return seen_of(is_real ? __real_recv(fd, data, sizeof data, flags)
                               : recv(fd, data, sizeof data, flags));
    case 'W':
        return seen_of(is_real ? __real_send(fd, "x", 1, MSG_NOSIGNAL)
                               : send(fd, "x", 1, MSG_NOSIGNAL));
    default:
        return seen_of(is_real ? __real_shutdown(fd, SHUT_WR) : shutdown(fd, SHUT_WR));
    }
}

// Loopback delivers soon, but not always at once.
static bool agrees_on_readiness(const struct pair *pair, uint32_t *ret_fake, uint32_t *ret_real)
{
    *ret_fake = ready_in(0, false);
    for (unsigned i = 0; i < PATIENCE; i++) {
        int arrived = 0;
        CHECK(ioctl(pair->near, FIONREAD, &arrived) == 0);
        *ret_real = ready_in(pair->real_epoll, true);
        if (*ret_real == *ret_fake && (size_t)arrived >= pair->wire->arrived.size)
            return true;
        pause_briefly();
    }
    return false;
}

// One step on both. False when they differ, with a line that says how.
static bool step_agrees(struct pair *pair, const char *course, size_t at)
{
    char step = course[at];
    if (step >= 'a') {
        far_acts(pair, step);
    } else {
        struct seen fake = near_acts(pair->fake, step, false);
        struct seen real = near_acts(pair->near, step, true);
        if (fake.count != real.count || fake.error != real.error) {
            printf("FAILED %s, step %zu: the fake kernel returns %zd (%s), Linux %zd (%s)\n",
                   course, at + 1, fake.count, strerror(fake.error), real.count,
                   strerror(real.error));
            return false;
        }
    }
    uint32_t fake_ready = 0;
    uint32_t real_ready = 0;
    if (agrees_on_readiness(pair, &fake_ready, &real_ready))
        return true;
    printf("FAILED %s, step %zu: the fake kernel is ready for %#x, Linux for %#x\n", course, at + 1,
           fake_ready, real_ready);
    return false;
}

static bool course_agrees(const char *course, int listener, const struct sockaddr_in *address)
{
    struct pair pair = pair_open(listener, address);
    bool agrees = true;
    for (size_t at = 0; agrees && course[at]; at++)
        agrees = step_agrees(&pair, course, at);
    pair_close(&pair);
    return agrees;
}

int main(void)
{
    struct sockaddr_in address;
    int listener = listen_anywhere(&address);
    unsigned kinds = sizeof steps - 1;
    unsigned courses = 0;
    unsigned failures = 0;
    unsigned long count = 1;
    for (unsigned i = 0; i < STEPS_MAX; i++)
        count *= kinds;
    for (unsigned long number = 0; number < count && failures < 20; number++) {
        char course[STEPS_MAX + 1] = {0};
        unsigned long rest = number;
        for (unsigned i = 0; i < STEPS_MAX; i++, rest /= kinds)
            course[i] = steps[rest % kinds];
        courses++;
        failures += !course_agrees(course, listener, &address);
    }
    __real_close(listener);
    kernel_done();
    printf("%u courses, %u differ\n", courses, failures);
    return failures != 0;
}
