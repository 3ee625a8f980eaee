// SPDX-License-Identifier: Apache-2.0
// Addresses to listen on and networks to trust.
#include "config/endpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_binds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *address;
        unsigned port;
    } cases[] = {
        {"*:443", "", 443},
        {"*:0", "", 0},
        {"10.0.0.1:80", "10.0.0.1", 80},
        {"[::]:65535", "::", 65535},
        {"[::1]:8443", "::1", 8443},
        {"[::ffff:10.0.0.1]:1", "::ffff:10.0.0.1", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct endpoint endpoint;
        assert_null(endpoint_parse_bind(span_text(cases[i].text), &endpoint));
        assert_string_equal(endpoint.address, cases[i].address);
        assert_int_equal(endpoint.port, cases[i].port);
    }
}

static void test_refused_binds(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        ":",
        ":443",
        "*",
        "443",
        "*:",
        "*:65536",
        "*:-1",
        "*:4 43",
        "*:https",
        "localhost:1",
        "10.0.0:1",
        "10.0.0.1",
        "10.0.0.1:1:",
        "[10.0.0.1]:1",
        "::1:8443",
        "[::1]",
        "[::1:8443",
        "[]:1",
        "[*]:1",
        "**:1",
        " *:1",
        "10.0.0.256:1",
        "[1111111111111111111111111111111111111111111111111111111111111111111111]:1",
    };
    struct endpoint endpoint = {.port = 7};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (!endpoint_parse_bind(span_text(cases[i]), &endpoint))
            fail_msg("'%s' was accepted", cases[i]);
        assert_int_equal(endpoint.port, 7);
    }
    assert_non_null(endpoint_parse_bind(span_of("10.0.0.1\0x:1", 12), &endpoint));
}

static void test_networks(void **state)
{
    (void)state;
    static const char *const accepted[] = {"10.0.0.1", "10.0.0.0/8", "0.0.0.0/0", "10.0.0.1/32",
                                           "::1",      "fd00::/8",   "::/0",      "fd00::1/128"};
    static const char *const refused[] = {
        "",   "10.0.0.0/", "10.0.0.0/33", "10.0.0.1/31", "fd00::/129",  "fd00::1/64",
        "/8", "localhost", "[fd00::]/8",  "10/8",        "10.0.0.0/-1", "10.0.0.0/8/8"};
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++)
        assert_null(endpoint_check_network(span_text(accepted[i])));
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (!endpoint_check_network(span_text(refused[i])))
            fail_msg("'%s' was accepted", refused[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_binds),
        cmocka_unit_test(test_refused_binds),
        cmocka_unit_test(test_networks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
