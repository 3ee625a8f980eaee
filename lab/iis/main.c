// SPDX-License-Identifier: Apache-2.0
// handfast-iis: listens, says on stdout where (`ready name=… http=ADDR:PORT https=ADDR:PORT`, in
// the order given), and gives every connection a thread. Ends at once on SIGTERM or SIGINT.
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "channel.h"
#include "connection.h"

struct open_listener {
    int fd;
    SSL_CTX *context;
};

static int listen_at(const struct addrinfo *info)
{
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, 1024) == 0)
        return fd;
    close(fd);
    return -1;
}

// ADDR:PORT or [ADDR]:PORT.
static int open_socket(const char *address)
{
    char host[256];
    const char *colon = strrchr(address, ':');
    if (!colon || (size_t)(colon - address) >= sizeof host)
        return -1;
    size_t len = (size_t)(colon - address);
    bool brackets = len >= 2 && address[0] == '[' && address[len - 1] == ']';
    snprintf(host, sizeof host, "%.*s", (int)(brackets ? len - 2 : len), address + brackets);
    struct addrinfo want = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICHOST};
    struct addrinfo *info;
    if (getaddrinfo(host, colon + 1, &want, &info) != 0)
        return -1;
    int fd = listen_at(info);
    freeaddrinfo(info);
    return fd;
}

static void print_address(const char *kind, int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    char host[128], port[16];
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0 ||
        getnameinfo((struct sockaddr *)&address, len, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return;
    bool six = address.ss_family == AF_INET6;
    printf(" %s=%s%s%s:%s", kind, six ? "[" : "", host, six ? "]" : "", port);
}

static bool open_listeners(const struct settings *s, struct open_listener *all)
{
    for (unsigned i = 0; i < s->listener_count; i++) {
        const struct listener_settings *l = &s->listeners[i];
        all[i].context = l->tls ? channel_context(s, l) : NULL;
        if (l->tls && !all[i].context)
            return false;
        all[i].fd = open_socket(l->address);
        if (all[i].fd < 0) {
            fprintf(stderr, "handfast-iis: cannot listen at %s: %s\n", l->address, strerror(errno));
            return false;
        }
    }
    printf("ready name=%s", s->name);
    for (unsigned i = 0; i < s->listener_count; i++)
        print_address(s->listeners[i].tls ? "https" : "http", all[i].fd);
    printf("\n");
    fflush(stdout);
    return true;
}

static void *connection_thread(void *given)
{
    struct connection_start start = *(struct connection_start *)given;
    free(given);
    connection_serve(&start);
    return NULL;
}

static void start_connection(const struct settings *s, const struct open_listener *l,
                             const pthread_attr_t *attributes)
{
    int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE)
            usleep(10000);
        return;
    }
    struct connection_start *start = malloc(sizeof *start);
    pthread_t thread;
    if (!start)
        abort();
    *start = (struct connection_start){.settings = s, .context = l->context, .fd = fd};
    if (pthread_create(&thread, attributes, connection_thread, start) != 0) {
        free(start);
        close(fd);
    }
}

// True when it is time to end.
static bool asked_to_stop(const struct settings *s, const struct pollfd *signals,
                          const struct pollfd *input)
{
    char unused[64];
    if (signals->revents)
        return true;
    return s->stop_on_eof && input->revents && read(STDIN_FILENO, unused, sizeof unused) <= 0;
}

static void serve(const struct settings *s, const struct open_listener *all, int signals)
{
    struct pollfd polls[SETTINGS_LISTENERS + 2];
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, 512 << 10);
    polls[0] = (struct pollfd){.fd = signals, .events = POLLIN};
    polls[1] = (struct pollfd){.fd = s->stop_on_eof ? STDIN_FILENO : -1, .events = POLLIN};
    for (unsigned i = 0; i < s->listener_count; i++)
        polls[2 + i] = (struct pollfd){.fd = all[i].fd, .events = POLLIN};
    for (;;) {
        if (poll(polls, 2 + s->listener_count, -1) < 0 && errno != EINTR)
            break;
        if (asked_to_stop(s, &polls[0], &polls[1]))
            break;
        for (unsigned i = 0; i < s->listener_count; i++)
            if (polls[2 + i].revents & POLLIN)
                start_connection(s, &all[i], &attributes);
    }
    pthread_attr_destroy(&attributes);
}

static int catch_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int argc, char **argv)
{
    static struct settings settings;
    static struct open_listener listeners[SETTINGS_LISTENERS];
    int signals = catch_signals();
    raise_descriptor_limit();
    int code = settings_read(&settings, argc, argv);
    if (code != 0)
        return code - 1;
    if (!open_listeners(&settings, listeners))
        return 1;
    serve(&settings, listeners, signals);
    _exit(0); // threads may still be serving; there is nothing to save
}
