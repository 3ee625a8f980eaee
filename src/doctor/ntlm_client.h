// SPDX-License-Identifier: Apache-2.0
// An NTLMv2 client whose every field can be set, so that a server can be asked exactly one thing.
// Pure but for randomness and the clock. The primitives are OpenSSL's. Sources:
// [MS-NLMP] 2.2, 3.1.5, 3.3.2.
#pragma once

#include "base/span.h"
#include "doctor/subject.h"

enum ntlm_binding {
    NTLM_BINDING_ABSENT = 0, // no AV pair 10: the client says nothing
    NTLM_BINDING_ZERO,       // 16 zero bytes: "there is no channel"
    NTLM_BINDING_GIVEN,
};

// What a client draws for itself.
struct ntlm_chance {
    uint8_t challenge[8];
    uint8_t session_key[16];
    uint64_t filetime; // 100 ns since 1601; used when the Type 2 brings no time
};

struct ntlm_wish {
    const char *spn; // AV pair 9; NULL: absent
    enum ntlm_binding binding;
    uint8_t binding_bytes[16];
    bool is_without_mic;
    const struct ntlm_chance *chance; // NULL: drawn; given by tests of published vectors
};

// Base64 of a Type 1, malloc'ed; bare, as clients that have nothing but NTLM send it, or in SPNEGO.
// NULL without memory.
char *ntlm_client_negotiate(bool in_spnego);

// Base64 of the Type 3 that answers `type2` (base64, as the server sent it, bare or in SPNEGO), in
// the same wrapping; malloc'ed. `type1` is what was sent before. NULL with a few words in
// `ret_problem` (static storage): it is no Type 2, or the primitives are missing here.
char *ntlm_client_authenticate(const char *type1, const char *type2, const struct account *account,
                               const struct ntlm_wish *wish, const char **ret_problem);
