// SPDX-License-Identifier: Apache-2.0
// base64: the vectors of RFC 4648 with and without padding, what is not base64, and too little room.
#include "material.h"

#include "wire/base64.h"

static void decodes(void **state)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"", ""},
        {"Zg==", "f"},
        {"Zm8=", "fo"},
        {"Zm9v", "foo"},
        {"Zm9vYg==", "foob"},
        {"Zm9vYmE=", "fooba"},
        {"Zm9vYmFy", "foobar"},
        {"Zg", "f"},            // no padding
        {"Zm8", "fo"},
        {"Zg=", "f"},           // half of it
        {"Zm9v=", "foo"},       // some where none belongs
        {"Zm9v==", "foo"},
        {"Zh==", "f"},          // bits left over
        {"fn5+Pz8/", "~~~???"}, // both characters beyond letters and digits
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint8_t out[16];
        size_t written, total;
        struct span text = exact_copy(span_text(cases[i].text));
        if (!base64_decode(text, out, sizeof(out), &written, &total))
            fail_msg("\"%s\" was refused", cases[i].text);
        assert_span_text(span_of(out, written), cases[i].expected);
        assert_int_equal(total, written);
        free_span(text);
    }
}

static void refuses(void **state)
{
    static const char *const cases[] = {
        "Z", "Zm9vY", "=", "==", "===", "Zg===", "Z===", "Zm=v", "=Zm9v", "Zm9v Zm9v", "Zm 9v", "Zm9v\n",
        "Zm9-", "Zm9_", "Zm9,", "Zm9\x80", "\xc5\xbb\xc3\xb3", "Zm9v====",
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint8_t out[16];
        size_t written = 77, total = 78;
        struct span text = exact_copy(span_text(cases[i]));
        if (base64_decode(text, out, sizeof(out), &written, &total))
            fail_msg("\"%s\" was accepted", cases[i]);
        assert_int_equal(written, 77); // nothing is returned
        assert_int_equal(total, 78);
        free_span(text);
    }
}

static void refuses_a_zero_byte(void **state)
{
    uint8_t out[4];
    size_t written, total;
    assert_false(base64_decode(span_of("Zm\0v", 4), out, sizeof(out), &written, &total));
}

static void stops_at_the_room_given(void **state)
{
    for (size_t room = 0; room <= 6; room++) {
        uint8_t out[8] = "........";
        size_t written, total;
        assert_true(base64_decode(SPAN("Zm9vYmFy"), out, room, &written, &total));
        assert_int_equal(written, room);
        assert_int_equal(total, 6);
        assert_memory_equal(out, "foobar", room);
        assert_int_equal(out[room], '.');
    }
}

static void checks_what_does_not_fit_too(void **state)
{
    uint8_t out[3];
    size_t written, total;
    assert_false(base64_decode(SPAN("Zm9vYm!y"), out, sizeof(out), &written, &total));
}

static void encodes(void **state)
{
    static const char *const texts[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};

    for (size_t size = 0; size < COUNT_OF(texts); size++) {
        char out[16] = "................";
        assert_int_equal(base64_size(size), strlen(texts[size]));
        base64_encode(span_of("foobar", size), out);
        assert_memory_equal(out, texts[size], strlen(texts[size]));
        assert_int_equal(out[strlen(texts[size])], '.');
    }
    char out[4];
    base64_encode(SPAN("\xfb\xff\xbf"), out);
    assert_memory_equal(out, "+/+/", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes),
        cmocka_unit_test(decodes),
        cmocka_unit_test(refuses),
        cmocka_unit_test(refuses_a_zero_byte),
        cmocka_unit_test(stops_at_the_room_given),
        cmocka_unit_test(checks_what_does_not_fit_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
