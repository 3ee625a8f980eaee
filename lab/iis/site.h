// SPDX-License-Identifier: Apache-2.0
// What a site answers before anybody's credentials are looked at: names it is not bound to, heads
// that are too long, TLS it insists on, redirects, and logins that are not Windows authentication.
// Knows nothing about tokens.
#pragma once

#include "answer.h"

// True when this request is answered here, into a->out; the head then says how it goes on.
// `tls` is how the request came to this server.
bool site_answers(struct answer *a, bool tls);
