// SPDX-License-Identifier: Apache-2.0
// Request targets of all four forms, and paths as IIS reads them.
#include "wire/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum method { GET, CONNECT, OPTIONS };

struct accepted {
    enum method method;
    const char *text;
    enum target_form form;
    bool is_https;
    const char *authority;
    const char *path;
    const char *query;
};

static const struct accepted accepted[] = {
    {GET, "/", TARGET_ORIGIN, false, "", "/", ""},
    {GET, "/?", TARGET_ORIGIN, false, "", "/", "?"},
    {GET, "/a/b?c=d?e", TARGET_ORIGIN, false, "", "/a/b", "?c=d?e"},
    {GET, "//a.example/b", TARGET_ORIGIN, false, "", "//a.example/b", ""},
    {GET, "/%41%e2%82%ac?%", TARGET_ORIGIN, false, "", "/%41%e2%82%ac", "?%"},
    {GET, "/?%u20ac%zz", TARGET_ORIGIN, false, "", "/", "?%u20ac%zz"},
    {GET, "/\\x|{}\"<>^`[]", TARGET_ORIGIN, false, "", "/\\x|{}\"<>^`[]", ""},
    {GET, "/http://x/", TARGET_ORIGIN, false, "", "/http://x/", ""},
    {OPTIONS, "/x", TARGET_ORIGIN, false, "", "/x", ""},
    {OPTIONS, "*", TARGET_ASTERISK, false, "", "", ""},
    {OPTIONS, "http://a", TARGET_ABSOLUTE, false, "a", "/", ""},
    {GET, "http://a.example", TARGET_ABSOLUTE, false, "a.example", "/", ""},
    {GET, "http://A.Example:80/x?y", TARGET_ABSOLUTE, false, "A.Example:80", "/x", "?y"},
    {GET, "HTTPS://a.example?y/z", TARGET_ABSOLUTE, true, "a.example", "/", "?y/z"},
    {GET, "https://[::1]:8443/", TARGET_ABSOLUTE, true, "[::1]:8443", "/", ""},
    {GET, "http://a:/", TARGET_ABSOLUTE, false, "a:", "/", ""},
    {CONNECT, "a.example:443", TARGET_AUTHORITY, false, "a.example:443", "", ""},
    {CONNECT, "[::1]:443", TARGET_AUTHORITY, false, "[::1]:443", "", ""},
};

static const struct {
    enum method method;
    const char *text;
} refused[] = {
    {GET, ""},
    {GET, "*"},
    {GET, "a"},
    {GET, "?a"},
    {GET, "a.example:443"},
    {GET, "/a b"},
    {GET, "/a\tb"},
    {GET, "/a\r"},
    {GET, "/a\x01"},
    {GET, "/a\x7f"},
    {GET, "/a\x80"},
    {GET, "/a?\xff"},
    {GET, "/#"},
    {GET, "/?#"},
    {GET, "/%"},
    {GET, "/%4"},
    {GET, "/%4?1"},
    {GET, "/%4g"},
    {GET, "/%g4"},
    {GET, "/%%41"},
    {GET, "/%u0041"},
    {GET, "/x%41%"},
    {GET, "http:/a/"},
    {GET, "http:a"},
    {GET, "http://"},
    {GET, "http:///x"},
    {GET, "http://?x"},
    {GET, "http://u@a/"},
    {GET, "http://u:p@a/"},
    {GET, "http://a:x/"},
    {GET, "http://a:99999/"},
    {GET, "http://a\\b/"},
    {GET, "http://a/%"},
    {GET, "http://a..b/"},
    {GET, "httpx://a/"},
    {GET, "ws://a/"},
    {GET, "ftp://a/"},
    {GET, "file:///etc/passwd"},
    {OPTIONS, "**"},
    {OPTIONS, "*/"},
    {CONNECT, ""},
    {CONNECT, "*"},
    {CONNECT, "/"},
    {CONNECT, "a"},
    {CONNECT, "a:"},
    {CONNECT, "a:0"},
    {CONNECT, "a:443/"},
    {CONNECT, "a:443?x"},
    {CONNECT, "u@a:443"},
    {CONNECT, "http://a:443"},
    {CONNECT, ":443"},
};

static bool parse(enum method method, const char *text, struct target *ret_target)
{
    return target_parse(span_text(text), method == CONNECT, method == OPTIONS, ret_target);
}

