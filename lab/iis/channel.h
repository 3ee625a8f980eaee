// SPDX-License-Identifier: Apache-2.0
// Blocking bytes both ways over a socket, in clear or TLS. Each connection has its own thread, so
// waiting here is how the program waits. Owns the socket and the SSL object; knows no HTTP.
#pragma once

#include <openssl/ssl.h>

#include "bytes.h"
#include "settings.h"

struct channel {
    int fd;
    SSL *ssl; // NULL: in clear
    bool http2;
    bool has_binding;
    uint8_t binding[16]; // channel binding of the certificate this side showed
};

// One SSL_CTX for a listener; NULL, and said on stderr, when a file will not do.
SSL_CTX *channel_context(const struct settings *s, const struct listener_settings *l);

// Takes the socket, and with a context does the TLS handshake. False when that failed; the channel
// must be closed all the same. Reading gives up after idle_ms.
bool channel_open(struct channel *c, int fd, SSL_CTX *context, unsigned idle_ms);

// Appends what is there, at least one byte. False at the end, on an error or after idle_ms.
bool channel_read(struct channel *c, struct buffer *in);
bool channel_write(struct channel *c, struct span out);

// `cut` throws unread bytes away, which makes the kernel send a reset.
void channel_close(struct channel *c, bool cut);
