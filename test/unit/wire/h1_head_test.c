// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 heads: what is refused and with which reason, what is accepted and how it is understood.
// Every head is parsed from memory of exactly its size, so a sanitizer sees a read past its end.
#include "wire/h1_head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define H            "Host: a.example\r\n"

static const struct head_limits wide_limits = {64 * 1024, 128 * 1024};

// The heads under test outlive the asserts on their spans: one exact copy at a time.
static uint8_t *copy;
static struct request_head request;
static struct response_head response;

static struct span exactly(struct span text)
{
    free(copy);
    copy = malloc(text.size ? text.size : 1);
    assert_non_null(copy);
    if (text.size)
        memcpy(copy, text.data, text.size);
    return span_of(copy, text.size);
}

static enum end request_end(struct span text)
{
    memset(&request, 0xa5, sizeof request);
    return h1_request_parse(exactly(text), &request).end;
}

static enum end response_end(struct span text, bool to_head, bool to_connect)
{
    memset(&response, 0xa5, sizeof response);
    return h1_response_parse(exactly(text), to_head, to_connect, &response).end;
}

static void assert_span(struct span got, const char *wanted)
{
    if (!span_equal(got, span_text(wanted)))
        fail_msg("got \"%.*s\", wanted \"%s\"", SPAN_PRINT(got), wanted);
}

static void accept_request(struct span text)
{
    enum end end = request_end(text);
    if (end != END_OK)
        fail_msg("refused with %s: %.*s", end_word(end), SPAN_PRINT(text));
}

static void accept_response(struct span text, bool to_head, bool to_connect)
{
    enum end end = response_end(text, to_head, to_connect);
    if (end != END_OK)
        fail_msg("refused with %s: %.*s", end_word(end), SPAN_PRINT(text));
}

struct refusal {
    struct span head;
    enum end end;
};

#define REFUSE(text, reason)                                                                       \
    {                                                                                              \
        {(const uint8_t *)(text), sizeof(text) - 1}, END_##reason                                  \
    }

static const struct refusal request_lines[] = {
    REFUSE("\r\n", REQUEST_LINE_BAD),
    REFUSE("\r\n\r\n", REQUEST_LINE_BAD),
    REFUSE("GET\r\n" H "\r\n", REQUEST_LINE_BAD),
    REFUSE("GET /\r\n\r\n", REQUEST_LINE_BAD), // HTTP/0.9
    REFUSE("GET / \r\n" H "\r\n", REQUEST_LINE_BAD),
    REFUSE("GET  / HTTP/1.1\r\n" H "\r\n", REQUEST_LINE_BAD),
    REFUSE("GET /  HTTP/1.1\r\n" H "\r\n", REQUEST_LINE_BAD),
    REFUSE("GET / HTTP/1.1 \r\n" H "\r\n", REQUEST_LINE_BAD),
    REFUSE(" GET / HTTP/1.1\r\n" H "\r\n", REQUEST_LINE_BAD),
    REFUSE("GET\t/ HTTP/1.1\r\n" H "\r\n", REQUEST_LINE_BAD),
    REFUSE("GET / HTTP/1.1\t\r\n" H "\r\n", REQUEST_LINE_BAD),
    REFUSE("GET / HTTP/1.1 x\r\n" H "\r\n", REQUEST_LINE_BAD),
    REFUSE("GET /a b HTTP/1.1\r\n" H "\r\n", REQUEST_LINE_BAD),
    REFUSE("GE(T / HTTP/1.1\r\n" H "\r\n", REQUEST_LINE_BAD),
    REFUSE("G\xc3\x89T / HTTP/1.1\r\n" H "\r\n", REQUEST_LINE_BAD),
    REFUSE("GE\0T / HTTP/1.1\r\n" H "\r\n", REQUEST_LINE_BAD),
    REFUSE("GET /\0 HTTP/1.1\r\n" H "\r\n", REQUEST_LINE_BAD),
    REFUSE("GET /\x7f HTTP/1.1\r\n" H "\r\n", REQUEST_LINE_BAD),
    REFUSE("GET / http/1.1\r\n" H "\r\n", REQUEST_LINE_BAD),
    REFUSE("GET / HTTP/1\r\n" H "\r\n", REQUEST_LINE_BAD),
    REFUSE("GET / HTTP/1.10\r\n" H "\r\n", REQUEST_LINE_BAD),
    REFUSE("GET / HTTP/1,1\r\n" H "\r\n", REQUEST_LINE_BAD),
    REFUSE("GET / HTTP/a.1\r\n" H "\r\n", REQUEST_LINE_BAD),
    REFUSE("GET / HTTP/1.:\r\n" H "\r\n", REQUEST_LINE_BAD),
    REFUSE("GET / HTTPS/1.1\r\n" H "\r\n", REQUEST_LINE_BAD),
    REFUSE("GET / HTTP/0.9\r\n" H "\r\n", REQUEST_VERSION),
    REFUSE("GET / HTTP/1.2\r\n" H "\r\n", REQUEST_VERSION),
    REFUSE("GET / HTTP/2.0\r\n" H "\r\n", REQUEST_VERSION),
    REFUSE("GET / HTTP/9.9\r\n" H "\r\n", REQUEST_VERSION),
    REFUSE("PRI * HTTP/2.0\r\n\r\n", REQUEST_VERSION),
    REFUSE("GET * HTTP/1.1\r\n" H "\r\n", REQUEST_TARGET_BAD),
    REFUSE("options * HTTP/1.1\r\n" H "\r\n", REQUEST_TARGET_BAD),
    REFUSE("GET /#top HTTP/1.1\r\n" H "\r\n", REQUEST_TARGET_BAD),
    REFUSE("GET /\xc3\xa9 HTTP/1.1\r\n" H "\r\n", REQUEST_TARGET_BAD),
    REFUSE("GET a.example/ HTTP/1.1\r\n" H "\r\n", REQUEST_TARGET_BAD),
    REFUSE("GET ftp://a.example/ HTTP/1.1\r\n" H "\r\n", REQUEST_TARGET_BAD),
    REFUSE("GET http://u@a.example/ HTTP/1.1\r\n" H "\r\n", REQUEST_TARGET_BAD),
    REFUSE("GET a.example:443 HTTP/1.1\r\n" H "\r\n", REQUEST_TARGET_BAD),
    REFUSE("CONNECT / HTTP/1.1\r\n" H "\r\n", REQUEST_TARGET_BAD),
    REFUSE("CONNECT a.example HTTP/1.1\r\n" H "\r\n", REQUEST_TARGET_BAD),
    REFUSE("CONNECT http://a.example/ HTTP/1.1\r\n" H "\r\n", REQUEST_TARGET_BAD),
};

