// SPDX-License-Identifier: Apache-2.0
// One client connection from accept to close, in its own thread: requests in turn, each through
// the gate, then an answer. Owns everything about the connection.
#pragma once

#include <openssl/ssl.h>

#include "gate.h"

struct connection_start {
    const struct settings *settings;
    SSL_CTX *context; // NULL: in clear
    int fd;
};

// Serves and closes. Frees nothing of `start`.
void connection_serve(const struct connection_start *start);
