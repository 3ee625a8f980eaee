// SPDX-License-Identifier: Apache-2.0
// Quoting: whatever a name holds, it stays text. PowerShell expressions are read back by a small
// reader that knows PowerShell's rule for single quotes, and give the text that went in.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "doctor/plan/quote.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

typedef void quoter(FILE *, const char *);

static char *quoted(quoter *quote, const char *text)
{
    char *memory = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&memory, &size);
    assert_non_null(out);
    quote(out, text);
    fclose(out);
    return memory;
}

static void check(quoter *quote, const char *text, const char *expected)
{
    char *result = quoted(quote, text);
    assert_string_equal(result, expected);
    free(result);
}

// ---------------------------------------------------------------------------- PowerShell, read
// back

static void put_utf8(char **at, unsigned long character)
{
    if (character < 0x80) {
        *(*at)++ = (char)character;
        return;
    }
    int count = character < 0x800 ? 1 : character < 0x10000 ? 2 : 3;
    static const unsigned first[] = {0, 0xc0, 0xe0, 0xf0};
    *(*at)++ = (char)(first[count] | character >> (6 * count));
    while (count-- > 0)
        *(*at)++ = (char)(0x80 | (character >> (6 * count) & 0x3f));
}

// 'text', in which '' is a quote. Advances behind it; false when it is something else.
static bool read_literal(const char **at, char **result)
{
    if (*(*at)++ != '\'')
        return false;
    for (;; ++*at) {
        unsigned char c = (unsigned char)**at;
        if (c < 0x20 || c >= 0x7f)
            return false;
        if (c == '\'' && (*at)[1] != '\'')
            break;
        *at += c == '\'';
        *(*result)++ = (char)c;
    }
    ++*at;
    return true;
}

// 'text', or ('text' + [char]::ConvertFromUtf32(N) + 'text' …). The whole of `expression`.
static bool read_expression(const char *expression, char *result)
{
    static const char call[] = " + [char]::ConvertFromUtf32(";
    bool is_sum = expression[0] == '(';
    expression += is_sum;
    bool is_read = read_literal(&expression, &result);
    while (is_read && strncmp(expression, call, sizeof call - 1) == 0) {
        char *end;
        put_utf8(&result, strtoul(expression + sizeof call - 1, &end, 10));
        is_read = strncmp(end, ") + ", 4) == 0;
        expression = end + 4;
        is_read = is_read && read_literal(&expression, &result);
    }
    *result = '\0';
    return is_read && strcmp(expression, is_sum ? ")" : "") == 0;
}

static void check_survives(const char *text, const char *expected)
{
    char result[1024];
    char *expression = quoted(quote_powershell, text);
    if (!read_expression(expression, result))
        fail_msg("not a string: %s", expression);
    assert_string_equal(result, expected);
    free(expression);
}

static void test_powershell_text_survives(void **state)
{
    static const char *const texts[] = {
        "",
        "app.example.com",
        "svc-web$",
        "it's",
        "''''",
        "'; Remove-Item C:\\ -Recurse; '",
        "$(calc.exe) `n \"quoted\" # comment <# block #>",
        "two\r\nlines\ttab",
        "\u2018typographic\u2019 \u201cquotes\u201d \u201a\u201b\u201e",
        "b\u00fcro \u65e5\u672c \U0001f600",
    };
    for (size_t i = 0; i < COUNT(texts); i++)
        check_survives(texts[i], texts[i]);
}

static void test_powershell_replaces_what_is_no_text(void **state)
{
    check_survives("a\xff"
                   "b",
                   "a\ufffd"
                   "b");
    check_survives("\xc3", "\ufffd");                       // cut short
    check_survives("\xc0\xa7", "\ufffd\ufffd");             // a quote in two bytes
    check_survives("\xed\xa0\x80'", "\ufffd\ufffd\ufffd'"); // half of a pair
    check_survives("\xf4\x90\x80\x80", "\ufffd\ufffd\ufffd\ufffd");
}

static void test_powershell_of_any_bytes_is_one_string(void **state)
{
    unsigned seed = 1;
    for (int round = 0; round < 5000; round++) {
        char text[40];
        char result[1024];
        size_t size = (size_t)round % sizeof text;
        for (size_t i = 0; i < size; i++) {
            seed = seed * 1103515245u + 12345u;
            text[i] = (char)(seed >> 16 | (seed & 0x100 ? 0x80 : 0x27));
            text[i] = text[i] ? text[i] : '\'';
        }
        text[size ? size - 1 : 0] = '\0';
        char *expression = quoted(quote_powershell, text);
        assert_true(read_expression(expression, result));
        free(expression);
    }
}

// ---------------------------------------------------------------------------- the others

static void test_comments_end_nowhere(void **state)
{
    check(quote_comment, "plain: text", "plain: text");
    check(quote_comment, "two\nlines\rthree\x0b", "two?lines?three?");
    check(quote_comment, "\u2028\xc2\x85\xff", "???");
}

static void test_zone_names(void **state)
{
    check(quote_zone_name, "app.example.com", "app.example.com.");
    check(quote_zone_name, "*.example.com", "*.example.com.");
    check(quote_zone_name, "_x-1.example.com", "_x-1.example.com.");
    check(quote_zone_name, "a b;c\n$ORIGIN(\"@\\*",
          "a\\032b\\059c\\010\\036ORIGIN\\040\\034\\064\\092\\042.");
    check(quote_zone_name, "\xff", "\\255.");
}

static void test_markdown(void **state)
{
    check(quote_markdown, "a|b*c_d`e<f>[g](h)\\", "a\\|b\\*c\\_d\\`e\\<f\\>\\[g\\](h)\\\\");
    check(quote_markdown, "two\nlines", "two?lines");
    check(quote_markdown, "b\u00fcro \u202eorub", "b\u00fcro ?orub");
    check(quote_markdown_code, "a`b|c\nd *e*", "`a?b?c?d *e*`");
}

static void test_plain(void **state)
{
    check(quote_plain, "*.example.com", "*.example.com");
    check(quote_plain, "a\"b&c$d\n[x] é", "a_b_c_d__x____");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_powershell_text_survives),
        cmocka_unit_test(test_powershell_replaces_what_is_no_text),
        cmocka_unit_test(test_powershell_of_any_bytes_is_one_string),
        cmocka_unit_test(test_comments_end_nowhere),
        cmocka_unit_test(test_zone_names),
        cmocka_unit_test(test_markdown),
        cmocka_unit_test(test_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