static const struct refusal request_fields[] = {
    REFUSE("GET / HTTP/1.1\r\n" H "Connection: a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,\r\nConnection: a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,\r\n\r\n", HEADER_BAD),
    REFUSE("GET / HTTP/1.1\r\n Host: a.example\r\n\r\n", HEADER_FOLDED),
    REFUSE("GET / HTTP/1.1\r\n" H "X: 1\r\n 2\r\n\r\n", HEADER_FOLDED),
    REFUSE("GET / HTTP/1.1\r\n" H "X: 1\r\n\t2\r\n\r\n", HEADER_FOLDED),
    REFUSE("GET / HTTP/1.1\r\n" H "X: 1\r\n \r\n\r\n", HEADER_FOLDED),
    REFUSE("GET / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n chunked\r\n\r\n", HEADER_FOLDED),
    REFUSE("GET / HTTP/1.1\r\nHost : a.example\r\n\r\n", HEADER_BAD),
    REFUSE("GET / HTTP/1.1\r\nHost\t: a.example\r\n\r\n", HEADER_BAD),
    REFUSE("GET / HTTP/1.1\r\n" H "Content-Length : 5\r\n\r\n", HEADER_BAD),
    REFUSE("GET / HTTP/1.1\r\n" H "Transfer-Encoding : chunked\r\n\r\n", HEADER_BAD),
    REFUSE("GET / HTTP/1.1\r\n" H ": empty\r\n\r\n", HEADER_BAD),
    REFUSE("GET / HTTP/1.1\r\n" H "no colon\r\n\r\n", HEADER_BAD),
    REFUSE("GET / HTTP/1.1\r\n" H "nocolon\r\n\r\n", HEADER_BAD),
    REFUSE("GET / HTTP/1.1\r\n" H "X(Y: 1\r\n\r\n", HEADER_BAD),
    REFUSE("GET / HTTP/1.1\r\n" H "X\xff: 1\r\n\r\n", HEADER_BAD),
    REFUSE("GET / HTTP/1.1\r\n" H "X\0: 1\r\n\r\n", HEADER_BAD),
    REFUSE("GET / HTTP/1.1\r\n" H "X: a\0b\r\n\r\n", HEADER_BAD),
    REFUSE("GET / HTTP/1.1\r\n" H "X: a\x01\r\n\r\n", HEADER_BAD),
    REFUSE("GET / HTTP/1.1\r\n" H "X: a\x0b\r\n\r\n", HEADER_BAD),
    REFUSE("GET / HTTP/1.1\r\n" H "X: a\x1f\r\n\r\n", HEADER_BAD),
    REFUSE("GET / HTTP/1.1\r\n" H "X: a\x7f\r\n\r\n", HEADER_BAD),
    REFUSE("GET / HTTP/1.1\r\n" H "Transfer-Encoding: \x0b"
           "chunked\r\n\r\n",
           HEADER_BAD),
    REFUSE("GET / HTTP/1.1\r\n" H, HEADER_BAD),            // without the empty line
    REFUSE("GET / HTTP/1.1\r\n\r\n" H "\r\n", HEADER_BAD), // the empty line is not the last
    REFUSE("GET / HTTP/1.1\n" H "\r\n", BARE_CR_LF),
    REFUSE("GET / HTTP/1.1\r\nHost: a.example\n\r\n", BARE_CR_LF),
    REFUSE("GET / HTTP/1.1\r\n" H "\n", BARE_CR_LF),
    REFUSE("GET / HTTP/1.1\r" H "\r\n", BARE_CR_LF),
    REFUSE("GET / HTTP/1.1\r\n" H "X: a\rY: b\r\n\r\n", BARE_CR_LF),
    REFUSE("GET / HTTP/1.1\r\n" H "X: a\nY: b\r\n\r\n", BARE_CR_LF),
    REFUSE("GET / HTTP/1.1\r\n" H "X: a\r\r\n\r\n", BARE_CR_LF),
    REFUSE("GET / HTTP/1.1\r\n" H "\r\r\n", BARE_CR_LF),
    REFUSE("GET / HTTP/1.1\r\n" H "\r\n\r", BARE_CR_LF),
    REFUSE("\nGET / HTTP/1.1\r\n" H "\r\n", BARE_CR_LF),
    REFUSE("\n", BARE_CR_LF),
    REFUSE("G", BARE_CR_LF),
    REFUSE("", BARE_CR_LF),
};

