// SPDX-License-Identifier: Apache-2.0
// Where a Location leads.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "doctor/location.h"

static const struct location page = {
    .is_tls = true, .host = "lb.example.com", .port = 443, .target = "/app/page?a=1"};

static void leads_where_it_says(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        struct location to;
    } cases[] = {
        {"https://lb.example.com/app/page?a=1", {true, "lb.example.com", 443, "/app/page?a=1"}},
        {"HTTPS://LB.Example.COM:443/x#part", {true, "lb.example.com", 443, "/x"}},
        {"http://lb.example.com/app", {false, "lb.example.com", 80, "/app"}},
        {"http://lb.example.com:443", {false, "lb.example.com", 443, "/"}},
        {"https://other.example.com?x=1", {true, "other.example.com", 443, "/?x=1"}},
        {"https://10.0.0.1:8443/", {true, "10.0.0.1", 8443, "/"}},
        {"https://[fd00::1]/a", {true, "fd00::1", 443, "/a"}},
        {"//iis1.example.com/a", {true, "iis1.example.com", 443, "/a"}},
        {"/login?next=http://x/", {true, "lb.example.com", 443, "/login?next=http://x/"}},
        {"login.aspx", {true, "lb.example.com", 443, "/app/login.aspx"}},
        {" login.aspx?u=a:b ", {true, "lb.example.com", 443, "/app/login.aspx?u=a:b"}},
        {"?b=2", {true, "lb.example.com", 443, "/app/page?b=2"}},
        {"#top", {true, "lb.example.com", 443, "/app/"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct location to;
        assert_true(location_read(span_text(cases[i].text), &page, &to));
        assert_string_equal(to.target, cases[i].to.target);
        assert_true(location_equal(&to, &cases[i].to));
    }
}

static void leads_nowhere(void **state)
{
    (void)state;
    static const char *const cases[] = {"",
                                        "mailto:a@example.com",
                                        "https://",
                                        "http://a b/",
                                        "https://user@host/",
                                        "ms-app://x/",
                                        "https://host:99999/",
                                        "/a b",
                                        "/a\r\nHost: x",
                                        "/\xc3\xa4"};
    struct location to = page;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_false(location_read(span_text(cases[i]), &page, &to));
    assert_false(location_read(SPAN("/a\0b"), &page, &to));
    char large[LOCATION_TARGET_MAX + 2];
    memset(large, 'x', sizeof large);
    large[0] = '/';
    assert_false(location_read(span_of(large, sizeof large), &page, &to));
    assert_true(location_equal(&to, &page)); // written only on success
}

static void tells_pages_and_origins_apart(void **state)
{
    (void)state;
    struct location other = page;
    assert_true(location_equal(&other, &page));
    strcpy(other.target, "/");
    assert_false(location_equal(&other, &page));
    assert_true(location_same_origin(&other, &page));
    other.port = 8443;
    assert_false(location_same_origin(&other, &page));
    other = page;
    other.is_tls = false;
    assert_false(location_same_origin(&other, &page));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leads_where_it_says),
        cmocka_unit_test(leads_nowhere),
        cmocka_unit_test(tells_pages_and_origins_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
