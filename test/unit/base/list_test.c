// SPDX-License-Identifier: Apache-2.0
// Intrusive lists: order, leaving (twice as well), moving between lists, and leaving while the list
// is visited.
#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct thing {
    char name;
    struct list member;
};

static struct list list;
static struct list other;
static struct thing things[4];

static int set_up(void **state)
{
    (void)state;
    list_init(&list);
    list_init(&other);
    for (int i = 0; i < 4; i++) {
        things[i].name = (char)('a' + i);
        list_init(&things[i].member);
    }
    return 0;
}

// The names in order, forwards; checks that backwards is the same.
static void assert_list(struct list *head, const char *wanted)
{
    char names[8] = "";
    size_t count = 0;
    LIST_EACH(item, head)
    {
        assert_true(count < 4);
        names[count++] = CONTAINER(item, struct thing, member)->name;
    }
    assert_string_equal(names, wanted);
    for (struct list *item = head->previous; item != head; item = item->previous)
        assert_int_equal(CONTAINER(item, struct thing, member)->name, wanted[--count]);
    assert_int_equal(count, 0);
    assert_int_equal(list_is_empty(head), *wanted == 0);
    if (*wanted == 0)
        assert_null(list_first(head));
    else
        assert_int_equal(CONTAINER(list_first(head), struct thing, member)->name, *wanted);
}

static void join_all(void)
{
    for (int i = 0; i < 4; i++)
        list_join(&list, &things[i].member);
}

static void items_join_at_both_ends(void **state)
{
    (void)state;
    assert_list(&list, "");
    list_join(&list, &things[1].member);
    assert_list(&list, "b");
    list_join(&list, &things[2].member);
    list_join_front(&list, &things[0].member);
    assert_list(&list, "abc");
    list_join_front(&list, &things[3].member);
    assert_list(&list, "dabc");
}

static void items_leave_and_leave_again(void **state)
{
    (void)state;
    join_all();
    list_leave(&things[1].member);
    assert_list(&list, "acd");
    list_leave(&things[1].member);
    assert_list(&list, "acd");
    assert_true(list_is_empty(&things[1].member));
    list_leave(&things[0].member);
    list_leave(&things[3].member);
    assert_list(&list, "c");
    list_leave(&things[2].member);
    assert_list(&list, "");
}

static void items_move(void **state)
{
    (void)state;
    join_all();
    list_join(&list, &things[0].member); // to the end of its own list
    assert_list(&list, "bcda");
    list_join(&list, &things[0].member); // where it is already
    assert_list(&list, "bcda");
    list_join(&other, &things[2].member);
    assert_list(&list, "bda");
    assert_list(&other, "c");
    list_join_front(&other, &things[3].member);
    assert_list(&list, "ba");
    assert_list(&other, "dc");
    list_join_front(&other, &things[2].member);
    assert_list(&other, "cd");
}

static void items_may_leave_while_visited(void **state)
{
    (void)state;
    join_all();
    LIST_EACH(item, &list)
    {
        if (item != &things[1].member) {
            list_leave(item);
            memset(item, 0xa5, sizeof *item); // as if freed
        }
    }
    assert_list(&list, "b");
    list_init(&things[0].member);
    list_join(&list, &things[0].member);
    LIST_EACH(item, &list)
    {
        list_join(&other, item);
    }
    assert_list(&list, "");
    assert_list(&other, "ba");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(items_join_at_both_ends, set_up),
        cmocka_unit_test_setup(items_leave_and_leave_again, set_up),
        cmocka_unit_test_setup(items_move, set_up),
        cmocka_unit_test_setup(items_may_leave_while_visited, set_up),
    };
    return cmocka_run_group_tests_name("base/list", tests, NULL, NULL);
}
