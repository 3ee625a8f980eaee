// SPDX-License-Identifier: Apache-2.0
// SPNEGO messages in hex: every form that is met, and what is not SPNEGO or broken.
#include "material.h"

#include "wire/spnego.h"

#define O_SPNEGO "06 06 2b0601050502 "
#define O_KRB5   "06 09 2a864886f712010202 "
#define O_MSKRB5 "06 09 2a864882f712010202 "
#define O_U2U    "06 0a 2a864886f71201020203 "
#define O_NTLM   "06 0a 2b06010401823702020a "
#define O_NEGOEX "06 0a 2b06010401823702021e "
#define O_IAKERB "06 06 2b0601050205 "

static bool read(const char *hex, bool is_cut, struct spnego *spnego, uint8_t room[512])
{
    struct span bytes = exact_copy(hex_into(hex, room, 512));
    bool is_read = spnego_read(der_over(bytes, is_cut), spnego);
    if (is_read && spnego->mech_token.rest.size) // so that it survives the copy
        spnego->mech_token.rest.data = room + (spnego->mech_token.rest.data - bytes.data);
    free_span(bytes);
    return is_read;
}

static void names_mechanisms(void **state)
{
    static const struct {
        const char *hex;
        enum token_mech mech;
    } cases[] = {
        {O_KRB5, TOKEN_MECH_KERBEROS},      {O_MSKRB5, TOKEN_MECH_MS_KERBEROS},
        {O_U2U, TOKEN_MECH_KERBEROS_U2U},   {O_NTLM, TOKEN_MECH_NTLM},
        {O_NEGOEX, TOKEN_MECH_NEGOEX},      {O_IAKERB, TOKEN_MECH_IAKERB},
        {O_SPNEGO, TOKEN_MECH_OTHER},       {"06 00", TOKEN_MECH_OTHER},
        {"06 08 2a864886f7120102", TOKEN_MECH_OTHER}, // a front part
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint8_t room[32];
        struct span element = hex_into(cases[i].hex, room, sizeof(room));
        assert_int_equal(spnego_mech_of(span_after(element, 2)), cases[i].mech);
    }
}

