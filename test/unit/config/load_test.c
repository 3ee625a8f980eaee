// SPDX-License-Identifier: Apache-2.0
// From YAML to a snapshot: every option lands where it belongs, defaults fill the rest, references
// become indexes, and broken text of any kind ends in findings, not in a snapshot.
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char least[] = "listeners: [{bind: '*:443'}]\n"
                            "sites:\n"
                            "- {name: s, hosts: [a.example], passthrough: p}\n"
                            "pools:\n"
                            "- {name: p, servers: [{name: a.example, address: '10.0.0.1:443'}]}\n";

static struct snapshot *parse(const char *yaml)
{
    struct findings *findings = findings_new("/etc/handfast/x.yaml");
    struct snapshot *snapshot = snapshot_parse("/etc/handfast/x.yaml", span_text(yaml), findings);
    char *printed = findings_print(findings);
    if (!snapshot || findings->count)
        fail_msg("%s", printed);
    free(printed);
    findings_free(findings);
    return snapshot;
}

// The findings of a text that is no configuration, to free.
static char *refused(struct span yaml)
{
    struct findings *findings = findings_new("x");
    struct snapshot *snapshot = snapshot_parse("x", yaml, findings);
    assert_null(snapshot);
    assert_true(findings->errors > 0);
    char *printed = findings_print(findings);
    findings_free(findings);
    return printed;
}

static void expect_refused(const char *yaml, const char *wanted)
{
    char *printed = refused(span_text(yaml));
    if (!strstr(printed, wanted))
        fail_msg("wanted '%s' in:\n%s", wanted, printed);
    free(printed);
}

static void test_defaults(void **state)
{
    (void)state;
    struct snapshot *s = parse(least);
    assert_int_equal(s->workers, 0);
    assert_string_equal(s->log, "stdout");
    assert_null(s->admin);
    assert_null(s->metrics);
    assert_string_equal(s->directory, "/etc/handfast");
    assert_int_equal(s->timeouts.handshake_ms, 10000);
    assert_int_equal(s->timeouts.header_ms, 30000);
    assert_int_equal(s->timeouts.idle_ms, 115000);
    assert_int_equal(s->timeouts.connect_ms, 5000);
    assert_int_equal(s->timeouts.server_ms, 300000);
    assert_int_equal(s->timeouts.stall_ms, 120000);
    assert_int_equal(s->timeouts.relay_idle_ms, 3600000);
    assert_int_equal(s->timeouts.link_idle_ms, 55000);
    assert_int_equal(s->timeouts.drain_ms, 30000);
    assert_int_equal(s->limits.header_line_bytes, 65536);
    assert_int_equal(s->limits.header_bytes, 131072);
    assert_int_equal(s->limits.body_bytes, 0);
    assert_int_equal(s->limits.unread_body_bytes, 1048576);
    assert_int_equal(s->limits.links_per_client, 16);
    const struct listener_config *listener = &s->listeners[0];
    assert_true(listener->is_tls);
    assert_string_equal(listener->address, "");
    assert_int_equal(listener->port, 443);
    assert_true(listener->site_index == SIZE_MAX);
    assert_int_equal(listener->redirect_status, 308);
    assert_int_equal(listener->redirect_port, 443);
    const struct pool_config *pool = &s->pools[0];
    assert_int_equal(pool->balance, BALANCE_ROUND_ROBIN);
    assert_int_equal(pool->links, LINKS_DEDICATED);
    assert_false(pool->tls.enabled);
    assert_true(pool->tls.verify);
    assert_int_equal(pool->health.kind, HEALTH_TCP);
    assert_int_equal(pool->health.interval_ms, 5000);
    assert_int_equal(pool->health.expect_count, 0);
    assert_null(pool->health.path);
    const struct server_config *server = &pool->servers[0];
    assert_string_equal(server->host, "10.0.0.1");
    assert_int_equal(server->port, 443);
    assert_int_equal(server->weight, 1);
    assert_false(server->is_public);
    assert_int_equal(server->redirect_port, 0);
    assert_int_equal(s->sites[0].mode, SITE_PASSTHROUGH);
    assert_int_equal(s->sites[0].pool_index, 0);
    snapshot_unref(s);
}

