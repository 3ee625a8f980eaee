// SPDX-License-Identifier: Apache-2.0
// What every TLS context of ours has in common, and the two kinds of context as tls sees them
// inside.
#pragma once

#include <openssl/ssl.h>

#include "tls/tls.h"

struct tls_server {
    SSL_CTX *context;
    uint8_t scope[TLS_SHA256_BYTES]; // sessions resume only within it
    struct tls_leaf leaves[TLS_LEAVES_MAX];
    size_t leaf_count;
};

struct tls_client {
    SSL_CTX *context;
    uint64_t
        number; // only grows: a session made under one set of rules is never used under another
    bool verify;
};

// A context for `method` with our versions, groups, options and modes; NULL without memory.
SSL_CTX *tls_context_new(const SSL_METHOD *method);

// Takes the thread's queue of OpenSSL errors, empties it, and returns the error that says most.
unsigned long tls_error_take(void);
// Words for such an error, of static storage; `fallback` when OpenSSL has none.
const char *tls_error_words(unsigned long error, const char *fallback);
