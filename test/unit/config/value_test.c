// SPDX-License-Identifier: Apache-2.0
// Single values: what is read, what is refused, and what is said about it.
#include "config/value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "config/snapshot.h"

struct reading {
    enum option_type type;
    const char *text;
    uint64_t number;
};

static const struct reading numbers[] = {
    {TYPE_DURATION, "0", 0},
    {TYPE_DURATION, "500ms", 500},
    {TYPE_DURATION, "30s", 30000},
    {TYPE_DURATION, "5m", 300000},
    {TYPE_DURATION, "1h", 3600000},
    {TYPE_DURATION, "2d", 172800000},
    {TYPE_DURATION, "007s", 7000},
    {TYPE_SIZE, "0", 0},
    {TYPE_SIZE, "4096", 4096},
    {TYPE_SIZE, "1B", 1},
    {TYPE_SIZE, "64KiB", 65536},
    {TYPE_SIZE, "1MiB", 1048576},
    {TYPE_SIZE, "2GiB", 2147483648},
    {TYPE_SIZE, "1TiB", 1099511627776},
    {TYPE_COUNT, "0", 0},
    {TYPE_COUNT, "18446744073709551615", UINT64_MAX},
};

static void test_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        uint64_t number = 1;
        assert_true(value_number(numbers[i].type, span_text(numbers[i].text), &number));
        assert_int_equal(number, numbers[i].number);
    }
}

struct refusal {
    enum scope scope;
    const char *key;
    const char *text;
    const char *what;   // NULL: accepted
    const char *advice; // NULL: none
};