static void good_targets_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(accepted); i++) {
        const struct accepted *c = &accepted[i];
        struct target target;
        if (!parse(c->method, c->text, &target))
            fail_msg("refused: %s", c->text);
        if (target.form != c->form || target.is_https != c->is_https ||
            !span_equal(target.authority, span_text(c->authority)) ||
            !span_equal(target.path, span_text(c->path)) ||
            !span_equal(target.query, span_text(c->query)))
            fail_msg("%s: form %u, authority %.*s, path %.*s, query %.*s", c->text,
                     (unsigned)target.form, SPAN_PRINT(target.authority), SPAN_PRINT(target.path),
                     SPAN_PRINT(target.query));
    }
}

static void bad_targets_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct target target = {.form = TARGET_ASTERISK, .is_https = true};
        if (parse(refused[i].method, refused[i].text, &target))
            fail_msg("accepted: %s", refused[i].text);
        assert_int_equal(target.form, TARGET_ASTERISK);
        assert_true(target.is_https);
    }
    struct target target;
    assert_false(target_parse(SPAN("/a\0b"), false, false, &target));
}

// What each path is read as; NULL: refused.
static const struct {
    const char *path;
    const char *read;
} paths[] = {
    {"/", "/"},
    {"/a", "/a"},
    {"/a/", "/a/"},
    {"/a/b", "/a/b"},
    {"//", "/"},
    {"///a//b///", "/a/b/"},
    {"/.", "/"},
    {"/./", "/"},
    {"/a/.", "/a/"},
    {"/a/./b", "/a/b"},
    {"/a/..", "/"},
    {"/a/../", "/"},
    {"/a/b/..", "/a/"},
    {"/a/b/../c", "/a/c"},
    {"/a/b/../../c", "/c"},
    {"/a//../b", "/b"},
    {"/...", "/..."},
    {"/a..", "/a.."},
    {"/..a", "/..a"},
    {"/.a/", "/.a/"},
    {"/%41", "/A"},
    {"/%2f%2Fa", "/a"},
    {"/a%2fb", "/a/b"},
    {"/a/%2e%2E/b", "/b"},
    {"/a/.%2e/b", "/b"},
    {"/a%2f..%2fb", "/b"},
    {"/%252e%252e/", "/%2e%2e/"},
    {"/a\\b", "/a/b"},
    {"/a\\..\\b", "/b"},
    {"/a%5cb", "/a/b"},
    {"/a%5C%2e%2e%5cb", "/b"},
    {"\\a", "/a"},
    {"%2fa", "/a"},
    {"/%e2%82%ac", "/\xe2\x82\xac"},
    {"/%20 x", "/  x"},
    {"/A", "/A"},
    {"", NULL},
    {"a", NULL},
    {".", NULL},
    {"./a", NULL},
    {"*", NULL},
    {"/..", NULL},
    {"/../", NULL},
    {"/../a", NULL},
    {"/a/../..", NULL},
    {"/a/../../b", NULL},
    {"/%2e%2e/a", NULL},
    {"/\\..\\a", NULL},
    {"/%00", NULL},
    {"/a%00.html", NULL},
    {"/%", NULL},
    {"/%4", NULL},
    {"/%zz", NULL},
    {"/%u0041", NULL},
};

static void paths_are_read_as_iis_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(paths); i++) {
        uint8_t out[64];
        size_t size = 99;
        bool is_read = path_normalise(span_text(paths[i].path), out, sizeof out, &size);
        if (is_read != (paths[i].read != NULL))
            fail_msg("%s %s", is_read ? "accepted" : "refused", paths[i].path);
        if (!is_read)
            assert_int_equal(size, 99);
        else if (!span_equal(span_of(out, size), span_text(paths[i].read)))
            fail_msg("%s: %.*s", paths[i].path, (int)size, (const char *)out);
    }
}

static void a_path_that_was_read_is_read_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(paths); i++) {
        uint8_t out[64];
        size_t size = 0;
        if (!paths[i].read || strchr(paths[i].read, '%'))
            continue;
        assert_true(path_normalise(span_text(paths[i].read), out, sizeof out, &size));
        assert_true(span_equal(span_of(out, size), span_text(paths[i].read)));
    }
}

static void a_path_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    for (size_t capacity = 0; capacity < 8; capacity++) {
        size_t size = 0;
        uint8_t *out = malloc(capacity ? capacity : 1);
        assert_non_null(out);
        assert_int_equal(path_normalise(SPAN("/ab/%63/"), out, capacity, &size), capacity >= 6);
        assert_int_equal(size, capacity >= 6 ? 6 : 0);
        free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_targets_are_read),
        cmocka_unit_test(bad_targets_are_refused),
        cmocka_unit_test(paths_are_read_as_iis_does),
        cmocka_unit_test(a_path_that_was_read_is_read_the_same),
        cmocka_unit_test(a_path_that_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests_name("wire/target", tests, NULL, NULL);
}
