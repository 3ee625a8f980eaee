// SPDX-License-Identifier: Apache-2.0
// A call against servers that do what no server should: it answers within its patience, says why,
// and what it could still read. The servers are threads with a script.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "doctor/call.h"

enum { PATIENCE_MS = 400 };

// What one server does with its one connection.
struct script {
    const char *says;    // after a request was read; NULL: nothing
    size_t size;         // of it; 0: a text
    const char *repeats; // then this, until the other side has gone
    bool reads_nothing;  // before it speaks
    bool is_dripping;    // a byte at a time, with pauses
    bool stays;          // does not close until the other side has gone
};

struct server {
    const struct script *script;
    int listener;
    pthread_t thread;
    struct address address;
};

static bool say(int fd, const char *bytes, size_t size, bool is_dripping)
{
    for (size_t sent = 0; sent < size;) {
        ssize_t count = send(fd, bytes + sent, is_dripping ? 1 : size - sent, MSG_NOSIGNAL);
        if (count <= 0)
            return false;
        sent += (size_t)count;
        if (is_dripping)
            usleep(30000);
    }
    return true;
}

static void *serve(void *argument)
{
    struct server *server = argument;
    const struct script *script = server->script;
    char request[65536];
    int fd = accept(server->listener, NULL, NULL);
    if (!script->reads_nothing)
        CHECK(recv(fd, request, sizeof request, 0) >= 0);
    const char *says = script->says ? script->says : "";
    say(fd, says, script->size ? script->size : strlen(says), script->is_dripping);
    while (script->repeats && say(fd, script->repeats, strlen(script->repeats), false))
        ;
    while (script->stays && recv(fd, request, sizeof request, 0) > 0)
        ;
    close(fd);
    return NULL;
}

static void server_start(struct server *server, const struct script *script)
{
    socklen_t size = sizeof server->address.v6;
    server->script = script;
    CHECK(address_parse("127.0.0.1", 0, &server->address));
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(server->listener, &server->address.any, server->address.size) == 0);
    CHECK(listen(server->listener, 8) == 0);
    CHECK(getsockname(server->listener, &server->address.any, &size) == 0);
    CHECK(pthread_create(&server->thread, NULL, serve, server) == 0);
}

static void server_finish(struct server *server)
{
    pthread_join(server->thread, NULL);
    close(server->listener);
}

static const struct call_wish plain = {.patience_ms = PATIENCE_MS};
static const struct call_request get = {.target = "/", .host = "iis1.example.com"};

static void ask(const struct script *script, const struct call_request *request,
                struct call_answer *ret_answer)
{
    struct server server;
    struct call *call = NULL;
    server_start(&server, script);
    assert_true(is_ok(call_open(&server.address, &plain, &call, NULL)));
    call_ask(call, request, ret_answer);
    call_close(call);
    server_finish(&server);
}

