// SPDX-License-Identifier: Apache-2.0
// Bodies: where they end, what is content, which chunks are refused. Every body is read at once,
// byte by byte and with the input cut at every place; the answers must be the same.
#include "wire/h1_body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

struct outcome {
    enum parse_state state;
    size_t consumed;
    size_t content_size;
    uint8_t content[128 * 1024];
};

static struct outcome outcome;
static struct outcome again;

static void take(struct h1_body *body, struct piece piece, size_t most, struct outcome *result)
{
    struct span taken = span_first(piece.bytes, most);
    if (piece.is_payload) {
        assert_true(result->content_size + taken.size <= sizeof result->content);
        memcpy(result->content + result->content_size, taken.data, taken.size);
        result->content_size += taken.size;
    }
    h1_body_advance(body, taken);
    result->consumed += taken.size;
}

// Reads as far as `input` goes, looking at `window` bytes and taking `most` at a time.
static void follow(struct h1_body *body, struct span input, size_t window, size_t most,
                   struct outcome *result)
{
    for (;;) {
        struct piece piece = {0};
        struct span rest = span_after(input, result->consumed);
        struct parse parse = h1_body_look(body, span_first(rest, window), &piece);
        result->state = parse.state;
        if (parse.state == PARSE_BAD)
            assert_int_equal(parse.end, END_CHUNK_BAD);
        if (parse.state != PARSE_MORE || span_is_empty(rest))
            break;
        assert_true(piece.bytes.size > 0);
        assert_ptr_equal(piece.bytes.data, rest.data);
        take(body, piece, most, result);
    }
    assert_int_equal(body->payload, result->content_size);
    assert_int_equal(h1_body_is_done(body), result->state == PARSE_DONE);
}

static void read_all(enum body_kind kind, uint64_t length, struct span input, size_t window,
                     size_t most, struct outcome *result)
{
    struct h1_body body;
    result->consumed = result->content_size = 0;
    h1_body_init(&body, kind, length);
    follow(&body, input, window, most, result);
}

// A body that was bad is bad in every way of reading it, but the good bytes before may have been
// taken.
static void assert_same(struct span input)
{
    assert_int_equal(again.state, outcome.state);
    if (outcome.state == PARSE_BAD)
        return;
    if (again.consumed != outcome.consumed || again.content_size != outcome.content_size ||
        memcmp(again.content, outcome.content, outcome.content_size) != 0)
        fail_msg("read differently in pieces: %.*s", SPAN_PRINT(input));
}

// Reads `input` at once into `outcome` and compares with every other way of reading it.
static void read_every_way(enum body_kind kind, uint64_t length, struct span input)
{
    read_all(kind, length, input, SIZE_MAX, SIZE_MAX, &outcome);
    for (size_t window = 1; window <= input.size; window++) {
        read_all(kind, length, input, window, SIZE_MAX, &again);
        assert_same(input);
        read_all(kind, length, input, SIZE_MAX, window, &again);
        assert_same(input);
    }
    for (size_t cut = 0; cut <= input.size; cut++) {
        struct h1_body body;
        again.consumed = again.content_size = 0;
        h1_body_init(&body, kind, length);
        follow(&body, span_first(input, cut), SIZE_MAX, SIZE_MAX, &again);
        if (again.state == PARSE_MORE)
            follow(&body, input, SIZE_MAX, SIZE_MAX, &again);
        assert_same(input);
    }
}

struct chunked_case {
    struct span input;
    const char *content; // NULL: refused
    size_t consumed;     // 0: not complete
};

#define WHOLE(text, content, rest)                                                                 \
    {                                                                                              \
        {(const uint8_t *)(text rest), sizeof(text rest) - 1}, content, sizeof(text) - 1           \
    }
#define PART(text, content)                                                                        \
    {                                                                                              \
        {(const uint8_t *)(text), sizeof(text) - 1}, content, 0                                    \
    }
#define BAD(text)                                                                                  \
    {                                                                                              \
        {(const uint8_t *)(text), sizeof(text) - 1}, NULL, 0                                       \
    }

