// SPDX-License-Identifier: Apache-2.0
// Who is on this connection? The gate takes each request's Authorization and says whether the
// request passes, and as whom, or which challenge goes back. It is the whole of the behaviour this
// program exists for: the connection is authenticated, not the request. One per connection.
#pragma once

#include "settings.h"

enum gate_scheme { SCHEME_NONE, SCHEME_KERBEROS, SCHEME_NTLM };

struct gate {
    const struct settings *settings;
    const uint8_t *binding; // of this connection's certificate; NULL without TLS

    enum gate_scheme known_by; // SCHEME_NONE: nobody yet
    struct buffer user;        // alice@EXAMPLE.TEST or EXAMPLE\alice

    bool challenged; // a Type 2 is out and its Type 3 has not come
    bool challenged_negotiate;
    bool challenged_wrapped; // inside SPNEGO
    struct buffer mech_types;
    struct ntlm ntlm;
    struct kerberos_login kerberos;
};

enum gate_verdict {
    GATE_PASSED,    // go on; a token may have to go with the answer
    GATE_REFUSED,   // 401 with the bare challenges
    GATE_CONTINUED, // 401 with one challenge, carrying the token
};

struct gate_answer {
    enum gate_verdict verdict;
    bool decided_now;    // this request carried the login that passed
    bool negotiate;      // scheme of the token that came, and of the one that goes back
    struct buffer token; // what goes back, not yet base64; empty: none
    unsigned leg;        // for the log: 0 no token, else 1, 2, …
    const char *why;     // for the log, when refused: one word
};

void gate_init(struct gate *g, const struct settings *settings, const uint8_t *binding);
void gate_done(struct gate *g);

// One request. `authorization` is the field's value, empty when there is none. The caller releases
// ret_answer->token.
void gate_ask(struct gate *g, struct span authorization, struct gate_answer *ret_answer);

// After an answer of status 200 and the like was sent: forget the login where settings say so.
void gate_request_ended(struct gate *g);

// The person without realm or domain, in lower case; "-" when nobody is known.
void gate_add_person(const struct gate *g, struct buffer *out);
