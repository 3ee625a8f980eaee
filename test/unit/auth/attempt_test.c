// SPDX-License-Identifier: Apache-2.0
// Logins as they pass, leg by leg, and the verdict on each: a table of cases. Tokens are written
// down here as token_read would read them; those of real clients are in token_test.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "auth/attempt.h"
#include "wire/spnego.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])
#define HOST            "lb.example.test"
#define NOW_FILETIME    133500000000000000ull
#define MINUTE          600000000ull // in FILETIME

// A token as a row of a table.
struct said {
    enum auth_scheme scheme;
    enum token_kind kind;
    const char *user, *domain, *spn, *server;
    unsigned version;                  // NTLM response; 0 in a Type 3: none
    enum channel_binding_form binding; // of a Type 3
    int etype, error;                  // error 0: none
    int state;                         // SPNEGO's, one more: 0 is none
    int minutes;                       // the server's clock is ahead
    bool has_clock, is_bad;
    size_t bytes;
};

static void set_text(struct token_text *text, const char *value)
{
    if (value)
        text->size = (size_t)snprintf(text->data, sizeof text->data, "%s", value);
}

static struct token token_of(const struct said *said)
{
    struct token token = {
        .scheme = said->scheme,
        .kind = said->kind,
        .ntlm_version = said->version,
        .ntlm_anonymous = said->kind == TOKEN_NTLM_AUTHENTICATE && !said->user,
        .binding = said->binding,
        .ticket_etype = said->etype,
        .ticket_kvno = said->etype ? 3 : -1,
        .krb_error = said->error ? said->error : -1,
        .neg_state = said->state - 1,
        .in_spnego = said->state > 0,
        .base64_bad = said->is_bad,
        .token_bytes = said->bytes ? said->bytes : 100,
    };
    if (said->has_clock)
        token.server_filetime = NOW_FILETIME + (uint64_t)(said->minutes * (int64_t)MINUTE);
    set_text(&token.user, said->user);
    set_text(&token.domain, said->domain);
    set_text(&token.spn, said->spn);
    set_text(&token.server_name, said->server);
    return token;
}

// Client: NTLM by its own name, NTLM in Negotiate, Kerberos.
#define S_NTLM AUTH_SCHEME_NTLM
#define S_NEGO AUTH_SCHEME_NEGOTIATE
#define TYPE1                                                                                      \
    {                                                                                              \
        S_NTLM, TOKEN_NTLM_NEGOTIATE                                                               \
    }
#define TYPE3                                                                                      \
    {                                                                                              \
        S_NTLM, TOKEN_NTLM_AUTHENTICATE, "alice", "EXAMPLE", .version = 2,                         \
                                                             .binding = CHANNEL_BINDING_PRESENT    \
    }
#define NEGO1                                                                                      \
    {                                                                                              \
        S_NEGO, TOKEN_NTLM_NEGOTIATE                                                               \
    }
#define NEGO3                                                                                      \
    {                                                                                              \
        S_NEGO, TOKEN_NTLM_AUTHENTICATE, "alice", "EXAMPLE", "HTTP/" HOST, .version = 2            \
    }
#define TICKET                                                                                     \
    {                                                                                              \
        S_NEGO, TOKEN_KERBEROS_REQUEST, .spn = "HTTP/" HOST, .etype = 18                           \
    }
#define TICKET_FOR(name)                                                                           \
    {                                                                                              \
        S_NEGO, TOKEN_KERBEROS_REQUEST, .spn = name, .etype = 18                                   \
    }
#define NOTHING                                                                                    \
    {                                                                                              \
        0                                                                                          \
    }
// Server
#define BARE                                                                                       \
    {                                                                                              \
        S_NEGO, TOKEN_EMPTY                                                                        \
    }
#define TYPE2                                                                                      \
    {                                                                                              \
        S_NTLM, TOKEN_NTLM_CHALLENGE, .server = "iis1.example.test"                                \
    }
#define NEGO2                                                                                      \
    {                                                                                              \
        S_NEGO, TOKEN_NTLM_CHALLENGE, .state = 2                                                   \
    }
#define ERROR(n)                                                                                   \
    {                                                                                              \
        S_NEGO, TOKEN_KERBEROS_ERROR, .error = (n), .state = SPNEGO_REJECTED + 1                   \
    }
#define PROVED                                                                                     \
    {                                                                                              \
        S_NEGO, TOKEN_KERBEROS_REPLY, .state = SPNEGO_COMPLETED + 1                                \
    }

struct exchange {
    struct said sent; // NOTHING: a request without credentials
    unsigned status;  // 0: no answer comes
    struct said got;  // NOTHING: no challenge
    uint64_t page;    // another one than the first
    bool is_persistent;
};

struct fall {
    const char *what;
    struct exchange exchanges[6];
    enum end end; // when the last has no answer, or the attempt goes on after it
    enum bound_to bound_to;
    unsigned bound_accepted;
    bool is_link_plain;
    enum login_verdict verdict;
    uint64_t remarks;
};

#define R(id) (1ull << JUDGED_##id)

