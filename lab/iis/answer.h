// SPDX-License-Identifier: Apache-2.0
// What the server says: the 401 page with its challenges, and the test pages behind the gate.
// Builds into `out`; only pages that stream or take a body touch the channel themselves.
#pragma once

#include "channel.h"
#include "gate.h"
#include "request.h"

struct answer {
    const struct settings *settings;
    struct gate *gate;
    struct request *request;
    unsigned long long connection; // its number in this process, from 1
    unsigned long long requests;   // heads read on this connection, this one included
    bool anonymous;                // below --no-auth
    bool cut;                      // close with a reset
    struct buffer out;
};

void answer_unauthorized(struct answer *a, const struct gate_answer *g);
void answer_bad_request(struct answer *a);

// The page for a request that passed. Reads the body, writes everything. True: the connection may
// carry another request.
bool answer_serve(struct answer *a, const struct gate_answer *g, struct channel *c,
                  struct buffer *in);

// The 401 page's body, which HTTP/2 sends too.
struct span answer_unauthorized_page(void);
