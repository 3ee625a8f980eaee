// SPDX-License-Identifier: Apache-2.0
// Accepting. When descriptors run out the client is refused at once (its connection is reset)
// instead of being left in the queue, and accepting goes on as soon as one is free again.
#include "io/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/socket.h"

#define EVENTS_PER_ACCEPT 16
#define PAUSE_MS          100
#define BACKLOG           4096

// Without SO_REUSEPORT the kernel refuses an address that any other socket listens on; with it,
// only one of another user, and a second process would take half of the clients in silence. So the
// first socket of an address is bound without it and opened to others afterwards.
static bool bind_socket(int fd, const struct address *address, enum listener_company company)
{
    int on = 1;
    if (company == LISTENER_FURTHER)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (bind(fd, &address->any, address->size) != 0)
        return false;
    if (company == LISTENER_FIRST)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    return true;
}

static int bound_socket(const struct address *address, enum listener_company company)
{
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int on = 1;
    int off = 0;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    // inherited by every accepted socket, which saves two calls each
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    // a client that vanished without a word is noticed after two minutes, even where no timeout of
    // ours runs
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &(int){60}, sizeof(int));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &(int){20}, sizeof(int));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &(int){3}, sizeof(int));
    if (address->any.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    return bind_socket(fd, address, company) ? fd : socket_give_up(fd);
}

int listener_open(struct address *address, enum listener_company company)
{
    int fd = bound_socket(address, company);
    if (fd < 0)
        return -1;
    bool is_open = listen(fd, BACKLOG) == 0 && socket_local_address(fd, address);
    return is_open ? fd : socket_give_up(fd);
}

int listener_try(const struct address *address, enum listener_company company)
{
    int fd = bound_socket(address, company);
    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

static int spare_descriptor(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void pause_accepting(struct listener *listener)
{
    loop_unwatch(listener->loop, &listener->watch);
    loop_timer_set(listener->loop, &listener->pause, loop_time_ms(listener->loop) + PAUSE_MS);
}

// Takes one client out of the queue on the spare descriptor and resets it. False when there is none
// to refuse.
static bool refuse_one(struct listener *listener)
{
    if (listener->spare >= 0)
        close(listener->spare);
    int fd = accept4(listener->watch.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        socket_reset_on_close(fd);
        close(fd);
    }
    listener->spare = spare_descriptor();
    if (fd < 0 && listener->spare < 0)
        pause_accepting(listener); // another thread was faster: ask again later
    return fd >= 0;
}

static void resume_accepting(struct timer *timer)
{
    struct listener *listener = CONTAINER(timer, struct listener, pause);
    loop_watch(listener->loop, &listener->watch, EPOLLIN);
}

static bool accept_one(struct listener *listener)
{
    struct address client = {.size = sizeof client.v6};
    int fd = accept4(listener->watch.fd, &client.any, &client.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        listener->on_accept(listener, fd, &client);
        return true;
    }
    if (errno == EMFILE || errno == ENFILE)
        return refuse_one(listener);
    if (errno == ENOMEM || errno == ENOBUFS)
        pause_accepting(listener);
    return errno == ECONNABORTED || errno == EINTR;
}

// One client for every so many others that this turn serves. Those that were here first get on with
// their handshakes meanwhile, which keeps clients and us busy at once; taking all that wait has
// everybody wait for everybody. A long turn takes several, lest newcomers wait for many such.
static void on_queue(struct watch *watch, uint32_t events)
{
    struct listener *listener = CONTAINER(watch, struct listener, watch);
    unsigned left = 1 + loop_turn_events(listener->loop) / EVENTS_PER_ACCEPT;
    while (left > 0 && accept_one(listener))
        left--;
}

void listener_init(struct listener *listener, struct loop *loop, int fd, accept_fn *on_accept)
{
    *listener = (struct listener){.loop = loop, .on_accept = on_accept};
    listener->spare = spare_descriptor();
    watch_init(&listener->watch, fd, on_queue);
    timer_init(&listener->pause, resume_accepting);
    loop_watch(loop, &listener->watch, EPOLLIN);
}

void listener_done(struct listener *listener)
{
    while (accept_one(listener))
        ;
    loop_timer_clear(listener->loop, &listener->pause);
    loop_close(listener->loop, &listener->watch);
    if (listener->spare >= 0)
        close(listener->spare);
}
