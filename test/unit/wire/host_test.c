// SPDX-License-Identifier: Apache-2.0
// Host names, ports and addresses; which pattern covers which name.
#include "wire/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define L10          "abcdefghij"
#define L60          L10 L10 L10 L10 L10 L10

struct accepted {
    const char *text;
    const char *name;
    unsigned port;
    bool is_address;
};

static const struct accepted accepted[] = {
    {"a", "a", 0, false},
    {"A.Example", "a.example", 0, false},
    {"a.example.", "a.example", 0, false},
    {"a.example.:443", "a.example", 443, false},
    {"a.example:", "a.example", 0, false},
    {"a.example:1", "a.example", 1, false},
    {"a.example:00080", "a.example", 80, false},
    {"a.example:65535", "a.example", 65535, false},
    {"my_host-1", "my_host-1", 0, false},
    {"xn--bcher-kva.example", "xn--bcher-kva.example", 0, false},
    {"-a-.example", "-a-.example", 0, false},
    {L60 "abc.x", L60 "abc.x", 0, false},
    {"1.2.3.4", "1.2.3.4", 0, true},
    {"255.255.255.255:80", "255.255.255.255", 80, true},
    {"0.0.0.0.", "0.0.0.0", 0, true},
    {"1.2.3", "1.2.3", 0, false},
    {"1.2.3.4.5", "1.2.3.4.5", 0, false},
    {"1.2.3.256", "1.2.3.256", 0, false},
    {"01.2.3.4", "01.2.3.4", 0, false},
    {"1.2.3.a", "1.2.3.a", 0, false},
    {"1.2.3.0004", "1.2.3.0004", 0, false},
    {"123", "123", 0, false},
    {"[::]", "::", 0, true},
    {"[::1]:443", "::1", 443, true},
    {"[::1]:", "::1", 0, true},
    {"[2001:DB8::A]", "2001:db8::a", 0, true},
    {"[1:2:3:4:5:6:7:8]", "1:2:3:4:5:6:7:8", 0, true},
    {"[1:2:3:4:5:6:7::]", "1:2:3:4:5:6:7::", 0, true},
    {"[::2:3:4:5:6:7:8]", "::2:3:4:5:6:7:8", 0, true},
    {"[1:2:3:4:5:6:1.2.3.4]", "1:2:3:4:5:6:1.2.3.4", 0, true},
    {"[::ffff:1.2.3.4]:1", "::ffff:1.2.3.4", 1, true},
};

static const char *const refused[] = {
    "",
    ".",
    "..",
    ".a",
    "a..b",
    "a..",
    ":80",
    ".:80",
    "a b",
    " a",
    "a ",
    "a/b",
    "a@b",
    "a?b",
    "a#b",
    "a%41",
    "a,b",
    "a;b",
    "a\\b",
    "*.a",
    "*",
    "caf\xc3\xa9",
    "a\x7f",
    "a\r\n",
    "a:b",
    "a:0",
    "a:+1",
    "a:-1",
    "a:65536",
    "a:000080",
    "a:80:80",
    "a: 80",
    "a:80 ",
    "::1",
   
    "1:2:3:4:5:6:7:8",
    "[",
    "[]",
    "]",
    "[::1",
    "::1]",
    "[::1]x",
    "[::1]80",
    "[::1]:0",
    "[::1]:x",
    "[[::1]]",
    "[a]",
    "[1.2.3.4]",
    "[:]",
    "[:::]",
    "[1:::2]",
    "[1::2::3]",
    "[:1]",
    "[1:]",
    "[:1:2:3:4:5:6:7]",
    "[1:2:3:4:5:6:7]",
    "[1:2:3:4:5:6:7:8:9]",
    "[1:2:3:4:5:6:7:8::]",
    "[1:2:3:4::5:6:7:8]",
    "[12345::]",
    "[g::]",
    "[::1%eth0]",
    "[::1%25eth0]",
    "[v1.a]",
    "[1.2.3.4::]",
    "[::1.2.3]",
    "[::1.2.3.4.]",
    "[::1.2.3.256]",
    "[::1.2.3.4:5]",
    "[1:2:3:4:5:6:7:1.2.3.4]",
    "[ ::1]",
    L60 "abcd",
    L60 "." L60 "." L60 "." L60 "." L10 "12",
};

