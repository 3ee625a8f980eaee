// SPDX-License-Identifier: Apache-2.0
// Heads of answers: what is kept of good ones, and what can still be read in bad ones.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "doctor/answer.h"

static enum end take(const char *head, struct call_answer *ret_answer,
                     struct answer_framing *ret_framing)
{
    *ret_answer = (struct call_answer){0};
    return answer_read_head(span_text(head), false, ret_answer, ret_framing);
}

static void keeps_what_people_ask_about(void **state)
{
    (void)state;
    struct call_answer answer;
    struct answer_framing framing;
    assert_int_equal(take("HTTP/1.1 401 Unauthorized\r\n"
                          "Server: Microsoft-IIS/10.0\r\n"
                          "WWW-Authenticate: Negotiate oRkwF6ADCgEB\r\n"
                          "WWW-Authenticate: NTLM\r\n"
                          "www-authenticate: Basic realm=\"a, b\", Digest nonce=\"x\"\r\n"
                          "Persistent-Auth: true\r\n"
                          "Alt-Svc: h3=\":443\"\r\n"
                          "Via: 1.1 proxy\r\n"
                          "Location: /login\r\n"
                          "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                          "Content-Length: 7\r\n\r\n",
                          &answer, &framing),
                     END_OK);
    assert_int_equal(answer.status, 401);
    assert_int_equal(answer.minor_version, 1);
    assert_string_equal(answer.reason, "Unauthorized");
    assert_string_equal(answer.server, "Microsoft-IIS/10.0");
    assert_string_equal(answer.persistent_auth, "true");
    assert_string_equal(answer.alt_svc, "h3=\":443\"");
    assert_string_equal(answer.via, "1.1 proxy");
    assert_string_equal(answer.location, "/login");
    assert_int_equal(answer.date_s, 784111777);
    assert_true(answer.is_persistent);
    assert_int_equal(framing.kind, BODY_LENGTH);
    assert_int_equal(framing.length, 7);
    assert_int_equal(answer.challenge_lines, 3);
    assert_int_equal(answer.challenge_count, 4);
    assert_string_equal(call_answer_token(&answer, "negotiate"), "oRkwF6ADCgEB");
    assert_true(call_answer_offers(&answer, "ntlm"));
    assert_null(call_answer_token(&answer, "NTLM"));
    assert_null(call_answer_token(&answer, "Basic")); // parameters are no token
    assert_true(call_answer_offers(&answer, "Digest"));
    assert_false(call_answer_offers(&answer, "Kerberos"));
    call_answer_done(&answer);
}

static void bounds_and_cleans_texts(void **state)
{
    (void)state;
    char head[4096] = "HTTP/1.1 200 \xff\xfe\r\nServer: ";
    size_t size = strlen(head);
    memset(head + size, 's', 2000);
    strcpy(head + size + 2000, "\r\nLocation: /\xc3\xa4\xe4\r\n\r\n");
    struct call_answer answer;
    struct answer_framing framing;
    assert_int_equal(take(head, &answer, &framing), END_OK);
    assert_string_equal(answer.reason, "\xef\xbf\xbd\xef\xbf\xbd");
    assert_int_equal(strlen(answer.server), sizeof answer.server - 1);
    assert_string_equal(answer.location, "/\xc3\xa4\xef\xbf\xbd");
    call_answer_done(&answer);
}

static void keeps_so_many_challenges_and_no_more(void **state)
{
    (void)state;
    char head[4096] = "HTTP/1.1 401 No\r\n";
    for (int i = 0; i < 20; i++)
        strcat(head, "WWW-Authenticate: NTLM\r\n");
    strcat(head, "\r\n");
    struct call_answer answer;
    struct answer_framing framing;
    assert_int_equal(take(head, &answer, &framing), END_OK);
    assert_int_equal(answer.challenge_count, CALL_CHALLENGES_MAX);
    assert_int_equal(answer.challenge_lines, 20);
    call_answer_done(&answer);
}

static void reads_on_where_a_head_is_not_in_order(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        enum end end;
        unsigned status;
    } cases[] = {
        {"HTTP/1.1 401 X\r\nServer: s\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
         END_RESPONSE_FRAMING, 401},
        {"HTTP/1.1 401 X\r\nServer: s\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
         END_RESPONSE_FRAMING, 401},
        {"HTTP/1.1 401 X\r\nServer: s\r\nBad Name: x\r\n\r\n", END_RESPONSE_BAD, 401},
        {"HTTP/1.1 401 X\r\nServer: s\r\n folded\r\n\r\n", END_RESPONSE_BAD, 401},
        {"HTTP/1.1 40 X\r\nServer: s\r\n\r\n", END_RESPONSE_BAD, 0},
        {"HTTP/1.1 099 X\r\nServer: s\r\n\r\n", END_RESPONSE_BAD, 0},
        {"HTTP/2 200 X\r\nServer: s\r\n\r\n", END_RESPONSE_BAD, 200},
        {"HTTP/1.1\r\nServer: s\r\n\r\n", END_RESPONSE_BAD, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct call_answer answer;
        struct answer_framing framing;
        assert_int_equal(take(cases[i].head, &answer, &framing), cases[i].end);
        assert_int_equal(answer.status, cases[i].status);
        assert_string_equal(answer.server, "s");
        assert_false(answer.is_persistent);
        assert_int_equal(framing.kind, BODY_UNTIL_CLOSE);
        call_answer_done(&answer);
    }
}

