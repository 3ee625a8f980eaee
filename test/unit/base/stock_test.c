// SPDX-License-Identifier: Apache-2.0
// The stock of blocks: what is given back is lent again, up to what may be kept; a block that is
// missing at the end is noticed.
#include "base/stock.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void blocks_are_lent_again(void **state)
{
    (void)state;
    struct stock stock;
    stock_init(&stock, 100, 2);
    void *first = stock_take(&stock);
    assert_non_null(first);
    memset(first, 0xff, 100);
    assert_int_equal(stock.lent, 1);
    stock_give(&stock, first);
    assert_int_equal(stock.lent, 0);
    assert_int_equal(stock.kept, 1);
    void *second = stock_take(&stock);
    assert_ptr_equal(second, first);
    assert_int_equal(stock.kept, 0);
    stock_give(&stock, second);
    stock_done(&stock);
}

static void no_more_than_kept_max_is_kept(void **state)
{
    (void)state;
    struct stock stock;
    void *blocks[5];
    stock_init(&stock, 16, 2);
    for (size_t i = 0; i < 5; i++) {
        blocks[i] = stock_take(&stock);
        assert_non_null(blocks[i]);
        memset(blocks[i], (int)i, 16);
        for (size_t j = 0; j < i; j++)
            assert_ptr_not_equal(blocks[j], blocks[i]);
    }
    assert_int_equal(stock.lent, 5);
    for (size_t i = 0; i < 5; i++)
        stock_give(&stock, blocks[i]);
    assert_int_equal(stock.kept, 2);
    assert_int_equal(stock.lent, 0);
    stock_done(&stock);
    assert_int_equal(stock.kept, 0);
}

static void nothing_is_kept_when_nothing_may_be(void **state)
{
    (void)state;
    struct stock stock;
    stock_init(&stock, 16, 0);
    stock_give(&stock, stock_take(&stock));
    assert_int_equal(stock.kept, 0);
    stock_done(&stock);
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

static void end_while_lent(void)
{
    struct stock stock;
    stock_init(&stock, 16, 1);
    (void)!stock_take(&stock);
    stock_done(&stock);
}

static void give_what_was_not_lent(void)
{
    struct stock stock;
    uint64_t block[2];
    stock_init(&stock, 16, 1);
    stock_give(&stock, block);
}

static void give_nothing(void)
{
    struct stock stock;
    stock_init(&stock, 16, 1);
    (void)!stock_take(&stock);
    stock_give(&stock, NULL);
}

static void blocks_too_small(void)
{
    struct stock stock;
    stock_init(&stock, sizeof(void *) - 1, 1);
}

static void misuse_ends_the_process(void **state)
{
    (void)state;
    assert_aborts(end_while_lent);
    assert_aborts(give_what_was_not_lent);
    assert_aborts(give_nothing);
    assert_aborts(blocks_too_small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_lent_again),
        cmocka_unit_test(no_more_than_kept_max_is_kept),
        cmocka_unit_test(nothing_is_kept_when_nothing_may_be),
        cmocka_unit_test(misuse_ends_the_process),
    };
    return cmocka_run_group_tests_name("base/stock", tests, NULL, NULL);
}