static const struct refusal hosts[] = {
    REFUSE("GET / HTTP/1.1\r\n\r\n", HOST_MISSING),
    REFUSE("GET http://a.example/ HTTP/1.1\r\n\r\n", HOST_MISSING),
    REFUSE("GET / HTTP/1.1\r\n" H H "\r\n", HOST_REPEATED),
    REFUSE("GET / HTTP/1.1\r\n" H "hOST: b.example\r\n\r\n", HOST_REPEATED),
    REFUSE("GET / HTTP/1.0\r\n" H H "\r\n", HOST_REPEATED),
    REFUSE("GET / HTTP/1.1\r\nHost:\r\n\r\n", HOST_BAD),
    REFUSE("GET / HTTP/1.1\r\nHost: a.example, b.example\r\n\r\n", HOST_BAD),
    REFUSE("GET / HTTP/1.1\r\nHost: a.example/x\r\n\r\n", HOST_BAD),
    REFUSE("GET / HTTP/1.1\r\nHost: u@a.example\r\n\r\n", HOST_BAD),
    REFUSE("GET / HTTP/1.1\r\nHost: a.example:99999\r\n\r\n", HOST_BAD),
    REFUSE("GET / HTTP/1.1\r\nHost: a example\r\n\r\n", HOST_BAD),
    REFUSE("GET / HTTP/1.0\r\nHost: a..example\r\n\r\n", HOST_BAD),
    REFUSE("GET http://b.example/ HTTP/1.1\r\n" H "\r\n", HOST_MISMATCH),
    REFUSE("GET http://a.example:81/ HTTP/1.1\r\n" H "\r\n", HOST_MISMATCH),
    REFUSE("GET https://a.example:80/ HTTP/1.1\r\n" H "\r\n", HOST_MISMATCH),
    REFUSE("GET http://a.example/ HTTP/1.0\r\nHost: b.example\r\n\r\n", HOST_MISMATCH),
    REFUSE("CONNECT b.example:443 HTTP/1.1\r\n" H "\r\n", HOST_MISMATCH),
    REFUSE("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:444\r\n\r\n", HOST_MISMATCH),
};

#define P "POST / HTTP/1.1\r\n" H

static const struct refusal framings[] = {
    REFUSE(P "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", FRAMING_AMBIGUOUS),
    REFUSE(P "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", FRAMING_AMBIGUOUS),
    REFUSE(P "Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\n", FRAMING_AMBIGUOUS),
    REFUSE(P "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", FRAMING_AMBIGUOUS),
    REFUSE(P "Content-Length: 5\r\nCONTENT-LENGTH: 6\r\n\r\n", FRAMING_AMBIGUOUS),
    REFUSE(P "Content-Length: 5\r\nX: y\r\nContent-Length: 0\r\n\r\n", FRAMING_AMBIGUOUS),
    REFUSE(P "Content-Length: +5\r\n\r\n", LENGTH_BAD),
    REFUSE(P "Content-Length: -5\r\n\r\n", LENGTH_BAD),
    REFUSE(P "Content-Length: 5,5\r\n\r\n", LENGTH_BAD),
    REFUSE(P "Content-Length: 5, 5\r\n\r\n", LENGTH_BAD),
    REFUSE(P "Content-Length: 5 5\r\n\r\n", LENGTH_BAD),
    REFUSE(P "Content-Length: 0x5\r\n\r\n", LENGTH_BAD),
    REFUSE(P "Content-Length: 5.0\r\n\r\n", LENGTH_BAD),
    REFUSE(P "Content-Length: \"5\"\r\n\r\n", LENGTH_BAD),
    REFUSE(P "Content-Length: a\r\n\r\n", LENGTH_BAD),
    REFUSE(P "Content-Length:\r\n\r\n", LENGTH_BAD),
    REFUSE(P "Content-Length: 9223372036854775808\r\n\r\n", LENGTH_BAD),
    REFUSE(P "Content-Length: 18446744073709551616\r\n\r\n", LENGTH_BAD),
    REFUSE(P "Content-Length: 18446744073709551621\r\n\r\n", LENGTH_BAD),
    REFUSE(P "Transfer-Encoding: xchunked\r\n\r\n", ENCODING_BAD),
    REFUSE(P "Transfer-Encoding: chunkedx\r\n\r\n", ENCODING_BAD),
    REFUSE(P "Transfer-Encoding: chunked, chunked\r\n\r\n", ENCODING_BAD),
    REFUSE(P "Transfer-Encoding: chunked,\r\n\r\n", ENCODING_BAD),
    REFUSE(P "Transfer-Encoding: ,chunked\r\n\r\n", ENCODING_BAD),
    REFUSE(P "Transfer-Encoding: gzip, chunked\r\n\r\n", ENCODING_BAD),
    REFUSE(P "Transfer-Encoding: chunked, identity\r\n\r\n", ENCODING_BAD),
    REFUSE(P "Transfer-Encoding: identity\r\n\r\n", ENCODING_BAD),
    REFUSE(P "Transfer-Encoding: chunked;q=1\r\n\r\n", ENCODING_BAD),
    REFUSE(P "Transfer-Encoding: \"chunked\"\r\n\r\n", ENCODING_BAD),
    REFUSE(P "Transfer-Encoding:\r\n\r\n", ENCODING_BAD),
    REFUSE(P "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", ENCODING_BAD),
    REFUSE(P "Transfer-Encoding: chunked\r\nTransfer-encoding: x\r\n\r\n", ENCODING_BAD),
    REFUSE("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", ENCODING_BAD),
    REFUSE("CONNECT a.example:1 HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\n", FRAMING_AMBIGUOUS),
    REFUSE("CONNECT a.example:1 HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n",
           FRAMING_AMBIGUOUS),
};

static const struct refusal upgrades[] = {
    REFUSE("GET / HTTP/1.1\r\n" H "Connection: upgrade\r\nUpgrade:\r\n\r\n", UPGRADE_BAD),
    REFUSE("GET / HTTP/1.1\r\n" H "Connection: upgrade\r\nUpgrade: a b\r\n\r\n", UPGRADE_BAD),
    REFUSE("GET / HTTP/1.1\r\n" H "Connection: upgrade\r\nUpgrade: a/\r\n\r\n", UPGRADE_BAD),
    REFUSE("GET / HTTP/1.1\r\n" H "Connection: upgrade\r\nUpgrade: a/(\r\n\r\n", UPGRADE_BAD),
    REFUSE("GET / HTTP/1.1\r\n" H "Connection: upgrade\r\nUpgrade: a/(b\r\n\r\n", UPGRADE_BAD),
    REFUSE("GET / HTTP/1.1\r\n" H "Connection: upgrade\r\nUpgrade: a,,b\r\n\r\n", UPGRADE_BAD),
    REFUSE("GET / HTTP/1.1\r\n" H "Connection: upgrade\r\nUpgrade: a\r\nUpgrade: /\r\n\r\n",
           UPGRADE_BAD),
    REFUSE("CONNECT a.example:1 HTTP/1.1\r\n" H "Connection: upgrade\r\nUpgrade: a\r\n\r\n",
           UPGRADE_BAD),
};