static void says_what_is_not_in_order(void **state)
{
    (void)state;
    static const struct {
        const char *rest; // behind the first line
        const char *problem;
    } cases[] = {
        {"X My Header: v", "the name \"X My Header\" of a header line has a blank in it"},
        {"Server : v", "the name \"Server \" of a header line has a blank in it"},
        {"Content-Length: 5\r\nContent-Length: 7", "Content-Length stands in it more than once"},
        {"X: a\r\n folded",
         "a header line begins with a blank, as if it went on with the one before"},
        {"Content-Length: 5\r\nTransfer-Encoding: chunked",
         "it has both Content-Length and Transfer-Encoding"},
        {"Content-Length: 0x5", "its Content-Length is \"0x5\", not one number"},
        {"Transfer-Encoding: gzip", "its Transfer-Encoding is \"gzip\", not chunked alone"},
        {"NTLM", "a header line has no colon"},
        {": v", "a header line has no name"},
        {"X: a\x01", "the value of X holds a control character"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char head[256];
        struct call_answer answer;
        struct answer_framing framing;
        snprintf(head, sizeof head,
                 "HTTP/1.1 401 Not you\r\nWWW-Authenticate: NTLM TOKEN\r\n%s\r\n\r\n",
                 cases[i].rest);
        assert_int_not_equal(take(head, &answer, &framing), END_OK);
        assert_string_equal(answer.problem, cases[i].problem);
        assert_int_equal(answer.minor_version, 1);
        assert_string_equal(answer.reason, "Not you");
        assert_true(call_answer_offers(&answer, "NTLM"));
        call_answer_done(&answer);
    }
}

static void says_how_bytes_begin_that_are_no_answer(void **state)
{
    (void)state;
    struct call_answer answer = {0};
    answer_read_remains(SPAN("SSH-2.0-OpenSSH_9.2\r\n"), END_RESPONSE_BAD, &answer);
    assert_int_equal(answer.status, 0);
    assert_string_equal(answer.problem, "it begins with \"SSH-2.0-OpenSSH_9.2\"");
    answer = (struct call_answer){0};
    answer_read_remains(SPAN("HTTP/1.1 401 No\nServer: s\n\n"), END_RESPONSE_BAD, &answer);
    assert_int_equal(answer.status, 401);
    assert_int_equal(answer.minor_version, 1);
    assert_string_equal(answer.problem, "a line of its head ends in a line feed alone");
    answer = (struct call_answer){0};
    answer_read_remains(SPAN("HTTP/1.1 401 No\r\nWWW-Auth"), END_SERVER_CLOSED, &answer);
    assert_int_equal(answer.status, 401);
    assert_string_equal(answer.problem, "");
    answer_read_remains(SPAN("HTTP/1.1 100 Go on\r\n"), END_SERVER_CLOSED, &answer);
    assert_int_equal(answer.status, 0);
}

static void keeps_the_version_of_old_answers(void **state)
{
    (void)state;
    struct call_answer answer;
    struct answer_framing framing;
    assert_int_equal(take("HTTP/1.0 200 OK\r\nBad Name: x\r\n\r\n", &answer, &framing),
                     END_RESPONSE_BAD);
    assert_int_equal(answer.minor_version, 0);
    call_answer_done(&answer);
}

static void knows_an_answer_by_its_first_bytes(void **state)
{
    (void)state;
    assert_true(answer_may_begin(SPAN("")));
    assert_true(answer_may_begin(SPAN("HT")));
    assert_true(answer_may_begin(SPAN("HTTP/1.1 200")));
    assert_false(answer_may_begin(SPAN("\x15\x03\x01")));
    assert_false(answer_may_begin(SPAN("HTXP")));
    assert_int_equal(answer_status(SPAN("HTTP/1.0 407 x")), 407);
    assert_int_equal(answer_status(SPAN("HTTP/1.0 4")), 0);
    assert_int_equal(answer_status(SPAN("HTTP/1.0")), 0);
    assert_int_equal(answer_status(SPAN("")), 0);
}

static void reads_dates(void **state)
{
    (void)state;
    assert_int_equal(answer_date(SPAN(" Thu, 01 Jan 1970 00:00:01 GMT ")), 1);
    static const char *const none[] = {"",
                                       "now",
                                       "Sunday, 06-Nov-94 08:49:37 GMT",
                                       "Sun, 06 Nvo 1994 08:49:37 GMT",
                                       "Sun, 06 Nov 1994 08:49:37 CET",
                                       "Sun, 0x Nov 1994 08:49:37 GMT",
                                       "Sun, 06 Nov 1994 08:49:37 GMT+1"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_int_equal(answer_date(span_text(none[i])), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_what_people_ask_about),
        cmocka_unit_test(bounds_and_cleans_texts),
        cmocka_unit_test(keeps_so_many_challenges_and_no_more),
        cmocka_unit_test(reads_on_where_a_head_is_not_in_order),
        cmocka_unit_test(says_what_is_not_in_order),
        cmocka_unit_test(says_how_bytes_begin_that_are_no_answer),
        cmocka_unit_test(keeps_the_version_of_old_answers),
        cmocka_unit_test(knows_an_answer_by_its_first_bytes),
        cmocka_unit_test(reads_dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
