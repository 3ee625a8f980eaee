// SPDX-License-Identifier: Apache-2.0
//
// bench-origin: the server behind the measured proxy. One thread, one epoll. Three ports of the
// kernel's choosing, printed as one line: raw (skips one TLS record, the client's genuine hello,
// then echoes or sends bytes), http and https (HTTP/1.1, "/" and "/bytes/N"). It serves only the
// requests bench-load makes and never logs. Each struct visitor owns its channel and is freed
// when the channel ends.

#include "channel.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum kind { KIND_RAW, KIND_HTTP, KIND_HTTPS, KINDS };
enum progress { SHAKING, SKIPPING_HELLO, AWAITING_COMMAND, ECHOING, AWAITING_HEAD };

enum {
    OUT_BYTES = 8192,
    IN_BYTES = 8192,
    FILL_BYTES = 256 * 1024,
    COMMAND_BYTES = 16, // "S" and a length in decimal, padded with spaces
    RECORD_HEAD_BYTES = 5,
};

struct door {
    int fd;
    enum kind kind;
    uint16_t port;
};

struct visitor {
    struct channel channel;
    enum kind kind;
    enum progress progress;
    bool waits_for_room;
    size_t in_used;
    size_t out_used;
    size_t out_sent;
    uint64_t fill_left; // bytes of the body still to send after out
    uint64_t body_left; // bytes of a request's body still to throw away
    char in[IN_BYTES];
    char out[OUT_BYTES];
};

static int loop;
static SSL_CTX *tls;
static char fill[FILL_BYTES];
static char scratch[FILL_BYTES];

static bool watch(struct visitor *visitor, bool room)
{
    struct epoll_event event = {.events = room ? EPOLLOUT : EPOLLIN, .data.ptr = visitor};

    if (visitor->waits_for_room == room)
        return true;
    visitor->waits_for_room = room;
    return epoll_ctl(loop, EPOLL_CTL_MOD, visitor->channel.fd, &event) == 0;
}

// 1: everything is sent; CHANNEL_AGAIN: waiting for room; CHANNEL_BROKEN.
static int flush(struct visitor *visitor)
{
    ssize_t sent;

    while (visitor->out_sent < visitor->out_used) {
        sent = channel_write(&visitor->channel, visitor->out + visitor->out_sent,
                             visitor->out_used - visitor->out_sent, visitor->fill_left > 0);
        if (sent < 0)
            return (int)sent;
        visitor->out_sent += (size_t)sent;
    }
    visitor->out_sent = visitor->out_used = 0;
    while (visitor->fill_left > 0) {
        size_t want = visitor->fill_left < FILL_BYTES ? (size_t)visitor->fill_left : FILL_BYTES;

        sent = channel_write(&visitor->channel, fill, want, false);
        if (sent < 0)
            return (int)sent;
        visitor->fill_left -= (uint64_t)sent;
    }
    return 1;
}

static void consume(struct visitor *visitor, size_t size)
{
    memmove(visitor->in, visitor->in + size, visitor->in_used - size);
    visitor->in_used -= size;
}

static void answer(struct visitor *visitor, const char *path)
{
    const char *prefix = "/bytes/";
    uint64_t body = 3;
    int size;

    if (strncmp(path, prefix, strlen(prefix)) == 0)
        body = strtoull(path + strlen(prefix), NULL, 10);
    size = snprintf(visitor->out, sizeof(visitor->out),
                    "HTTP/1.1 200 OK\r\nServer: bench-origin\r\nContent-Type: text/plain\r\n"
                    "Content-Length: %llu\r\n\r\n",
                    (unsigned long long)body);
    visitor->out_used = (size_t)size;
    visitor->fill_left = body;
    if (body <= 3) { // small answers leave in one segment
        memcpy(visitor->out + size, "ok\n", (size_t)body);
        visitor->out_used += (size_t)body;
        visitor->fill_left = 0;
    }
}

static bool take_head(struct visitor *visitor)
{
    char *end = memmem(visitor->in, visitor->in_used, "\r\n\r\n", 4);
    char *path, *space, *length;

    if (end == NULL)
        return visitor->in_used < IN_BYTES;
    *end = '\0';
    path = strchr(visitor->in, ' ');
    space = path == NULL ? NULL : strchr(path + 1, ' ');
    if (space == NULL)
        return false;
    length = strcasestr(space, "\r\nContent-Length:");
    visitor->body_left = length == NULL ? 0 : strtoull(length + 17, NULL, 10);
    *space = '\0';
    answer(visitor, path + 1);
    consume(visitor, (size_t)(end + 4 - visitor->in));
    return true;
}

static bool take_command(struct visitor *visitor)
{
    if (visitor->in[0] != 'S') {
        visitor->progress = ECHOING;
        return true;
    }
    if (visitor->in_used < COMMAND_BYTES)
        return true;
    visitor->fill_left = strtoull(visitor->in + 1, NULL, 10);
    consume(visitor, COMMAND_BYTES);
    return true;
}

static bool take_hello(struct visitor *visitor)
{
    size_t size;

    if (visitor->in_used < RECORD_HEAD_BYTES)
        return true;
    size = RECORD_HEAD_BYTES +
           ((size_t)(unsigned char)visitor->in[3] << 8 | (unsigned char)visitor->in[4]);
    if (visitor->in[0] != 22 || size > IN_BYTES)
        return false;
    if (visitor->in_used < size)
        return true;
    consume(visitor, size);
    visitor->progress = AWAITING_COMMAND;
    return true;
}

static void take_echo(struct visitor *visitor)
{
    size_t size = visitor->in_used < OUT_BYTES ? visitor->in_used : OUT_BYTES;

    memcpy(visitor->out, visitor->in, size);
    visitor->out_used = size;
    consume(visitor, size);
}

