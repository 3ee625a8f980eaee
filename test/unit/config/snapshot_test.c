// SPDX-License-Identifier: Apache-2.0
// The memory of a snapshot, and the two indexes that live only while it is checked.
#include "config/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "config/marks.h"
#include "config/names.h"

static void test_lives_until_the_last_reference(void **state)
{
    (void)state;
    struct snapshot *snapshot = snapshot_new("x.yaml");
    char *text = snapshot_text(snapshot, SPAN("kept"));
    assert_ptr_equal(snapshot_ref(snapshot), snapshot);
    assert_null(snapshot_unref(snapshot));
    assert_string_equal(text, "kept"); // the address sanitizer would object if it were gone
    assert_null(snapshot_unref(snapshot));
    assert_null(snapshot_unref(NULL));
}

static void expect_path(const char *file, const char *path, const char *wanted)
{
    struct snapshot *snapshot = snapshot_new(file);
    assert_string_equal(snapshot_path(snapshot, span_text(path)), wanted);
    snapshot_unref(snapshot);
}

static void test_paths_start_at_the_file(void **state)
{
    (void)state;
    expect_path("handfast.yaml", "lb.pem", "lb.pem");
    expect_path("./handfast.yaml", "lb.pem", "lb.pem");
    expect_path("etc/handfast.yaml", "lb.pem", "etc/lb.pem");
    expect_path("/etc/handfast/handfast.yaml", "tls/lb.pem", "/etc/handfast/tls/lb.pem");
    expect_path("/handfast.yaml", "lb.pem", "/lb.pem");
    expect_path("/etc/handfast.yaml", "/x/lb.pem", "/x/lb.pem");
}

static void test_memory_is_zeroed_and_aligned(void **state)
{
    (void)state;
    struct snapshot *snapshot = snapshot_new("x.yaml");
    for (size_t bytes = 1; bytes < 200; bytes += 7) {
        unsigned char *memory = snapshot_alloc(snapshot, bytes);
        assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < bytes; i++)
            assert_int_equal(memory[i], 0);
        memset(memory, 0xff, bytes);
    }
    snapshot_unref(snapshot);
}

static void test_names(void **state)
{
    (void)state;
    struct names names = {0};
    assert_null(names_find(&names, "a"));
    assert_null(names_suggest(&names, "a"));
    names_add(&names, "pear", 0, NULL);
    names_add(&names, NULL, 1, NULL);
    names_add(&names, "apple", 2, NULL);
    names_add(&names, "pear", 3, NULL);
    assert_int_equal(names.count, 3);
    assert_int_equal(names_find(&names, "apple")->index, 2);
    assert_int_equal(names_find(&names, "pear")->index, 0);
    assert_null(names_find(&names, "pea"));
    assert_null(names_find(&names, "zebra"));
    assert_string_equal(names_suggest(&names, "aple"), "apple");
    assert_null(names_suggest(&names, "cucumber"));
    names_sort(&names);
    assert_int_equal(names.items[2].index, 3);
    names_done(&names);
}

static void test_marks(void **state)
{
    (void)state;
    struct marks marks = {0};
    static const int members[100];
    assert_null(marks_find(&marks, &members[0]));
    for (unsigned i = 0; i < 100; i += 2)
        marks_add(&marks, &members[98 - i], (struct place){i + 1, 1}, "a.b");
    assert_int_equal(marks_find(&marks, &members[98])->place.line, 1);
    assert_int_equal(marks_find(&marks, &members[0])->place.line, 99);
    assert_string_equal(marks_find(&marks, &members[0])->path, "a.b");
    assert_null(marks_find(&marks, &members[1]));
    marks_add(&marks, &members[1], (struct place){7, 7}, "c");
    assert_int_equal(marks_find(&marks, &members[1])->place.line, 7);
    marks_done(&marks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lives_until_the_last_reference),
        cmocka_unit_test(test_paths_start_at_the_file),
        cmocka_unit_test(test_memory_is_zeroed_and_aligned),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_marks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
