// SPDX-License-Identifier: Apache-2.0
// Which site has a name: an exact host before a star, a star for one label alone, among few sites
// and among thousands.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "route/route.h"

#define MANY       3000
#define BYTES_MAX  (1024 * 1024)
#define ROUTES     "certificates: [{chain: c, key: k}], routes: [{path: /, forward: a}]"
#define SITE(name) "{name: " name ", " ROUTES ", hosts: "
#define FRAME                                                                                      \
    "listeners: [{bind: \"*:443\"}]\n"                                                             \
    "pools: [{name: a, servers: [{name: a1.test, address: \"10.0.0.1:80\"}]}]\n"

static struct snapshot *parsed(struct span yaml)
{
    struct findings *findings = findings_new("x");
    struct snapshot *snapshot = snapshot_parse("/x", yaml, findings);
    assert_non_null(snapshot);
    findings_free(findings);
    return snapshot;
}

static void finds_exact_hosts_before_stars(void **state)
{
    (void)state;
    static const char yaml[] = FRAME "sites: [" SITE("s0") "[\"*.w.test\", w.test]}, " SITE(
        "s1") "[a.w.test, b.test, abc]}, " SITE("s2") "[\"*.a.w.test\"]}, " SITE("s3") "[\"*.v."
                                                                                       "test\"]}]"
                                                                                       "\n";
    static const struct {
        const char *name;
        size_t site;
    } cases[] = {
        {"a.w.test", 1},
        {"b.w.test", 0},
        {"w.test", 0},
        {"b.test", 1},
        {"abc", 1},
        {"b.a.w.test", 2},
        {"a.a.w.test", 2},
        {"x.v.test", 3},
        {"*.v.test", 3},
        {"v.test", SIZE_MAX},     // a star is one label
        {"a.b.w.test", SIZE_MAX}, // and not two
        {"c.b.a.w.test", SIZE_MAX},
        {".w.test", SIZE_MAX}, // nor none
        {".v.test", SIZE_MAX},
        {"xw.test", SIZE_MAX},
        {"ab", SIZE_MAX},
        {"abcd", SIZE_MAX},
        {"", SIZE_MAX},
        {".", SIZE_MAX},
        {"test", SIZE_MAX},
        {"::1", SIZE_MAX},
    };
    struct snapshot *snapshot = parsed(span_text(yaml));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(route_site(snapshot, span_text(cases[i].name)), cases[i].site);
    snapshot_unref(snapshot);
}

static void finds_nothing_among_no_sites(void **state)
{
    (void)state;
    const struct snapshot none = {0};
    assert_int_equal(route_site(&none, SPAN("a.test")), SIZE_MAX);
}

static void finds_each_of_many(void **state)
{
    (void)state;
    char *memory = malloc(BYTES_MAX);
    assert_non_null(memory);
    struct text text = text_over(memory, BYTES_MAX);
    text_add_string(&text, FRAME "sites:\n");
    for (unsigned i = 0; i < MANY; i++) // neither in the order of their names nor of their sizes
        text_add_printf(&text, "- " SITE("s%u") "[h%u.test, \"*.d%u.test\"]}\n", i, i * 7919 % MANY,
                        i * 104729 % MANY);
    assert_false(text.cut);
    struct snapshot *snapshot = parsed(text_span(&text));
    for (unsigned i = 0; i < MANY; i++) {
        char name[32];
        snprintf(name, sizeof name, "h%u.test", i * 7919 % MANY);
        assert_int_equal(route_site(snapshot, span_text(name)), i);
        snprintf(name, sizeof name, "x.d%u.test", i * 104729 % MANY);
        assert_int_equal(route_site(snapshot, span_text(name)), i);
        snprintf(name, sizeof name, "n%u.test", i);
        assert_int_equal(route_site(snapshot, span_text(name)), SIZE_MAX);
    }
    snapshot_unref(snapshot);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_exact_hosts_before_stars),
        cmocka_unit_test(finds_nothing_among_no_sites),
        cmocka_unit_test(finds_each_of_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