static void refuse_all(const struct refusal *refusals, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum end end = request_end(refusals[i].head);
        if (end != refusals[i].end)
            fail_msg("case %zu: %s, wanted %s: %.*s", i, end_word(end), end_word(refusals[i].end),
                     SPAN_PRINT(refusals[i].head));
    }
}

static void bad_request_lines_are_refused(void **state)
{
    (void)state;
    refuse_all(request_lines, COUNT(request_lines));
}

static void bad_fields_are_refused(void **state)
{
    (void)state;
    refuse_all(request_fields, COUNT(request_fields));
}

static void bad_hosts_are_refused(void **state)
{
    (void)state;
    refuse_all(hosts, COUNT(hosts));
}

static void ambiguous_framing_is_refused(void **state)
{
    (void)state;
    refuse_all(framings, COUNT(framings));
}

static void bad_upgrades_are_refused(void **state)
{
    (void)state;
    refuse_all(upgrades, COUNT(upgrades));
}

// A control byte or half a CRLF is found wherever it stands relative to the wide steps.
static void faults_are_found_at_every_place(void **state)
{
    (void)state;
    static const uint8_t faults[] = {0x00, 0x01, 0x08, 0x0b, 0x0c, 0x0e,
                                     0x1b, 0x1f, 0x7f, '\r', '\n'};
    static const char good[] = "GET / HTTP/1.1\r\nHost: a.example\r\nX-Value: "
                               "0123456789012345678901234567890123456789\r\n\r\n";
    char head[sizeof good];
    const size_t from = (size_t)(strchr(good, '0') - good);
    const size_t to = sizeof good - 1 - 4;
    accept_request(span_of(good, sizeof good - 1));
    for (size_t at = from; at < to; at++) {
        for (size_t i = 0; i < COUNT(faults); i++) {
            memcpy(head, good, sizeof good);
            head[at] = (char)faults[i];
            enum end wanted =
                faults[i] == '\r' || faults[i] == '\n' ? END_BARE_CR_LF : END_HEADER_BAD;
            assert_int_equal(request_end(span_of(head, sizeof good - 1)), wanted);
        }
        memcpy(head, good, sizeof good);
        head[at] = '\t';
        accept_request(span_of(head, sizeof good - 1));
        head[at] = (char)0x80;
        accept_request(span_of(head, sizeof good - 1));
    }
}

static void a_plain_request_is_understood(void **state)
{
    (void)state;
    accept_request(SPAN("GET /a%20b?q=%u20ac HTTP/1.1\r\nhOsT: A.example:8080\r\n"
                        "X-Odd:\t spaced  out \t\r\nX-Empty:\r\nX-Empty-Too: \r\n\r\n"));
    assert_span(request.method, "GET");
    assert_false(request.is_head);
    assert_false(request.is_connect);
    assert_int_equal(request.target.form, TARGET_ORIGIN);
    assert_span(request.target_text, "/a%20b?q=%u20ac");
    assert_span(request.target.path, "/a%20b");
    assert_span(request.target.query, "?q=%u20ac");
    assert_span(request.host, "A.example:8080");
    assert_false(request.expects_continue);
    assert_int_equal(request.head.minor_version, 1);
    assert_int_equal(request.head.body, BODY_NONE);
    assert_true(request.head.is_persistent);
    assert_false(request.head.wants_upgrade);
    assert_int_equal(request.head.field_count, 4);
    const struct field *field = request.head.fields;
    assert_int_equal(field[0].id, FIELD_HOST);
    assert_span(field[0].name, "hOsT");
    assert_int_equal(field[1].id, FIELD_OTHER);
    assert_span(field[1].name, "X-Odd");
    assert_span(field[1].value, "spaced  out");
    assert_span(field[1].line, "X-Odd:\t spaced  out \t");
    assert_span(field[2].value, "");
    assert_span(field[3].value, "");
    assert_span(field[3].line, "X-Empty-Too: ");
}

static void odd_methods_pass_as_they_came(void **state)
{
    (void)state;
    static const char *const methods[] = {"RDG_OUT_DATA",     "RDG_IN_DATA", "RPC_IN_DATA",
                                          "PROPFIND",         "M-SEARCH",    "get",
                                          "X!#$%&'*+-.^_`|~9"};
    char head[128];
    for (size_t i = 0; i < COUNT(methods); i++) {
        snprintf(head, sizeof head, "%s / HTTP/1.1\r\n" H "\r\n", methods[i]);
        accept_request(span_text(head));
        assert_span(request.method, methods[i]);
        assert_false(request.is_head);
    }
    accept_request(SPAN("HEAD / HTTP/1.1\r\n" H "\r\n"));
    assert_true(request.is_head);
    accept_request(SPAN("head / HTTP/1.1\r\n" H "\r\n"));
    assert_false(request.is_head);
}

static void the_other_target_forms_are_understood(void **state)
{
    (void)state;
    accept_request(SPAN("OPTIONS * HTTP/1.1\r\n" H "\r\n"));
    assert_int_equal(request.target.form, TARGET_ASTERISK);
    accept_request(SPAN("CONNECT a.example:443 HTTP/1.1\r\nHost: A.EXAMPLE:443\r\n\r\n"));
    assert_int_equal(request.target.form, TARGET_AUTHORITY);
    assert_true(request.is_connect);
    accept_request(SPAN("CONNECT a.example:443 HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n"));
    accept_request(SPAN("GET HTTP://A.example.:80?x HTTP/1.1\r\n" H "\r\n"));
    assert_int_equal(request.target.form, TARGET_ABSOLUTE);
    assert_span(request.target.path, "/");
    assert_span(request.target.query, "?x");
    assert_span(request.host, "a.example");
    accept_request(SPAN("GET https://a.example/p HTTP/1.1\r\nHost: a.example:443\r\n\r\n"));
    assert_true(request.target.is_https);
}