static const struct chunked_case chunked[] = {
    WHOLE("0\r\n\r\n", "", ""),
    WHOLE("0\r\n\r\n", "", "GET / HTTP/1.1\r\n"),
    WHOLE("0\r\n\r\n", "", "\r\n"),
    WHOLE("5\r\nhello\r\n0\r\n\r\n", "hello", ""),
    WHOLE("5\r\nhello\r\n0\r\n\r\n", "hello", "0\r\n\r\n"),
    WHOLE("5\r\nhello\r\n1\r\n,\r\n6\r\n world\r\n0\r\n\r\n", "hello, world", "x"),
    WHOLE("5\r\n\r\n0\r\n\r\n0\r\n\r\n", "\r\n0\r\n", ""),
    WHOLE("A\r\n0123456789\r\n00\r\n\r\n", "0123456789", ""),
    WHOLE("a\r\n0123456789\r\n0000000000000000\r\n\r\n", "0123456789", ""),
    WHOLE("0000000000000005\r\nhello\r\n0\r\n\r\n", "hello", ""),
    WHOLE("5;a\r\nhello\r\n0\r\n\r\n", "hello", ""),
    WHOLE("5;a=b;c=\"d \\\" \xe9;\t\"\r\nhello\r\n0;last\r\n\r\n", "hello", ""),
    WHOLE("5; a = b \r\nhello\r\n0\r\n\r\n", "hello", ""),
    WHOLE("0\r\nX: 1\r\n\r\n", "", "y"),
    WHOLE("0\r\nX:\r\nY-z: \t a\xe9 \r\n\r\n", "", ""),
    WHOLE("0\r\nHos: a\r\nHostt: a\r\nX-Host: b\r\nContent-Length2: 5\r\n\r\n", "", ""),
    PART("", ""),
    PART("5", ""),
    PART("5\r", ""),
    PART("5\r\n", ""),
    PART("5\r\nhell", "hell"),
    PART("5\r\nhello", "hello"),
    PART("5\r\nhello\r", "hello"),
    PART("5\r\nhello\r\n", "hello"),
    PART("5\r\nhello\r\n0\r\n", "hello"),
    PART("0\r\nX: y", ""),
    PART("0\r\nX: y\r\n\r", ""),
    PART("7fffffffffffffff\r\nhello", "hello"),
    BAD("\r\n"),
    BAD("\n"),
    BAD(" 5\r\nhello\r\n0\r\n\r\n"),
    BAD("5 \r\nhello\r\n0\r\n\r\n"),
    BAD("5 ;a\r\nhello\r\n0\r\n\r\n"),
    BAD("5\t\r\nhello\r\n0\r\n\r\n"),
    BAD("0x5\r\nhello\r\n0\r\n\r\n"),
    BAD("x5\r\nhello\r\n0\r\n\r\n"),
    BAD("+5\r\nhello\r\n0\r\n\r\n"),
    BAD("-1\r\nhello\r\n0\r\n\r\n"),
    BAD("5_0\r\nhello\r\n0\r\n\r\n"),
    BAD("g\r\n"),
    BAD(";a\r\n"),
    BAD("8000000000000000\r\nhello"),
    BAD("ffffffffffffffff\r\nhello"),
    BAD("10000000000000005\r\nhello\r\n0\r\n\r\n"),
    BAD("00000000000000005\r\nhello\r\n0\r\n\r\n"),
    BAD("5\nhello\r\n0\r\n\r\n"),
    BAD("5\rhello\r\n0\r\n\r\n"),
    BAD("5\r\r\nhello\r\n0\r\n\r\n"),
    BAD("5;a\nhello\r\n0\r\n\r\n"),
    BAD("5;a\n\r\nhello\r\n0\r\n\r\n"),
    BAD("5;a\rb\r\nhello\r\n0\r\n\r\n"),
    BAD("5;\0\r\nhello\r\n0\r\n\r\n"),
    BAD("5;a=\x01\r\nhello\r\n0\r\n\r\n"),
    BAD("5;a=(b)\r\nhello\r\n0\r\n\r\n"),
    BAD("5;a=\"b\r\nhello\r\n0\r\n\r\n"),
    BAD("5;a=\"b\n\"\r\nhello\r\n0\r\n\r\n"),
    BAD("5;a=\"b\\\r\n\"\r\nhello\r\n0\r\n\r\n"),
    BAD("5\r\nhello0\r\n\r\n"),
    BAD("5\r\nhello\n0\r\n\r\n"),
    BAD("5\r\nhello\r0\r\n\r\n"),
    BAD("5\r\nhello!\r\n0\r\n\r\n"),
    BAD("5\r\nhello\r\n\r\n0\r\n\r\n"),
    BAD("0\n\n"),
    BAD("0\r\n\n"),
    BAD("0\r\n\rx"),
    BAD("0\r\n X: 1\r\n\r\n"),
    BAD("0\r\nX: 1\r\n 2\r\n\r\n"),
    BAD("0\r\nX\r\n\r\n"),
    BAD("0\r\n: 1\r\n\r\n"),
    BAD("0\r\nX : 1\r\n\r\n"),
    BAD("0\r\nX: 1\n\r\n"),
    BAD("0\r\nX: \0\r\n\r\n"),
    BAD("0\r\nX: 1\r2\r\n\r\n"),
    BAD("0\r\nContent-Length: 5\r\n\r\n"),
    BAD("0\r\nA: b\r\ncontent-length:5\r\n\r\n"),
    BAD("0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    BAD("0\r\nHOST: a\r\n\r\n"),
    BAD("0\r\nAuthorization: NTLM x\r\n\r\n"),
    BAD("0\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n"),
    BAD("0\r\nX-Forwarded-Port: 1\r\n\r\n"),
    BAD("0\r\nWWW-Authenticate: NTLM\r\n\r\n"),
};

static void chunked_bodies_are_followed_and_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(chunked); i++) {
        const struct chunked_case *c = &chunked[i];
        enum parse_state wanted = c->consumed ? PARSE_DONE : PARSE_MORE;
        read_every_way(BODY_CHUNKED, 0, c->input);
        if (outcome.state != (c->content ? wanted : PARSE_BAD))
            fail_msg("case %zu: state %u: %.*s", i, (unsigned)outcome.state, SPAN_PRINT(c->input));
        if (!c->content)
            continue;
        assert_int_equal(outcome.content_size, strlen(c->content));
        assert_memory_equal(outcome.content, c->content, outcome.content_size);
        assert_int_equal(outcome.consumed, c->consumed ? c->consumed : c->input.size);
    }
}

