// SPDX-License-Identifier: Apache-2.0
// Spans: cutting, comparing, numbers; empty spans and spans over nothing included.
#include "base/span.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct span nothing = {NULL, 0};

static void spans_are_made(void **state)
{
    (void)state;
    assert_int_equal(SPAN("a\0b").size, 3);
    assert_int_equal(SPAN("").size, 0);
    assert_int_equal(span_text("abc").size, 3);
    assert_int_equal(span_text(NULL).size, 0);
    assert_true(span_is_empty(nothing));
    assert_false(span_is_empty(SPAN("a")));
}

static void spans_are_divided(void **state)
{
    (void)state;
    struct span s = SPAN("abcdef");
    assert_true(span_equal(span_first(s, 2), SPAN("ab")));
    assert_true(span_equal(span_first(s, 99), s));
    assert_true(span_equal(span_after(s, 4), SPAN("ef")));
    assert_true(span_is_empty(span_after(s, 6)));
    assert_true(span_is_empty(span_after(s, SIZE_MAX)));
    assert_ptr_equal(span_after(s, 99).data, s.data + 6);
    assert_true(span_is_empty(span_after(nothing, 3)));
    assert_true(span_is_empty(span_first(nothing, 3)));
    assert_int_equal(span_find(s, 'c'), 2);
    assert_int_equal(span_find(s, 'x'), 6);
    assert_int_equal(span_find(nothing, 'x'), 0);
}

static void spans_are_compared(void **state)
{
    (void)state;
    assert_true(span_equal(nothing, SPAN("")));
    assert_false(span_equal(SPAN("a"), SPAN("b")));
    assert_false(span_equal(SPAN("a"), SPAN("ab")));
    assert_false(span_equal(SPAN("a"), SPAN("A")));
    assert_true(span_equal_nocase(SPAN("aBc-1"), SPAN("AbC-1")));
    assert_false(span_equal_nocase(SPAN("abc"), SPAN("abd")));
    assert_false(span_equal_nocase(SPAN("ab"), SPAN("abc")));
    // Bytes that differ by the case bit without being letters, and letters outside ASCII, are not
    // equal.
    assert_false(span_equal_nocase(SPAN("@[^"), SPAN("`{~")));
    assert_false(span_equal_nocase(SPAN("\xc9"), SPAN("\xe9")));
    assert_true(span_starts_with(SPAN("abc"), SPAN("ab")));
    assert_true(span_starts_with(SPAN("abc"), nothing));
    assert_false(span_starts_with(SPAN("abc"), SPAN("AB")));
    assert_false(span_starts_with(SPAN("a"), SPAN("ab")));
    assert_true(span_starts_with_nocase(SPAN("NTLM x"), SPAN("ntlm")));
    assert_false(span_starts_with_nocase(SPAN("NTL"), SPAN("ntlm")));
    assert_true(span_ends_with(SPAN("abc"), SPAN("bc")));
    assert_false(span_ends_with(SPAN("abc"), SPAN("ab")));
    assert_false(span_ends_with(SPAN("c"), SPAN("bc")));
}

static void only_blanks_are_trimmed(void **state)
{
    (void)state;
    assert_true(span_equal(span_trim(SPAN(" \t a b\t ")), SPAN("a b")));
    assert_true(span_equal(span_trim(SPAN("\ra\n")), SPAN("\ra\n")));
    assert_true(span_is_empty(span_trim(SPAN(" \t"))));
    assert_true(span_is_empty(span_trim(nothing)));
}

static void spans_are_cut_at_a_separator(void **state)
{
    (void)state;
    static const char *const items[] = {"a", "", "b c", ""};
    struct span rest = SPAN("a,,b c,");
    for (size_t i = 0; i < COUNT(items); i++)
        assert_true(span_equal(span_cut(&rest, ','), span_text(items[i])));
    assert_true(span_is_empty(rest));
    assert_true(span_is_empty(span_cut(&rest, ',')));
    rest = SPAN("whole");
    assert_true(span_equal(span_cut(&rest, ','), SPAN("whole")));
    assert_true(span_is_empty(rest));
}

static void numbers_are_decimal_and_bounded(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "+1",
                                      "-1",
                                      " 1",
                                      "1 ",
                                      "0x1",
                                      "1.0",
                                      "1,0",
                                      "one",
                                      "18446744073709551616",
                                      "99999999999999999999",
                                      "184467440737095516150"};
    uint64_t value = 7;
    for (size_t i = 0; i < COUNT(bad); i++)
        if (span_to_u64(span_text(bad[i]), &value))
            fail_msg("accepted: %s", bad[i]);
    assert_false(span_to_u64(SPAN("1\0"), &value));
    assert_int_equal(value, 7);
    assert_true(span_to_u64(SPAN("0"), &value));
    assert_int_equal(value, 0);
    assert_true(span_to_u64(SPAN("007"), &value));
    assert_int_equal(value, 7);
    assert_true(span_to_u64(SPAN("18446744073709551615"), &value));
    assert_true(value == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_are_made),
        cmocka_unit_test(spans_are_divided),
        cmocka_unit_test(spans_are_compared),
        cmocka_unit_test(only_blanks_are_trimmed),
        cmocka_unit_test(spans_are_cut_at_a_separator),
        cmocka_unit_test(numbers_are_decimal_and_bounded),
    };
    return cmocka_run_group_tests_name("base/span", tests, NULL, NULL);
}