static void outlives_every_server(void **state)
{
    (void)state;
    static const struct {
        struct script script;
        enum end end;
        unsigned status;
    } cases[] = {
        {{.says = ""}, END_SERVER_CLOSED, 0},
        {{.stays = true}, END_SERVER_TIMEOUT, 0},
        {{.says = "\x15\x03\x01\x00\x02\x02\x28"}, END_RESPONSE_BAD, 0},
        {{.says = "SSH-2.0-x\r\n", .reads_nothing = true, .stays = true}, END_RESPONSE_BAD, 0},
        {{.says = "HTTP/1.1"}, END_SERVER_CLOSED, 0},
        {{.says = "HTTP/1.1 401 X\r\nServer: x\r\n"}, END_SERVER_CLOSED, 401},
        {{.says = "HTTP/1.1 401 X\r\nServer: x\r\n", .stays = true}, END_SERVER_TIMEOUT, 401},
        {{.says = "HTTP/1.1 200 X\nServer: x\n\n"}, END_RESPONSE_BAD, 200},
        {{.says = "HTTP/1.1 200 X\r\n", .repeats = "X-Field: value\r\n"},
         END_RESPONSE_TOO_BIG,
         200},
        {{.says = "HTTP/1.1 200 X\r\nA: ", .repeats = "xxxxxxxxxxxx"}, END_RESPONSE_TOO_BIG, 200},
        {{.repeats = "HTTP/1.1 100 Continue\r\n\r\n"}, END_RESPONSE_BAD, 0},
        {{.says = "HTTP/1.1 200 X\r\nContent-Length: 10\r\n\r\nabc"}, END_RESPONSE_CUT, 200},
        {{.says = "HTTP/1.1 200 X\r\nContent-Length: 10\r\n\r\nabc", .stays = true},
         END_SERVER_TIMEOUT,
         200},
        {{.says = "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"},
         END_RESPONSE_FRAMING,
         200},
        {{.says = "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"},
         END_RESPONSE_CUT,
         200},
        {{.says = "HTTP/1.1 200 X\r\n\r\n", .repeats = "endless endless endless endless "},
         END_RESPONSE_TOO_BIG,
         200},
        {{.says = "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n",
          .repeats = "10\r\n0123456789abcdef\r\n"},
         END_RESPONSE_TOO_BIG,
         200},
        {{.says = "HTTP/1.1 401 X\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na"},
         END_RESPONSE_FRAMING,
         401},
        {{.says = "HTTP/1.1 200 X\r\nServer: dripping dripping dripping dripping\r\n\r\n",
          .is_dripping = true},
         END_SERVER_TIMEOUT,
         200},
        {{.says = "HTTP/1.1 200 X\r\nA: b\0c\r\n\r\n", .size = 26}, END_RESPONSE_BAD, 200},
        // an interim status is no answer
        {{.says = "HTTP/1.1 100 Continue\r\n", .stays = true}, END_SERVER_TIMEOUT, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct call_answer answer;
        ask(&cases[i].script, &get, &answer);
        // how far an endless body gets within the patience is a matter of speed
        bool is_endless = cases[i].end == END_RESPONSE_TOO_BIG;
        if (answer.end != cases[i].end && !(is_endless && answer.end == END_SERVER_TIMEOUT))
            fail_msg("case %zu ended with %s", i, end_word(answer.end));
        assert_int_equal(answer.status, cases[i].status);
        assert_false(answer.is_persistent);
        assert_true(answer.body_size <= CALL_BODY_MAX);
        call_answer_done(&answer);
    }
}

// Heads that each come in time, and then nothing that counts: one patience for all of them.
static void has_one_patience_for_an_answer(void **state)
{
    (void)state;
    static const char heads[] =
        "HTTP/1.1 100 A\r\n\r\nHTTP/1.1 100 A\r\n\r\nHTTP/1.1 100 A\r\n\r\n"
        "HTTP/1.1 100 A\r\n\r\nHTTP/1.1 100 A\r\n\r\nHTTP/1.1 200 A\r\n\r\n";
    static const struct script script = {.says = heads, .is_dripping = true};
    struct call_answer answer;
    // the last head comes after 3 s, and none takes longer than 700 ms
    struct call_wish patient = {.patience_ms = 1500};
    struct server server;
    struct call *call = NULL;
    atomic_uint silences = 0;
    patient.silences = &silences;
    server_start(&server, &script);
    assert_true(is_ok(call_open(&server.address, &patient, &call, NULL)));
    call_ask(call, &get, &answer);
    assert_int_equal(answer.end, END_SERVER_TIMEOUT);
    assert_int_equal(answer.status, 0);
    assert_int_equal(silences, 1);
    call_answer_done(&answer);
    call_close(call);
    server_finish(&server);
}

// No step goes beyond the end that was set for all of them.
static void keeps_to_the_end_it_was_given(void **state)
{
    (void)state;
    static const struct script script = {.stays = true};
    struct call_wish wish = {.patience_ms = 60000, .until_us = loop_now_us() + 300 * US_PER_MS};
    struct call_answer answer;
    struct server server;
    struct call *call = NULL;
    server_start(&server, &script);
    assert_true(is_ok(call_open(&server.address, &wish, &call, NULL)));
    call_ask(call, &get, &answer);
    assert_int_equal(answer.end, END_SERVER_TIMEOUT);
    assert_true(loop_now_us() < wish.until_us + 20 * US_PER_S);
    call_answer_done(&answer);
    call_close(call);
    server_finish(&server);
}

// Larger than what is kept of bytes not read yet, in pieces that never end where that does.
static void reads_a_long_body_of_small_chunks(void **state)
{
    (void)state;
    enum { CHUNKS = 90000 };
    static const char head[] = "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n";
    static const char chunk[] = "b\r\nabcdefghijk\r\n";
    char *text = malloc(sizeof head + CHUNKS * (sizeof chunk - 1) + 8);
    assert_non_null(text);
    char *at = stpcpy(text, head);
    for (size_t i = 0; i < CHUNKS; i++)
        at = stpcpy(at, chunk);
    stpcpy(at, "0\r\n\r\n");
    struct script script = {.says = text, .stays = true};
    struct call_wish patient = {.patience_ms = 20000};
    struct call_answer answer;
    struct server server;
    struct call *call = NULL;
    server_start(&server, &script);
    assert_true(is_ok(call_open(&server.address, &patient, &call, NULL)));
    call_ask(call, &get, &answer);
    assert_int_equal(answer.end, END_OK);
    assert_int_equal(answer.body_bytes, CHUNKS * 11);
    assert_true(answer.is_persistent);
    call_answer_done(&answer);
    call_close(call);
    server_finish(&server);
    free(text);
}

static void reads_what_is_in_order(void **state)
{
    (void)state;
    static const struct {
        struct script script;
        const char *method;
        enum body_kind kind;
        const char *body;
        bool is_persistent;
    } cases[] = {
        {{.says = "HTTP/1.1 200 X\r\nContent-Length: 3\r\n\r\nabc", .stays = true},
         NULL,
         BODY_LENGTH,
         "abc",
         true},
        {{.says = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 X\r\nContent-Length: 3\r\n\r\nabc",
          .is_dripping = false,
          .stays = true},
         NULL,
         BODY_LENGTH,
         "abc",
         true},
        {{.says = "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nab\r\n1\r\nc\r\n0"
                  "\r\nX: y\r\n\r\n",
          .stays = true},
         NULL,
         BODY_CHUNKED,
         "abc",
         true},
        {{.says = "HTTP/1.1 200 X\r\n\r\nabc"}, NULL, BODY_UNTIL_CLOSE, "abc", false},
        {{.says = "HTTP/1.0 200 X\r\nContent-Length: 3\r\n\r\nabc"},
         NULL,
         BODY_LENGTH,
         "abc",
         false},
        {{.says = "HTTP/1.1 200 X\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc"},
         NULL,
         BODY_LENGTH,
         "abc",
         false},
        {{.says = "HTTP/1.1 200 X\r\nContent-Length: 300\r\n\r\n", .stays = true},
         "HEAD",
         BODY_NONE,
         NULL,
         true},
        {{.says = "HTTP/1.1 304 X\r\n\r\n", .stays = true}, NULL, BODY_NONE, NULL, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct call_answer answer;
        struct call_request request = get;
        request.method = cases[i].method;
        ask(&cases[i].script, &request, &answer);
        assert_int_equal(answer.end, END_OK);
        assert_int_equal(answer.body_kind, cases[i].kind);
        assert_int_equal(answer.is_persistent, cases[i].is_persistent);
        if (cases[i].body)
            assert_string_equal(answer.body, cases[i].body);
        else
            assert_null(answer.body);
        call_answer_done(&answer);
    }
}

static void asks_again_on_one_connection(void **state)
{
    (void)state;
    struct server server;
    struct call *call = NULL;
    struct call_answer answer;
    // both answers come at once; the second waits for its question
    static const struct script script = {.says = "HTTP/1.1 401 X\r\nContent-Length: 1\r\n\r\na"
                                                 "HTTP/1.1 200 X\r\nContent-Length: 1\r\n\r\nb"};
    server_start(&server, &script);
    assert_true(is_ok(call_open(&server.address, &plain, &call, NULL)));
    call_ask(call, &get, &answer);
    assert_int_equal(answer.status, 401);
    assert_true(answer.is_persistent);
    call_answer_done(&answer);
    call_ask(call, &get, &answer);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "b");
    call_answer_done(&answer);
    assert_true(call_has_ended(call, PATIENCE_MS));
    call_close(call);
    server_finish(&server);
}

static void knows_who_has_not_ended(void **state)
{
    (void)state;
    struct server server;
    struct call *call = NULL;
    static const struct script script = {.stays = true, .reads_nothing = true};
    server_start(&server, &script);
    assert_true(is_ok(call_open(&server.address, &plain, &call, NULL)));
    assert_false(call_has_ended(call, 20));
    call_close(call);
    server_finish(&server);
}

static void tells_why_there_is_no_call(void **state)
{
    (void)state;
    struct call *call = NULL;
    struct call_problem problem;
    struct server server;
    static const struct {
        struct script script;
        enum end end;
    } cases[] = {
        {{.says = ""}, END_SERVER_CLOSED},
        {{.stays = true}, END_SERVER_TIMEOUT},
        {{.says = "HTTP/1.1 400 Bad Request\r\n\r\n"}, END_SERVER_TLS_FAILED},
        {{.says = "\x15\x03\x01\x00\x02\x02\x28", .size = 7}, END_SERVER_TLS_FAILED},
        {{.says = "\x16\x03\x03\x40\x00\x02\x00\x3f\xfc", .size = 9}, END_SERVER_CLOSED},
        {{.says = "\x16\x03\x03\x00\x04\x02\x00\x00\x00", .size = 9}, END_SERVER_TLS_FAILED},
        {{.repeats = "garbage garbage garbage"}, END_SERVER_TLS_FAILED},
    };
    struct call_wish wish = {
        .is_tls = true, .server_name = "iis1.example.com", .patience_ms = PATIENCE_MS};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        server_start(&server, &cases[i].script);
        enum end end = call_open(&server.address, &wish, &call, &problem).end;
        server_finish(&server);
        if (end != cases[i].end)
            fail_msg("case %zu ended with %s", i, end_word(end));
        assert_true(problem.text[0]);
        assert_null(call);
    }
    // the last server's port is closed by now
    assert_int_equal(call_open(&server.address, &plain, &call, &problem).end, END_CONNECT_REFUSED);
    assert_string_equal(problem.text, "Connection refused");
}

