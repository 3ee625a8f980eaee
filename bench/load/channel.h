// SPDX-License-Identifier: Apache-2.0
//
// One non-blocking TCP connection on loopback, with TLS above it when an SSL_CTX is given. Used on
// both sides of the measured proxy. Never measures, never retries. The owner of a struct channel
// calls channel_done() once.

#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    CHANNEL_AGAIN = -1,  // nothing now; wait for the event channel_wants_out() tells
    CHANNEL_BROKEN = -2, // reset, timeout, TLS error
};

struct channel {
    int fd;
    SSL *ssl;       // null in clear
    bool wants_out; // the last call stopped for lack of room to write
};

// Starts to connect to 127.0.0.1:port. Returns false when no socket can be made or the connect
// fails at once. tls may be null; server_name is sent as SNI and may be null.
bool channel_connect(struct channel *channel, uint16_t port, SSL_CTX *tls, const char *server_name);

// Takes over an accepted socket; tls may be null.
bool channel_accept(struct channel *channel, int fd, SSL_CTX *tls);

void channel_done(struct channel *channel);

// 1: handshake finished (at once in clear), CHANNEL_AGAIN, CHANNEL_BROKEN.
int channel_shake(struct channel *channel);

// Bytes moved (> 0), 0 at the end of the stream (reads only), CHANNEL_AGAIN or CHANNEL_BROKEN.
ssize_t channel_read(struct channel *channel, void *bytes, size_t size);
ssize_t channel_write(struct channel *channel, const void *bytes, size_t size, bool more_follows);

// Like channel_read, but the bytes are thrown away; in clear the kernel does not even copy them.
// scratch of size bytes is used for TLS.
ssize_t channel_discard(struct channel *channel, void *scratch, size_t size);

// After a read that asked for size and got got bytes: is another one worth a system call now?
// Level- triggered epoll tells of what is left in the socket, but not of what TLS already took from
// it.
bool channel_may_hold_more(const struct channel *channel, size_t size, ssize_t got);

// Sends close_notify (TLS) and a FIN; reading goes on.
void channel_leave(struct channel *channel);

// The port a listening socket on loopback got; reachable by every 127.0.0.0/8 address and from
// nowhere else. Returns the descriptor, or -1.
int channel_listen(uint16_t *ret_port);
