// SPDX-License-Identifier: Apache-2.0
// The digests and the cipher NTLM needs. MD4 and RC4 are written out here because OpenSSL 3 keeps
// them in its legacy provider, which a distribution may leave out. Not for anything but NTLM.
#pragma once

#include "bytes.h"

void digest_md4(struct span in, uint8_t out[16]);                             // RFC 1320
void digest_md5(struct span in, uint8_t out[16]);                             // RFC 1321
void digest_hmac_md5(const uint8_t key[16], struct span in, uint8_t out[16]); // RFC 2104

struct rc4 {
    uint8_t box[256];
    uint8_t i, j;
};

void rc4_init(struct rc4 *r, struct span key);
void rc4_apply(struct rc4 *r, const uint8_t *in, uint8_t *out, size_t len);
