// SPDX-License-Identifier: Apache-2.0
// SPNEGO: which mechanisms are on offer, how far the negotiation is, and the mechanism's own token
// inside. What is preferred and what is carried often differ, so others name the inner token.
// Sources: RFC 4178 section 4.2, [MS-SPNG] 2.2.1 (NegTokenInit2), RFC 2743 section 3.1 (framing).
#pragma once

#include "wire/der.h"
#include "wire/token.h"

#define SPNEGO_MECHS_MAX 8

struct spnego {
    bool is_response; // NegTokenResp; otherwise NegTokenInit or NegTokenInit2
    // enum token_mech: the first that were offered, or the one chosen
    uint8_t mechs[SPNEGO_MECHS_MAX];
    size_t mech_count;
    int neg_state;         // enum spnego_state; -1: none
    struct der mech_token; // mechToken or responseToken; empty without one
};

enum spnego_state {
    SPNEGO_COMPLETED = 0,
    SPNEGO_INCOMPLETE = 1,
    SPNEGO_REJECTED = 2,
    SPNEGO_REQUEST_MIC = 3,
};

// The mechanism that the content of an OID element names.
enum token_mech spnego_mech_of(struct span oid);

// Reads a SPNEGO message with or without the GSS frame around it. False when it is something else
// or broken before its inner token; what comes after that token is not looked at.
bool spnego_read(struct der message, struct spnego *ret_spnego);