static const struct refusal refusals[] = {
    {SCOPE_TIMEOUTS, "idle", "30s", NULL, NULL},
    {SCOPE_TIMEOUTS, "idle", "30", "has no unit", "write 30s or 30ms"},
    {SCOPE_TIMEOUTS, "idle", "30 s", "space before its unit", "write 30s"},
    {SCOPE_TIMEOUTS, "idle", "30 sec", "unknown unit 'sec'", "write 30s"},
    {SCOPE_TIMEOUTS, "idle", "2hours", "unknown unit 'hours'", "write 2h"},
    {SCOPE_TIMEOUTS, "idle", "1.5s", "is not a whole number", NULL},
    {SCOPE_TIMEOUTS, "idle", "s", "is not a number", NULL},
    {SCOPE_TIMEOUTS, "idle", "", "is not a number", NULL},
    {SCOPE_TIMEOUTS, "idle", "-5s", "is negative", NULL},
    {SCOPE_TIMEOUTS, "idle", "-", "is not a number", NULL},
    {SCOPE_TIMEOUTS, "idle", "99999999999999999999s", "far too large", NULL},
    {SCOPE_TIMEOUTS, "idle", "18446744073709551615d", "far too large", NULL},
    {SCOPE_TIMEOUTS, "idle", "999ms", "out of range", NULL},
    {SCOPE_TIMEOUTS, "idle", "25h", "out of range", NULL},
    {SCOPE_LIMITS, "header", "128KiB", NULL, NULL},
    {SCOPE_LIMITS, "header", "128kB", "unknown unit 'kB'", "write 128KiB"},
    {SCOPE_LIMITS, "header", "1mib", "unknown unit 'mib'", "write 1MiB"},
    {SCOPE_LIMITS, "header", "4095", "out of range", NULL},
    {SCOPE_LIMITS, "header", "17179869184GiB", "far too large", NULL},
    {SCOPE_SERVER, "weight", "256", NULL, NULL},
    {SCOPE_SERVER, "weight", "257", "out of range", NULL},
    {SCOPE_SERVER, "weight", "1k", "is not a number", NULL},
    {SCOPE_SERVER, "weight", "1 0", "is not a number", NULL},
    {SCOPE_SERVER, "weight", "many", "is not a number", NULL},
    {SCOPE_SERVER, "weight", "99999999999999999999", "far too large", NULL},
    {SCOPE_SERVER, "public", "true", NULL, NULL},
    {SCOPE_SERVER, "public", "yes", "is not a boolean", "write true"},
    {SCOPE_SERVER, "public", "False", "is not a boolean", "write false"},
    {SCOPE_SERVER, "public", "1", "is not a boolean", NULL},
    {SCOPE_POOL, "links", "shared", NULL, NULL},
    {SCOPE_POOL, "links", "sharde", "is not known", "did you mean shared?"},
    {SCOPE_POOL, "links", "", "is not known", NULL},
    {SCOPE_POOL, "links", "exclusive", "is not known", NULL},
    {SCOPE_ROUTE, "redirect_status_safe", "303", NULL, NULL},
    {SCOPE_ROUTE, "redirect_status_safe", "304", "is not possible", NULL},
    {SCOPE_ROUTE, "redirect_status_safe", "3O2", "is not possible", NULL},
    {SCOPE_POOL_HEALTH, "expect", "401", NULL, NULL},
    {SCOPE_POOL_HEALTH, "expect", "99", "is not an HTTP status", NULL},
    {SCOPE_POOL_HEALTH, "expect", "600", "is not an HTTP status", NULL},
    {SCOPE_POOL_HEALTH, "expect", "2xx", "is not an HTTP status", NULL},
    {SCOPE_POOL, "name", "intranet", NULL, NULL},
    {SCOPE_POOL, "name", "", "is empty", NULL},
    {SCOPE_POOL, "name", "two words", "space", NULL},
    {SCOPE_POOL, "name", "a\nb", "control character", NULL},
    {SCOPE_CERTIFICATE, "chain", "a b.pem", NULL, NULL},
    {SCOPE_CERTIFICATE, "chain", "", "is empty", NULL},
    {SCOPE_CERTIFICATE, "chain", "a\tb", "control character", NULL},
    {SCOPE_LISTENER, "bind", "*:443", NULL, NULL},
    {SCOPE_LISTENER, "bind", "443", "has no port", "write \"*:443\""},
    {SCOPE_LISTENER, "bind", ":443", "does not begin with an address", "write \"*:443\""},
    {SCOPE_LISTENER, "bind", ":", "has no port", NULL},
    {SCOPE_LISTENER, "bind", "localhost:443", "does not begin with an address",
     "write 127.0.0.1 or [::1] instead of localhost"},
    {SCOPE_LISTENER, "bind", "lb.example.com:443", "does not begin with an address", NULL},
    {SCOPE_SERVER, "address", "10.0.0.11:443", NULL, NULL},
    {SCOPE_SERVER, "address", "[fd00::1]:443", NULL, NULL},
    {SCOPE_SERVER, "address", "iis1.example.com:443", NULL, NULL},
    {SCOPE_SERVER, "address", "iis1.example.com", "has no port", NULL},
    {SCOPE_SERVER, "address", "10.0.0.300:443", "is not an address", NULL},
    {SCOPE_SERVER, "address", "10.0.0:443", "is not an address", NULL},
    {SCOPE_SERVER, "address", "fd00::1:443", "is not an address", NULL},
    {SCOPE_SERVER, "address", "iis1:99999", "is not an address", NULL},
    {SCOPE_SERVER, "address", "https://iis1:443", "is not an address", NULL},
    {SCOPE_SERVER, "address", "", "is not an address", NULL},
    {SCOPE_SERVER, "name", "iis1.example.com", NULL, NULL},
    {SCOPE_SERVER, "name", "iis1.example.com:443", "is not a host name",
     "write the name alone: iis1.example.com"},
    {SCOPE_SERVER, "name", "https://IIS1.example.com/x", "is not a host name",
     "write the name alone: iis1.example.com"},
    {SCOPE_SERVER, "name", "iis 1", "is not a host name", NULL},
    {SCOPE_SERVER, "name", "*.example.com", "is not a host name", NULL},
    {SCOPE_SITE, "hosts", "www.example.com", NULL, NULL},
    {SCOPE_SITE, "hosts", "*.example.com", NULL, NULL},
    {SCOPE_SITE, "hosts", "*", "stands for every name",
     "a listener's default_site gets what no other site names"},
    {SCOPE_SITE, "hosts", "*example.com", "is not a pattern", NULL},
    {SCOPE_SITE, "hosts", "*.", "is not a pattern", NULL},
    {SCOPE_SITE, "hosts", "*.*.example.com", "is not a pattern", NULL},
    {SCOPE_SITE, "hosts", "*.10.0.0.1", "is not a pattern", NULL},
    {SCOPE_SITE, "hosts", "*.example.com:443", "is not a pattern", NULL},
    {SCOPE_SITE, "hosts", "www.*.com", "star that is not its whole first label", NULL},
    {SCOPE_SITE, "trusted_proxies", "10.0.0.0/8", NULL, NULL},
    {SCOPE_SITE, "trusted_proxies", "10.0.0.1/8", "bits set behind", NULL},
    {SCOPE_SITE, "trusted_proxies", "10.0.0.0/33", "prefix length", NULL},
    {SCOPE_SITE, "trusted_proxies", "proxy.example.com", "is not an address or network", NULL},
    {SCOPE_ROUTE, "path", "/api/", NULL, NULL},
    {SCOPE_ROUTE, "path", "api/", "does not begin with '/'", "write /api/"},
    {SCOPE_ROUTE, "path", "", "does not begin with '/'", NULL},
    {SCOPE_ROUTE, "path", "/a?b", "query or fragment", NULL},
    {SCOPE_ROUTE, "path", "/../x", "is not a path", NULL},
    {SCOPE_POOL_HEALTH, "request", "GET /healthz", NULL, NULL},
    {SCOPE_POOL_HEALTH, "request", "OPTIONS /x?y=z", NULL, NULL},
    {SCOPE_POOL_HEALTH, "request", "/healthz", "has no method", "write GET /healthz"},
    {SCOPE_POOL_HEALTH, "request", "GET", "is not a method and a path", NULL},
    {SCOPE_POOL_HEALTH, "request", "GET  /x", "is not a method and a path", NULL},
    {SCOPE_POOL_HEALTH, "request", "GET /x HTTP/1.1", "is not a method and a path", NULL},
    {SCOPE_POOL_HEALTH, "request", "G(T /x", "is not a method and a path", NULL},
    {SCOPE_POOL_HEALTH, "request", "GET http://a/x", "is not a method and a path", NULL},
};