static void http_1_0_needs_no_host_and_closes(void **state)
{
    (void)state;
    accept_request(SPAN("GET / HTTP/1.0\r\n\r\n"));
    assert_true(span_is_empty(request.host));
    assert_int_equal(request.head.minor_version, 0);
    assert_false(request.head.is_persistent);
    accept_request(SPAN("GET http://a.example/ HTTP/1.0\r\n\r\n"));
    assert_span(request.host, "a.example");
    accept_request(SPAN("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
    assert_true(request.head.is_persistent);
    accept_request(SPAN("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n"));
    assert_false(request.head.is_persistent);
    accept_request(SPAN("GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
                        "Expect: 100-continue\r\n\r\n"));
    assert_false(request.head.wants_upgrade);
    assert_false(request.expects_continue);
}

static void connection_and_expect_are_understood(void **state)
{
    (void)state;
    accept_request(SPAN(P "Connection: foo ,\tCLOSE\r\n\r\n"));
    assert_false(request.head.is_persistent);
    accept_request(SPAN(P "Connection: closed\r\nConnection: not-close\r\n\r\n"));
    assert_true(request.head.is_persistent);
    accept_request(SPAN(P "Connection: x\r\nConnection: close\r\n\r\n"));
    assert_false(request.head.is_persistent);
    accept_request(SPAN(P "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n"));
    assert_true(request.head.wants_upgrade);
    assert_true(request.head.is_persistent);
    accept_request(SPAN(P "Upgrade: websocket\r\n\r\n"));
    assert_false(request.head.wants_upgrade);
    accept_request(SPAN(P "Upgrade: not valid!, ,\r\n\r\n")); // asked of nobody: not ours to refuse
    accept_request(SPAN(P "Connection: upgrade\r\n\r\n"));
    assert_false(request.head.wants_upgrade);
    accept_request(SPAN(P "Connection: upgrade\r\nUpgrade: TLS/1.2, h2c ,x\r\n\r\n"));
    assert_true(request.head.wants_upgrade);
    accept_request(SPAN(P "Expect: 100-Continue\r\n\r\n"));
    assert_true(request.expects_continue);
    accept_request(SPAN(P "Expect: 200-ok\r\n\r\n"));
    assert_false(request.expects_continue);
}

static void request_bodies_are_understood(void **state)
{
    (void)state;
    accept_request(SPAN(P "Content-Length: 0\r\n\r\n"));
    assert_int_equal(request.head.body, BODY_LENGTH);
    assert_int_equal(request.head.length, 0);
    accept_request(SPAN(P "content-length:9223372036854775807 \r\n\r\n"));
    assert_int_equal(request.head.length, INT64_MAX);
    accept_request(SPAN(P "Content-Length: 005\r\n\r\n"));
    assert_int_equal(request.head.length, 5);
    accept_request(SPAN(P "Transfer-Encoding: Chunked\r\n\r\n"));
    assert_int_equal(request.head.body, BODY_CHUNKED);
    accept_request(SPAN(P "tRANSFER-eNCODING:chunked\t\r\n\r\n"));
    assert_int_equal(request.head.body, BODY_CHUNKED);
    accept_request(SPAN("GET / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\n"));
    assert_int_equal(request.head.length, 3);
    accept_request(SPAN("POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\n"));
    assert_int_equal(request.head.body, BODY_LENGTH);
}

static void a_header_line_of_60_kib_is_accepted(void **state)
{
    (void)state;
    static char head[64 * 1024];
    static const char before[] = "GET / HTTP/1.1\r\n" H "Authorization: Negotiate ";
    const size_t token = 60 * 1024;
    memcpy(head, before, sizeof before - 1);
    memset(head + sizeof before - 1, 'Y', token);
    memcpy(head + sizeof before - 1 + token, "\r\n\r\n", 4);
    struct span text = span_of(head, sizeof before - 1 + token + 4);
    size_t scanned = 0;
    size_t size = 0;
    assert_int_equal(h1_head_end(text, &wide_limits, &scanned, &size).state, PARSE_DONE);
    assert_int_equal(size, text.size);
    accept_request(text);
    const struct field *field = head_field(&request.head, FIELD_AUTHORIZATION);
    assert_non_null(field);
    assert_int_equal(field->value.size, token + strlen("Negotiate "));
}

static size_t head_of_fields(char *head, size_t count)
{
    size_t size = (size_t)sprintf(head, "GET / HTTP/1.1\r\n" H);
    for (size_t i = 1; i < count; i++)
        size += (size_t)sprintf(head + size, "x%zu:\r\n", i);
    return size + (size_t)sprintf(head + size, "\r\n");
}

static void the_number_of_fields_is_limited(void **state)
{
    (void)state;
    static char head[4096];
    accept_request(span_of(head, head_of_fields(head, HEAD_FIELDS_MAX)));
    assert_int_equal(request.head.field_count, HEAD_FIELDS_MAX);
    struct span over = span_of(head, head_of_fields(head, HEAD_FIELDS_MAX + 1));
    assert_int_equal(request_end(over), END_HEAD_TOO_BIG);
    memcpy(head, "HTTP/1.1 200  ", 14);
    assert_int_equal(response_end(over, false, false), END_RESPONSE_TOO_BIG);
}

static void every_known_field_is_recognised_in_any_case(void **state)
{
    (void)state;
    for (unsigned id = FIELD_OTHER + 1; id < FIELD_COUNT; id++) {
        struct span name = field_id_name(id);
        uint8_t other[64];
        assert_int_equal(field_id_of(name), id);
        for (size_t i = 0; i < name.size; i++)
            other[i] = name.data[i] >= 'a' && name.data[i] <= 'z' ? (uint8_t)(name.data[i] - 32)
                                                                  : name.data[i];
        assert_int_equal(field_id_of(span_of(other, name.size)), id);
        for (size_t i = 0; i < name.size; i++) {
            uint8_t kept = other[i];
            other[i] = '_';
            assert_int_equal(field_id_of(span_of(other, name.size)), FIELD_OTHER);
            other[i] = kept;
        }
        assert_int_equal(field_id_of(span_first(name, name.size - 1)), FIELD_OTHER);
    }
    assert_int_equal(field_id_of(SPAN("")), FIELD_OTHER);
    assert_int_equal(field_id_of(SPAN("x")), FIELD_OTHER);
    assert_int_equal(field_id_of(SPAN("cookie")), FIELD_OTHER);
    assert_int_equal(field_id_of(SPAN("x-a-name-that-is-longer-than-all")), FIELD_OTHER);
    assert_true(span_is_empty(field_id_name(FIELD_OTHER)));
}

static void fields_are_found_and_listed(void **state)
{
    (void)state;
    accept_request(SPAN(P "Via: 1.1 a\r\nVia: 1.0 b, 1.1 c\r\n\r\n"));
    const struct field *via = head_field(&request.head, FIELD_VIA);
    assert_non_null(via);
    assert_span(via->value, "1.1 a");
    assert_null(head_field(&request.head, FIELD_FORWARDED));
    assert_true(head_lists(&request.head, FIELD_VIA, SPAN("1.1 C")));
    assert_true(head_lists(&request.head, FIELD_VIA, SPAN("1.1 a")));
    assert_false(head_lists(&request.head, FIELD_VIA, SPAN("1.1")));
    assert_false(head_lists(&request.head, FIELD_VIA, SPAN("")));
    assert_false(head_lists(&request.head, FIELD_TE, SPAN("trailers")));
}

static void hop_by_hop_fields_are_told_apart(void **state)
{
    (void)state;
    static const bool hop[] = {false, true,  true,  true,  true,  true,  true, false,
                               false, false, false, false, false, false, true, false};
    accept_request(SPAN("GET / HTTP/1.1\r\n" H // false
                        "Connection: close, X-Mine ,authorization,host\r\n"
                        "Connection: X-Forwarded-For,x-too\r\n"
                        "Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\n"
                        "TE: trailers\r\nUpgrade: websocket\r\n"
                        "Trailer: x\r\nProxy-Authenticate: Basic\r\nAuthorization: NTLM\r\n"
                        "X-Forwarded-For: 192.0.2.1\r\nPersistent-Auth: true\r\n"
                        "WWW-Authenticate: NTLM\r\nX-Min: 1\r\nx-MINE: 1\r\nX-Mine-2: 1\r\n\r\n"));
    assert_int_equal(request.head.field_count, COUNT(hop));
    for (size_t i = 0; i < COUNT(hop); i++)
        if (head_field_is_hop(&request.head, &request.head.fields[i]) != hop[i])
            fail_msg("%.*s", SPAN_PRINT(request.head.fields[i].line));
    accept_request(SPAN(P "Transfer-Encoding: chunked\r\n\r\n"));
    assert_true(head_field_is_hop(&request.head, &request.head.fields[1]));
}

// ---- responses

#define R "HTTP/1.1 200 OK\r\n"

static const struct refusal bad_responses[] = {
    REFUSE("\r\n", RESPONSE_BAD),
    REFUSE("", RESPONSE_BAD),
    REFUSE("<html>\r\n\r\n", RESPONSE_BAD), // HTTP/0.9
    REFUSE("HTTP/1.1\r\n\r\n", RESPONSE_BAD),
    REFUSE("HTTP/1.1 \r\n\r\n", RESPONSE_BAD),
    REFUSE("HTTP/1.1  200 OK\r\n\r\n", RESPONSE_BAD),
    REFUSE("HTTP/1.1 20 OK\r\n\r\n", RESPONSE_BAD),
    REFUSE("HTTP/1.1 2000 OK\r\n\r\n", RESPONSE_BAD),
    REFUSE("HTTP/1.1 099 OK\r\n\r\n", RESPONSE_BAD),
    REFUSE("HTTP/1.1 +20 OK\r\n\r\n", RESPONSE_BAD),
    REFUSE("HTTP/1.1 200\tOK\r\n\r\n", RESPONSE_BAD),
    REFUSE("HTTP/1.1 200 O\0K\r\n\r\n", RESPONSE_BAD),
    REFUSE("HTTP/2.0 200 OK\r\n\r\n", RESPONSE_BAD),
    REFUSE("HTTP/1.2 200 OK\r\n\r\n", RESPONSE_BAD),
    REFUSE("HTTP/0.9 200 OK\r\n\r\n", RESPONSE_BAD),
    REFUSE("http/1.1 200 OK\r\n\r\n", RESPONSE_BAD),
    REFUSE("ICY 200 OK\r\n\r\n", RESPONSE_BAD),
    REFUSE("HTTP/1.1 200 OK\n\n", RESPONSE_BAD),
    REFUSE(R "X: a\nY: b\r\n\r\n", RESPONSE_BAD),
    REFUSE(R "X: a\rY: b\r\n\r\n", RESPONSE_BAD),
    REFUSE(R "X: a\0\r\n\r\n", RESPONSE_BAD),
    REFUSE(R "X : a\r\n\r\n", RESPONSE_BAD),
    REFUSE(R "X: a\r\n b\r\n\r\n", RESPONSE_BAD),
    REFUSE(R "X\r\n\r\n", RESPONSE_BAD),
    REFUSE(R "X: a\r\n", RESPONSE_BAD),
    REFUSE(R "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", RESPONSE_FRAMING),
    REFUSE(R "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", RESPONSE_FRAMING),
    REFUSE(R "Content-Length: 5, 5\r\n\r\n", RESPONSE_FRAMING),
    REFUSE(R "Content-Length: -1\r\n\r\n", RESPONSE_FRAMING),
    REFUSE(R "Content-Length: 99999999999999999999\r\n\r\n", RESPONSE_FRAMING),
    REFUSE(R "Transfer-Encoding: gzip, chunked\r\n\r\n", RESPONSE_FRAMING),
    REFUSE(R "Transfer-Encoding: identity\r\n\r\n", RESPONSE_FRAMING),
    REFUSE(R "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", RESPONSE_FRAMING),
    REFUSE("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", RESPONSE_FRAMING),
    REFUSE("HTTP/1.1 304 Not Modified\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
           RESPONSE_FRAMING),
};

static void bad_responses_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad_responses); i++) {
        enum end end = response_end(bad_responses[i].head, false, false);
        if (end != bad_responses[i].end)
            fail_msg("case %zu: %s, wanted %s: %.*s", i, end_word(end),
                     end_word(bad_responses[i].end), SPAN_PRINT(bad_responses[i].head));
    }
}

