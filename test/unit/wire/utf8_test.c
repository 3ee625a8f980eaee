// SPDX-License-Identifier: Apache-2.0
// Names out of tokens: letters of the world, halves of pairs, control characters, too little room.
#include "material.h"

#include "wire/utf8.h"

#define BAD "\xef\xbf\xbd"

typedef size_t convert(struct span bytes, char *out, size_t capacity);

struct conversion {
    const char *hex, *expected;
};

static void check(convert *function, const struct conversion *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t room[64];
        char out[64];
        struct span bytes = exact_copy(hex_into(cases[i].hex, room, sizeof(room)));
        size_t size = function(bytes, out, sizeof(out));
        assert_span_text(span_of(out, size), cases[i].expected);
        free_span(bytes);
    }
}

static void from_utf16le(void **state)
{
    static const struct conversion cases[] = {
        {"", ""},
        {"6100 6c00", "al"},
        {"7b01 f300 4201 7700", "\xc5\xbb\xc3\xb3\xc5\x82w"}, // Żółw
        {"ac20", "\xe2\x82\xac"},
        {"3dd8 00de", "\xf0\x9f\x98\x80"}, // a surrogate pair
        {"3dd8 6100", BAD "a"},            // its first half alone
        {"3dd8", BAD},
        {"00de 6100", BAD "a"}, // its second half alone
        {"3dd8 3dd8 00de", BAD "\xf0\x9f\x98\x80"},
        {"6100 62", "a" BAD}, // an odd byte
        {"0000 0a00 1b00 7f00 8500", BAD BAD BAD BAD BAD},
        {"ffff", "\xef\xbf\xbf"},
        {"0e20 0f20 1c06", BAD BAD BAD}, // marks of direction
        {"2820 2920 2a20 2b20 2c20 2d20 2e20", BAD BAD BAD BAD BAD BAD BAD},
        {"6620 6720 6820 6920", BAD BAD BAD BAD},
        {"0d20 1020 2720 2f20", "\xe2\x80\x8d\xe2\x80\x90\xe2\x80\xa7\xe2\x80\xaf"},
        {"6520 6a20", "\xe2\x81\xa5\xe2\x81\xaa"},
    };
    check(utf8_from_utf16le, cases, COUNT_OF(cases));
}

static void from_oem(void **state)
{
    static const struct conversion cases[] = {
        {"", ""},
        {"4558414d504c45", "EXAMPLE"},
        {"41e442", "A" BAD "B"},
        {"00410d0a", BAD "A" BAD BAD},
    };
    check(utf8_from_oem, cases, COUNT_OF(cases));
}

static void from_bytes(void **state)
{
    static const struct conversion cases[] = {
        {"48545450", "HTTP"},
        {"c5bb", "\xc5\xbb"},
        {"e282ac", "\xe2\x82\xac"},
        {"f09f9880", "\xf0\x9f\x98\x80"},
        {"c0af", BAD BAD}, // overlong
        {"e08080", BAD BAD BAD},
        {"eda080", BAD BAD BAD},       // a surrogate
        {"f4908080", BAD BAD BAD BAD}, // beyond U+10FFFF
        {"f8888080", BAD BAD BAD BAD},
        {"80", BAD},
        {"c5", BAD},
        {"e28261", BAD BAD "a"},
        {"e282", BAD BAD},
        {"e280ae61", BAD "a"},
        {"c285", BAD}, // a control character of two bytes
    };
    check(utf8_from_bytes, cases, COUNT_OF(cases));
}

static void writes_whole_characters_only(void **state)
{
    static const uint8_t euros[] = {0xac, 0x20, 0xac, 0x20};
    for (size_t room = 0; room <= 6; room++) {
        char out[8] = ".......";
        assert_int_equal(utf8_from_utf16le(span_of(euros, 4), out, room), room / 3 * 3);
        assert_int_equal(out[room], '.');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_utf16le),
        cmocka_unit_test(from_oem),
        cmocka_unit_test(from_bytes),
        cmocka_unit_test(writes_whole_characters_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
