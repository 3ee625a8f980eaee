// SPDX-License-Identifier: Apache-2.0
// The table of options agrees with itself, and misspelt keys find their way.
#include "config/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "config/snapshot.h"
#include "config/value.h"

static void test_every_row_is_whole(void **state)
{
    (void)state;
    assert_true(schema_count() > 40);
    assert_true(schema_count() <= SCHEMA_OPTIONS_MAX);
    for (size_t i = 0; i < schema_count(); i++) {
        const struct option *option = schema_option(i);
        assert_true(strlen(option->help) > 10);
        assert_int_equal(option->help[strlen(option->help) - 1], '.');
        assert_ptr_equal(schema_find(option->scope, span_text(option->key)), option);
        assert_int_equal(option->minimum == NULL, option->maximum == NULL);
        bool needs_words = option->type == TYPE_WORD || option->type == TYPE_CHOICE;
        assert_true(!needs_words || option->words);
        bool has_inner = option->type == TYPE_SECTION || option->type == TYPE_LIST;
        assert_int_equal(has_inner, option->items != SCOPE_COUNT);
    }
}

static void test_every_default_is_a_value(void **state)
{
    (void)state;
    struct snapshot *snapshot = snapshot_new("x.yaml");
    size_t read = 0;
    for (size_t i = 0; i < schema_count(); i++) {
        const struct option *option = schema_option(i);
        if (!option_has_written_fallback(option))
            continue;
        uint64_t field[4] = {0};
        struct value_fault fault;
        assert_true(value_read(option, span_text(option->fallback), snapshot, field, &fault));
        read++;
    }
    assert_true(read > 20);
    snapshot_unref(snapshot);
}

static void test_every_range_holds_at_its_ends(void **state)
{
    (void)state;
    struct snapshot *snapshot = snapshot_new("x.yaml");
    for (size_t i = 0; i < schema_count(); i++) {
        const struct option *option = schema_option(i);
        if (!option->minimum)
            continue;
        uint64_t low, high;
        uint64_t field = 0;
        struct value_fault fault;
        assert_true(value_number(option->type, span_text(option->minimum), &low));
        assert_true(value_number(option->type, span_text(option->maximum), &high));
        assert_true(low < high);
        assert_true(value_read(option, span_text(option->minimum), snapshot, &field, &fault));
        assert_int_equal(field, low);
        assert_true(value_read(option, span_text(option->maximum), snapshot, &field, &fault));
        assert_int_equal(field, high);
    }
    snapshot_unref(snapshot);
}

static void test_words_stand_in_the_order_of_their_enum(void **state)
{
    (void)state;
    static const struct {
        enum scope scope;
        const char *key;
        const char *word;
        unsigned value;
    } cases[] = {
        {SCOPE_POOL, "balance", "round-robin", BALANCE_ROUND_ROBIN},
        {SCOPE_POOL, "balance", "least-connections", BALANCE_LEAST_CONNECTIONS},
        {SCOPE_POOL, "balance", "source", BALANCE_SOURCE},
        {SCOPE_POOL, "links", "dedicated", LINKS_DEDICATED},
        {SCOPE_POOL, "links", "shared", LINKS_SHARED},
        {SCOPE_POOL_HEALTH, "check", "tcp", HEALTH_TCP},
        {SCOPE_POOL_HEALTH, "check", "tls", HEALTH_TLS},
        {SCOPE_POOL_HEALTH, "check", "http", HEALTH_HTTP},
        {SCOPE_POOL_HEALTH, "check", "none", HEALTH_NONE},
        {SCOPE_SITE, "plain_http", "redirect", false},
        {SCOPE_SITE, "plain_http", "serve", true},
        {SCOPE_SITE, "proxy_before", "none", false},
        {SCOPE_SITE, "proxy_before", "one-connection-per-client", true},
    };
    struct snapshot *snapshot = snapshot_new("x.yaml");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct option *option = schema_find(cases[i].scope, span_text(cases[i].key));
        unsigned value = 0;
        struct value_fault fault;
        assert_non_null(option);
        assert_true(value_read(option, span_text(cases[i].word), snapshot, &value, &fault));
        assert_int_equal(value, cases[i].value);
    }
    snapshot_unref(snapshot);
}

static void test_misspelt_keys(void **state)
{
    (void)state;
    assert_string_equal(schema_suggest(SCOPE_TOP, SPAN("listners")), "listeners");
    assert_string_equal(schema_suggest(SCOPE_TOP, SPAN("Pools")), "pools");
    assert_string_equal(schema_suggest(SCOPE_POOL, SPAN("blance")), "balance");
    assert_string_equal(schema_suggest(SCOPE_SERVER, SPAN("adress")), "address");
    assert_string_equal(schema_suggest(SCOPE_SITE, SPAN("passtrough")), "passthrough");
    assert_string_equal(schema_suggest(SCOPE_TIMEOUTS, SPAN("ilde")), "idle");
    assert_null(schema_suggest(SCOPE_TOP, SPAN("frontend")));
    assert_null(schema_suggest(SCOPE_TOP, SPAN("")));
    assert_null(schema_suggest(SCOPE_SERVER, SPAN("listeners")));
    assert_null(schema_find(SCOPE_SERVER, SPAN("listeners")));
}

static void test_distance(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        size_t distance;
    } cases[] = {
        {"", "", 0},       {"a", "", 1},        {"", "abc", 3},           {"abc", "abc", 0},
        {"abc", "ABC", 0}, {"abc", "acb", 1},   {"abc", "ab", 1},         {"abc", "abcd", 1},
        {"abc", "xbc", 1}, {"abcd", "badc", 2}, {"kitten", "sitting", 3}, {"abc", "cba", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct span a = span_text(cases[i].a);
        struct span b = span_text(cases[i].b);
        assert_int_equal(spelling_distance(a, b), cases[i].distance);
        assert_int_equal(spelling_distance(b, a), cases[i].distance);
    }
    char longest[66];
    memset(longest, 'a', sizeof longest);
    assert_int_equal(spelling_distance(span_of(longest, 64), span_of(longest, 63)), 1);
    assert_true(spelling_distance(span_of(longest, 65), span_of(longest, 65)) == SIZE_MAX);
}

static void test_explanation_names_every_option(void **state)
{
    (void)state;
    for (int markdown = 0; markdown < 2; markdown++) {
        char *text = schema_explain(markdown);
        for (size_t i = 0; i < schema_count(); i++) {
            char wanted[64];
            const char *format = markdown ? "\n| `%s` | " : "\n  %s: ";
            snprintf(wanted, sizeof wanted, format, schema_option(i)->key);
            assert_non_null(strstr(text, wanted));
        }
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_is_whole),
        cmocka_unit_test(test_every_default_is_a_value),
        cmocka_unit_test(test_every_range_holds_at_its_ends),
        cmocka_unit_test(test_words_stand_in_the_order_of_their_enum),
        cmocka_unit_test(test_misspelt_keys),
        cmocka_unit_test(test_distance),
        cmocka_unit_test(test_explanation_names_every_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
