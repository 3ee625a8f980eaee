// SPDX-License-Identifier: Apache-2.0
// The wrappings around the tokens a client sends: base64, SPNEGO and the GSS frame. What is made
// here belongs to the caller, who frees it.
// Sources: RFC 4178 section 4.2, RFC 2743 section 3.1, RFC 4121 section 4.1.
#pragma once

#include "wire/spnego.h"

#define FRAME_TOKEN_MAX (128 * 1024) // of a token, decoded

// Base64 as a C string. NULL without memory, as all of these.
char *frame_plain(struct span token);
// The first token of a client that offers one mechanism, which is NTLM or Kerberos.
char *frame_init(enum token_mech mech, struct span token);
// A later token of a client.
char *frame_response(struct span token);
// A Kerberos message in its own frame: TOK_ID 01 00 (AP-REQ). `ret_size` bytes, not base64.
uint8_t *frame_kerberos(struct span ap_req, size_t *ret_size);

// A token as it was received: the mechanism's own bytes, out of SPNEGO or bare.
struct frame {
    uint8_t *bytes; // owned: all of the token
    struct span inner;
    bool in_spnego;
    int neg_state; // enum spnego_state; -1: not in SPNEGO or not said
};

// False when it is not base64, larger than FRAME_TOKEN_MAX, or there is no memory.
bool frame_open(const char *base64, struct frame *ret_frame);
void frame_done(struct frame *frame);