static const struct fall falls[] = {
    // somebody is let in
    {"NTLM",
     {{NOTHING, 401, BARE}, {TYPE1, 401, TYPE2}, {TYPE3, 200, NOTHING}},
     .bound_to = BOUND_TO_BOTH,
     .verdict = JUDGED_SUCCESS},
    {"NTLM without being asked",
     {{TYPE1, 401, TYPE2}, {TYPE3, 302, NOTHING}},
     .verdict = JUDGED_SUCCESS},
    {"Kerberos", {{NOTHING, 401, BARE}, {TICKET, 200, PROVED}}, .verdict = JUDGED_SUCCESS},
    {"Kerberos with a name without dots",
     {{TICKET_FOR("http/LB.example.test@EXAMPLE.TEST"), 200, PROVED}},
     .verdict = JUDGED_SUCCESS},
    {"Kerberos, asked for and answered without a token",
     {{NOTHING, 401, BARE}, {TICKET, 200, NOTHING}},
     .verdict = JUDGED_SUCCESS},
    {"Kerberos, asked for with another page before",
     {{NOTHING, 401, BARE, .page = 1}, {NOTHING, 401, BARE}, {TICKET, 302, NOTHING}},
     .verdict = JUDGED_SUCCESS},
    {"Kerberos unasked, and the server says that it knows somebody",
     {{TICKET, 200, NOTHING, .is_persistent = true}},
     .verdict = JUDGED_SUCCESS},
    {"the page is not there, but the server has proved itself",
     {{TICKET, 404, PROVED}},
     .verdict = JUDGED_SUCCESS},
    {"another page than the one that was asked for, with the last word of the server",
     {{NEGO1, 401, NEGO2},
      {NEGO3, 200, {S_NEGO, TOKEN_SPNEGO_ONLY, .state = SPNEGO_COMPLETED + 1}, .page = 1}},
     .verdict = JUDGED_SUCCESS,
     .remarks = R(NTLM_FOR_KERBEROS)},
    {"NTLM in Negotiate",
     {{NEGO1, 401, NEGO2}, {NEGO3, 200, NOTHING}},
     .verdict = JUDGED_SUCCESS,
     .remarks = R(NTLM_FOR_KERBEROS)},
    {"RC4",
     {{{S_NEGO, TOKEN_KERBEROS_REQUEST, .spn = "HTTP/" HOST, .etype = 23}, 200, PROVED}},
     .verdict = JUDGED_SUCCESS,
     .remarks = R(RC4_TICKET)},
    {"an alias that has a name of its own",
     {{TICKET_FOR("HTTP/web.example.test"), 200, PROVED}},
     .verdict = JUDGED_SUCCESS,
     .remarks = R(NAME_OTHER)},
    {"NTLMv1",
     {{TYPE1, 401, TYPE2}, {{S_NTLM, TOKEN_NTLM_AUTHENTICATE, "bob", .version = 1}, 200, NOTHING}},
     .verdict = JUDGED_SUCCESS,
     .remarks = R(NTLM_V1)},
    {"nobody, and that is enough",
     {{TYPE1, 401, TYPE2}, {{S_NTLM, TOKEN_NTLM_AUTHENTICATE}, 200, NOTHING}},
     .verdict = JUDGED_SUCCESS,
     .remarks = R(ANONYMOUS)},
    {"Kerberos again with the server's clock",
     {{TICKET,
       401,
       {S_NEGO, TOKEN_KERBEROS_ERROR, .error = 37, .state = SPNEGO_INCOMPLETE + 1,
        .has_clock = true, .minutes = 9}},
      {TICKET, 200, PROVED}},
     .verdict = JUDGED_SUCCESS,
     .remarks = R(CLOCK)},
    {"the mechanism is agreed on first",
     {{{S_NEGO, TOKEN_SPNEGO_ONLY}, 401, {S_NEGO, TOKEN_SPNEGO_ONLY, .state = 2}},
      {NEGO1, 401, NEGO2},
      {NEGO3, 200, NOTHING}},
     .verdict = JUDGED_SUCCESS,
     .remarks = R(NTLM_FOR_KERBEROS)},
    {"NegoEx",
     {{{S_NEGO, TOKEN_NEGOEX}, 401, {S_NEGO, TOKEN_NEGOEX, .state = 2}},
      {{S_NEGO, TOKEN_NEGOEX}, 200, NOTHING}},
     .verdict = JUDGED_SUCCESS},
    // nobody is judged
    {"a ticket where anybody may come in", {{TICKET, 200, NOTHING}}, .verdict = JUDGED_UNPROVEN},
    {"a ticket for another page than the one that was asked for",
     {{NOTHING, 401, BARE}, {TICKET, 200, NOTHING, .page = 1}},
     .verdict = JUDGED_UNPROVEN},
    {"a ticket for a page that is not there, whatever the server adds",
     {{NOTHING, 401, BARE}, {TICKET, 404, NOTHING, .is_persistent = true}},
     .verdict = JUDGED_UNPROVEN},
    {"a ticket for a forbidden page", {{TICKET, 403, NOTHING}}, .verdict = JUDGED_FORBIDDEN},
    {"the last leg on a page for anybody",
     {{TYPE1, 401, TYPE2}, {TYPE3, 200, NOTHING, .page = 1}},
     .verdict = JUDGED_UNPROVEN},
    {"the last leg on a page for anybody that says it knows somebody",
     {{TYPE1, 401, TYPE2}, {TYPE3, 200, NOTHING, .page = 1, .is_persistent = true}},
     .verdict = JUDGED_UNPROVEN},
    {"the last leg is filtered",
     {{TYPE1, 401, TYPE2}, {TYPE3, 404, NOTHING}},
     .verdict = JUDGED_UNPROVEN},
    {"the server fails at the last leg",
     {{TYPE1, 401, TYPE2}, {TYPE3, 500, NOTHING}},
     .verdict = JUDGED_UNPROVEN},
    {"the page is forbidden, or everything is",
     {{TYPE1, 401, TYPE2}, {TYPE3, 403, NOTHING}},
     .verdict = JUDGED_FORBIDDEN},
    {"anybody may come in", {{TYPE1, 200, NOTHING}}, .verdict = JUDGED_NOT_ASKED},
    {"anybody may come in, whatever is sent",
     {{{S_NEGO, TOKEN_UNKNOWN}, 200, NOTHING}},
     .verdict = JUDGED_NOT_ASKED,
     .remarks = R(TOKEN_BAD)},
    {"a last leg that was answered without a first",
     {{TYPE3, 200, NOTHING}},
     .verdict = JUDGED_NOT_ASKED,
     .remarks = R(LEGS_SPLIT)},
    {"the server has no time", {{TICKET, 503, NOTHING}}, .verdict = JUDGED_NOT_READ},
    {"a bad request that is small", {{TICKET, 400, NOTHING}}, .verdict = JUDGED_NOT_READ},
    {"the process was stopped",
     {{TYPE1, 401, TYPE2}},
     .end = END_DRAINED,
     .verdict = JUDGED_INTERRUPTED},
    {"the process was stopped before anything was sent",
     {{NOTHING, 401, BARE}},
     .end = END_DRAINED,
     .verdict = JUDGED_INTERRUPTED},
    // the client
    {"nothing is sent",
     {{NOTHING, 401, BARE}},
     .end = END_CLIENT_CLOSED,
     .verdict = JUDGED_NO_CREDENTIALS},
    {"nothing is sent, again and again",
     {{NOTHING, 401, BARE}, {NOTHING, 401, BARE}, {NOTHING, 200, NOTHING}},
     .end = END_CLIENT_IDLE,
     .verdict = JUDGED_NO_CREDENTIALS},
    {"nothing is sent until the server has enough",
     {{NOTHING, 401, BARE}},
     .end = END_LINK_LOST,
     .verdict = JUDGED_NO_CREDENTIALS},
    {"it leaves after the challenge",
     {{TYPE1, 401, TYPE2}},
     .end = END_CLIENT_CLOSED,
     .verdict = JUDGED_CLIENT_LEFT},
    {"it resets after the challenge",
     {{TYPE1, 401, TYPE2}},
     .end = END_CLIENT_RESET,
     .verdict = JUDGED_CLIENT_LEFT},
    {"it leaves before the answer",
     {{TICKET, 0, NOTHING}},
     .end = END_CLIENT_LEFT,
     .verdict = JUDGED_CLIENT_LEFT},
    {"wrong password",
     {{TYPE1, 401, TYPE2}, {TYPE3, 401, BARE}},
     .bound_to = BOUND_TO_BOTH,
     .verdict = JUDGED_WRONG_CREDENTIALS},
    {"wrong password, said in Negotiate",
     {{NEGO1, 401, NEGO2}, {NEGO3, 401, {S_NEGO, TOKEN_SPNEGO_ONLY, .state = SPNEGO_REJECTED + 1}}},
     .bound_to = BOUND_TO_BOTH,
     .verdict = JUDGED_WRONG_CREDENTIALS,
     .remarks = R(NTLM_FOR_KERBEROS)},
    {"wrong password, bound to the server itself",
     {{TYPE1, 401, TYPE2}, {TYPE3, 401, NOTHING}},
     .bound_to = BOUND_TO_BACK,
     .verdict = JUDGED_WRONG_CREDENTIALS},
    {"nobody",
     {{TYPE1, 401, TYPE2}, {{S_NTLM, TOKEN_NTLM_AUTHENTICATE}, 401, BARE}},
     .bound_to = BOUND_TO_BOTH,
     .verdict = JUDGED_ANONYMOUS},
    {"NTLMv1 refused",
     {{TYPE1, 401, TYPE2}, {{S_NTLM, TOKEN_NTLM_AUTHENTICATE, "bob", .version = 1}, 401, BARE}},
     .bound_to = BOUND_TO_BOTH,
     .verdict = JUDGED_NTLM_V1},
    {"a token that is none",
     {{{S_NTLM, TOKEN_UNKNOWN, .is_bad = true}, 401, BARE}},
     .verdict = JUDGED_TOKEN_BAD},
    // NTLM
    {"the last leg on a connection of its own",
     {{TYPE3, 401, BARE}},
     .bound_to = BOUND_TO_BOTH,
     .verdict = JUDGED_LEGS_SPLIT},
    {"the last leg on a connection of its own, asked before",
     {{NOTHING, 401, BARE}, {TYPE3, 401, BARE}},
     .bound_to = BOUND_TO_FRONT,
     .verdict = JUDGED_LEGS_SPLIT,
     .remarks = R(BINDING_FRONT)},
    {"the challenge of another server",
     {{TYPE1, 401, TYPE2},
      {{S_NTLM, TOKEN_NTLM_AUTHENTICATE, "alice", .server = "IIS2.example.test", .version = 2},
       401,
       BARE}},
     .bound_to = BOUND_TO_BOTH,
     .verdict = JUDGED_OTHER_SERVER},
    {"the challenge of the same server in capitals",
     {{TYPE1, 401, TYPE2},
      {{S_NTLM, TOKEN_NTLM_AUTHENTICATE, "alice", .server = "IIS1.EXAMPLE.TEST", .version = 2},
       401,
       BARE}},
     .bound_to = BOUND_TO_BOTH,
     .verdict = JUDGED_WRONG_CREDENTIALS},
    {"no challenge to NTLM", {{TYPE1, 401, BARE}}, .verdict = JUDGED_NTLM_REFUSED},
    {"no challenge to NTLM in Negotiate",
     {{NOTHING, 401, BARE}, {NEGO1, 401, BARE}},
     .verdict = JUDGED_NTLM_FOR_KERBEROS},
    {"refused without any challenge", {{TYPE1, 401, NOTHING}}, .verdict = JUDGED_NTLM_REFUSED},
    {"the server lives in another time",
     {{TYPE1, 401, {S_NTLM, TOKEN_NTLM_CHALLENGE, .has_clock = true, .minutes = -6}},
      {TYPE3, 401, BARE}},
     .bound_to = BOUND_TO_BOTH,
     .verdict = JUDGED_CLOCK},
    {"four minutes are no cause",
     {{TYPE1, 401, {S_NTLM, TOKEN_NTLM_CHALLENGE, .has_clock = true, .minutes = 4}},
      {TYPE3, 401, BARE}},
     .bound_to = BOUND_TO_BOTH,
     .verdict = JUDGED_WRONG_CREDENTIALS},
    // channel bindings
    {"bound to our certificate",
     {{TYPE1, 401, TYPE2}, {TYPE3, 401, BARE}},
     .bound_to = BOUND_TO_FRONT,
     .verdict = JUDGED_BINDING_FRONT},
    {"bound to our certificate, to which this server does not mind",
     {{TYPE1, 401, TYPE2}, {TYPE3, 401, BARE}},
     .bound_to = BOUND_TO_FRONT,
     .bound_accepted = 1u << BOUND_TO_FRONT,
     .verdict = JUDGED_WRONG_CREDENTIALS},
    {"bound to our certificate, accepted were others",
     {{TYPE1, 401, TYPE2}, {TYPE3, 401, BARE}},
     .bound_to = BOUND_TO_FRONT,
     .bound_accepted = 1u << BOUND_TO_UNSAID | 1u << BOUND_TO_BACK,
     .verdict = JUDGED_BINDING_FRONT},
    {"bound to our certificate, and the server has none",
     {{TYPE1, 401, TYPE2}, {TYPE3, 401, BARE}},
     .bound_to = BOUND_TO_FRONT,
     .is_link_plain = true,
     .verdict = JUDGED_WRONG_CREDENTIALS,
     .remarks = R(BINDING_FRONT)},
    {"bound to a third",
     {{TYPE1, 401, TYPE2}, {TYPE3, 401, BARE}},
     .bound_to = BOUND_TO_OTHER,
     .verdict = JUDGED_BINDING_OTHER},
    {"no TLS, says the client",
     {{TYPE1, 401, TYPE2}, {TYPE3, 401, BARE}},
     .bound_to = BOUND_TO_NOTHING,
     .verdict = JUDGED_BINDING_ZERO},
    {"the client says nothing",
     {{TYPE1, 401, TYPE2}, {TYPE3, 401, BARE}},
     .bound_to = BOUND_TO_UNSAID,
     .verdict = JUDGED_WRONG_CREDENTIALS,
     .remarks = R(BINDING_ABSENT)},
    {"a binding that did no harm",
     {{TYPE1, 401, TYPE2}, {TYPE3, 200, NOTHING}},
     .bound_to = BOUND_TO_OTHER,
     .verdict = JUDGED_SUCCESS},
    // Kerberos
    {"modified", {{TICKET, 401, ERROR(41)}}, .verdict = JUDGED_KRB_MODIFIED},
    {"modified, and it was for a server",
     {{TICKET_FOR("HTTP/iis1.example.test"), 401, ERROR(41)}},
     .verdict = JUDGED_NAME_OF_SERVER},
    {"an alias", {{TICKET_FOR("HTTP/web.example.test"), 401, BARE}}, .verdict = JUDGED_NAME_OTHER},
    {"a port",
     {{TICKET_FOR("HTTP/lb.example.test:8443"), 401, BARE}},
     .verdict = JUDGED_NAME_WITH_PORT},
    {"the clock, whatever the name",
     {{TICKET_FOR("HTTP/web.example.test"),
       401,
       {S_NEGO, TOKEN_KERBEROS_ERROR, .error = 37, .state = SPNEGO_REJECTED + 1, .has_clock = true,
        .minutes = 7}}},
     .verdict = JUDGED_CLOCK,
     .remarks = R(NAME_OTHER)},
    {"no key", {{TICKET, 401, ERROR(45)}}, .verdict = JUDGED_KRB_KEY},
    {"another key version", {{TICKET, 401, ERROR(44)}}, .verdict = JUDGED_KRB_KEY},
    {"twice", {{TICKET, 401, ERROR(34)}}, .verdict = JUDGED_KRB_REPEAT},
    {"expired", {{TICKET, 401, ERROR(32)}}, .verdict = JUDGED_KRB_TICKET_TIME},
    {"not for us", {{TICKET, 401, ERROR(35)}}, .verdict = JUDGED_KRB_WRONG_SERVICE},
    {"something else", {{TICKET, 401, ERROR(60)}}, .verdict = JUDGED_KRB_ERROR},
    {"an error without a state",
     {{TICKET, 401, {S_NEGO, TOKEN_KERBEROS_ERROR, .error = 41}}},
     .verdict = JUDGED_KRB_MODIFIED},
    {"RC4 refused",
     {{{S_NEGO, TOKEN_KERBEROS_REQUEST, .spn = "HTTP/" HOST, .etype = 23}, 401, BARE}},
     .verdict = JUDGED_RC4_TICKET},
    {"refused without a word", {{TICKET, 401, BARE}}, .verdict = JUDGED_KERBEROS_REFUSED},
    {"refused in an answer that is no 401",
     {{TICKET, 200, {S_NEGO, TOKEN_SPNEGO_ONLY, .state = SPNEGO_REJECTED + 1}}},
     .verdict = JUDGED_KERBEROS_REFUSED},
    {"NegoEx refused", {{{S_NEGO, TOKEN_NEGOEX}, 401, BARE}}, .verdict = JUDGED_REFUSED},
    // the server and the way to it
    {"the server closes after its challenge",
     {{TYPE1, 401, TYPE2}},
     .end = END_LINK_LOST,
     .verdict = JUDGED_SERVER_CLOSED},
    {"the server closes instead of an answer",
     {{TICKET, 0, NOTHING}},
     .end = END_SERVER_CLOSED,
     .verdict = JUDGED_SERVER_CLOSED},
    {"the server resets on the last leg",
     {{TYPE1, 401, TYPE2}, {TYPE3, 0, NOTHING}},
     .end = END_SERVER_RESET,
     .bound_to = BOUND_TO_BOTH,
     .verdict = JUDGED_SERVER_CLOSED},
    {"the server says nothing",
     {{TYPE1, 401, TYPE2}, {TYPE3, 0, NOTHING}},
     .end = END_SERVER_TIMEOUT,
     .verdict = JUDGED_SERVER_SILENT},
    {"there is no server",
     {{TICKET, 0, NOTHING}},
     .end = END_NO_SERVER,
     .verdict = JUDGED_NOT_DELIVERED},
    {"it cannot be reached",
     {{TICKET, 0, NOTHING}},
     .end = END_CONNECT_TIMEOUT,
     .verdict = JUDGED_NOT_DELIVERED},
    {"its certificate is not trusted",
     {{TICKET, 0, NOTHING}},
     .end = END_SERVER_CERTIFICATE,
     .verdict = JUDGED_NOT_DELIVERED},
    // limits
    {"too big for us",
     {{NOTHING, 401, BARE}},
     .end = END_HEADER_TOO_BIG,
     .verdict = JUDGED_HEAD_TOO_BIG},
    {"too big for us in the middle",
     {{TYPE1, 401, TYPE2}},
     .end = END_HEAD_TOO_BIG,
     .verdict = JUDGED_HEAD_TOO_BIG},
    {"too big for the server",
     {{{S_NEGO, TOKEN_KERBEROS_REQUEST, .spn = "HTTP/" HOST, .etype = 18, .bytes = 12500},
       400,
       NOTHING}},
     .verdict = JUDGED_HEAD_TOO_BIG_FOR_SERVER},
    {"too big, in so many words",
     {{TICKET, 431, NOTHING}},
     .verdict = JUDGED_HEAD_TOO_BIG_FOR_SERVER},
    {"through a proxy",
     {{TICKET, 0, NOTHING}},
     .end = END_LOGIN_THROUGH_PROXY,
     .verdict = JUDGED_THROUGH_PROXY},
};

