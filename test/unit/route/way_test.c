// SPDX-License-Identifier: Apache-2.0
// Which ways a configuration lays out: each once, those in clear only where they are served.
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "route/route.h"

#define TLS_LISTENER   "listeners: [{bind: \"*:443\", tls: true}]\n"
#define BOTH_LISTENERS "listeners: [{bind: \"*:443\", tls: true}, {bind: \"*:80\", tls: false}]\n"
#define POOLS                                                                                      \
    "pools: [{name: a, servers: [{name: a1.test, address: \"10.0.0.1:80\"}]},\n"                   \
    "        {name: b, servers: [{name: b1.test, address: \"10.0.0.2:80\"}]}]\n"
#define SITE(routes, more)                                                                         \
    "sites: [{name: s, hosts: [s.test], certificates: [{chain: c, key: k}]" more                   \
    ", routes: " routes "}]\n"

static void write_way(void *owner, const struct way *way)
{
    text_add_printf(owner, "%s %zu %s %zu %s\n", way_word(way->kind), way->site_index,
                    way->client_is_tls ? "tls" : "plain", way->pool_index,
                    way->route ? way->route->path : "-");
}

static void assert_ways(const char *yaml, const char *expected)
{
    char memory[1024];
    struct text text = text_over(memory, sizeof memory - 1);
    struct findings *findings = findings_new("x");
    struct snapshot *snapshot = snapshot_parse("/x", span_text(yaml), findings);
    assert_non_null(snapshot);
    ways_each(snapshot, write_way, &text);
    memory[text.size] = '\0';
    assert_string_equal(memory, expected);
    snapshot_unref(snapshot);
    findings_free(findings);
}

static void forwards(void **state)
{
    (void)state;
    assert_ways(TLS_LISTENER SITE("[{path: /, forward: b}]", "") POOLS, "forward 0 tls 1 /\n");
}

static void takes_each_way_once(void **state)
{
    (void)state;
    assert_ways(TLS_LISTENER SITE("[{path: /, forward: a}, {path: /x/, forward: a},"
                                  " {path: /yy/, forward: b}, {path: /zzz/, redirect: a}]",
                                  "") POOLS,
                "redirect 0 tls 0 /zzz/\nforward 0 tls 1 /yy/\nforward 0 tls 0 /x/\n");
}

static void goes_in_clear_only_where_it_is_served(void **state)
{
    (void)state;
    static const char routes[] = BOTH_LISTENERS SITE("[{path: /, forward: a}]", "") POOLS;
    assert_ways(routes, "forward 0 tls 0 /\n"); // clients in clear are sent to https
    assert_ways(BOTH_LISTENERS SITE("[{path: /, forward: a}]", ", plain_http: serve") POOLS,
                "forward 0 tls 0 /\nforward 0 plain 0 /\n");
    assert_ways(TLS_LISTENER SITE("[{path: /, forward: a}]", ", plain_http: serve") POOLS,
                "forward 0 tls 0 /\n"); // nobody listens in clear
}

static void redirects_in_clear_are_no_way_of_their_own(void **state)
{
    (void)state;
    assert_ways(BOTH_LISTENERS SITE("[{path: /, redirect: a}]", ", plain_http: serve") POOLS,
                "redirect 0 tls 0 /\n");
}

static void passes_through(void **state)
{
    (void)state;
    assert_ways(BOTH_LISTENERS
                "sites: [{name: s, hosts: [s.test], passthrough: b}, {name: t, hosts: [t.test],"
                " passthrough: a}]\n" POOLS,
                "passthrough 0 tls 1 -\npassthrough 1 tls 0 -\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forwards),
        cmocka_unit_test(takes_each_way_once),
        cmocka_unit_test(goes_in_clear_only_where_it_is_served),
        cmocka_unit_test(redirects_in_clear_are_no_way_of_their_own),
        cmocka_unit_test(passes_through),
    };
    return cmocka_run_group_tests_name("way", tests, NULL, NULL);
}
