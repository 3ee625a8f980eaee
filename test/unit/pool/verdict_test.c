// SPDX-License-Identifier: Apache-2.0
// Results into verdicts: rise and fall, the first check, the wait between checks, and which answers
// are healthy.
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "pool/verdict.h"

// A row of results ('+' passed, '-' failed) and the verdict after each ('u'p, 'd'own).
struct row {
    unsigned rise;
    unsigned fall;
    const char *results;
    const char *verdicts;
};

static const struct row rows[] = {
    // the first decides alone, whatever rise and fall say
    {2, 3, "+", "u"},
    {2, 3, "-", "d"},
    {100, 100, "-", "d"},
    {100, 100, "+", "u"},
    // fall: that many in a row
    {2, 3, "+--+--+---", "uuuuuuuuud"},
    {1, 1, "+-+-", "udud"},
    {5, 1, "+-", "ud"},
    // rise: that many in a row
    {2, 3, "-+-+-++", "ddddddu"},
    {3, 1, "-++-+++", "ddddddu"},
    // and both, for a while
    {2, 2, "--++--++", "ddduuddu"},
    // a verdict that stays is no change, however long the row
    {1, 1, "+++++---++", "uuuuuddduu"},
};

static char letter_of(enum verdict verdict)
{
    return verdict == VERDICT_UP ? 'u' : verdict == VERDICT_DOWN ? 'd' : '?';
}

static void test_rise_and_fall(void **state)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct verdict_run run = {0};
        for (size_t at = 0; rows[i].verdicts[at]; at++) {
            enum verdict before = run.verdict;
            bool has_changed =
                verdict_note(&run, rows[i].results[at] == '+', rows[i].rise, rows[i].fall);
            if (letter_of(run.verdict) != rows[i].verdicts[at])
                fail_msg("row %zu, result %zu: %c", i, at, letter_of(run.verdict));
            assert_int_equal(has_changed, run.verdict != before);
            assert_true(run.passed == 0 || run.failed == 0);
        }
    }
}

static void test_the_run_is_counted(void **state)
{
    struct verdict_run run = {0};
    for (unsigned i = 1; i <= 5; i++) {
        verdict_note(&run, true, 2, 3);
        assert_int_equal(run.passed, i);
    }
    verdict_note(&run, false, 2, 3);
    assert_int_equal(run.passed, 0);
    assert_int_equal(run.failed, 1);
}

static void test_the_wait_stays_within_a_tenth(void **state)
{
    static const uint64_t intervals[] = {1, 9, 10, 100, 5000, 3600000};
    for (size_t i = 0; i < sizeof intervals / sizeof intervals[0]; i++) {
        uint64_t least = UINT64_MAX;
        uint64_t most = 0;
        for (uint64_t n = 0; n < 2000; n++) {
            uint64_t wait = verdict_wait_ms(intervals[i], n * 0x9e3779b97f4a7c15);
            least = wait < least ? wait : least;
            most = wait > most ? wait : most;
        }
        uint64_t reach = intervals[i] / 10;
        assert_true(least >= intervals[i] - reach && least >= 1);
        assert_true(most <= intervals[i] + reach);
        if (reach >= 10) // it uses the room it has
            assert_true(least < intervals[i] - reach / 2 && most > intervals[i] + reach / 2);
    }
}

static void test_the_wait_at_its_ends(void **state)
{
    assert_int_equal(verdict_wait_ms(100, 0), 90);
    assert_int_equal(verdict_wait_ms(100, 20), 110);
    assert_int_equal(verdict_wait_ms(100, 21), 90);
    assert_int_equal(verdict_wait_ms(5, UINT64_MAX), 5);
    assert_true(verdict_wait_ms(0, 7) >= 1);
}

// ---- answers

struct judged {
    const char *head;
    uint16_t expect[3];
    size_t expect_count;
    bool is_healthy;
};

static const struct judged judged[] = {
    {"HTTP/1.1 200 OK\r\n\r\n", {0}, 0, true},
    {"HTTP/1.1 199 Odd\r\n\r\n", {0}, 0, false},
    {"HTTP/1.1 204 Empty\r\n\r\n", {0}, 0, true},
    {"HTTP/1.1 399 Odd\r\n\r\n", {0}, 0, true},
    {"HTTP/1.1 400 Bad\r\n\r\n", {0}, 0, false},
    {"HTTP/1.1 404 No\r\n\r\n", {0}, 0, false},
    {"HTTP/1.1 500 No\r\n\r\n", {0}, 0, false},
    {"HTTP/1.1 503 No\r\n\r\n", {0}, 0, false},
    {"HTTP/1.1 999 No\r\n\r\n", {0}, 0, false},
    {"HTTP/1.1 401 No\r\n\r\n", {0}, 0, false},
    {"HTTP/1.1 401 No\r\nWWW-Authenticate: \r\n\r\n", {0}, 0, false},
    {"HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM\r\n\r\n", {0}, 0, true},
    {"HTTP/1.1 401 No\r\nwww-authenticate: negotiate\r\n\r\n", {0}, 0, true},
    {"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"x\"\r\n\r\n", {0}, 0, true},
    {"HTTP/1.1 401 No\r\nWWW-Authenticate: \r\nWWW-Authenticate: NTLM\r\n\r\n", {0}, 0, true},
    {"HTTP/1.1 401 No\r\nProxy-Authenticate: NTLM\r\n\r\n", {0}, 0, false},
    {"HTTP/1.1 407 No\r\nWWW-Authenticate: NTLM\r\n\r\n", {0}, 0, false},
    {"HTTP/1.1 403 No\r\nWWW-Authenticate: NTLM\r\n\r\n", {0}, 0, false},
    // a list says all there is to say
    {"HTTP/1.1 401 No\r\n\r\n", {200, 401}, 2, true},
    {"HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM\r\n\r\n", {200}, 1, false},
    {"HTTP/1.1 200 OK\r\n\r\n", {204, 401}, 2, false},
    {"HTTP/1.1 404 No\r\n\r\n", {200, 302, 404}, 3, true},
};

static void test_which_answers_are_healthy(void **state)
{
    static struct response_head head;
    for (size_t i = 0; i < sizeof judged / sizeof judged[0]; i++) {
        uint16_t expect[3];
        memcpy(expect, judged[i].expect, sizeof expect);
        struct health_config health = {.expect = expect, .expect_count = judged[i].expect_count};
        assert_true(is_ok(h1_response_parse(span_text(judged[i].head), false, false, &head)));
        if (verdict_accepts(&health, &head) != judged[i].is_healthy)
            fail_msg("row %zu: %s", i, judged[i].head);
    }
}

static void test_words(void **state)
{
    assert_string_equal(verdict_word(VERDICT_UNTRIED), "untried");
    assert_string_equal(verdict_word(VERDICT_UP), "up");
    assert_string_equal(verdict_word(VERDICT_DOWN), "down");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rise_and_fall),
        cmocka_unit_test(test_the_run_is_counted),
        cmocka_unit_test(test_the_wait_stays_within_a_tenth),
        cmocka_unit_test(test_the_wait_at_its_ends),
        cmocka_unit_test(test_which_answers_are_healthy),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