static const char full[] =
    "workers: 3\n"
    "log: access.log\n"
    "admin: /run/handfast.sock\n"
    "metrics: '127.0.0.1:9180'\n"
    "listeners:\n"
    "  - {bind: '[::1]:8443', default_site: web, clients_max: 7}\n"
    "  - {bind: '10.0.0.1:80', redirect_status: 301, redirect_port: 8443}\n"
    "  - {bind: '*:8080', tls: false, redirect_port: 443}\n"
    "sites:\n"
    "  - name: nodes\n"
    "    hosts: ['*.node.example', N1.example]\n"
    "    passthrough: chat\n"
    "    certificates: [{chain: both.pem}]\n"
    "  - name: web\n"
    "    hosts: [web.example]\n"
    "    certificates: [{chain: a.pem, key: a.key}, {chain: /b.pem, key: /b.key}]\n"
    "    plain_http: serve\n"
    "    proxy_before: one-connection-per-client\n"
    "    trusted_proxies: [10.0.0.0/8, 'fd00::1']\n"
    "    routes:\n"
    "      - {path: /, forward: intra}\n"
    "      - {path: /chat/, redirect: chat, redirect_status_safe: 303, redirect_status_other: "
    "308}\n"
    "      - {path: /api, forward: intra}\n"
    "pools:\n"
    "  - name: chat\n"
    "    balance: source\n"
    "    servers:\n"
    "      - {name: n1.example, address: '10.0.0.11:443', weight: 5, links_max: 9}\n"
    "      - {name: n2.example, address: '[fd00::12]:443', public: true, redirect_port: 444}\n"
    "  - name: intra\n"
    "    balance: least-connections\n"
    "    links: shared\n"
    "    idle_links_max: 5\n"
    "    tls: {verify: false, ca: ca.pem, name: intra.example}\n"
    "    health: {request: HEAD /up?x, host: h.example, expect: [204, 401], interval: 2s,\n"
    "             timeout: 1s, rise: 4, fall: 5}\n"
    "    servers: [{name: i1.example, address: 'i1.example:443'}]\n"
    "timeouts: {handshake: 1s, header: 2s, idle: 3s, connect: 4s, server: 5s, stall: 6s,\n"
    "           relay_idle: 7s, link_idle: 8s, drain: 9s}\n"
    "limits: {header_line: 2KiB, header: 8KiB, body: 1MiB, unread_body: 0, links_per_client: 2}\n";

static void check_full_top(const struct snapshot *s)
{
    assert_int_equal(s->workers, 3);
    assert_string_equal(s->log, "/etc/handfast/access.log");
    assert_string_equal(s->admin, "/run/handfast.sock");
    assert_string_equal(s->metrics, "127.0.0.1:9180");
    assert_int_equal(s->listener_count, 3);
    assert_string_equal(s->listeners[0].address, "::1");
    assert_int_equal(s->listeners[0].port, 8443);
    assert_int_equal(s->listeners[0].site_index, 1);
    assert_int_equal(s->listeners[0].clients_max, 7);
    assert_false(s->listeners[1].is_tls);
    assert_int_equal(s->listeners[1].redirect_status, 301);
    assert_int_equal(s->listeners[1].redirect_port, 8443);
    assert_false(s->listeners[2].is_tls);
    const uint64_t *timeouts[] = {
        &s->timeouts.handshake_ms,  &s->timeouts.header_ms,    &s->timeouts.idle_ms,
        &s->timeouts.connect_ms,    &s->timeouts.server_ms,    &s->timeouts.stall_ms,
        &s->timeouts.relay_idle_ms, &s->timeouts.link_idle_ms, &s->timeouts.drain_ms,
    };
    for (size_t i = 0; i < 9; i++)
        assert_int_equal(*timeouts[i], (i + 1) * 1000);
    assert_int_equal(s->limits.header_line_bytes, 2048);
    assert_int_equal(s->limits.header_bytes, 8192);
    assert_int_equal(s->limits.body_bytes, 1048576);
    assert_int_equal(s->limits.unread_body_bytes, 0);
    assert_int_equal(s->limits.links_per_client, 2);
}

