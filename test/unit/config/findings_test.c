// SPDX-License-Identifier: Apache-2.0
// How findings are kept, ordered and printed.
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct findings *with_content(const char *content)
{
    struct findings *findings = findings_new("a.yaml");
    findings->content = strdup(content);
    return findings;
}

static void expect_printed(struct findings *findings, const char *wanted)
{
    char *printed = findings_print(findings);
    assert_string_equal(printed, wanted);
    free(printed);
    findings_free(findings);
}

static void test_all_parts(void **state)
{
    (void)state;
    struct findings *findings = with_content("one: 1\ntwo: x\n");
    findings_add(findings, FINDING_ERROR, (struct place){2, 6}, "two", "a number", "write 2",
                 "'%s' is no number", "x");
    assert_int_equal(findings->errors, 1);
    expect_printed(findings,
                   "a.yaml:2:6: error: two: 'x' is no number, expected a number; write 2\n"
                   "    two: x\n"
                   "         ^\n");
}

static void test_parts_that_are_missing(void **state)
{
    (void)state;
    struct findings *findings = findings_new("a.yaml");
    findings_add(findings, FINDING_WARNING, (struct place){0}, NULL, NULL, NULL, "odd");
    findings_add(findings, FINDING_ERROR, (struct place){3, 1}, "", NULL, "", "bad");
    findings_add(findings, FINDING_NOTE, (struct place){4, 1}, NULL, NULL, NULL, "known");
    assert_int_equal(findings->errors, 1);
    assert_int_equal(findings->notes, 1);
    assert_int_equal(findings->count, 3);
    expect_printed(findings,
                   "a.yaml: warning: odd\na.yaml:3:1: error: bad\na.yaml:4:1: note: known\n");
}

static void test_order_is_that_of_the_file(void **state)
{
    (void)state;
    struct findings *findings = findings_new("a.yaml");
    findings_add(findings, FINDING_ERROR, (struct place){2, 5}, NULL, NULL, NULL, "third");
    findings_add(findings, FINDING_ERROR, (struct place){2, 5}, NULL, NULL, NULL, "fourth");
    findings_add(findings, FINDING_ERROR, (struct place){2, 1}, NULL, NULL, NULL, "second");
    findings_add(findings, FINDING_ERROR, (struct place){1, 9}, NULL, NULL, NULL, "first");
    expect_printed(findings, "a.yaml:1:9: error: first\na.yaml:2:1: error: second\n"
                             "a.yaml:2:5: error: third\na.yaml:2:5: error: fourth\n");
}

static void test_caret_stands_under_characters(void **state)
{
    (void)state;
    struct findings *findings = with_content("\tk\xc3\xa9y: x\r\nlast");
    findings_add(findings, FINDING_ERROR, (struct place){1, 7}, NULL, NULL, NULL, "tab and umlaut");
    findings_add(findings, FINDING_ERROR, (struct place){2, 40}, NULL, NULL, NULL,
                 "behind the end");
    findings_add(findings, FINDING_ERROR, (struct place){9, 1}, NULL, NULL, NULL, "no such line");
    expect_printed(findings, "a.yaml:1:7: error: tab and umlaut\n"
                             "    \tk\xc3\xa9y: x\n"
                             "    \t     ^\n"
                             "a.yaml:2:40: error: behind the end\n"
                             "    last\n"
                             "        ^\n"
                             "a.yaml:9:1: error: no such line\n");
}

static void test_lines_that_do_not_print(void **state)
{
    (void)state;
    char content[400] = "a\x1b[2J\xff\xc2\x9bz\n";
    memset(content + 10, 'x', 300);
    struct findings *findings = with_content(content);
    findings_add(findings, FINDING_ERROR, (struct place){1, 8}, NULL, NULL, NULL, "control");
    findings_add(findings, FINDING_ERROR, (struct place){2, 1}, NULL, NULL, NULL, "long");
    expect_printed(findings, "a.yaml:1:8: error: control\n"
                             "    a?[2J???z\n"
                             "           ^\n"
                             "a.yaml:2:1: error: long\n");
}

static void test_too_many(void **state)
{
    (void)state;
    struct findings *findings = findings_new("a.yaml");
    for (unsigned i = 1; i <= 1003; i++)
        findings_add(findings, FINDING_ERROR, (struct place){i, 1}, NULL, NULL, NULL, "n%u", i);
    assert_int_equal(findings->count, 1000);
    assert_int_equal(findings->errors, 1003);
    char *printed = findings_print(findings);
    assert_non_null(strstr(printed, "error: n1000\na.yaml: and 3 more findings\n"));
    assert_null(strstr(printed, "n1001"));
    free(printed);
    findings_free(findings);
}

static void test_nothing(void **state)
{
    (void)state;
    expect_printed(findings_new("a.yaml"), "");
    assert_null(findings_free(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_parts),
        cmocka_unit_test(test_parts_that_are_missing),
        cmocka_unit_test(test_order_is_that_of_the_file),
        cmocka_unit_test(test_caret_stands_under_characters),
        cmocka_unit_test(test_lines_that_do_not_print),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
