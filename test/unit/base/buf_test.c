// SPDX-License-Identifier: Apache-2.0
// The byte queue: what goes in comes out, within its limit, and every block goes back to its stock.
#include "base/buf.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define BLOCK 64

static struct stock stock;
static struct buf buf;

static int set_up(void **state)
{
    (void)state;
    stock_init(&stock, BLOCK, 4);
    buf = (struct buf){0};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_done(&buf, &stock);
    assert_int_equal(stock.lent, 0);
    stock_done(&stock);
    return 0;
}

static void append(struct span s)
{
    assert_true(is_ok(buf_append(&buf, &stock, s, SIZE_MAX)));
}

static void an_empty_buf_holds_no_memory(void **state)
{
    (void)state;
    assert_true(buf_is_empty(&buf));
    assert_true(span_is_empty(buf_span(&buf)));
    append(SPAN(""));
    assert_int_equal(stock.lent, 0);
    buf_relax(&buf, &stock);
    buf_done(&buf, &stock);
    assert_null(buf.data);
}

static void bytes_come_out_in_order(void **state)
{
    (void)state;
    append(SPAN("hello, "));
    append(SPAN("world"));
    assert_int_equal(stock.lent, 1);
    assert_true(span_equal(buf_span(&buf), SPAN("hello, world")));
    buf_take(&buf, 7);
    assert_true(span_equal(buf_span(&buf), SPAN("world")));
    buf_take(&buf, 0);
    buf_take(&buf, 5);
    assert_true(buf_is_empty(&buf));
    assert_int_equal(stock.lent, 1); // until it is relaxed
    buf_relax(&buf, &stock);
    assert_int_equal(stock.lent, 0);
}

static void relax_keeps_what_is_in_use(void **state)
{
    (void)state;
    append(SPAN("x"));
    buf_relax(&buf, &stock);
    assert_true(span_equal(buf_span(&buf), SPAN("x")));
}

static void it_slides_before_it_grows(void **state)
{
    (void)state;
    uint8_t block[BLOCK];
    memset(block, 'a', sizeof block);
    append(span_of(block, BLOCK));
    const uint8_t *data = buf.data;
    buf_take(&buf, BLOCK - 1);
    assert_true(is_ok(buf_reserve(&buf, &stock, BLOCK - 1, SIZE_MAX)));
    assert_ptr_equal(buf.data, data);
    assert_int_equal(buf_room(&buf), BLOCK - 1);
    assert_true(span_equal(buf_span(&buf), SPAN("a")));
}

static void it_grows_and_keeps_its_content(void **state)
{
    (void)state;
    uint8_t byte = 0;
    for (unsigned i = 0; i < 10 * BLOCK; i++) {
        byte = (uint8_t)i;
        append(span_of(&byte, 1));
        if (i % 7 == 6)
            buf_take(&buf, 3);
    }
    size_t size = buf_size(&buf);
    assert_int_equal(size, 10 * BLOCK - 10 * BLOCK / 7 * 3);
    struct span content = buf_span(&buf);
    for (size_t i = 0; i < size; i++)
        assert_int_equal(content.data[i], (uint8_t)(10 * BLOCK - size + i));
    assert_int_equal(stock.lent, 0); // the block went back when it outgrew it
    buf_take(&buf, size);
    buf_relax(&buf, &stock);
    assert_null(buf.data);
    append(SPAN("small again"));
    assert_int_equal(stock.lent, 1);
}

static void the_limit_holds(void **state)
{
    (void)state;
    assert_true(is_ok(buf_append(&buf, &stock, SPAN("12345"), 8)));
    assert_int_equal(buf_append(&buf, &stock, SPAN("6789"), 8).end, END_OVERLOAD);
    assert_true(span_equal(buf_span(&buf), SPAN("12345")));
    assert_true(is_ok(buf_append(&buf, &stock, SPAN("678"), 8)));
    assert_int_equal(buf_reserve(&buf, &stock, 1, 8).end, END_OVERLOAD);
    buf_take(&buf, 4);
    assert_true(is_ok(buf_append(&buf, &stock, SPAN("abcd"), 8)));
    assert_true(span_equal(buf_span(&buf), SPAN("5678abcd")));
    assert_int_equal(buf_reserve(&buf, &stock, UINT32_MAX, SIZE_MAX).end, END_OVERLOAD);
}

static void bytes_can_be_written_in_place(void **state)
{
    (void)state;
    assert_true(is_ok(buf_reserve(&buf, &stock, 10, SIZE_MAX)));
    assert_true(buf_room(&buf) >= 10);
    memcpy(buf_tail(&buf), "0123456789", 10);
    buf_added(&buf, 4);
    assert_true(span_equal(buf_span(&buf), SPAN("0123")));
}

// Does `act` end the process by abort, as a failed CHECK does?
static void assert_aborts(void (*act)(void))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGABRT, SIG_DFL); // cmocka and the sanitizers would report it
        if (!freopen("/dev/null", "w", stderr))
            _exit(1);
        act();
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void take_too_many(void)
{
    buf_take(&buf, buf_size(&buf) + 1);
}

static void add_too_many(void)
{
    buf_added(&buf, buf_room(&buf) + 1);
}

static void more_than_there_is_ends_the_process(void **state)
{
    (void)state;
    append(SPAN("x"));
    assert_aborts(take_too_many);
    assert_aborts(add_too_many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_buf_holds_no_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bytes_come_out_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(relax_keeps_what_is_in_use, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_slides_before_it_grows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_grows_and_keeps_its_content, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_limit_holds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bytes_can_be_written_in_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_than_there_is_ends_the_process, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("base/buf", tests, NULL, NULL);
}