static void play(const struct fall *fall, struct attempt *attempt)
{
    uint64_t now_us = 1000;
    attempt_begin(attempt, span_text("LB.Example.test:8443"), now_us);
    for (size_t i = 0; i < COUNT_OF(fall->exchanges); i++) {
        const struct exchange *exchange = &fall->exchanges[i];
        struct token sent = token_of(&exchange->sent);
        struct token got = token_of(&exchange->got);
        bool is_there = exchange->sent.scheme || exchange->status;
        if (!is_there)
            break;
        struct attempt_answer answer = {exchange->status, &got, exchange->got.scheme ? 1 : 0,
                                        exchange->is_persistent};
        attempt_see_request(attempt, exchange->sent.scheme ? &sent : NULL, exchange->page + 7,
                            now_us += 10);
        if (exchange->status)
            attempt_see_answer(attempt, &answer, now_us += 100, NOW_FILETIME);
    }
    if (fall->end != END_OK)
        attempt_break(attempt, fall->end, now_us += 1000);
}

static struct judgement judge(const struct fall *fall, const struct attempt *attempt)
{
    const struct attempt_scene scene = {
        .bound_to = fall->bound_to,
        .bound_accepted = fall->bound_accepted,
        .is_link_tls = !fall->is_link_plain,
        .server_names = {SPAN("iis1.example.test")},
    };
    return attempt_judge(attempt, &scene);
}