static void status_lines_are_understood(void **state)
{
    (void)state;
    accept_response(SPAN("HTTP/1.1 401 Unauthorized, \xe9h?\r\n\r\n"), false, false);
    assert_int_equal(response.status, 401);
    assert_span(response.reason, "Unauthorized, \xe9h?");
    accept_response(SPAN("HTTP/1.0 999 \r\n\r\n"), false, false);
    assert_int_equal(response.status, 999);
    assert_int_equal(response.head.minor_version, 0);
    assert_span(response.reason, "");
    accept_response(SPAN("HTTP/1.1 100\r\n\r\n"), false, false);
    assert_int_equal(response.status, 100);
    assert_span(response.reason, "");
}

struct body_case {
    struct span head;
    bool to_head;
    bool to_connect;
    enum body_kind body;
    uint64_t length;
    bool is_persistent;
};

#define BODY(text, to_head, to_connect, kind, length, persistent)                                  \
    {                                                                                              \
        {(const uint8_t *)(text), sizeof(text) - 1}, to_head, to_connect, kind, length, persistent \
    }

static const struct body_case bodies[] = {
    BODY(R "\r\n", false, false, BODY_UNTIL_CLOSE, 0, false),
    BODY(R "Connection: keep-alive\r\n\r\n", false, false, BODY_UNTIL_CLOSE, 0, false),
    BODY(R "Content-Length: 0\r\n\r\n", false, false, BODY_LENGTH, 0, true),
    BODY(R "Content-Length: 7\r\n\r\n", false, false, BODY_LENGTH, 7, true),
    BODY(R "Content-Length: 7\r\nConnection: close\r\n\r\n", false, false, BODY_LENGTH, 7, false),
    BODY(R "Transfer-Encoding: chunked\r\n\r\n", false, false, BODY_CHUNKED, 0, true),
    BODY(R "Content-Length: 7\r\n\r\n", true, false, BODY_NONE, 0, true),
    BODY(R "Transfer-Encoding: chunked\r\n\r\n", true, false, BODY_NONE, 0, true),
    BODY(R "\r\n", true, false, BODY_NONE, 0, true),
    BODY("HTTP/1.0 200 OK\r\nContent-Length: 7\r\n\r\n", false, false, BODY_LENGTH, 7, false),
    BODY("HTTP/1.0 200 OK\r\nContent-Length: 7\r\nConnection: keep-alive\r\n\r\n", false, false,
         BODY_LENGTH, 7, true),
    BODY("HTTP/1.1 100 Continue\r\n\r\n", false, false, BODY_NONE, 0, true),
    BODY("HTTP/1.1 101 Switching\r\nContent-Length: 7\r\n\r\n", false, false, BODY_NONE, 0, true),
    BODY("HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n", false, false, BODY_NONE, 0, true),
    BODY("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", false, false, BODY_NONE, 0,
         true),
    BODY("HTTP/1.1 401 U\r\nContent-Length: 7\r\n\r\n", false, false, BODY_LENGTH, 7, true),
    BODY(R "Content-Length: 7\r\n\r\n", false, true, BODY_NONE, 0, true),
    BODY("HTTP/1.1 299 OK\r\n\r\n", false, true, BODY_NONE, 0, true),
    BODY("HTTP/1.1 300 No\r\nContent-Length: 7\r\n\r\n", false, true, BODY_LENGTH, 7, true),
    BODY("HTTP/1.1 407 No\r\nContent-Length: 7\r\n\r\n", false, true, BODY_LENGTH, 7, true),
};

