// SPDX-License-Identifier: Apache-2.0
// The ring of records and what is remembered of servers: order, bounds, and forgetting.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "mode/logbook.h"

static struct logbook *book_new(void)
{
    struct logbook *book = test_calloc(1, sizeof *book);
    assert_non_null(book);
    return book;
}

static void book_free(struct logbook *book)
{
    logbook_done(book);
    assert_int_equal(book->bytes, 0);
    test_free(book);
}

static void add_like(struct logbook *book, unsigned number, uint64_t like, uint64_t now_us)
{
    char piece[64];
    int size = snprintf(piece, sizeof piece, "\"attempt\":%u", number);
    logbook_add(book, span_of(piece, (size_t)size), like, now_us);
}

static void add(struct logbook *book, unsigned number, uint64_t now_us)
{
    add_like(book, number, 0, now_us);
}

// What it shows within `capacity` bytes.
static size_t describe_after(const struct logbook *book, uint64_t after, uint64_t now_us,
                             size_t capacity, char *out)
{
    struct text text = text_over(out, capacity - 1);
    struct json json = {&text, false};
    size_t left_out = logbook_describe(book, &json, after, now_us);
    assert_false(text.cut);
    out[text.size] = '\0';
    return left_out;
}

static size_t describe(const struct logbook *book, uint64_t now_us, size_t capacity, char *out)
{
    return describe_after(book, 0, now_us, capacity, out);
}

static void shows_the_younger_ones(void **state)
{
    (void)state;
    char shown[512];
    struct logbook *book = book_new();
    for (unsigned i = 1; i <= 3; i++)
        add(book, i, 1000 * i);
    assert_int_equal(describe_after(book, 2000, 3000, sizeof shown, shown), 0);
    assert_string_equal(shown, "[{\"seq\":3000,\"since_us_ago\":0,\"attempt\":3}]");
    assert_int_equal(describe_after(book, 3000, 3000, sizeof shown, shown), 0);
    assert_string_equal(shown, "[]");
    assert_int_equal(describe_after(book, 1999, 3000, 80, shown), 1); // the older are not missing
    book_free(book);
}

static void shows_the_newest_first(void **state)
{
    (void)state;
    char shown[512];
    struct logbook *book = book_new();
    assert_int_equal(describe(book, 1, sizeof shown, shown), 0);
    assert_string_equal(shown, "[]");
    add(book, 1, 1000);
    add(book, 2, 2000);
    assert_int_equal(describe(book, 5000, sizeof shown, shown), 0);
    assert_string_equal(shown, "[{\"seq\":2000,\"since_us_ago\":3000,\"attempt\":2},"
                               "{\"seq\":1000,\"since_us_ago\":4000,\"attempt\":1}]");
    book_free(book);
}

static void no_two_records_have_the_same_time(void **state)
{
    (void)state;
    char shown[512];
    struct logbook *book = book_new();
    add(book, 1, 1000);
    add(book, 2, 1000);
    add(book, 3, 999);
    describe(book, 1000, sizeof shown, shown);
    assert_string_equal(shown, "[{\"seq\":1002,\"since_us_ago\":0,\"attempt\":3},"
                               "{\"seq\":1001,\"since_us_ago\":0,\"attempt\":2},"
                               "{\"seq\":1000,\"since_us_ago\":0,\"attempt\":1}]");
    book_free(book);
}

static void keeps_the_last_ones(void **state)
{
    (void)state;
    static char shown[LOGBOOK_RECORDS * 128];
    struct logbook *book = book_new();
    for (unsigned i = 1; i <= LOGBOOK_RECORDS + 10; i++)
        add(book, i, i);
    assert_int_equal(describe(book, 9999, sizeof shown, shown), 0);
    assert_non_null(strstr(shown, "\"attempt\":266}"));
    assert_non_null(strstr(shown, "\"attempt\":11}"));
    assert_null(strstr(shown, "\"attempt\":10}"));
    assert_true(strlen(shown) <= logbook_bytes(book));
    book_free(book);
}

static void counts_those_alike_as_one(void **state)
{
    (void)state;
    char shown[512];
    struct logbook *book = book_new();
    add_like(book, 1, 7, 1000);
    add(book, 2, 2000);
    add_like(book, 3, 9, 3000);
    add_like(book, 4, 7, 4000);
    add_like(book, 5, 7, 5000);
    describe(book, 5000, sizeof shown, shown);
    assert_string_equal(shown, "[{\"seq\":5000,\"since_us_ago\":0,\"repeated\":3,\"attempt\":5},"
                               "{\"seq\":3000,\"since_us_ago\":2000,\"attempt\":3},"
                               "{\"seq\":2000,\"since_us_ago\":3000,\"attempt\":2}]");
    book_free(book);
}