static void every_known_field_is_refused_as_a_trailer(void **state)
{
    (void)state;
    for (unsigned id = FIELD_OTHER + 1; id < FIELD_COUNT; id++) {
        char input[64];
        struct span name = field_id_name(id);
        int size = snprintf(input, sizeof input, "0\r\n%.*s: 1\r\n\r\n", SPAN_PRINT(name));
        read_every_way(BODY_CHUNKED, 0, span_of(input, (size_t)size));
        assert_int_equal(outcome.state, PARSE_BAD);
        size = snprintf(input, sizeof input, "0\r\n%.*s-: 1\r\n\r\n", SPAN_PRINT(name));
        read_every_way(BODY_CHUNKED, 0, span_of(input, (size_t)size));
        assert_int_equal(outcome.state, PARSE_DONE);
    }
}

static enum parse_state read_long(struct span before, size_t fill, struct span after)
{
    static uint8_t input[64 * 1024];
    memcpy(input, before.data, before.size);
    memset(input + before.size, 'a', fill);
    memcpy(input + before.size + fill, after.data, after.size);
    struct span whole = span_of(input, before.size + fill + after.size);
    read_all(BODY_CHUNKED, 0, whole, SIZE_MAX, SIZE_MAX, &outcome);
    read_all(BODY_CHUNKED, 0, whole, 7, 5, &again);
    assert_int_equal(again.state, outcome.state);
    return outcome.state;
}