static void refuses_wishes_openssl_cannot_grant(void **state)
{
    (void)state;
    struct server server;
    struct call *call = NULL;
    struct call_problem problem;
    static const struct script script = {.reads_nothing = true, .stays = true};
    static const struct call_wish wishes[] = {
        {.is_tls = true, .groups = "nonsense", .patience_ms = PATIENCE_MS},
        {.is_tls = true, .sigalgs = "nonsense", .patience_ms = PATIENCE_MS},
        {.is_tls = true, .alpn = ",", .patience_ms = PATIENCE_MS},
    };
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
        server_start(&server, &script);
        assert_int_equal(call_open(&server.address, &wishes[i], &call, &problem).end,
                         END_SERVER_TLS_FAILED);
        server_finish(&server);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outlives_every_server),
        cmocka_unit_test(has_one_patience_for_an_answer),
        cmocka_unit_test(keeps_to_the_end_it_was_given),
        cmocka_unit_test(reads_a_long_body_of_small_chunks),
        cmocka_unit_test(reads_what_is_in_order),
        cmocka_unit_test(asks_again_on_one_connection),
        cmocka_unit_test(knows_who_has_not_ended),
        cmocka_unit_test(tells_why_there_is_no_call),
        cmocka_unit_test(refuses_wishes_openssl_cannot_grant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
