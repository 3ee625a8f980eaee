// SPDX-License-Identifier: Apache-2.0
// What looks have in common: texts that are always valid JSON, answers, what a body says; and the
// filter that a directory is asked with; questions side by side.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "doctor/directory.h"
#include "doctor/look/look.h"

static void cleans_any_bytes(void **state)
{
    (void)state;
    json_t *text = look_text_span(SPAN("a\xff\0b\xc3\xa4"));
    assert_string_equal(json_string_value(text), "a\xef\xbf\xbd\xef\xbf\xbd"
                                                 "b\xc3\xa4");
    json_decref(text);
    char large[10000];
    memset(large, '\xe4', sizeof large); // each becomes three bytes
    text = look_text_span(span_of(large, sizeof large));
    assert_in_range(json_string_length(text), 1000, 4096);
    json_decref(text);
    text = look_hex(SPAN("\x00\xab"));
    assert_string_equal(json_string_value(text), "00ab");
    json_decref(text);
}

static void knows_pages_of_servers(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        const char *says;
    } cases[] = {
        {"<h2>Bad Request - Request Too Long</h2><p>HTTP Error 400. The request headers",
         "header too long"},
        {"<h2>Bad Request - Invalid Hostname</h2>", "invalid hostname"},
        {"<center>400 REQUEST HEADER OR COOKIE TOO LARGE</center>", "header too long"},
        {"HTTP Error 403.4 - Forbidden", "ssl required"},
        {"<h3>HTTP Error 403.7 - Forbidden</h3>", "client certificate required"},
        {"<center>No required SSL certificate was sent</center>", "client certificate required"},
        {"The plain HTTP request was sent to HTTPS port", "plain http on a tls port"},
        {"plain HTTP was sent to a port that speaks TLS", "plain http on a tls port"},
        {"Client sent an HTTP request to an HTTPS server.", "plain http on a tls port"},
        {"<h1>503 Service Unavailable</h1>", "service unavailable"},
        {"<h1>Hello</h1>", ""},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(look_body_says(span_text(cases[i].body)), cases[i].says);
    assert_string_equal(look_body_says((struct span){0}), "");
}

static void describes_any_answer(void **state)
{
    (void)state;
    struct call_answer answer = {.end = END_SERVER_TIMEOUT};
    json_t *node = look_answer(&answer);
    assert_int_equal(json_integer_value(json_object_get(node, "status")), 0);
    assert_string_equal(json_string_value(json_object_get(node, "end")), "server_timeout");
    assert_string_equal(json_string_value(json_object_get(node, "body")), "none");
    assert_null(json_object_get(node, "date_s"));
    json_decref(node);
    answer = (struct call_answer){.status = 401,
                                  .challenge_count = 1,
                                  .challenge_lines = 1,
                                  .body_kind = BODY_CHUNKED,
                                  .date_s = 5};
    strcpy(answer.challenges[0].scheme, "NTLM");
    answer.challenges[0].token = strdup("TlRMTVNTUAAC");
    node = look_answer(&answer);
    char *text = json_dumps(node, 0);
    assert_null(strstr(text, "TlRM")); // a token never gets into the facts
    assert_non_null(strstr(text, "\"has_token\": true"));
    assert_non_null(strstr(text, "\"chunked\""));
    assert_int_equal(json_integer_value(json_object_get(node, "date_s")), 5);
    free(text);
    json_decref(node);
    call_answer_done(&answer);
}

static void names_the_host_as_browsers_do(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        unsigned port;
        bool is_tls;
        const char *sent;
    } cases[] = {
        {"lb.example.com", 443, true, "lb.example.com"},
        {"lb.example.com", 80, false, "lb.example.com"},
        {"lb.example.com", 80, true, "lb.example.com:80"},
        {"lb.example.com", 8443, true, "lb.example.com:8443"},
        {"fd00::1", 443, true, "[fd00::1]"},
        {"fd00::1", 1, true, "[fd00::1]:1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char host[LOOK_HOST_MAX];
        struct subject subject = {
            .host = cases[i].host, .port = cases[i].port, .is_tls = cases[i].is_tls};
        struct look_round round = {.subject = &subject};
        assert_string_equal(look_host(&round, host), cases[i].sent);
    }
}

static void escapes_what_filters_mean_something_by(void **state)
{
    (void)state;
    char filter[64];
    assert_true(directory_filter("cn", "HTTP/a.example.com:80", filter, sizeof filter));
    assert_string_equal(filter, "(cn=HTTP/a.example.com:80)");
    assert_true(directory_filter("cn", "a)(b*\\\n", filter, sizeof filter));
    assert_string_equal(filter, "(cn=a\\29\\28b\\2a\\5c\\0a)");
    assert_true(directory_filter("cn", "12", filter, sizeof "(cn=12)" + 3));
    assert_false(directory_filter("cn", "123456789", filter, sizeof "(cn=12)"));
}

struct asked {
    atomic_uint times[LOOK_SIDES_MAX + 2];
};

static void count_question(void *context, size_t index)
{
    struct asked *asked = context;
    atomic_fetch_add(&asked->times[index], 1);
}

static void each_question_is_asked_once(void **state)
{
    (void)state;
    struct asked asked = {0};
    look_side_by_side(1, 1 + LOOK_SIDES_MAX, count_question, &asked);
    look_side_by_side(3, 3, count_question, &asked); // none
    for (size_t i = 0; i < LOOK_SIDES_MAX + 2; i++)
        assert_int_equal(atomic_load(&asked.times[i]), i >= 1 && i <= LOOK_SIDES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cleans_any_bytes),
        cmocka_unit_test(knows_pages_of_servers),
        cmocka_unit_test(describes_any_answer),
        cmocka_unit_test(names_the_host_as_browsers_do),
        cmocka_unit_test(escapes_what_filters_mean_something_by),
        cmocka_unit_test(each_question_is_asked_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