static void check_reading(const struct refusal *wanted, struct snapshot *snapshot)
{
    const struct option *option = schema_find(wanted->scope, span_text(wanted->key));
    struct value_fault fault;
    uint64_t field = 0xabababababababab;
    assert_non_null(option);
    bool is_read = value_read(option, span_text(wanted->text), snapshot, &field, &fault);
    if (is_read != (wanted->what == NULL))
        fail_msg("%s: '%s' was %s", wanted->key, wanted->text, is_read ? "read" : fault.what);
    if (is_read)
        return;
    if (!strstr(fault.what, wanted->what))
        fail_msg("%s: '%s': %s", wanted->key, wanted->text, fault.what);
    assert_string_equal(fault.advice, wanted->advice ? wanted->advice : "");
    assert_true(strlen(fault.expected) > 5);
    assert_true(field == 0xabababababababab);
}

static void test_values(void **state)
{
    (void)state;
    struct snapshot *snapshot = snapshot_new("x.yaml");
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        check_reading(&refusals[i], snapshot);
    snapshot_unref(snapshot);
}

static void expect_text(enum scope scope, const char *key, const char *text, const char *wanted)
{
    struct snapshot *snapshot = snapshot_new("/etc/handfast/handfast.yaml");
    const struct option *option = schema_find(scope, span_text(key));
    char *field = NULL;
    struct value_fault fault;
    assert_true(value_read(option, span_text(text), snapshot, &field, &fault));
    assert_string_equal(field, wanted);
    snapshot_unref(snapshot);
}