static void finds_the_verdict(void **state)
{
    (void)state;
    uint64_t found = 0;
    for (size_t i = 0; i < COUNT_OF(falls); i++) {
        struct attempt attempt;
        play(&falls[i], &attempt);
        if (!attempt_is_over(&attempt))
            fail_msg("%s: goes on", falls[i].what);
        struct judgement judgement = judge(&falls[i], &attempt);
        if (judgement.verdict != falls[i].verdict)
            fail_msg("%s: %s", falls[i].what, login_verdict_word(judgement.verdict));
        if (judgement.remarks != falls[i].remarks)
            fail_msg("%s: remarks %#llx", falls[i].what, (unsigned long long)judgement.remarks);
        found |= login_remark(judgement.verdict);
    }
    // a verdict that no case leads to is remarked on where it is no cause of its own
    for (enum login_verdict verdict = 0; verdict < LOGIN_VERDICT_COUNT; verdict++)
        if (!(found & login_remark(verdict)) && verdict != JUDGED_BINDING_ABSENT)
            fail_msg("no case leads to %s", login_verdict_word(verdict));
}

// ---- what is taken down

static void keeps_what_was_said(void **state)
{
    (void)state;
    struct attempt attempt;
    static const struct fall ntlm = {
        "",
        {{NOTHING, 401, BARE}, {TYPE1, 401, TYPE2}, {TYPE3, 401, BARE}},
        .bound_to = BOUND_TO_BOTH};
    play(&ntlm, &attempt);
    assert_int_equal(attempt.leg_count, 3);
    assert_int_equal(attempt.legs[0].sent, TOKEN_EMPTY);
    assert_int_equal(attempt.legs[0].at_us, 10);
    assert_int_equal(attempt.legs[0].took_us, 100);
    assert_int_equal(attempt.legs[0].bytes, 0);
    assert_int_equal(attempt.legs[1].sent, TOKEN_NTLM_NEGOTIATE);
    assert_int_equal(attempt.legs[1].got, TOKEN_NTLM_CHALLENGE);
    assert_int_equal(attempt.legs[1].status, 401);
    assert_int_equal(attempt.legs[2].at_us, 230);
    assert_int_equal(attempt.legs[2].bytes, 100);
    assert_int_equal(attempt.ended_us, 1330);
    assert_int_equal(attempt.mechanism, ATTEMPT_NTLM);
    assert_int_equal(attempt.offered, 1u << AUTH_SCHEME_NEGOTIATE | 1u << AUTH_SCHEME_NTLM);
    assert_memory_equal(attempt.host.data, "lb.example.test:8443", attempt.host.size);
    assert_memory_equal(attempt.user.data, "alice", 6);
    assert_int_equal(attempt.user.size, 5);
    assert_int_equal(attempt.server_name.size, strlen("iis1.example.test"));
    assert_false(attempt.has_skew);
}

