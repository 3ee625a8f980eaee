// SPDX-License-Identifier: Apache-2.0
// The published vectors: RFC 1320 appendix A.5 (MD4), RFC 1321 A.5 (MD5), RFC 2202 section 2
// (HMAC-MD5), RFC 6229 is for keystreams (RC4).
#include "tls/tls.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct {
    const char *in;
    uint8_t md4[16];
} md4_vectors[] = {
    {"", "\x31\xd6\xcf\xe0\xd1\x6a\xe9\x31\xb7\x3c\x59\xd7\xe0\xc0\x89\xc0"},
    {"abc", "\xa4\x48\x01\x7a\xaf\x21\xd8\x52\x5f\xc1\x0a\xe8\x7a\xa6\x72\x9d"},
    {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
     "\xe3\x3b\x4d\xdc\x9c\x38\xf2\x19\x9c\x3e\x7b\x16\x4f\xcc\x05\x36"},
};

static void md4_as_published(void **state)
{
    uint8_t out[16];

    for (size_t i = 0; i < sizeof(md4_vectors) / sizeof(md4_vectors[0]); i++) {
        assert_true(digest_md4(span_text(md4_vectors[i].in), out));
        assert_memory_equal(out, md4_vectors[i].md4, 16);
    }
}

static void md5_as_published(void **state)
{
    uint8_t out[16];

    assert_true(digest_md5(SPAN("message digest"), out));
    assert_memory_equal(out, "\xf9\x6b\x69\x7d\x7c\xb7\x93\x8d\x52\x5a\x2f\x31\xaa\xf1\x61\xd0",
                        16);
}

static void hmac_as_published(void **state)
{
    uint8_t key[16];
    uint8_t out[16];

    memset(key, 0x0b, sizeof(key));
    assert_true(digest_hmac_md5(key, SPAN("Hi There"), out));
    assert_memory_equal(out, "\x92\x94\x72\x7a\x36\x38\xbb\x1c\x13\xf4\x8e\xf8\x15\x8b\xfc\x9d",
                        16);
    memset(key, 0xaa, sizeof(key));
    uint8_t data[50];
    memset(data, 0xdd, sizeof(data));
    assert_true(digest_hmac_md5(key, span_of(data, sizeof(data)), out));
    assert_memory_equal(out, "\x56\xbe\x34\x52\x1d\x14\x4c\x88\xdb\xb8\xc7\x33\xf0\xe8\xb3\xf6",
                        16);
}

static void rc4_as_published(void **state)
{
    static const uint8_t key[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    static const uint8_t zero[16];
    uint8_t out[16];

    assert_true(digest_rc4(key, zero, out, sizeof(out)));
    assert_memory_equal(out, "\x9a\xc7\xcc\x9a\x60\x9d\x1e\xf7\xb2\x93\x28\x99\xcd\xe4\x1b\x97",
                        16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(md4_as_published),
        cmocka_unit_test(md5_as_published),
        cmocka_unit_test(hmac_as_published),
        cmocka_unit_test(rc4_as_published),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
