// SPDX-License-Identifier: Apache-2.0
// An NTLMv2 client whose every field can be set, so that a server can be asked exactly one thing.
// Pure but for randomness and the clock. The primitives are OpenSSL's. Source:
// [MS-NLMP] 2.2, 3.1.5, 3.3.2.
#pragma once

#include "base/span.h"
#include "doctor/subject.h"

enum ntlm_binding {
    NTLM_BINDING_ABSENT = 0, // no AV pair 10: the client says nothing
    NTLM_BINDING_ZERO,       // 16 zero bytes: "there is no channel"
    NTLM_BINDING_GIVEN,
};

struct ntlm_wish {
    const char *spn; // AV pair 9; NULL: absent
    enum ntlm_binding binding;
    uint8_t binding_bytes[16];
    bool is_without_mic;
};

// Base64 of a Type 1, malloc'ed.
char *ntlm_client_negotiate(void);
// Base64 of the Type 3 that answers `type2` (base64, as the server sent it, raw or in SPNEGO), in
// the same wrapping; NULL when it is no Type 2. malloc'ed; the caller wipes and frees it.
char *ntlm_client_authenticate(const char *type1, const char *type2, const struct account *account,
                               const struct ntlm_wish *wish);
