// SPDX-License-Identifier: Apache-2.0
// Session tickets as the contexts see them.
#pragma once

#include <openssl/ssl.h>

#include "tls/tls.h"

// Lets `context` seal and open tickets with these keys; it takes its own share of them. False
// without memory.
bool tls_tickets_serve(struct tls_tickets *tickets, SSL_CTX *context);
