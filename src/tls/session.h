// SPDX-License-Identifier: Apache-2.0
// Resumption towards servers as channels and contexts see it.
#pragma once

#include <openssl/ssl.h>

#include "tls/context.h"

// Lets the connections of `context` hand their sessions to the channel that made them.
void tls_sessions_serve(SSL_CTX *context);
// Offers the remembered session to the server, if it was made with the same client context for the
// same name. Returns what the channel shows when it keeps a new session.
uint32_t tls_sessions_offer(struct tls_sessions *sessions, const struct tls_client *client,
                            const char *name, SSL *ssl);