static void measures_the_skew(void **state)
{
    (void)state;
    static const int minutes[] = {0, 5, -5, 600, -600};
    for (size_t i = 0; i < COUNT_OF(minutes); i++) {
        struct attempt attempt;
        struct said challenge = {S_NTLM, TOKEN_NTLM_CHALLENGE, .has_clock = true,
                                 .minutes = minutes[i]};
        struct fall fall = {"", {{TYPE1, 401, challenge}}, .end = END_CLIENT_CLOSED};
        play(&fall, &attempt);
        assert_true(attempt.has_skew);
        assert_int_equal(attempt.skew_s, minutes[i] * 60);
    }
}

static void bears_any_clock(void **state)
{
    (void)state;
    static const struct {
        uint64_t server, ours;
        bool has_skew;
        int64_t skew_s;
    } cases[] = {
        {(uint64_t)INT64_MAX, NOW_FILETIME, true, 908987203685},
        {1, NOW_FILETIME, true, -13349999999},
        {1, (uint64_t)INT64_MAX, true, -922337203685},
        {1ull << 63, NOW_FILETIME, false, 0},
        {UINT64_MAX, 0, false, 0},
        {1, 1ull << 63, false, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct attempt attempt;
        const struct said challenge = TYPE2;
        struct token token = token_of(&challenge);
        token.server_filetime = cases[i].server;
        attempt_begin(&attempt, span_text(HOST), 0);
        attempt_see_request(&attempt, NULL, 1, 1);
        attempt_see_answer(&attempt, &(struct attempt_answer){401, &token, 1, false}, 2,
                           cases[i].ours);
        assert_int_equal(attempt.has_skew, cases[i].has_skew);
        assert_int_equal(attempt.skew_s, cases[i].skew_s);
    }
}

// Requests that nobody could tell apart are not the same one.
static void an_unknown_request_is_no_proof(void **state)
{
    (void)state;
    struct attempt attempt;
    const struct said bare = BARE;
    const struct said ticket = TICKET;
    struct token challenge = token_of(&bare);
    struct token credentials = token_of(&ticket);
    attempt_begin(&attempt, span_text(HOST), 0);
    attempt_see_request(&attempt, NULL, 0, 1);
    attempt_see_answer(&attempt, &(struct attempt_answer){401, &challenge, 1, false}, 2, 3);
    attempt_see_request(&attempt, &credentials, 0, 4);
    attempt_see_answer(&attempt, &(struct attempt_answer){200, NULL, 0, false}, 5, 6);
    assert_int_equal(attempt_judge(&attempt, &(struct attempt_scene){0}).verdict, JUDGED_UNPROVEN);
}

// More legs than are kept: the first stay, the count goes on, the verdict too.
static void bounds_the_legs(void **state)
{
    (void)state;
    struct attempt attempt;
    const struct said bare = BARE;
    const struct said ticket = TICKET;
    struct token challenge = token_of(&bare);
    struct token credentials = token_of(&ticket);
    attempt_begin(&attempt, span_text(HOST), 0);
    for (unsigned i = 0; i < 100; i++) {
        attempt_see_request(&attempt, NULL, 7, i);
        attempt_see_answer(&attempt, &(struct attempt_answer){401, &challenge, 1, false}, i,
                           NOW_FILETIME);
    }
    assert_int_equal(attempt.leg_count, 100);
    assert_false(attempt_is_over(&attempt));
    attempt_see_request(&attempt, &credentials, 7, 200);
    attempt_see_answer(&attempt, &(struct attempt_answer){200, NULL, 0, false}, 300, NOW_FILETIME);
    assert_true(attempt_is_over(&attempt));
    assert_int_equal(attempt.legs[ATTEMPT_LEGS_MAX - 1].at_us, ATTEMPT_LEGS_MAX - 1);
    struct attempt_scene scene = {0};
    assert_int_equal(attempt_judge(&attempt, &scene).verdict, JUDGED_SUCCESS);
}

static void an_opening_message_after_a_challenge_is_another_login(void **state)
{
    (void)state;
    struct attempt attempt;
    const struct said opening = TYPE1;
    const struct said proof = TYPE3;
    struct token type1 = token_of(&opening);
    struct token type3 = token_of(&proof);
    static const struct fall asked = {"", {{NOTHING, 401, BARE}}};
    static const struct fall challenged = {"", {{TYPE1, 401, TYPE2}}};
    play(&asked, &attempt);
    assert_false(attempt_is_restarted_by(&attempt, &type1));
    play(&challenged, &attempt);
    assert_true(attempt_is_restarted_by(&attempt, &type1));
    assert_false(attempt_is_restarted_by(&attempt, &type3));
}

static void breaks_off_once(void **state)
{
    (void)state;
    struct attempt attempt;
    static const struct fall refused = {"", {{TICKET, 401, BARE}}};
    play(&refused, &attempt);
    attempt_break(&attempt, END_CLIENT_RESET, 99999);
    assert_int_equal(attempt.end, END_OK);
    assert_int_equal(attempt.ended_us, 1110);
}

// A user name without a domain: that of the opening message was the computer's.
static void takes_names_of_the_last_message(void **state)
{
    (void)state;
    struct attempt attempt;
    static const struct fall fall = {
        "",
        {{{S_NTLM, TOKEN_NTLM_NEGOTIATE, .domain = "WORKGROUP"}, 401, TYPE2},
         {{S_NTLM, TOKEN_NTLM_AUTHENTICATE, "alice@example.test", .version = 2}, 200, NOTHING}}};
    play(&fall, &attempt);
    assert_int_equal(attempt.domain.size, 0);
    assert_memory_equal(attempt.user.data, "alice@example.test", attempt.user.size);
}

// ---- names

static void compares_names(void **state)
{
    (void)state;
    static const struct {
        const char *spn, *host;
        enum login_verdict verdict;
    } cases[] = {
        {"HTTP/lb.example.test", "lb.example.test", JUDGED_SUCCESS},
        {"HTTP/lb.example.test", "lb.example.test:8443", JUDGED_SUCCESS},
        {"http/LB.Example.TEST", "lb.example.test.", JUDGED_SUCCESS},
        {"HTTP/lb.example.test@EXAMPLE.TEST", "lb.example.test", JUDGED_SUCCESS},
        {"HTTP/lb.example.test/example.test", "lb.example.test", JUDGED_SUCCESS},
        {"HTTP/10.1.2.3", "10.1.2.3:443", JUDGED_SUCCESS},
        {"HTTP/[fd00::1]", "[fd00::1]:443", JUDGED_SUCCESS},
        {"HTTP/lb.example.test", "lb", JUDGED_SUCCESS},
        {"HTTP/lb", "lb", JUDGED_SUCCESS},
        {"", "lb.example.test", JUDGED_SUCCESS},
        {"HTTP/lb.example.test", "", JUDGED_SUCCESS},
        {"HTTP/lb.example.test:8443", "lb.example.test:8443", JUDGED_NAME_WITH_PORT},
        {"HTTP/lb.example.test:443", "lb.example.test", JUDGED_NAME_WITH_PORT},
        {"HTTP/iis1.example.test", "lb.example.test", JUDGED_NAME_OF_SERVER},
        {"HTTP/IIS1.example.test:8443", "lb.example.test", JUDGED_NAME_OF_SERVER},
        {"HTTP/node7.example.test", "lb.example.test", JUDGED_NAME_OF_SERVER},
        {"HTTP/web.example.test", "lb.example.test", JUDGED_NAME_OTHER},
        {"HTTP/lb", "lb.example.test", JUDGED_NAME_OTHER},
        {"HTTP/lbx.example.test", "lb", JUDGED_NAME_OTHER},
        {"HTTP/", "lb.example.test", JUDGED_NAME_OTHER},
        {"HTTP", "lb.example.test", JUDGED_NAME_OTHER},
        {"/lb.example.test", "lb.example.test", JUDGED_NAME_OTHER},
        {"cifs/lb.example.test", "lb.example.test", JUDGED_NAME_OTHER},
        {"lb.example.test", "lb.example.test", JUDGED_NAME_OTHER},
        {"HTTP/[fd00::1", "[fd00::1", JUDGED_SUCCESS},
    };
    const struct span names[2] = {SPAN("iis1.example.test"), SPAN("node7.example.test")};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        enum login_verdict verdict =
            attempt_name_verdict(span_text(cases[i].spn), span_text(cases[i].host), names);
        if (verdict != cases[i].verdict)
            fail_msg("%s for %s: %s", cases[i].spn, cases[i].host, login_verdict_word(verdict));
    }
}