// A copy of exactly the size, for the sanitizers; the caller frees it.
static struct span exactly(const char *text)
{
    size_t size = strlen(text);
    uint8_t *copy = malloc(size + 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    copy = realloc(copy, size ? size : 1);
    return span_of(copy, size);
}

static void free_span(struct span copy)
{
    free((void *)(uintptr_t)copy.data);
}

static void good_hosts_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(accepted); i++) {
        const struct accepted *c = &accepted[i];
        struct host host;
        struct span text = exactly(c->text);
        if (!host_parse(text, &host))
            fail_msg("refused: %s", c->text);
        if (!span_equal(host_name(&host), span_text(c->name)) || host.port != c->port ||
            host.is_address != c->is_address)
            fail_msg("%s: %.*s %u %d", c->text, SPAN_PRINT(host_name(&host)), host.port,
                     host.is_address);
        free_span(text);
    }
}

static void bad_hosts_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct host host = {.port = 7, .name_size = 7};
        struct span text = exactly(refused[i]);
        if (host_parse(text, &host))
            fail_msg("accepted: %s", refused[i]);
        assert_int_equal(host.port, 7);
        assert_int_equal(host.name_size, 7);
        free_span(text);
    }
    struct host host;
    assert_false(host_parse(SPAN("a\0b"), &host));
    assert_false(host_parse(SPAN("a\0"), &host));
}

static void the_longest_name_fits(void **state)
{
    (void)state;
    struct host host;
    static const char longest[] = L60 "." L60 "." L60 "." L60 "." L10 "1";
    assert_int_equal(sizeof longest - 1, HOST_NAME_MAX);
    assert_true(host_parse(SPAN(L60 "." L60 "." L60 "." L60 "." L10 "1"), &host));
    assert_int_equal(host.name_size, HOST_NAME_MAX);
    assert_true(host_parse(SPAN(L60 "." L60 "." L60 "." L60 "." L10 "1.:80"), &host));
    assert_int_equal(host.name_size, HOST_NAME_MAX);
    assert_int_equal(host.port, 80);
}

static void names_alone_have_no_port(void **state)
{
    (void)state;
    uint8_t name[HOST_NAME_MAX];
    size_t size = 99;
    assert_false(host_name_parse(SPAN("a:80"), name, &size));
    assert_false(host_name_parse(SPAN(""), name, &size));
    assert_false(host_name_parse(SPAN("::1"), name, &size));
    assert_int_equal(size, 99);
    assert_true(host_name_parse(SPAN("IIS1.Example."), name, &size));
    assert_true(span_equal(span_of(name, size), SPAN("iis1.example")));
}

static void patterns_cover_one_label(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        const char *name;
        bool matches;
    } cases[] = {
        {"a.example", "a.example", true},
        {"a.example", "b.example", false},
        {"a.example", "a.example.org", false},
        {"a.example", "x.a.example", false},
        {"*.example", "a.example", true},
        {"*.example", "example", false},
        {"*.example", ".example", false},
        {"*.example", "a.b.example", false},
        {"*.example", "a.examplex", false},
        {"*.example", "aexample", false},
        {"*.b.example", "a.b.example", true},
        {"*.b.example", "b.example", false},
        {"*.example", "*.example", true},
        {"a*.example", "ab.example", false},
        {"*", "a", false},
        {"a.*", "a.b", false},
        {"*.example", "", false},
        {"", "", true},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (host_matches(span_text(cases[i].pattern), span_text(cases[i].name)) != cases[i].matches)
            fail_msg("%s %s", cases[i].pattern, cases[i].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_hosts_are_read),      cmocka_unit_test(bad_hosts_are_refused),
        cmocka_unit_test(the_longest_name_fits),    cmocka_unit_test(names_alone_have_no_port),
        cmocka_unit_test(patterns_cover_one_label),
    };
    return cmocka_run_group_tests_name("wire/host", tests, NULL, NULL);
}
