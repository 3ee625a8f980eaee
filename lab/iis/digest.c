// SPDX-License-Identifier: Apache-2.0
// See digest.h. MD5 and HMAC come from OpenSSL; MD4 follows RFC 1320 step by step.
#include "digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

static uint32_t rotate(uint32_t x, unsigned n)
{
    return x << n | x >> (32 - n);
}

static void md4_block(uint32_t state[4], const uint8_t *block)
{
    static const uint8_t order[3][16] = {
        {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
        {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15},
        {0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15},
    };
    static const uint8_t turn[3][4] = {{3, 7, 11, 19}, {3, 5, 9, 13}, {3, 9, 11, 15}};
    static const uint32_t constant[3] = {0, 0x5a827999, 0x6ed9eba1};
    uint32_t s[4] = {state[0], state[1], state[2], state[3]};
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned step = 0; step < 16; step++) {
            uint32_t b = s[1], c = s[2], d = s[3];
            uint32_t f = round == 0   ? (b & c) | (~b & d)
                         : round == 1 ? (b & c) | (b & d) | (c & d)
                                      : b ^ c ^ d;
            uint32_t x = bytes_u32le(block + 4 * order[round][step]);
            uint32_t mixed = rotate(s[0] + f + x + constant[round], turn[round][step % 4]);
            s[0] = d;
            s[3] = c;
            s[2] = b;
            s[1] = mixed;
        }
    }
    for (unsigned i = 0; i < 4; i++)
        state[i] += s[i];
}

void digest_md4(struct span in, uint8_t out[16])
{
    uint32_t state[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    struct buffer padded = {0};
    buffer_add_span(&padded, in);
    buffer_add(&padded, "\x80", 1);
    while (padded.len % 64 != 56)
        buffer_add(&padded, "", 1);
    buffer_add_u64le(&padded, (uint64_t)in.len * 8);
    for (size_t at = 0; at < padded.len; at += 64)
        md4_block(state, padded.at + at);
    buffer_done(&padded);
    for (unsigned i = 0; i < 16; i++)
        out[i] = (uint8_t)(state[i / 4] >> (8 * (i % 4)));
}

void digest_md5(struct span in, uint8_t out[16])
{
    if (EVP_Digest(in.at, in.len, out, NULL, EVP_md5(), NULL) != 1)
        abort();
}

void digest_hmac_md5(const uint8_t key[16], struct span in, uint8_t out[16])
{
    if (!HMAC(EVP_md5(), key, 16, in.at, in.len, out, NULL))
        abort();
}

void rc4_init(struct rc4 *r, struct span key)
{
    for (unsigned i = 0; i < 256; i++)
        r->box[i] = (uint8_t)i;
    uint8_t j = 0;
    for (unsigned i = 0; i < 256; i++) {
        uint8_t old = r->box[i];
        j = (uint8_t)(j + old + key.at[i % key.len]);
        r->box[i] = r->box[j];
        r->box[j] = old;
    }
    r->i = r->j = 0;
}

void rc4_apply(struct rc4 *r, const uint8_t *in, uint8_t *out, size_t len)
{
    for (size_t n = 0; n < len; n++) {
        r->i++;
        uint8_t a = r->box[r->i];
        r->j = (uint8_t)(r->j + a);
        uint8_t b = r->box[r->j];
        r->box[r->i] = b;
        r->box[r->j] = a;
        out[n] = in[n] ^ r->box[(uint8_t)(a + b)];
    }
}