static void lines_are_limited(void **state)
{
    (void)state;
    assert_int_equal(read_long(SPAN("0;"), CHUNK_LINE_MAX - 2, SPAN("\r\n\r\n")), PARSE_DONE);
    assert_int_equal(read_long(SPAN("0;"), CHUNK_LINE_MAX - 1, SPAN("\r\n\r\n")), PARSE_BAD);
    assert_int_equal(read_long(SPAN("0;"), CHUNK_LINE_MAX - 1, SPAN("")), PARSE_BAD);
    // 'X:' CRLF and the CR of the empty line count too.
    assert_int_equal(read_long(SPAN("0\r\nX:"), TRAILERS_MAX - 5, SPAN("\r\n\r\n")), PARSE_DONE);
    assert_int_equal(read_long(SPAN("0\r\nX:"), TRAILERS_MAX - 4, SPAN("\r\n\r\n")), PARSE_BAD);
    assert_int_equal(read_long(SPAN("0\r\nX:a\r\nY:"), TRAILERS_MAX - 9, SPAN("\r\n\r\n")),
                     PARSE_BAD);
}

static void lengths_are_followed(void **state)
{
    (void)state;
    read_every_way(BODY_NONE, 0, SPAN("GET"));
    assert_int_equal(outcome.state, PARSE_DONE);
    assert_int_equal(outcome.consumed, 0);
    read_every_way(BODY_LENGTH, 0, SPAN("GET"));
    assert_int_equal(outcome.state, PARSE_DONE);
    assert_int_equal(outcome.consumed, 0);
    read_every_way(BODY_LENGTH, 5, SPAN("hello, world"));
    assert_int_equal(outcome.state, PARSE_DONE);
    assert_int_equal(outcome.consumed, 5);
    assert_memory_equal(outcome.content, "hello", 5);
    read_every_way(BODY_LENGTH, 5, SPAN("hell"));
    assert_int_equal(outcome.state, PARSE_MORE);
    assert_int_equal(outcome.consumed, 4);
    read_every_way(BODY_LENGTH, INT64_MAX, SPAN("hello"));
    assert_int_equal(outcome.state, PARSE_MORE);
    read_every_way(BODY_UNTIL_CLOSE, 0, SPAN("0\r\n\r\nhello"));
    assert_int_equal(outcome.state, PARSE_MORE);
    assert_int_equal(outcome.content_size, 10);
}

static void nothing_to_take_from_nothing(void **state)
{
    (void)state;
    static const enum body_kind kinds[] = {BODY_LENGTH, BODY_CHUNKED, BODY_UNTIL_CLOSE};
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct h1_body body;
        struct piece piece = {SPAN("untouched"), true};
        h1_body_init(&body, kinds[i], 3);
        assert_int_equal(h1_body_look(&body, span_of(NULL, 0), &piece).state, PARSE_MORE);
        assert_int_equal(piece.bytes.size, 0);
        h1_body_advance(&body, piece.bytes);
        assert_false(h1_body_is_done(&body));
    }
}

static void a_piece_is_the_longest_run_of_one_kind(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        bool is_payload;
    } runs[] = {{3, false}, {5, true}, {7, false}, {2, true}, {10, false}};
    struct h1_body body;
    struct span input = SPAN("5\r\nhello\r\n2;x\r\n!!\r\n0\r\nA:\r\n");
    h1_body_init(&body, BODY_CHUNKED, 0);
    for (size_t i = 0; i < COUNT(runs); i++) {
        struct piece piece;
        assert_int_equal(h1_body_look(&body, input, &piece).state, PARSE_MORE);
        if (i == 4)
            assert_int_equal(piece.bytes.size, input.size);
        else
            assert_int_equal(piece.bytes.size, runs[i].size);
        assert_int_equal(piece.is_payload, runs[i].is_payload);
        h1_body_advance(&body, piece.bytes);
        input = span_after(input, piece.bytes.size);
    }
    assert_int_equal(body.payload, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunked_bodies_are_followed_and_refused),
        cmocka_unit_test(every_known_field_is_refused_as_a_trailer),
        cmocka_unit_test(lines_are_limited),
        cmocka_unit_test(lengths_are_followed),
        cmocka_unit_test(nothing_to_take_from_nothing),
        cmocka_unit_test(a_piece_is_the_longest_run_of_one_kind),
    };
    return cmocka_run_group_tests_name("wire/h1_body", tests, NULL, NULL);
}
