// SPDX-License-Identifier: Apache-2.0
// Bounded text and JSON: what does not fit is cut and remembered; whatever bytes a value has, its
// JSON is valid.
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void assert_text(const struct text *text, const char *wanted)
{
    if (!span_equal(text_span(text), span_text(wanted)))
        fail_msg("got %.*s, wanted %s", (int)text->size, text->data, wanted);
}

static void pieces_are_added(void **state)
{
    (void)state;
    char data[64];
    struct text text = text_over(data, sizeof data);
    text_add(&text, SPAN("a\0b"));
    text_add(&text, SPAN(""));
    text_add_string(&text, "-");
    text_add_u64(&text, 0);
    text_add_string(&text, "-");
    text_add_u64(&text, UINT64_MAX);
    text_add_printf(&text, "-%03d%%", 7);
    assert_true(span_equal(text_span(&text), SPAN("a\0b-0-18446744073709551615-007%")));
    assert_false(text.cut);
}

static void what_does_not_fit_is_left_out_whole(void **state)
{
    (void)state;
    for (size_t capacity = 0; capacity <= 6; capacity++) {
        char *data = malloc(capacity ? capacity : 1); // of exactly that size, for the sanitizers
        assert_non_null(data);
        struct text text = text_over(data, capacity);
        text_add_string(&text, "123");
        assert_int_equal(text.size, capacity >= 3 ? 3 : 0);
        assert_int_equal(text.cut, capacity < 3);
        text_add_u64(&text, 456);
        assert_int_equal(text.size, capacity / 3 * 3);
        assert_int_equal(text.cut, capacity < 6);
        free(data);
    }
}

static void printf_is_cut_whole_too(void **state)
{
    (void)state;
    char data[8];
    struct text text = text_over(data, sizeof data);
    text_add_printf(&text, "%s", "12345678"); // needs room for a zero byte as well
    assert_int_equal(text.size, 0);
    assert_true(text.cut);
    text = text_over(data, sizeof data);
    text_add_printf(&text, "%s", "1234567");
    assert_text(&text, "1234567");
    assert_false(text.cut);
    text_add_string(&text, "8");
    text_add_printf(&text, "%s", "");
    assert_text(&text, "12345678");
    assert_true(text.cut);
}

static void json_has_its_commas(void **state)
{
    (void)state;
    char data[256];
    struct text text = text_over(data, sizeof data);
    struct json json = {.text = &text};
    json_put_open(&json, NULL, '{');
    json_put_string(&json, "a", "x");
    json_put_u64(&json, "b", 7);
    json_put_open(&json, "c", '[');
    json_put_bool(&json, NULL, true);
    json_put_bool(&json, NULL, false);
    json_put_open(&json, NULL, '{');
    json_put_close(&json, '}');
    json_put_close(&json, ']');
    json_put_open(&json, "d", '{');
    json_put_close(&json, '}');
    json_put_text(&json, "e", SPAN(""));
    json_put_string(&json, "f", NULL);
    json_put_close(&json, '}');
    assert_text(&text,
                "{\"a\":\"x\",\"b\":7,\"c\":[true,false,{}],\"d\":{},\"e\":\"\",\"f\":\"\"}");
    assert_false(text.cut);
}

static void microseconds_are_printed_as_milliseconds(void **state)
{
    (void)state;
    static const struct {
        uint64_t us;
        const char *wanted;
    } cases[] = {{0, "\"t\":0.000"},    {1, "\"t\":0.001"},          {999, "\"t\":0.999"},
                 {1000, "\"t\":1.000"}, {1234567, "\"t\":1234.567"}, {10, "\"t\":0.010"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char data[64];
        struct text text = text_over(data, sizeof data);
        struct json json = {.text = &text};
        json_put_milliseconds(&json, "t", cases[i].us);
        assert_text(&text, cases[i].wanted);
    }
}

static const struct {
    struct span value;
    const char *wanted;
} escapes[] = {
#define ESCAPE(value, wanted)                                                                      \
    {                                                                                              \
        {(const uint8_t *)(value), sizeof(value) - 1}, wanted                                      \
    }
    ESCAPE("plain ~", "plain ~"),
    ESCAPE("\"\\/", "\\\"\\\\/"),
    ESCAPE("a\nb\tc\0d\x1f\x7f", "a\\u000ab\\u0009c\\u0000d\\u001f\\u007f"),
    ESCAPE("caf\xc3\xa9", "caf\xc3\xa9"),
    ESCAPE("\xe2\x82\xac\xf0\x9f\x98\x80", "\xe2\x82\xac\xf0\x9f\x98\x80"),
    ESCAPE("\xf4\x8f\xbf\xbf\xed\x9f\xbf", "\xf4\x8f\xbf\xbf\xed\x9f\xbf"),
    ESCAPE("\x80", "\\ufffd"),                       // a continuation alone
    ESCAPE("\xc3", "\\ufffd"),                       // cut off
    ESCAPE("\xc3(", "\\ufffd("),                     //
    ESCAPE("\xe2\x82", "\\ufffd\\ufffd"),            //
    ESCAPE("\xc0\xaf", "\\ufffd\\ufffd"),            // overlong
    ESCAPE("\xc1\xbf", "\\ufffd\\ufffd"),            //
    ESCAPE("\xe0\x80\xaf", "\\ufffd\\ufffd\\ufffd"), //
    ESCAPE("\xf0\x80\x80\xaf", "\\ufffd\\ufffd\\ufffd\\ufffd"),
    ESCAPE("\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd"),            // a surrogate
    ESCAPE("\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"), // above U+10FFFF
    ESCAPE("\xf5\xff\xfe", "\\ufffd\\ufffd\\ufffd"),
#undef ESCAPE
};

static void values_are_escaped(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(escapes); i++) {
        char data[128];
        char wanted[128];
        struct text text = text_over(data, sizeof data);
        struct json json = {.text = &text};
        json_put_text(&json, "k", escapes[i].value);
        snprintf(wanted, sizeof wanted, "\"k\":\"%s\"", escapes[i].wanted);
        assert_text(&text, wanted);
    }
}

static void adds_hex(void **state)
{
    (void)state;
    char memory[8];
    struct text text = text_over(memory, sizeof memory);
    text_add_hex(&text, span_of("\x00\x9a\xff", 3));
    text_add_hex(&text, SPAN(""));
    assert_true(span_equal(text_span(&text), SPAN("009aff")));
    text_add_hex(&text, SPAN("ab"));
    assert_true(text.cut);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adds_hex),
        cmocka_unit_test(pieces_are_added),
        cmocka_unit_test(what_does_not_fit_is_left_out_whole),
        cmocka_unit_test(printf_is_cut_whole_too),
        cmocka_unit_test(json_has_its_commas),
        cmocka_unit_test(microseconds_are_printed_as_milliseconds),
        cmocka_unit_test(values_are_escaped),
    };
    return cmocka_run_group_tests_name("base/text", tests, NULL, NULL);
}
