// SPDX-License-Identifier: Apache-2.0
// What is wrapped can be unwrapped, at every size at which a length of DER grows, and says what it
// is to the reader of tokens.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "doctor/frame.h"
#include "wire/base64.h"

static uint8_t content[70000];

static void check_round(char *base64, bool in_spnego, struct span wanted)
{
    struct frame frame;

    assert_non_null(base64);
    assert_true(frame_open(base64, &frame));
    assert_int_equal(frame.in_spnego, in_spnego);
    assert_true(span_equal(frame.inner, wanted));
    frame_done(&frame);
    free(base64);
}

static void comes_out_as_it_went_in(void **state)
{
    static const size_t sizes[] = {1, 60, 90, 127, 128, 200, 255, 256, 65000, 65535, 65536, 70000};

    memset(content, 0x41, sizeof(content));
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct span token = span_of(content, sizes[i]);
        check_round(frame_plain(token), false, token);
        check_round(frame_init(TOKEN_MECH_NTLM, token), true, token);
        check_round(frame_init(TOKEN_MECH_KERBEROS, token), true, token);
        check_round(frame_response(token), true, token);
    }
}

static void says_what_it_offers(void **state)
{
    uint8_t scratch[256];
    char value[256];
    struct token token;
    char *base64 = frame_init(TOKEN_MECH_NTLM, SPAN("NTLMSSP\0\1\0\0\0\0\0\0\0"));

    snprintf(value, sizeof(value), "Negotiate %s", base64);
    token_read(span_text(value), scratch, sizeof(scratch), &token);
    assert_true(token.in_spnego);
    assert_int_equal(token.mech_count, 1);
    assert_int_equal(token.mechs[0], TOKEN_MECH_NTLM);
    assert_int_equal(token.kind, TOKEN_NTLM_NEGOTIATE);
    free(base64);
}

// The frame as RFC 4121 section 4.1 draws it.
static void frames_kerberos(void **state)
{
    size_t size = 0;
    uint8_t *bytes = frame_kerberos(SPAN("n\0"), &size);

    assert_int_equal(size, 17);
    assert_memory_equal(bytes, "\x60\x0f\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01\x00n\0", 17);
    free(bytes);
}

static void refuses(void **state)
{
    struct frame frame;

    assert_false(frame_open(NULL, &frame));
    assert_false(frame_open("", &frame));
    assert_false(frame_open("a", &frame));
    assert_false(frame_open("****", &frame));
    char *huge = malloc(FRAME_TOKEN_MAX * 2 + 1);
    memset(huge, 'A', FRAME_TOKEN_MAX * 2);
    huge[FRAME_TOKEN_MAX * 2] = 0;
    assert_false(frame_open(huge, &frame));
    free(huge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_out_as_it_went_in),
        cmocka_unit_test(says_what_it_offers),
        cmocka_unit_test(frames_kerberos),
        cmocka_unit_test(refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