static void check_full_sites(const struct snapshot *s)
{
    const struct site_config *nodes = &s->sites[0];
    const struct site_config *web = &s->sites[1];
    assert_int_equal(nodes->mode, SITE_PASSTHROUGH);
    assert_string_equal(nodes->hosts[0], "*.node.example");
    assert_string_equal(nodes->hosts[1], "n1.example");
    assert_int_equal(nodes->pool_index, 0);
    assert_string_equal(nodes->certificates[0].chain, "/etc/handfast/both.pem");
    assert_string_equal(nodes->certificates[0].key, "/etc/handfast/both.pem");
    assert_int_equal(web->mode, SITE_HTTP);
    assert_int_equal(web->certificate_count, 2);
    assert_string_equal(web->certificates[1].key, "/b.key");
    assert_true(web->plain_http);
    assert_true(web->client_per_person_proxy);
    assert_int_equal(web->trusted_proxy_count, 2);
    assert_string_equal(web->trusted_proxies[1], "fd00::1");
    static const char *const paths[] = {"/chat/", "/api", "/"};
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(web->routes[i].path, paths[i]);
    assert_int_equal(web->routes[0].action, ROUTE_REDIRECT);
    assert_string_equal(web->routes[0].pool, "chat");
    assert_int_equal(web->routes[0].pool_index, 0);
    assert_int_equal(web->routes[0].redirect_status_safe, 303);
    assert_int_equal(web->routes[0].redirect_status_other, 308);
    assert_int_equal(web->routes[1].action, ROUTE_FORWARD);
    assert_int_equal(web->routes[1].pool_index, 1);
    assert_int_equal(web->routes[2].redirect_status_safe, 302);
    assert_int_equal(web->routes[2].redirect_status_other, 307);
}

static void check_full_pools(const struct snapshot *s)
{
    const struct pool_config *chat = &s->pools[0];
    const struct pool_config *intra = &s->pools[1];
    assert_int_equal(chat->balance, BALANCE_SOURCE);
    assert_int_equal(chat->servers[0].weight, 5);
    assert_int_equal(chat->servers[0].links_max, 9);
    assert_string_equal(chat->servers[1].host, "fd00::12");
    assert_true(chat->servers[1].is_public);
    assert_int_equal(chat->servers[1].redirect_port, 444);
    assert_int_equal(intra->balance, BALANCE_LEAST_CONNECTIONS);
    assert_int_equal(intra->links, LINKS_SHARED);
    assert_int_equal(intra->idle_links_max, 5);
    assert_true(intra->tls.enabled);
    assert_false(intra->tls.verify);
    assert_string_equal(intra->tls.ca, "/etc/handfast/ca.pem");
    assert_string_equal(intra->tls.name, "intra.example");
    assert_int_equal(intra->health.kind, HEALTH_HTTP);
    assert_string_equal(intra->health.method, "HEAD");
    assert_string_equal(intra->health.path, "/up?x");
    assert_string_equal(intra->health.host, "h.example");
    assert_int_equal(intra->health.expect_count, 2);
    assert_int_equal(intra->health.expect[0], 204);
    assert_int_equal(intra->health.expect[1], 401);
    assert_int_equal(intra->health.interval_ms, 2000);
    assert_int_equal(intra->health.timeout_ms, 1000);
    assert_int_equal(intra->health.rise, 4);
    assert_int_equal(intra->health.fall, 5);
    assert_string_equal(intra->servers[0].host, "i1.example");
}

static void test_every_option(void **state)
{
    (void)state;
    struct snapshot *snapshot = parse(full);
    check_full_top(snapshot);
    check_full_sites(snapshot);
    check_full_pools(snapshot);
    snapshot_unref(snapshot);
}