static void take_body(struct visitor *visitor)
{
    size_t size = visitor->in_used;

    if (size > visitor->body_left)
        size = (size_t)visitor->body_left;
    visitor->body_left -= size;
    consume(visitor, size);
}

// Turns what has been read into what is to be sent. False: the visitor speaks nonsense.
static bool take(struct visitor *visitor)
{
    if (visitor->progress == AWAITING_HEAD) {
        if (visitor->body_left == 0 && !take_head(visitor))
            return false;
        take_body(visitor);
        return true;
    }
    if (visitor->progress == SKIPPING_HELLO && !take_hello(visitor))
        return false;
    if (visitor->progress == AWAITING_COMMAND && visitor->in_used > 0 && !take_command(visitor))
        return false;
    if (visitor->progress == ECHOING)
        take_echo(visitor);
    return true;
}

static bool shake(struct visitor *visitor)
{
    int done = channel_shake(&visitor->channel);

    if (done == 1)
        visitor->progress = visitor->kind == KIND_RAW ? SKIPPING_HELLO : AWAITING_HEAD;
    return done == 1 || done == CHANNEL_AGAIN;
}

static ssize_t fill_in(struct visitor *visitor, size_t *ret_asked)
{
    ssize_t got;

    if (visitor->body_left > IN_BYTES) {
        *ret_asked = sizeof(scratch);
        if (*ret_asked > visitor->body_left)
            *ret_asked = (size_t)visitor->body_left;
        got = channel_discard(&visitor->channel, scratch, *ret_asked);
        if (got > 0)
            visitor->body_left -= (uint64_t)got;
        return got;
    }
    *ret_asked = IN_BYTES - visitor->in_used;
    got = channel_read(&visitor->channel, visitor->in + visitor->in_used, *ret_asked);
    if (got > 0)
        visitor->in_used += (size_t)got;
    return got;
}

// One event. False: free the visitor.
static bool serve(struct visitor *visitor)
{
    ssize_t got;
    size_t asked = 0;
    int flushed = 1;

    if (visitor->progress == SHAKING && !shake(visitor))
        return false;
    if (visitor->progress == SHAKING)
        return true;
    if (visitor->waits_for_room)
        flushed = flush(visitor);
    while (flushed == 1) {
        got = fill_in(visitor, &asked);
        if (got == 0 || got == CHANNEL_BROKEN)
            return false;
        if (got == CHANNEL_AGAIN)
            break;
        if (!take(visitor))
            return false;
        // An answer waits until the whole request body is in, as most applications' do.
        if (visitor->body_left == 0)
            flushed = flush(visitor);
        if (!channel_may_hold_more(&visitor->channel, asked, got))
            break;
    }
    return flushed != CHANNEL_BROKEN && watch(visitor, flushed == CHANNEL_AGAIN);
}

static void visitor_free(struct visitor *visitor)
{
    channel_done(&visitor->channel);
    free(visitor);
}

static void welcome(const struct door *door)
{
    struct epoll_event event = {.events = EPOLLIN};
    struct visitor *visitor;
    int fd;

    while ((fd = accept4(door->fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        visitor = malloc(sizeof(*visitor));
        if (visitor == NULL)
            exit(1);
        *visitor = (struct visitor){.kind = door->kind, .progress = SHAKING};
        event.data.ptr = visitor;
        if (!channel_accept(&visitor->channel, fd, door->kind == KIND_HTTPS ? tls : NULL) ||
            epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event) < 0)
            visitor_free(visitor);
    }
}

static SSL_CTX *origin_tls(const char *chain, const char *key)
{
    SSL_CTX *made = SSL_CTX_new(TLS_server_method());

    if (made == NULL || SSL_CTX_use_certificate_chain_file(made, chain) != 1 ||
        SSL_CTX_use_PrivateKey_file(made, key, SSL_FILETYPE_PEM) != 1) {
        fprintf(stderr, "bench-origin: cannot use certificate %s with key %s\n", chain, key);
        exit(1);
    }
    SSL_CTX_set_mode(made, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                               SSL_MODE_RELEASE_BUFFERS);
    return made;
}

static void open_doors(struct door *doors)
{
    struct epoll_event event = {.events = EPOLLIN};

    for (unsigned int i = 0; i < KINDS; i++) {
        doors[i].kind = (enum kind)i;
        doors[i].fd = channel_listen(&doors[i].port);
        event.data.ptr = &doors[i];
        if (doors[i].fd < 0 || epoll_ctl(loop, EPOLL_CTL_ADD, doors[i].fd, &event) < 0) {
            perror("bench-origin: cannot listen");
            exit(1);
        }
    }
    printf("{\"raw\": %u, \"http\": %u, \"https\": %u}\n", doors[KIND_RAW].port,
           doors[KIND_HTTP].port, doors[KIND_HTTPS].port);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static struct door doors[KINDS];
    struct epoll_event events[256];

    if (argc != 3) {
        fprintf(stderr, "usage: bench-origin CHAIN.pem KEY.pem\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    memset(fill, 'x', sizeof(fill));
    tls = origin_tls(argv[1], argv[2]);
    loop = epoll_create1(0);
    open_doors(doors);
    for (;;) {
        int count = epoll_wait(loop, events, 256, -1);

        for (int i = 0; i < count; i++) {
            void *who = events[i].data.ptr;

            if (who >= (void *)doors && who < (void *)(doors + KINDS))
                welcome(who);
            else if (!serve(who))
                visitor_free(who);
        }
        if (count < 0 && errno != EINTR)
            return 1;
    }
}