// ---- words

static void classes_of_bindings(void **state)
{
    (void)state;
    assert_int_equal(bound_to_of(CHANNEL_BINDING_ABSENT, true, true), BOUND_TO_UNSAID);
    assert_int_equal(bound_to_of(CHANNEL_BINDING_ZERO, true, true), BOUND_TO_NOTHING);
    assert_int_equal(bound_to_of(CHANNEL_BINDING_PRESENT, true, true), BOUND_TO_BOTH);
    assert_int_equal(bound_to_of(CHANNEL_BINDING_PRESENT, true, false), BOUND_TO_FRONT);
    assert_int_equal(bound_to_of(CHANNEL_BINDING_PRESENT, false, true), BOUND_TO_BACK);
    assert_int_equal(bound_to_of(CHANNEL_BINDING_PRESENT, false, false), BOUND_TO_OTHER);
    assert_string_equal(bound_to_word(BOUND_TO_UNSAID), "absent");
    assert_string_equal(bound_to_word(BOUND_TO_OTHER), "other");
}

static void every_verdict_has_its_words(void **state)
{
    (void)state;
    for (enum login_verdict a = 0; a < LOGIN_VERDICT_COUNT; a++) {
        const char *word = login_verdict_word(a);
        assert_int_equal(strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(word));
        assert_true(strlen(login_verdict_sentence(a)) > 10 && strlen(login_verdict_mend(a)) > 5);
        assert_true(login_verdict_sentence(a)[strlen(login_verdict_sentence(a)) - 1] != '.');
        for (enum login_verdict b = 0; b < a; b++)
            assert_string_not_equal(word, login_verdict_word(b));
    }
    assert_int_equal(login_verdict_how(JUDGED_SUCCESS), LOGIN_HOW_GOOD);
    assert_int_equal(login_verdict_how(JUDGED_CLOCK), LOGIN_HOW_BAD);
    assert_int_equal(login_verdict_how(JUDGED_NOT_ASKED), LOGIN_HOW_OPEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_verdict),
        cmocka_unit_test(keeps_what_was_said),
        cmocka_unit_test(measures_the_skew),
        cmocka_unit_test(bears_any_clock),
        cmocka_unit_test(an_unknown_request_is_no_proof),
        cmocka_unit_test(bounds_the_legs),
        cmocka_unit_test(an_opening_message_after_a_challenge_is_another_login),
        cmocka_unit_test(breaks_off_once),
        cmocka_unit_test(takes_names_of_the_last_message),
        cmocka_unit_test(compares_names),
        cmocka_unit_test(classes_of_bindings),
        cmocka_unit_test(every_verdict_has_its_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
