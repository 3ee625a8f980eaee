// SPDX-License-Identifier: Apache-2.0
// The other side in tests: OpenSSL as a program of its own would use it, its bytes carried to and
// from the far end of a cable. Also the owner of our channel, which reads all and writes what it
// was given.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "memory_channel.h"
#include "tls/tls.h"

struct peer {
    SSL *ssl;
    struct cable_end *far;
    uint8_t *got;
    size_t got_size, got_capacity;
    bool has_ended;      // close_notify or the end of the cable
    unsigned long error; // of OpenSSL, when the connection failed
};

static inline void peer_init(struct peer *peer, SSL_CTX *context, struct cable *cable, bool accepts)
{
    *peer = (struct peer){.ssl = SSL_new(context), .far = &cable->far, .got_capacity = 8 << 20};
    peer->got = malloc(peer->got_capacity);
    CHECK(peer->ssl && peer->got);
    SSL_set_bio(peer->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    BIO_set_mem_eof_return(SSL_get_rbio(peer->ssl), -1);
    if (accepts)
        SSL_set_accept_state(peer->ssl);
    else
        SSL_set_connect_state(peer->ssl);
}

static inline void peer_done(struct peer *peer)
{
    SSL_set_shutdown(peer->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(peer->ssl);
    free(peer->got);
}

// From the cable into OpenSSL and back; true when a byte moved.
static inline bool peer_carry(struct peer *peer)
{
    uint8_t bytes[4096];
    bool carried = false;
    struct moved in = cable_read(&peer->far->channel, bytes, sizeof bytes);
    if (in.outcome == CHANNEL_MOVED)
        carried = BIO_write(SSL_get_rbio(peer->ssl), bytes, (int)in.bytes) == (int)in.bytes;
    else if (in.outcome == CHANNEL_ENDED)
        BIO_set_mem_eof_return(SSL_get_rbio(peer->ssl), 0);
    char *out = NULL;
    long size = BIO_get_mem_data(SSL_get_wbio(peer->ssl), &out);
    if (size > 0 && !peer->far->has_shut) {
        struct moved moved = cable_write(&peer->far->channel, span_of(out, (size_t)size));
        CHECK(BIO_read(SSL_get_wbio(peer->ssl), bytes, 0) <= 0);
        for (size_t left = moved.bytes; left > 0;) {
            int taken = BIO_read(SSL_get_wbio(peer->ssl), bytes,
                                 (int)(left < sizeof bytes ? left : sizeof bytes));
            left -= (size_t)taken;
        }
        carried |= moved.bytes > 0;
    }
    return carried;
}

static inline void peer_judge(struct peer *peer, int result)
{
    int kind = SSL_get_error(peer->ssl, result);
    if (kind == SSL_ERROR_ZERO_RETURN || kind == SSL_ERROR_SYSCALL)
        peer->has_ended = true;
    if (kind == SSL_ERROR_SSL && !peer->error)
        peer->error = ERR_peek_error();
}

// Shakes hands and reads all there is.
static inline void peer_read(struct peer *peer)
{
    if (peer->error || peer->has_ended)
        return;
    for (;;) {
        ERR_clear_error();
        int result = SSL_read(peer->ssl, peer->got + peer->got_size,
                              (int)(peer->got_capacity - peer->got_size));
        if (result <= 0) {
            peer_judge(peer, result);
            return;
        }
        peer->got_size += (size_t)result;
        CHECK(peer->got_size < peer->got_capacity);
    }
}

static inline void peer_write(struct peer *peer, const void *data, size_t size)
{
    ERR_clear_error();
    CHECK(SSL_write(peer->ssl, data, (int)size) == (int)size);
}

// ---- the owner of our channel

struct owner {
    struct channel *channel;
    uint8_t *got;
    size_t got_size, got_capacity;
    size_t read_max; // per call of channel_read
    struct span unsent;
    unsigned calls; // of on_ready
    unsigned reads; // of channel_read that moved bytes
    bool has_ended, is_broken;
    bool holds; // reads nothing and wants nothing
};

static inline void owner_write(struct owner *owner)
{
    while (owner->unsent.size > 0 && !owner->is_broken) {
        struct moved moved = channel_write(owner->channel, owner->unsent);
        owner->is_broken = moved.outcome == CHANNEL_BROKEN;
        if (moved.outcome != CHANNEL_MOVED)
            return;
        owner->unsent = span_after(owner->unsent, moved.bytes);
    }
}

static inline void owner_read(struct owner *owner)
{
    size_t room = owner->got_capacity - owner->got_size;
    CHECK(room > 0);
    room = room < owner->read_max ? room : owner->read_max;
    struct moved moved = channel_read(owner->channel, owner->got + owner->got_size, room);
    owner->got_size += moved.bytes;
    owner->reads += moved.outcome == CHANNEL_MOVED;
    owner->has_ended = moved.outcome == CHANNEL_ENDED;
    owner->is_broken |= moved.outcome == CHANNEL_BROKEN;
}

static inline void owner_wants(struct owner *owner)
{
    unsigned wanted = owner->has_ended || owner->holds ? 0 : CHANNEL_READ;
    if (owner->unsent.size > 0 && !owner->holds)
        wanted |= CHANNEL_WRITE;
    channel_want(owner->channel, owner->is_broken ? 0 : wanted);
}

static inline void owner_ready(struct channel *channel, unsigned ready)
{
    struct owner *owner = channel->owner;
    owner->calls++;
    if (!owner->holds && (ready & CHANNEL_READ) && !owner->has_ended)
        owner_read(owner);
    if (!owner->holds)
        owner_write(owner);
    owner_wants(owner);
}

static inline void owner_init(struct owner *owner, struct channel *channel)
{
    CHECK(channel);
    *owner = (struct owner){.channel = channel, .got_capacity = 8 << 20, .read_max = 8 << 20};
    owner->got = malloc(owner->got_capacity);
    CHECK(owner->got);
    channel->owner = owner;
    channel->on_ready = owner_ready;
    owner_wants(owner);
}

static inline void owner_done(struct owner *owner)
{
    free(owner->got);
}