// Wherever the ring stands, and with as many as it holds, only the one alike goes.
static void those_alike_drive_out_nobody(void **state)
{
    (void)state;
    static char shown[LOGBOOK_RECORDS * 128];
    for (unsigned before = 0; before < 2 * LOGBOOK_RECORDS; before += 51) {
        struct logbook *book = book_new();
        for (unsigned i = 0; i < before; i++)
            add(book, 1000 + i, 1 + i);
        add_like(book, 1, 7, 10000);
        for (unsigned i = 2; i <= LOGBOOK_RECORDS; i++)
            add(book, i, 10000 + i);
        for (unsigned i = 0; i < 3 * LOGBOOK_RECORDS; i++)
            add_like(book, 2000 + i, 7, 20000 + i);
        assert_int_equal(describe(book, 99999, sizeof shown, shown), 0);
        for (unsigned i = 2; i <= LOGBOOK_RECORDS; i++) {
            char wanted[32];
            snprintf(wanted, sizeof wanted, "\"attempt\":%u}", i);
            assert_non_null(strstr(shown, wanted));
        }
        assert_non_null(strstr(shown, "\"repeated\":769,\"attempt\":2767}"));
        assert_true(strlen(shown) <= logbook_bytes(book));
        book_free(book);
    }
}

// Too little room: whole records only, and how many are missing.
static void leaves_out_what_does_not_fit(void **state)
{
    (void)state;
    char shown[512];
    struct logbook *book = book_new();
    for (unsigned i = 1; i <= 5; i++)
        add(book, i, 1000 * i);
    for (size_t capacity = 20; capacity < 300; capacity++) {
        size_t left_out = describe(book, 9000, capacity, shown);
        size_t found = 0;
        for (const char *at = shown; (at = strstr(at, "\"attempt\"")); at++)
            found++;
        assert_int_equal(found + left_out, 5);
        assert_int_equal(shown[strlen(shown) - 1], ']');
    }
    book_free(book);
}

static void remembers_what_a_server_took(void **state)
{
    (void)state;
    struct logbook *book = book_new();
    uint64_t one = logbook_server_key("pool", "iis1");
    uint64_t two = logbook_server_key("pool", "iis2");
    assert_int_equal(logbook_accepted(book, one, 5), 0);
    logbook_note_accepted(book, one, BOUND_TO_FRONT, 1000);
    logbook_note_accepted(book, one, BOUND_TO_UNSAID, 2000);
    logbook_note_accepted(book, two, BOUND_TO_BACK, 2000);
    assert_int_equal(logbook_accepted(book, one, 3000),
                     1u << BOUND_TO_FRONT | 1u << BOUND_TO_UNSAID);
    assert_int_equal(logbook_accepted(book, two, 3000), 1u << BOUND_TO_BACK);
    // what was turned on since then must show
    assert_int_equal(logbook_accepted(book, one, 1001 + LOGBOOK_MEMORY_US), 1u << BOUND_TO_UNSAID);
    assert_int_equal(logbook_accepted(book, one, 2001 + LOGBOOK_MEMORY_US), 0);
    book_free(book);
}

static void gives_up_the_server_unheard_of_the_longest(void **state)
{
    (void)state;
    struct logbook *book = book_new();
    char name[16];
    for (unsigned i = 0; i <= LOGBOOK_SERVERS; i++) {
        snprintf(name, sizeof name, "iis%u", i);
        logbook_note_accepted(book, logbook_server_key("pool", name), BOUND_TO_BOTH, 1000 + i);
        if (i == 0)
            continue;
        logbook_note_accepted(book, logbook_server_key("pool", "iis0"), BOUND_TO_BACK, 1000 + i);
    }
    assert_int_equal(logbook_accepted(book, logbook_server_key("pool", "iis0"), 2000),
                     1u << BOUND_TO_BOTH | 1u << BOUND_TO_BACK);
    assert_int_equal(logbook_accepted(book, logbook_server_key("pool", "iis1"), 2000), 0);
    assert_int_equal(logbook_accepted(book, logbook_server_key("pool", "iis64"), 2000),
                     1u << BOUND_TO_BOTH);
    book_free(book);
}

static void tells_servers_apart(void **state)
{
    (void)state;
    uint64_t key = logbook_server_key("pool", "iis1");
    assert_true(key != 0);
    assert_true(key == logbook_server_key("pool", "iis1"));
    assert_true(key != logbook_server_key("pool", "iis2"));
    assert_true(key != logbook_server_key("pooli", "is1"));
    assert_true(key != logbook_server_key("poo", "liis1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_the_newest_first),
        cmocka_unit_test(shows_the_younger_ones),
        cmocka_unit_test(no_two_records_have_the_same_time),
        cmocka_unit_test(keeps_the_last_ones),
        cmocka_unit_test(counts_those_alike_as_one),
        cmocka_unit_test(those_alike_drive_out_nobody),
        cmocka_unit_test(leaves_out_what_does_not_fit),
        cmocka_unit_test(remembers_what_a_server_took),
        cmocka_unit_test(gives_up_the_server_unheard_of_the_longest),
        cmocka_unit_test(tells_servers_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