static void response_bodies_follow_the_request(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++) {
        const struct body_case *c = &bodies[i];
        accept_response(c->head, c->to_head, c->to_connect);
        if (response.head.body != c->body || response.head.length != c->length ||
            response.head.is_persistent != c->is_persistent)
            fail_msg("case %zu: body %u, length %llu, persistent %d", i,
                     (unsigned)response.head.body, (unsigned long long)response.head.length,
                     response.head.is_persistent);
    }
}

static void a_challenge_keeps_its_lines(void **state)
{
    (void)state;
    accept_response(SPAN("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                         "Upgrade: websocket\r\n\r\n"),
                    false, false);
    assert_true(response.head.wants_upgrade);
    accept_response(SPAN("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n"
                         "WWW-Authenticate: Negotiate\r\nwww-authenticate: NTLM\r\n"
                         "Persistent-Auth: true\r\n\r\n"),
                    false, false);
    assert_false(response.head.wants_upgrade);
    const struct field *fields = response.head.fields;
    assert_span(fields[1].line, "WWW-Authenticate: Negotiate");
    assert_span(fields[2].line, "www-authenticate: NTLM");
    assert_int_equal(fields[2].id, FIELD_WWW_AUTHENTICATE);
    assert_ptr_equal(head_field(&response.head, FIELD_WWW_AUTHENTICATE), &fields[1]);
}

// ---- the end of a head

// What h1_head_end says when the bytes come in pieces of `step`.
static struct parse end_by_steps(struct span bytes, size_t step, const struct head_limits *limits,
                                 size_t *ret_size)
{
    size_t scanned = 0;
    for (size_t size = step < bytes.size ? step : bytes.size;; size += step) {
        struct span arrived = exactly(span_first(bytes, size));
        struct parse parse = h1_head_end(arrived, limits, &scanned, ret_size);
        if (parse.state != PARSE_MORE || size >= bytes.size)
            return parse;
    }
}

struct end_case {
    struct span bytes;
    enum parse_state state;
    enum end end;
    size_t size;
};

#define ENDS(text, size)                                                                           \
    {                                                                                              \
        {(const uint8_t *)(text), sizeof(text) - 1}, PARSE_DONE, END_OK, size                      \
    }
#define WAITS(text)                                                                                \
    {                                                                                              \
        {(const uint8_t *)(text), sizeof(text) - 1}, PARSE_MORE, END_OK, 0                         \
    }
#define BREAKS(text, reason)                                                                       \
    {                                                                                              \
        {(const uint8_t *)(text), sizeof(text) - 1}, PARSE_BAD, reason, 0                          \
    }

// With lines of at most 16 bytes and heads of at most 40.
static const struct end_case ends[] = {
    ENDS("GET / HTTP/1.1\r\n\r\n", 18),
    ENDS("GET / HTTP/1.1\r\n\r\nbody\nof\rany\r\n\r\nkind", 18),
    ENDS("a\r\nb\r\n\r\n", 8),
    ENDS("\r\n", 2),
    ENDS("0123456789abcdef\r\n\r\n", 20),
    ENDS("0123456789abcdef\r\n0123456789abcdef\r\n\r\n", 38),
    ENDS("0123456789abcdef\r\n0123456789abcdef\r\n\r\nmore", 38),
    ENDS("0123456789abcd\r\n0123456789abcdef\r\n1\r\n\r\n", 39),
    WAITS(""),
    WAITS("G"),
    WAITS("GET / HTTP/1.1"),
    WAITS("GET / HTTP/1.1\r"),
    WAITS("GET / HTTP/1.1\r\n"),
    WAITS("GET / HTTP/1.1\r\n\r"),
    WAITS("0123456789abcdef"),
    WAITS("0123456789abcdef\r"),
    WAITS("0123456789abcdef\r\n"),
    BREAKS("\n", END_BARE_CR_LF),
    BREAKS("GET / HTTP/1.1\n", END_BARE_CR_LF),
    BREAKS("GET / HTTP/1.1\r\n\n", END_BARE_CR_LF),
    BREAKS("GET / HTTP/1.1\r\nHost: a\n\r\n", END_BARE_CR_LF),
    BREAKS("0123456789abcdefg", END_HEADER_TOO_BIG),
    BREAKS("0123456789abcdefg\r\n\r\n", END_HEADER_TOO_BIG),
    BREAKS("a\r\n0123456789abcdefg", END_HEADER_TOO_BIG),
    BREAKS("0123456789abcdef\r\n0123456789abcdef\r\n12\r\n\r\n", END_HEAD_TOO_BIG),
    BREAKS("0123456789abcdef\r\n0123456789abcdef\r\n123", END_HEAD_TOO_BIG),
};

static void the_end_is_found_however_the_bytes_come(void **state)
{
    (void)state;
    static const struct head_limits limits = {16, 40};
    for (size_t i = 0; i < COUNT(ends); i++) {
        for (size_t step = 1; step <= ends[i].bytes.size + 1; step++) {
            size_t size = 0;
            struct parse parse = end_by_steps(ends[i].bytes, step, &limits, &size);
            if (parse.state != ends[i].state || parse.end != ends[i].end || size != ends[i].size)
                fail_msg("case %zu by %zu: state %u, %s, %zu bytes", i, step, (unsigned)parse.state,
                         end_word(parse.end), size);
        }
    }
}

static void leading_empty_lines_are_skipped(void **state)
{
    (void)state;
    assert_int_equal(h1_skip_empty_lines(SPAN("")), 0);
    assert_int_equal(h1_skip_empty_lines(SPAN("GET")), 0);
    assert_int_equal(h1_skip_empty_lines(SPAN("\r")), 0);
    assert_int_equal(h1_skip_empty_lines(SPAN("\n")), 0);
    assert_int_equal(h1_skip_empty_lines(SPAN("\r\nGET")), 2);
    assert_int_equal(h1_skip_empty_lines(SPAN("\r\n\r")), 2);
    assert_int_equal(h1_skip_empty_lines(SPAN("\r\n\r\n")), 4);
    assert_int_equal(h1_skip_empty_lines(SPAN("\r\n\r\n\r\n")), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_request_lines_are_refused),
        cmocka_unit_test(bad_fields_are_refused),
        cmocka_unit_test(bad_hosts_are_refused),
        cmocka_unit_test(ambiguous_framing_is_refused),
        cmocka_unit_test(bad_upgrades_are_refused),
        cmocka_unit_test(faults_are_found_at_every_place),
        cmocka_unit_test(a_plain_request_is_understood),
        cmocka_unit_test(odd_methods_pass_as_they_came),
        cmocka_unit_test(the_other_target_forms_are_understood),
        cmocka_unit_test(http_1_0_needs_no_host_and_closes),
        cmocka_unit_test(connection_and_expect_are_understood),
        cmocka_unit_test(request_bodies_are_understood),
        cmocka_unit_test(a_header_line_of_60_kib_is_accepted),
        cmocka_unit_test(the_number_of_fields_is_limited),
        cmocka_unit_test(every_known_field_is_recognised_in_any_case),
        cmocka_unit_test(fields_are_found_and_listed),
        cmocka_unit_test(hop_by_hop_fields_are_told_apart),
        cmocka_unit_test(bad_responses_are_refused),
        cmocka_unit_test(status_lines_are_understood),
        cmocka_unit_test(response_bodies_follow_the_request),
        cmocka_unit_test(a_challenge_keeps_its_lines),
        cmocka_unit_test(the_end_is_found_however_the_bytes_come),
        cmocka_unit_test(leading_empty_lines_are_skipped),
    };
    int failures = cmocka_run_group_tests_name("wire/h1_head", tests, NULL, NULL);
    free(copy);
    return failures;
}
