// SPDX-License-Identifier: Apache-2.0
// The server's half of NTLMv2 (MS-NLMP): answers a Type 1 with a challenge and verifies a Type 3.
// NTLMv1 and anonymous are refused. One `struct ntlm` is one handshake; its owner is the gate of
// the connection. Never logs or prints a message.
#pragma once

#include "bytes.h"
#include "digest.h"
#include "protection.h"
#include "users.h"

// The names a challenge carries, and the ones a login may use for its domain.
struct ntlm_place {
    const char *domain;     // NetBIOS domain, EXAMPLE
    const char *dns_domain; // example.test
    const char *computer;   // NetBIOS name, IIS1
};

struct ntlm {
    struct buffer type1, type2; // kept whole: the MIC covers them
    uint8_t challenge[8];
};

struct ntlm_login {
    const struct user *user;
    struct claim claim;
    uint8_t session_key[16]; // ExportedSessionKey
    uint32_t flags;          // as negotiated, from the Type 3
};

void ntlm_done(struct ntlm *n);

// The message type 1, 2 or 3; 0 when these bytes are not an NTLM message.
unsigned ntlm_type(struct span message);

// Fills n->type2 (MS-NLMP 2.2.1.2). False on a malformed Type 1.
bool ntlm_challenge(struct ntlm *n, struct span type1, const struct ntlm_place *place);

// Verifies a Type 3 against the challenge in `n`. NULL on success, with *ret_login written;
// otherwise one word for the log (no-challenge, malformed, ntlmv1, anonymous, no-such-user,
// bad-password, bad-mic).
const char *ntlm_verify(struct ntlm *n, struct span type3, const struct users *users,
                        const struct ntlm_place *place, struct ntlm_login *ret_login);

// One direction's signing state, for the mechListMIC of SPNEGO (MS-NLMP 3.4.4.2, sequence 0).
void ntlm_sign(const struct ntlm_login *login, bool from_server, struct span message,
               uint8_t out[16]);
