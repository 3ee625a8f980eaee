// SPDX-License-Identifier: Apache-2.0
//
// Non-blocking connections for the load generator and the origin; see channel.h.

#include "channel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

static void send_small_at_once(int fd)
{
    int on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static bool start_tls(struct channel *channel, SSL_CTX *tls)
{
    channel->ssl = SSL_new(tls);
    return channel->ssl != NULL && SSL_set_fd(channel->ssl, channel->fd) == 1;
}

bool channel_connect(struct channel *channel, uint16_t port, SSL_CTX *tls, const char *server_name)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};

    *channel = (struct channel){.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)};
    if (channel->fd < 0)
        return false;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    send_small_at_once(channel->fd);
    if (connect(channel->fd, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS)
        return false;
    if (tls == NULL)
        return true;
    if (!start_tls(channel, tls))
        return false;
    SSL_set_connect_state(channel->ssl);
    return server_name == NULL || SSL_set_tlsext_host_name(channel->ssl, server_name) == 1;
}

bool channel_accept(struct channel *channel, int fd, SSL_CTX *tls)
{
    *channel = (struct channel){.fd = fd};
    send_small_at_once(fd);
    if (tls == NULL)
        return true;
    if (!start_tls(channel, tls))
        return false;
    SSL_set_accept_state(channel->ssl);
    return true;
}

void channel_done(struct channel *channel)
{
    SSL_free(channel->ssl);
    channel->ssl = NULL;
    if (channel->fd >= 0)
        close(channel->fd);
    channel->fd = -1;
}

static int tls_stopped(struct channel *channel, int returned)
{
    int why = SSL_get_error(channel->ssl, returned);

    ERR_clear_error();
    channel->wants_out = why == SSL_ERROR_WANT_WRITE;
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
        return CHANNEL_AGAIN;
    return why == SSL_ERROR_ZERO_RETURN ? 0 : CHANNEL_BROKEN;
}

static int clear_stopped(void)
{
    return errno == EAGAIN || errno == EINTR ? CHANNEL_AGAIN : CHANNEL_BROKEN;
}

int channel_shake(struct channel *channel)
{
    int done;

    if (channel->ssl == NULL)
        return 1;
    done = SSL_do_handshake(channel->ssl);
    if (done == 1)
        return 1;
    done = tls_stopped(channel, done);
    return done == 0 ? CHANNEL_BROKEN : done;
}

ssize_t channel_read(struct channel *channel, void *bytes, size_t size)
{
    ssize_t got;
    size_t took = 0;

    if (channel->ssl != NULL) {
        int done = SSL_read_ex(channel->ssl, bytes, size, &took);

        return done == 1 ? (ssize_t)took : tls_stopped(channel, done);
    }
    got = recv(channel->fd, bytes, size, 0);
    return got >= 0 ? got : clear_stopped();
}

ssize_t channel_discard(struct channel *channel, void *scratch, size_t size)
{
    ssize_t got;

    if (channel->ssl != NULL)
        return channel_read(channel, scratch, size);
    got = recv(channel->fd, NULL, size, MSG_TRUNC);
    return got >= 0 ? got : clear_stopped();
}

ssize_t channel_write(struct channel *channel, const void *bytes, size_t size, bool more_follows)
{
    ssize_t sent;
    size_t took = 0;

    if (channel->ssl != NULL) {
        int done = SSL_write_ex(channel->ssl, bytes, size, &took);

        return done == 1 ? (ssize_t)took : tls_stopped(channel, done);
    }
    sent = send(channel->fd, bytes, size, MSG_NOSIGNAL | (more_follows ? MSG_MORE : 0));
    channel->wants_out = sent < 0;
    return sent >= 0 ? sent : clear_stopped();
}

bool channel_may_hold_more(const struct channel *channel, size_t size, ssize_t got)
{
    enum { BULK_BYTES = 4096 };

    if (channel->ssl == NULL)
        return got == (ssize_t)size;
    return got >= BULK_BYTES || SSL_pending(channel->ssl) > 0;
}

void channel_leave(struct channel *channel)
{
    if (channel->ssl != NULL) {
        SSL_shutdown(channel->ssl);
        ERR_clear_error();
    }
    shutdown(channel->fd, SHUT_WR);
}

int channel_listen(uint16_t *ret_port)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t size = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    // Any address, but the loopback device only: the idle rows reach the origin as 127.x.y.z.
    at.sin_addr.s_addr = htonl(INADDR_ANY);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3) < 0 ||
        bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, SOMAXCONN) < 0 ||
        getsockname(fd, (struct sockaddr *)&at, &size) < 0) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    *ret_port = ntohs(at.sin_port);
    return fd;
}
