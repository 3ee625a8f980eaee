// SPDX-License-Identifier: Apache-2.0
// The digests and the cipher that NTLM is made of. They are broken and serve nothing else here. MD4
// and RC4 live in OpenSSL's legacy provider, which is loaded into a context of its own for each
// call, so that the rest of the process never sees it.
// Sources: RFC 1320 (MD4), RFC 2104 (HMAC), [MS-NLMP] 3.3.2 and 3.4.3.
#pragma once

#include "base/span.h"

enum {
    DIGEST_BYTES = 16,
};

// False when OpenSSL has no legacy provider (`legacy.so`, of the same package as libcrypto).
bool digest_md4(struct span in, uint8_t ret_digest[DIGEST_BYTES]);
// False when OpenSSL refuses MD5, as in a mode that allows approved digests only.
bool digest_md5(struct span in, uint8_t ret_digest[DIGEST_BYTES]);
bool digest_hmac_md5(const uint8_t key[DIGEST_BYTES], struct span in,
                     uint8_t ret_digest[DIGEST_BYTES]);
// Encrypts `size` bytes with a 16-byte key. False like digest_md4.
bool digest_rc4(const uint8_t key[DIGEST_BYTES], const uint8_t *in, uint8_t *out, size_t size);
