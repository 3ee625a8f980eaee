// SPDX-License-Identifier: Apache-2.0
// The table of ends: words are unique and fit for a label, statuses are errors of the right side,
// sentences read as sentences without a full stop.
#include "base/status.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/parse.h"

static void words_are_unique_labels(void **state)
{
    (void)state;
    for (unsigned i = 0; i < END_COUNT; i++) {
        const char *word = end_word(i);
        assert_true(*word != 0);
        for (const char *c = word; *c; c++)
            assert_true((*c >= 'a' && *c <= 'z') || *c == '_');
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(word, end_word(j));
    }
}

static void statuses_fit_the_side(void **state)
{
    (void)state;
    for (unsigned i = 0; i < END_COUNT; i++) {
        unsigned http = end_http_status(i);
        if (http == 0)
            continue;
        if (http < 400 || http > 599 || (http < 500) != (end_side(i) == END_SIDE_CLIENT))
            if (i != END_REQUEST_VERSION) // 505 is the client's doing
                fail_msg("%s: %u, side %s", end_word(i), http, end_side_word(i));
    }
    assert_int_equal(end_http_status(END_REQUEST_VERSION), 505);
    assert_string_equal(end_side_word(END_OK), "nobody");
    assert_string_equal(end_side_word(END_HEADER_BAD), "client");
    assert_string_equal(end_side_word(END_CONNECT_FAILED), "server");
    assert_string_equal(end_side_word(END_OVERLOAD), "us");
}

static void sentences_are_sentences(void **state)
{
    (void)state;
    for (unsigned i = 0; i < END_COUNT; i++) {
        const char *sentence = end_sentence(i);
        size_t size = strlen(sentence);
        assert_true(size > 10);
        assert_true(sentence[size - 1] != '.' && !isspace((unsigned char)sentence[size - 1]));
    }
}

static struct status pass_on(struct status status, int *ret_reached)
{
    TRY(status);
    *ret_reached += 1;
    return OK;
}

static void failures_are_passed_on(void **state)
{
    (void)state;
    int reached = 0;
    assert_true(is_ok(pass_on(OK, &reached)));
    assert_int_equal(pass_on(failed(END_NO_ROUTE), &reached).end, END_NO_ROUTE);
    assert_int_equal(reached, 1);
    assert_int_equal(parsed_bad(END_CHUNK_BAD).state, PARSE_BAD);
    assert_int_equal(parsed_bad(END_CHUNK_BAD).end, END_CHUNK_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_unique_labels),
        cmocka_unit_test(statuses_fit_the_side),
        cmocka_unit_test(sentences_are_sentences),
        cmocka_unit_test(failures_are_passed_on),
    };
    return cmocka_run_group_tests_name("base/status", tests, NULL, NULL);
}
