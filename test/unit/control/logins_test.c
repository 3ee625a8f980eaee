// SPDX-License-Identifier: Apache-2.0
// What can be asked of logins, and the answer: order, choice, words.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "control/logins.h"

static void reads_what_is_asked(void **state)
{
    (void)state;
    struct logins_query query;
    assert_true(logins_query_read(SPAN(""), &query));
    assert_true(logins_query_read(SPAN("?"), &query));
    assert_string_equal(query.user, "");
    assert_false(query.only_failed);
    assert_true(logins_query_read(
        SPAN("?user=a%6cice+b&site=portal&verdict=clock&failed&after=18446744073709551615"),
        &query));
    assert_string_equal(query.user, "alice b");
    assert_string_equal(query.site, "portal");
    assert_string_equal(query.verdict, "clock");
    assert_true(query.only_failed);
    assert_true(query.after == UINT64_MAX);
}

static void refuses_what_it_does_not_know(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "?x",       "?x=1",      "?User=a",    "?failed=",
        "?after=",  "?after=-1", "?after=1x",  "?user=%",
        "?user=%4", "?user=%g1", "?user=%00",  "?&user=a",
        "?=",       "?user=a&",  "?failed&&x", "?after=18446744073709551616",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct logins_query query = {.after = 77};
        bool is_read = logins_query_read(span_text(cases[i]), &query);
        // an empty pair at the end is nothing, and "failed=" is failed without a value
        bool is_harmless = strcmp(cases[i], "?user=a&") == 0 || strcmp(cases[i], "?failed=") == 0;
        if (is_read != is_harmless)
            fail_msg("%s", cases[i]);
        assert_true(is_read || query.after == 77);
    }
}

static void bounds_what_is_asked(void **state)
{
    (void)state;
    char text[LOGINS_WORD_MAX + 16] = "?user=";
    struct logins_query query;
    memset(text + 6, 'a', LOGINS_WORD_MAX - 1);
    assert_true(logins_query_read(span_of(text, 6 + LOGINS_WORD_MAX - 1), &query));
    assert_int_equal(strlen(query.user), LOGINS_WORD_MAX - 1);
    text[6 + LOGINS_WORD_MAX - 1] = 'a';
    assert_false(logins_query_read(span_of(text, 6 + LOGINS_WORD_MAX), &query));
}

// Two workers' records, each the newest first.
static json_t *items(void)
{
    return json_loads("[{\"seq\":30,\"since_us_ago\":0,\"verdict\":\"success\",\"user\":\"alice\"},"
                      "{\"seq\":10,\"since_us_ago\":20,\"verdict\":\"clock\",\"site\":\"portal\"},"
                      "{\"seq\":40,\"since_us_ago\":0,\"verdict\":\"not_asked\"},"
                      "{\"seq\":20,\"since_us_ago\":5,\"verdict\":\"from the future\"}]",
                      0, NULL);
}

static void assert_chosen(const char *asked, const char *seqs)
{
    struct logins_query query;
    char found[64] = "";
    size_t i;
    json_t *login;
    assert_true(logins_query_read(span_text(asked), &query));
    json_t *answer = logins_compose(items(), &query, 3);
    assert_int_equal(json_integer_value(json_object_get(answer, "left_out")), 3);
    json_array_foreach(json_object_get(answer, "logins"), i, login)
    {
        char text[8] = {(char)('0' + json_integer_value(json_object_get(login, "seq")) / 10)};
        strcat(found, text);
        assert_null(json_object_get(login, "since_us_ago"));
        assert_int_equal(strlen(json_string_value(json_object_get(login, "ended"))), 24);
    }
    assert_string_equal(found, seqs);
    assert_int_equal(json_integer_value(json_object_get(answer, "newest")), 40);
    json_decref(answer);
}

static void orders_and_chooses(void **state)
{
    (void)state;
    assert_chosen("", "4321");
    assert_chosen("?user=Alice", "3");
    assert_chosen("?site=portal", "1");
    assert_chosen("?verdict=clock", "1");
    assert_chosen("?failed", "1"); // nobody was judged: no failure
    assert_chosen("?after=20", "43");
    assert_chosen("?after=40", "");
}

static void explains_in_words(void **state)
{
    (void)state;
    struct logins_query query = {0};
    json_t *answer = logins_compose(items(), &query, 0);
    const json_t *logins = json_object_get(answer, "logins");
    const json_t *success = json_array_get(logins, 1);
    const json_t *unknown = json_array_get(logins, 2);
    const json_t *clock = json_array_get(logins, 3);
    assert_string_equal(json_string_value(json_object_get(success, "says")),
                        "the server accepted the login");
    assert_null(json_object_get(success, "mend"));
    assert_null(json_object_get(unknown, "says"));
    assert_non_null(strstr(json_string_value(json_object_get(clock, "mend")), "w32tm"));
    json_decref(answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_is_asked),  cmocka_unit_test(refuses_what_it_does_not_know),
        cmocka_unit_test(bounds_what_is_asked), cmocka_unit_test(orders_and_chooses),
        cmocka_unit_test(explains_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