static void test_places(void **state)
{
    (void)state;
    struct snapshot *s = parse(full);
    assert_int_equal(s->listeners[1].place.line, 7);
    assert_int_equal(s->listeners[1].place.column, 6);
    assert_int_equal(s->sites[1].place.line, 14);
    assert_int_equal(s->sites[1].place.column, 5);
    assert_int_equal(s->pools[1].tls.place.line, 34);
    assert_int_equal(s->pools[0].tls.place.line, 0);
    snapshot_unref(s);
}

static void test_health_without_words(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        enum health_kind kind;
    } cases[] = {
        {"", HEALTH_TCP},
        {"tls: {}, ", HEALTH_TLS},
        {"health: {request: GET /x}, ", HEALTH_HTTP},
        {"tls: {}, health: {request: GET /x}, ", HEALTH_HTTP},
        {"tls: {}, health: {check: none}, ", HEALTH_NONE},
        {"health: {check: http}, ", HEALTH_HTTP},
        {"tls: {}, health: {check: tcp}, ", HEALTH_TCP},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char yaml[1024];
        snprintf(
            yaml, sizeof yaml,
            "listeners: [{bind: '*:80'}]\n"
            "sites: [{name: s, hosts: [a], plain_http: serve, routes: [{path: /, forward: p}]}]\n"
            "pools: [{%sname: p, servers: [{name: a, address: 'a:8080'}]}]\n",
            cases[i].options);
        struct snapshot *snapshot = parse(yaml);
        assert_int_equal(snapshot->pools[0].health.kind, cases[i].kind);
        if (cases[i].kind == HEALTH_HTTP)
            assert_string_equal(snapshot->pools[0].health.method, "GET");
        snapshot_unref(snapshot);
    }
}

static void test_anchors(void **state)
{
    (void)state;
    struct snapshot *s = parse("listeners: [{bind: '*:443'}]\n"
                               "sites:\n"
                               "- {name: s, hosts: &names [a.example, b.example], passthrough: p}\n"
                               "pools:\n"
                               "- name: p\n"
                               "  servers:\n"
                               "  - {name: &a a.example, address: '10.0.0.1:443'}\n"
                               "  - {name: b.example, address: '10.0.0.2:443'}\n");
    assert_int_equal(s->sites[0].host_count, 2);
    snapshot_unref(s);
    s = parse("listeners: [{bind: '*:443'}]\n"
              "sites: [{name: s, hosts: [&a a.example], passthrough: p}]\n"
              "pools: [{name: p, servers: [{name: *a, address: '10.0.0.1:443'}]}]\n");
    assert_string_equal(s->pools[0].servers[0].name, "a.example");
    snapshot_unref(s);
}

static void test_broken_text(void **state)
{
    (void)state;
    expect_refused("", "x: error: the file is empty");
    expect_refused("# nothing\n", "the file is empty");
    expect_refused("---\n", "the file is empty");
    expect_refused("hello\n", "x:1:1: error: is a single value, expected a mapping");
    expect_refused("- a\n", "is a list, expected a mapping");
    expect_refused("a: [1, 2\nb: 3\n", "not valid YAML");
    expect_refused("a:\n\tb: 2\n", "x:2:");
    expect_refused("a: \"x\n", "not valid YAML");
    expect_refused("a: *nowhere\n", "unknown key 'a'");
    expect_refused("workers: *nowhere\n", "nothing is anchored by that name");
    expect_refused("a: &a [*a]\n", "unknown key 'a'");
    expect_refused("sites: &a [*a]\n", "error:");
    expect_refused("? [a, b]\n: c\n", "unknown key ''");
    expect_refused("a: 1\n---\nb: 1\n", "more than one YAML document");
    expect_refused("<<: {workers: 1}\n", "merge keys are not read");
    expect_refused("a: 1\nb: \xff\xfe\n",
                   "x:2:4: error: the byte 0xff is not text, expected UTF-8");
    expect_refused("a: \xed\xa0\x80\n", "the byte 0xed is not text");
    expect_refused("a: \xc0\xaf\n", "the byte 0xc0 is not text");
    expect_refused("a: \xf0\x80\x80\x80\n", "the byte 0xf0 is not text");
    expect_refused("a: \xc3", "the byte 0xc3 is not text");
    expect_refused("b: \xc3\xa9\x1b[2J\n", "x:1:5: error: control character U+001B");
    char *printed = refused(SPAN("a: 1\n\0\0"));
    assert_non_null(strstr(printed, "x:2:1: error: control character U+0000"));
    free(printed);
    printed = refused(SPAN("log: \"a\\0b\"\n"));
    assert_non_null(strstr(printed, "control character"));
    free(printed);
}

