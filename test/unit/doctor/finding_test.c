// SPDX-License-Identifier: Apache-2.0
// Findings: their order, their limits, and that nothing in them can command a terminal.
#include "doctor/finding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void add(struct diagnosis *diagnosis, const char *id, enum weight weight, int rank,
                enum confidence confidence)
{
    diagnosis_add(diagnosis, id, weight, confidence, "%s", id)->rank = rank;
}

static void the_order_is_weight_rank_confidence(void **state)
{
    (void)state;
    struct diagnosis diagnosis;
    diagnosis_init(&diagnosis);
    add(&diagnosis, "g", WEIGHT_NOTE, 1, CONFIDENCE_SURE);
    add(&diagnosis, "d", WEIGHT_CAUSE, 2, CONFIDENCE_POSSIBLE);
    add(&diagnosis, "b", WEIGHT_CAUSE, 2, CONFIDENCE_SURE);
    add(&diagnosis, "c", WEIGHT_CAUSE, 2, CONFIDENCE_SURE);
    add(&diagnosis, "a", WEIGHT_CAUSE, 1, CONFIDENCE_POSSIBLE);
    add(&diagnosis, "f", WEIGHT_RISK, 0, CONFIDENCE_SURE);
    add(&diagnosis, "e", WEIGHT_FAULT, 9, CONFIDENCE_SURE);
    diagnosis_sort(&diagnosis);
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(diagnosis.findings[i].id[0], 'a' + (int)i);
    diagnosis_drop(&diagnosis, 0);
    assert_null(diagnosis_find(&diagnosis, "a"));
    assert_string_equal(diagnosis.findings[0].id, "b");
    assert_string_equal(diagnosis_find(&diagnosis, "g")->what, "g");
    diagnosis_done(&diagnosis);
}

static void notes_are_no_illness(void **state)
{
    (void)state;
    struct diagnosis diagnosis;
    diagnosis_init(&diagnosis);
    assert_false(diagnosis_is_ill(&diagnosis));
    add(&diagnosis, "a", WEIGHT_NOTE, 1, CONFIDENCE_SURE);
    assert_false(diagnosis_is_ill(&diagnosis));
    add(&diagnosis, "b", WEIGHT_RISK, 1, CONFIDENCE_POSSIBLE);
    assert_true(diagnosis_is_ill(&diagnosis));
    diagnosis_done(&diagnosis);
}

static void many_findings_with_many_texts_are_kept(void **state)
{
    (void)state;
    struct diagnosis diagnosis;
    diagnosis_init(&diagnosis);
    for (int i = 0; i < 100; i++) {
        struct finding *finding =
            diagnosis_add(&diagnosis, "id", WEIGHT_FAULT, CONFIDENCE_LIKELY, "number %d", i);
        finding_place(finding, "front");
        finding_place(finding, i % 2 ? "" : "iis1");
        finding_cause(finding, "first");
        finding_cause(finding, "cause %d", i);
        for (int j = 0; j < FINDING_EVIDENCE_MAX + 3; j++)
            finding_evidence(finding, "%d of %d", j, i);
        finding_remedy(finding, REMEDY_DOMAIN, "Do 100% this.", "setspn -S HTTP/%s %s", "h", "a");
        finding_remedy(finding, REMEDY_DNS, "Or that.", NULL);
    }
    const struct finding *last = &diagnosis.findings[99];
    assert_string_equal(last->what, "number 99");
    assert_string_equal(last->cause, "cause 99");
    assert_null(last->place);
    assert_string_equal(diagnosis.findings[98].place, "iis1");
    assert_int_equal(last->evidence_count, FINDING_EVIDENCE_MAX);
    assert_string_equal(last->evidence[7], "7 of 99");
    assert_string_equal(last->remedies[0].what, "Do 100% this.");
    assert_string_equal(last->remedies[0].command, "setspn -S HTTP/h a");
    assert_null(last->remedies[1].command);
    diagnosis_done(&diagnosis);
    assert_int_equal(diagnosis.count, 0);
}

static void texts_are_made_safe_for_a_terminal(void **state)
{
    (void)state;
    static const struct {
        const char *text, *clean;
    } cases[] = {
        {"plain, “quoted” – ünïcødé 日本 😀", "plain, “quoted” – ünïcødé 日本 😀"},
        {"\x1b[31mred\x1b]0;title\x07", "\\x1b[31mred\\x1b]0;title\\x07"},
        {"a\nb\tc\x7f", "a\\x0ab\\x09c\\x7f"},
        {"\xc2\x9b"
         "31m",
         "\\xc2\\x9b31m"}, // CSI as one C1 character
        {"\xe2\x80\xae"
         "abc",
         "\\xe2\\x80\\xae"
         "abc"},                             // right-to-left override
        {"\xe2\x80\x8b", "\\xe2\\x80\\x8b"}, // of no width
        {"\xef\xbb\xbf", "\\xef\\xbb\\xbf"},
        {"\x80\xff\xc0\xaf", "\\x80\\xff\\xc0\\xaf"}, // no UTF-8
        {"\xe0\x80\x9b", "\\xe0\\x80\\x9b"},          // too long a form
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"},          // a surrogate
        {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"}, // beyond Unicode
        {"cut \xe2\x82", "cut \\xe2\\x82"},
        {"", ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *clean = finding_clean(cases[i].text);
        assert_string_equal(clean, cases[i].clean);
        free(clean);
    }
}

static void texts_are_bounded(void **state)
{
    (void)state;
    for (size_t size = 1190; size < 1215; size++) {
        char *text = malloc(size + 1);
        assert_non_null(text);
        memset(text, '\x01', size);
        text[size] = '\0';
        char *clean = finding_clean(text);
        assert_true(strlen(clean) < 1210);
        assert_string_equal(clean + strlen(clean) - 3, "…");
        free(clean);
        memset(text, 'x', size);
        clean = finding_clean(text);
        assert_int_equal(strlen(clean), size <= 1200 ? size : 1203);
        free(clean);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_is_weight_rank_confidence),
        cmocka_unit_test(notes_are_no_illness),
        cmocka_unit_test(many_findings_with_many_texts_are_kept),
        cmocka_unit_test(texts_are_made_safe_for_a_terminal),
        cmocka_unit_test(texts_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