static void test_texts_are_put_in_their_form(void **state)
{
    (void)state;
    expect_text(SCOPE_SITE, "hosts", "WWW.Example.com", "www.example.com");
    expect_text(SCOPE_SITE, "hosts", "*.Example.com.", "*.example.com");
    expect_text(SCOPE_SERVER, "name", "IIS1.example.com.", "iis1.example.com");
    expect_text(SCOPE_ROUTE, "path", "/a//b/./c/", "/a/b/c/");
    expect_text(SCOPE_ROUTE, "path", "/a%20b", "/a b");
    expect_text(SCOPE_CERTIFICATE, "chain", "lb.pem", "/etc/handfast/lb.pem");
    expect_text(SCOPE_CERTIFICATE, "chain", "/x/lb.pem", "/x/lb.pem");
    expect_text(SCOPE_TOP, "log", "stdout", "stdout");
    expect_text(SCOPE_TOP, "log", "off", "off");
    expect_text(SCOPE_TOP, "log", "access.log", "/etc/handfast/access.log");
}

static void test_numbers_fit_their_members(void **state)
{
    (void)state;
    struct snapshot *snapshot = snapshot_new("x.yaml");
    struct {
        uint16_t status;
        uint16_t guard;
    } field = {0, 0xffff};
    struct value_fault fault;
    const struct option *expect = schema_find(SCOPE_POOL_HEALTH, SPAN("expect"));
    assert_int_equal(expect->size, sizeof field.status);
    assert_true(value_read(expect, SPAN("401"), snapshot, &field.status, &fault));
    assert_int_equal(field.status, 401);
    assert_int_equal(field.guard, 0xffff);
    snapshot_unref(snapshot);
}

static void test_quotes_what_prints(void **state)
{
    (void)state;
    assert_string_equal(value_quote(SPAN("")).text, "''");
    assert_string_equal(value_quote(SPAN("abc")).text, "'abc'");
    assert_string_equal(value_quote(SPAN("a\x1b[2Jb\n")).text, "'a?[2Jb?'");
    char longer[100];
    memset(longer, 'x', sizeof longer);
    assert_int_equal(strlen(value_quote(span_of(longer, 60)).text), 62);
    struct value_quoted cut = value_quote(span_of(longer, 61));
    assert_int_equal(strlen(cut.text), 65);
    assert_string_equal(cut.text + 61, "...'");
    memset(longer, 'x', 59);
    memcpy(longer + 59, "\xc3\xa9zz", 4);
    assert_string_equal(value_quote(span_of(longer, 70)).text + 60, "...'");
}

static void test_says_what_it_expects(void **state)
{
    (void)state;
    char out[256];
    value_expected(schema_find(SCOPE_SERVER, SPAN("weight")), out, sizeof out);
    assert_string_equal(out, "a whole number from 0 to 256");
    value_expected(schema_find(SCOPE_POOL, SPAN("balance")), out, sizeof out);
    assert_string_equal(out, "round-robin, least-connections or source");
    value_expected(schema_find(SCOPE_POOL_HEALTH, SPAN("expect")), out, sizeof out);
    assert_string_equal(out, "a list, each item a status from 100 to 599");
    value_expected_item(schema_find(SCOPE_POOL_HEALTH, SPAN("expect")), out, sizeof out);
    assert_string_equal(out, "a status from 100 to 599");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_texts_are_put_in_their_form),
        cmocka_unit_test(test_numbers_fit_their_members),
        cmocka_unit_test(test_quotes_what_prints),
        cmocka_unit_test(test_says_what_it_expects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