static void test_bombs_are_refused(void **state)
{
    (void)state;
    // Three hundred pools of a thousand statuses each, in six kilobytes.
    char yaml[8192] = "listeners: [{bind: '*:443'}]\n"
                      "sites: [{name: s, hosts: [a.example], passthrough: p}]\n"
                      "pools:\n"
                      "- &p\n"
                      "  name: p\n"
                      "  servers: [{name: a.example, address: '10.0.0.1:443'}]\n"
                      "  health: {request: GET /, expect: [&e 200";
    size_t size = strlen(yaml);
    for (int i = 0; i < 999; i++)
        size += (size_t)snprintf(yaml + size, sizeof yaml - size, ",*e");
    size += (size_t)snprintf(yaml + size, sizeof yaml - size, "]}\n");
    for (int i = 0; i < 300; i++)
        size += (size_t)snprintf(yaml + size, sizeof yaml - size, "- *p\n");
    assert_true(size < sizeof yaml);
    char *printed = refused(span_of(yaml, size));
    const char *first = strstr(printed, "the file means too many nodes");
    assert_non_null(first);
    assert_null(strstr(first + 1, "the file means too many nodes"));
    free(printed);
}

static void test_many_mistakes_at_once(void **state)
{
    (void)state;
    struct findings *findings = findings_new("x");
    struct snapshot *snapshot = snapshot_parse("x",
                                               SPAN("workers: many\n"
                                                    "listeners: [{bind: here}]\n"
                                                    "sites: [{name: s, hosts: [], routes: []}]\n"
                                                    "pols: []\n"
                                                    "timeouts: {idle: 5}\n"),
                                               findings);
    assert_null(snapshot);
    static const char *const wanted[] = {"'many'",
                                         "'here'",
                                         "hosts: is empty",
                                         "routes: is empty",
                                         "did you mean pools?",
                                         "has no unit",
                                         "pools is missing"};
    char *printed = findings_print(findings);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!strstr(printed, wanted[i]))
            fail_msg("wanted '%s' in:\n%s", wanted[i], printed);
    free(printed);
    findings_free(findings);
}

static void test_files(void **state)
{
    (void)state;
    struct findings *findings = findings_new("/nonexistent/x.yaml");
    assert_null(snapshot_load("/nonexistent/x.yaml", findings));
    assert_int_equal(findings->errors, 1);
    assert_non_null(strstr(findings->items[0].what, "No such file"));
    findings_free(findings);
    findings = findings_new("/");
    assert_null(snapshot_load("/", findings));
    assert_int_equal(findings->errors, 1);
    findings_free(findings);
    char name[] = "/tmp/handfast-load-XXXXXX";
    int fd = mkstemp(name);
    FILE *out = fdopen(fd, "w");
    fputs(least, out);
    // more than one read's worth, all of it a comment
    for (int i = 0; i < 3000; i++)
        fputs("# ------------------------------------------------\n", out);
    fclose(out);
    findings = findings_new(name);
    struct snapshot *snapshot = snapshot_load(name, findings);
    assert_non_null(snapshot);
    assert_string_equal(snapshot->directory, "/tmp");
    snapshot_unref(snapshot);
    findings_free(findings);
    remove(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_every_option),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_health_without_words),
        cmocka_unit_test(test_anchors),
        cmocka_unit_test(test_broken_text),
        cmocka_unit_test(test_bombs_are_refused),
        cmocka_unit_test(test_many_mistakes_at_once),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