static void reads(void **state)
{
    static const struct {
        const char *what, *hex;
        bool is_response;
        int neg_state;
        size_t mechs;
        enum token_mech first;
        const char *token;
    } cases[] = {
        {"NegTokenInit in its frame", "60 22 " O_SPNEGO "a0 18 30 16 a0 0d 30 0b " O_KRB5 "a2 05 04 03 616263",
         false, -1, 1, TOKEN_MECH_KERBEROS, "abc"},
        {"NegTokenInit without a frame", "a0 18 30 16 a0 0d 30 0b " O_KRB5 "a2 05 04 03 616263", false, -1, 1,
         TOKEN_MECH_KERBEROS, "abc"},
        {"Windows' four mechanisms", "a0 39 30 37 a0 30 30 2e " O_MSKRB5 O_KRB5 O_NEGOEX O_NTLM "a2 03 04 01 61",
         false, -1, 4, TOKEN_MECH_MS_KERBEROS, "a"},
        {"with reqFlags", "a0 1c 30 1a a0 0d 30 0b " O_KRB5 "a1 04 03 02 0562 a2 03 04 01 61", false, -1, 1,
         TOKEN_MECH_KERBEROS, "a"},
        {"with a MIC behind", "a0 1b 30 19 a0 0d 30 0b " O_KRB5 "a2 03 04 01 61 a3 03 04 01 62", false, -1, 1,
         TOKEN_MECH_KERBEROS, "a"},
        {"NegTokenInit2 with hints", "a0 17 30 15 a0 0e 30 0c " O_NTLM "a3 03 30 01 00", false, -1, 1,
         TOKEN_MECH_NTLM, ""},
        {"without a token", "a0 0e 30 0c a0 0a 30 08 " O_IAKERB, false, -1, 1, TOKEN_MECH_IAKERB, ""},
        {"without mechTypes", "a0 07 30 05 a2 03 04 01 61", false, -1, 0, TOKEN_MECH_OTHER, "a"},
        {"an empty list", "a0 06 30 04 a0 02 30 00", false, -1, 0, TOKEN_MECH_OTHER, ""},
        {"accept-completed", "a1 07 30 05 a0 03 0a 01 00", true, 0, 0, TOKEN_MECH_OTHER, ""},
        {"accept-incomplete, NTLM", "a1 1a 30 18 a0 03 0a 01 01 a1 0c " O_NTLM "a2 03 04 01 61", true, 1, 1,
         TOKEN_MECH_NTLM, "a"},
        {"reject", "a1 07 30 05 a0 03 0a 01 02", true, 2, 0, TOKEN_MECH_OTHER, ""},
        {"request-mic", "a1 07 30 05 a0 03 0a 01 03", true, 3, 0, TOKEN_MECH_OTHER, ""},
        {"no negState", "a1 07 30 05 a2 03 04 01 61", true, -1, 0, TOKEN_MECH_OTHER, "a"},
        {"only a MIC", "a1 07 30 05 a3 03 04 01 61", true, -1, 0, TOKEN_MECH_OTHER, ""},
        {"an empty response", "a1 02 30 00", true, -1, 0, TOKEN_MECH_OTHER, ""},
        {"a response in a frame", "60 11 " O_SPNEGO "a1 07 30 05 a2 03 04 01 61", true, -1, 0,
         TOKEN_MECH_OTHER, "a"},
        {"bytes behind", "a1 02 30 00 ff", true, -1, 0, TOKEN_MECH_OTHER, ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint8_t room[512];
        struct spnego spnego;
        if (!read(cases[i].hex, false, &spnego, room))
            fail_msg("%s was refused", cases[i].what);
        if (spnego.is_response != cases[i].is_response || spnego.neg_state != cases[i].neg_state ||
            spnego.mech_count != cases[i].mechs || (cases[i].mechs && spnego.mechs[0] != cases[i].first))
            fail_msg("%s: %d %d %zu", cases[i].what, spnego.is_response, spnego.neg_state, spnego.mech_count);
        assert_span_text(spnego.mech_token.rest, cases[i].token);
    }
}

static void keeps_the_order_and_the_first_eight(void **state)
{
    uint8_t room[512];
    struct spnego spnego;
    assert_true(read("a0 52 30 50 a0 4e 30 4c " O_NTLM "06 00" O_NEGOEX "06 00" O_KRB5 "06 00" O_U2U "06 00"
                     O_IAKERB "06 00" O_MSKRB5 "06 00", false, &spnego, room));
    static const uint8_t expected[] = {TOKEN_MECH_NTLM, TOKEN_MECH_OTHER, TOKEN_MECH_NEGOEX, TOKEN_MECH_OTHER,
                                       TOKEN_MECH_KERBEROS, TOKEN_MECH_OTHER, TOKEN_MECH_KERBEROS_U2U,
                                       TOKEN_MECH_OTHER};
    assert_int_equal(spnego.mech_count, SPNEGO_MECHS_MAX);
    assert_memory_equal(spnego.mechs, expected, sizeof(expected));
}

static void refuses(void **state)
{
    static const char *const cases[] = {
        "",
        "60",
        ("60 08 " O_SPNEGO),                     // a frame around nothing
        ("60 0d " O_KRB5 "6e 00"),               // another mechanism's frame
        "60 0c 04 06 2b0601050502 a1 02 30 00",  // no OID in the frame
        "a2 02 30 00",                           // neither init nor response
        "30 00",
        "a0 00",
        "a0 02 31 00",                           // SET
        "a0 06 30 04 a0 02 31 00",               // mechTypes no SEQUENCE
        "a0 08 30 06 a0 04 30 02 02 00",         // an INTEGER among the mechanisms
        "a0 08 30 06 a0 04 30 02 06 05",         // an OID that ends beyond the list
        "a0 07 30 05 a2 03 03 01 61",            // a token that is no OCTET STRING
        "a0 07 30 05 a2 03 04 05 61",            // a token that ends beyond
        "a0 07 30 05 a2 7f 04 01 61",
        "a1 07 30 05 a0 03 0a 01 04",            // no such state
        "a1 07 30 05 a0 03 0a 01 ff",
        "a1 07 30 05 a0 03 02 01 00",            // INTEGER for ENUMERATED
        "a1 06 30 04 a1 02 04 00",               // supportedMech no OID
        "4e544c4d535350 00 01000000",
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint8_t room[512];
        struct spnego spnego = {.neg_state = 77};
        if (read(cases[i], false, &spnego, room))
            fail_msg("%s was accepted", cases[i]);
        assert_int_equal(spnego.neg_state, 77);
    }
}

static void refuses_every_front_part_unless_cut(void **state)
{
    static const char hex[] = "60 22 " O_SPNEGO "a0 18 30 16 a0 0d 30 0b " O_KRB5 "a2 05 04 03 616263";
    uint8_t room[512];
    struct span whole = hex_into(hex, room, sizeof(room));
    for (size_t size = 0; size < whole.size; size++) {
        struct span part = exact_copy(span_first(whole, size));
        struct spnego spnego;
        assert_false(spnego_read(der_over(part, false), &spnego));
        if (spnego_read(der_over(part, true), &spnego)) { // as far as it goes
            assert_true(size > 12);
            assert_true(spnego.mech_count <= 1);
            assert_true(spnego.mech_token.rest.size <= 3);
        } else {
            assert_true(size < whole.size - 3);
        }
        free_span(part);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_mechanisms),
        cmocka_unit_test(reads),
        cmocka_unit_test(keeps_the_order_and_the_first_eight),
        cmocka_unit_test(refuses),
        cmocka_unit_test(refuses_every_front_part_unless_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
