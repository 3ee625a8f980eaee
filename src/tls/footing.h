// SPDX-License-Identifier: Apache-2.0
// What a TLS connection stands on: the channel below, and sealed bytes it has not taken yet.
// OpenSSL reaches it through a BIO; one BIO serves all connections of a thread, because one per
// connection would cost it some 250 bytes.
#pragma once

#include <openssl/bio.h>

#include "io/io.h"

struct tls_footing {
    struct channel *below;
    uint8_t *unsent; // sealed bytes that `below` has not taken; NULL when there are none
    uint32_t unsent_start;
    uint32_t unsent_end;
    uint32_t unsent_capacity;
    bool is_corked; // what is written is gathered, not sent
    bool is_dry;    // `below` has given all it had in this call: asking again would be wasted
    bool has_ended; // `below` will give no more
    bool is_broken;
};

// This thread's BIO, owned by the thread; NULL without memory.
BIO *tls_footing_bio(void);
// From here on the BIO reads and writes this footing. Called before every OpenSSL call that moves
// bytes.
void tls_footing_enter(struct tls_footing *footing, BIO *bio);

static inline bool tls_footing_is_clear(const struct tls_footing *footing)
{
    return footing->unsent_start == footing->unsent_end;
}

// What OpenSSL writes between these two leaves in one send, or stays unsent. Both within one call
// into the channel: a thread corks one footing at a time.
void tls_footing_cork(struct tls_footing *footing);
void tls_footing_uncork(struct tls_footing *footing);

// Sends what is unsent, as far as `below` takes it.
void tls_footing_flush(struct tls_footing *footing);
void tls_footing_done(struct tls_footing *footing);
