// SPDX-License-Identifier: Apache-2.0
// A TLS channel from inside.
#pragma once

#include <openssl/ssl.h>

#include "tls/footing.h"
#include "tls/tls.h"

struct tls_channel {
    struct channel base;
    SSL *ssl;
    struct tls_footing footing;
    struct loop *loop;
    struct task task;              // wakes the reader for decoded bytes; after close: frees
    struct tls_sessions *sessions; // towards servers, may be NULL
    const char *problem;           // words of static storage, NULL: none
    uint32_t sessions_generation;
    bool is_client;     // we are the client: the other side is a server
    bool is_started;    // the handshake has had its first call
    bool is_shut;       // our close_notify was written
    bool is_shut_below; // and the channel below told to end
    bool owes_byte;     // the last byte of the last write is sealed, but was not reported as moved
    bool owes_goodbye;  // the other side should hear our close_notify
    bool has_spare_buffers; // OpenSSL holds record buffers that are probably empty
    bool is_closed;
};

// The channel whose call into OpenSSL is going on.
struct tls_channel *tls_channel_of(const SSL *ssl);
// NULL when the channel is not TLS.
SSL *tls_channel_ssl(const struct channel *channel);
