// SPDX-License-Identifier: Apache-2.0
// The binding machine: what its table must never allow, what heads mean, and whole dialogues.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "auth/auth.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

// A few bytes of each message are enough to be named.
#define TYPE1 "TlRMTVNTUAABAAAA"
#define TYPE2 "TlRMTVNTUAACAAAA"
#define TYPE3 "TlRMTVNTUAADAAAA"

#define SPNEGO_OFFER     "oBAwDqAMMAoGCCsGAQUFAgUC"     // NegTokenInit that only lists mechanisms
#define SPNEGO_COMPLETED "oQcwBaADCgEA"                 // negState accept-completed
#define SPNEGO_REJECT    "oQcwBaADCgEC"                 // negState reject
#define AP_REQ           "bgIwAA=="                     // begins like one, nothing more

static struct token read(const char *value)
{
    uint8_t scratch[256];
    struct token token;
    token_read(span_text(value), scratch, sizeof(scratch), &token);
    return token;
}

static enum binding_event asked(const char *credentials)
{
    if (!credentials)
        return binding_event_of_request(NULL);
    struct token token = read(credentials);
    return binding_event_of_request(&token);
}

static enum binding_event answered(unsigned status, const char *const values[], size_t count)
{
    struct token tokens[8];
    assert_true(count <= COUNT_OF(tokens));
    for (size_t i = 0; i < count; i++)
        tokens[i] = read(values[i]);
    return binding_event_of_response(status, tokens, count);
}

static size_t count_of_values(const char *const values[4])
{
    size_t count = 0;
    while (count < 4 && values[count])
        count++;
    return count;
}

// ---- the table

// From every state that may not be shared, no run of events reaches one that may. (Rule: never back.)
static void no_edge_leads_back(void **state)
{
    for (enum binding from = 0; from < BINDING_COUNT; from++)
        for (enum binding_event event = 0; event < BINDING_EVENT_COUNT; event++)
            if (binding_may_share(binding_next(from, event)) && !binding_may_share(from))
                fail_msg("%s leads %s back to sharing", binding_event_word(event), binding_word(from));
}

static void every_pair_is_defined(void **state)
{
    for (enum binding from = 0; from < BINDING_COUNT; from++)
        for (enum binding_event event = 0; event < BINDING_EVENT_COUNT; event++)
            assert_in_range(binding_next(from, event), 0, BINDING_COUNT - 1);
}

static void every_state_is_reachable(void **state)
{
    bool is_reached[BINDING_COUNT] = {[BINDING_FREE] = true};
    for (size_t round = 0; round < BINDING_COUNT; round++)
        for (enum binding from = 0; from < BINDING_COUNT; from++)
            for (enum binding_event event = 0; is_reached[from] && event < BINDING_EVENT_COUNT; event++)
                is_reached[binding_next(from, event)] = true;
    for (enum binding binding = 0; binding < BINDING_COUNT; binding++)
        if (!is_reached[binding])
            fail_msg("%s is never reached", binding_word(binding));
}

static void only_one_state_is_shared(void **state)
{
    assert_int_equal(BINDING_FREE, 0); // a link set to zero is free
    for (enum binding binding = 0; binding < BINDING_COUNT; binding++) {
        assert_int_equal(binding_may_share(binding), binding == BINDING_FREE);
        assert_true(binding_may_share(binding) + binding_is_between_legs(binding) +
                        binding_is_bound(binding) <= 1);
    }
}

// Whatever the state: a Windows challenge and any credentials end sharing; credentials do so before the
// request is written, since the event of a request comes first.
static void credentials_and_challenges_end_sharing(void **state)
{
    static const enum binding_event events[] = {
        BINDING_EVENT_OTHER_ASKED,     BINDING_EVENT_TOKEN_OPENS, BINDING_EVENT_TOKEN_PROVES,
        BINDING_EVENT_ANSWERED_BESIDE, BINDING_EVENT_CHALLENGED,  BINDING_EVENT_CONTINUED,
    };
    for (enum binding from = 0; from < BINDING_COUNT; from++)
        for (size_t i = 0; i < COUNT_OF(events); i++)
            assert_false(binding_may_share(binding_next(from, events[i])));
}

// Bound is only who was proved: the one way in is an answer to a token that may prove somebody, or
// having been bound before.
static void nobody_is_bound_unproved(void **state)
{
    for (enum binding from = 0; from < BINDING_COUNT; from++)
        for (enum binding_event event = 0; event < BINDING_EVENT_COUNT; event++)
            if (binding_is_bound(binding_next(from, event)))
                assert_true(from == BINDING_PROVING || from == BINDING_BOUND || from == BINDING_REOPENED);
    for (enum binding from = 0; from < BINDING_COUNT; from++)
        for (enum binding_event event = 0; event < BINDING_EVENT_COUNT; event++)
            if (binding_next(from, event) == BINDING_REOPENED)
                assert_true(from == BINDING_BOUND || from == BINDING_REOPENED);
}

static void words_are_distinct(void **state)
{
    for (enum binding a = 0; a < BINDING_COUNT; a++)
        for (enum binding b = 0; b < a; b++)
            assert_string_not_equal(binding_word(a), binding_word(b));
    for (enum binding_event a = 0; a < BINDING_EVENT_COUNT; a++)
        for (enum binding_event b = 0; b < a; b++)
            assert_string_not_equal(binding_event_word(a), binding_event_word(b));
}

static void the_page_shows_this_table(void **state)
{
    char command[512];
    const char *root = getenv("SOURCE_ROOT");
    snprintf(command, sizeof(command), "'%s/dev/tbl2dot' --check", root ? root : ".");
    assert_int_equal(system(command), 0);
}

// ---- what heads mean

static void reads_requests(void **state)
{
    static const struct {
        const char *credentials;
        enum binding_event event;
    } cases[] = {
        {NULL, BINDING_EVENT_PLAIN_ASKED},
        {"Basic YTpi", BINDING_EVENT_OTHER_ASKED},
        {"Bearer x", BINDING_EVENT_OTHER_ASKED},
        {"Digest username=\"a\"", BINDING_EVENT_OTHER_ASKED},
        {"NTLMv2 x", BINDING_EVENT_OTHER_ASKED},
        {"", BINDING_EVENT_OTHER_ASKED}, // there is a header: whose it is nobody knows
        {"=", BINDING_EVENT_OTHER_ASKED},
        {"NTLM", BINDING_EVENT_TOKEN_OPENS},
        {"NTLM " TYPE1, BINDING_EVENT_TOKEN_OPENS},
        {"ntlm " TYPE1, BINDING_EVENT_TOKEN_OPENS},
        {"Negotiate " TYPE1, BINDING_EVENT_TOKEN_OPENS},
        {"Negotiate " SPNEGO_OFFER, BINDING_EVENT_TOKEN_OPENS},
        {"NTLM " TYPE3, BINDING_EVENT_TOKEN_PROVES},
        {"Negotiate " TYPE3, BINDING_EVENT_TOKEN_PROVES},
        {"Negotiate " AP_REQ, BINDING_EVENT_TOKEN_PROVES},
        {"Negotiate " SPNEGO_COMPLETED, BINDING_EVENT_TOKEN_PROVES},
        {"Nego2 " AP_REQ, BINDING_EVENT_TOKEN_PROVES},
        {"Kerberos " AP_REQ, BINDING_EVENT_TOKEN_PROVES},
        {"Negotiate AAAA", BINDING_EVENT_TOKEN_PROVES}, // not known: it may
        {"Negotiate %%%", BINDING_EVENT_TOKEN_PROVES},
        {"Basic YTpi, NTLM " TYPE3, BINDING_EVENT_TOKEN_PROVES},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (asked(cases[i].credentials) != cases[i].event)
            fail_msg("\"%s\": %s", cases[i].credentials ? cases[i].credentials : "(none)",
                     binding_event_word(asked(cases[i].credentials)));
}

static void reads_answers(void **state)
{
    static const struct {
        unsigned status;
        const char *values[4];
        enum binding_event event;
    } cases[] = {
        {200, {0}, BINDING_EVENT_ANSWERED},
        {101, {0}, BINDING_EVENT_ANSWERED},
        {302, {0}, BINDING_EVENT_ANSWERED},
        {403, {0}, BINDING_EVENT_ANSWERED},
        {404, {0}, BINDING_EVENT_ANSWERED},
        {500, {0}, BINDING_EVENT_ANSWERED},
        {200, {"Basic realm=\"a\""}, BINDING_EVENT_ANSWERED},
        {200, {"Negotiate " SPNEGO_COMPLETED}, BINDING_EVENT_ANSWERED_BESIDE},
        {500, {"Negotiate " SPNEGO_COMPLETED}, BINDING_EVENT_ANSWERED_BESIDE},
        {200, {"Negotiate"}, BINDING_EVENT_ANSWERED_BESIDE},
        {403, {"NTLM"}, BINDING_EVENT_ANSWERED_BESIDE},
        {400, {"NTLM"}, BINDING_EVENT_ANSWERED_BESIDE},
        {400, {0}, BINDING_EVENT_UNREAD},
        {408, {0}, BINDING_EVENT_UNREAD},
        {431, {0}, BINDING_EVENT_UNREAD},
        {503, {0}, BINDING_EVENT_UNREAD},
        {401, {0}, BINDING_EVENT_UNAUTHORISED},
        {401, {"Basic realm=\"a\""}, BINDING_EVENT_UNAUTHORISED},
        {401, {"Bearer", "Digest realm=\"NTLM\""}, BINDING_EVENT_UNAUTHORISED},
        {401, {"Basic realm=\"a, NTLM\""}, BINDING_EVENT_UNAUTHORISED},
        {401, {"NTLM"}, BINDING_EVENT_CHALLENGED},
        {401, {"Negotiate", "NTLM"}, BINDING_EVENT_CHALLENGED},
        {407, {"Negotiate"}, BINDING_EVENT_CHALLENGED},
        {401, {"Basic realm=\"a\"", "NTLM"}, BINDING_EVENT_CHALLENGED},
        {401, {"Basic realm=\"a\", NTLM"}, BINDING_EVENT_CHALLENGED}, // both in one line
        {401, {"Negotiate " SPNEGO_REJECT}, BINDING_EVENT_CHALLENGED},
        {401, {"Negotiate " SPNEGO_REJECT, "NTLM"}, BINDING_EVENT_CHALLENGED},
        {200, {"Negotiate " SPNEGO_REJECT}, BINDING_EVENT_CHALLENGED},
        {401, {"NTLM " TYPE2}, BINDING_EVENT_CONTINUED},
        {407, {"NTLM " TYPE2}, BINDING_EVENT_CONTINUED},
        {401, {"Negotiate", "NTLM " TYPE2}, BINDING_EVENT_CONTINUED},
        {401, {"Negotiate " TYPE2, "NTLM"}, BINDING_EVENT_CONTINUED},
        {401, {"Negotiate AAAA"}, BINDING_EVENT_CONTINUED}, // not known, but a token
        {401, {"Negotiate " SPNEGO_REJECT, "NTLM " TYPE2}, BINDING_EVENT_CONTINUED},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        enum binding_event event =
            answered(cases[i].status, cases[i].values, count_of_values(cases[i].values));
        if (event != cases[i].event)
            fail_msg("case %zu, %u %s: %s", i, cases[i].status,
                     cases[i].values[0] ? cases[i].values[0] : "", binding_event_word(event));
    }
}

// What another balancer got wrong in eight changes over eight years, each once.
static void others_mistakes(void **state)
{
    static const struct {
        const char *mistake;
        unsigned status;
        const char *values[4];
        bool may_share;
    } cases[] = {
        {"any 401 made a connection private", 401, {"Basic realm=\"a\""}, true},
        {"a 401 made every balance sticky", 401, {0}, true},
        {"a word that only begins like NTLM counted", 401, {"NTLMish"}, true},
        {"NTLM with a token behind it was not seen", 401, {"NTLM " TYPE2}, false},
        {"the word was compared with its case", 401, {"nTLM"}, false},
        {"and so was Negotiate", 401, {"NEGOTIATE"}, false},
        {"Nego2 was not known", 401, {"Nego2"}, false},
        {"only the first header was looked at", 401, {"Bearer", "Basic realm=\"a\"", "NTLM"}, false},
        {"a proxy's 407 was forgotten", 407, {"Negotiate"}, false},
        {"a token beside a 200 was forgotten", 200, {"Negotiate " SPNEGO_COMPLETED}, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        enum binding_event event =
            answered(cases[i].status, cases[i].values, count_of_values(cases[i].values));
        if (binding_may_share(binding_next(BINDING_FREE, event)) != cases[i].may_share)
            fail_msg("%s", cases[i].mistake);
    }
    // A connection was marked private while it was already shared: here a request ends sharing before it
    // is written. And one went back to be reused with nobody left who owned it: no_edge_leads_back.
    assert_false(binding_may_share(binding_next(BINDING_FREE, asked("NTLM " TYPE1))));
    assert_false(binding_may_share(binding_next(BINDING_FREE, asked("Negotiate " AP_REQ))));
    assert_false(binding_may_share(binding_next(BINDING_FREE, asked("Basic YTpi"))));
}

// ---- dialogues

// One request and its answer: what stands in the heads, and the state after each.
struct turn {
    const char *credentials;
    enum binding after_request;
    unsigned status;
    const char *values[4];
    enum binding after_answer;
};

static void play(const char *name, const struct turn *turns, size_t count)
{
    enum binding binding = BINDING_FREE;
    for (size_t i = 0; i < count; i++) {
        binding = binding_next(binding, asked(turns[i].credentials));
        if (binding != turns[i].after_request)
            fail_msg("%s: request %zu: %s", name, i + 1, binding_word(binding));
        binding = binding_next(
            binding, answered(turns[i].status, turns[i].values, count_of_values(turns[i].values)));
        if (binding != turns[i].after_answer)
            fail_msg("%s: answer %zu: %s", name, i + 1, binding_word(binding));
    }
}

#define PLAY(...) play(__func__, (const struct turn[]){__VA_ARGS__},                               \
                       COUNT_OF(((const struct turn[]){__VA_ARGS__})))

static void ntlm(void **state)
{
    PLAY({NULL, BINDING_FREE, 401, {"Negotiate", "NTLM"}, BINDING_OFFERED},
         {"NTLM " TYPE1, BINDING_OPENED, 401, {"NTLM " TYPE2}, BINDING_CONTINUED},
         {"NTLM " TYPE3, BINDING_PROVING, 200, {0}, BINDING_BOUND},
         {NULL, BINDING_BOUND, 200, {0}, BINDING_BOUND},
         {NULL, BINDING_BOUND, 404, {0}, BINDING_BOUND});
}

static void ntlm_with_a_wrong_password_and_again(void **state)
{
    PLAY({"NTLM " TYPE1, BINDING_OPENED, 401, {"NTLM " TYPE2}, BINDING_CONTINUED},
         {"NTLM " TYPE3, BINDING_PROVING, 401, {"NTLM"}, BINDING_REFUSED},
         {"NTLM " TYPE1, BINDING_OPENED, 401, {"NTLM " TYPE2}, BINDING_CONTINUED},
         {"NTLM " TYPE3, BINDING_PROVING, 200, {0}, BINDING_BOUND});
}

static void ntlm_not_provided(void **state)
{
    PLAY({"NTLM " TYPE1, BINDING_OPENED, 401, {"Negotiate"}, BINDING_REFUSED},
         {NULL, BINDING_REFUSED, 401, {"Negotiate"}, BINDING_REFUSED});
}

// A page that needs no login ignores the Type 1; nobody was proved.
static void type1_to_a_page_without_login(void **state)
{
    PLAY({"NTLM " TYPE1, BINDING_OPENED, 200, {0}, BINDING_OFFERED});
}

static void kerberos_unasked(void **state)
{
    PLAY({"Negotiate " AP_REQ, BINDING_PROVING, 200, {"Negotiate " SPNEGO_COMPLETED}, BINDING_BOUND},
         {NULL, BINDING_BOUND, 200, {0}, BINDING_BOUND});
    PLAY({"Negotiate " AP_REQ, BINDING_PROVING, 200, {0}, BINDING_BOUND});
}

static void kerberos_for_every_request(void **state)
{
    PLAY({"Negotiate " AP_REQ, BINDING_PROVING, 200, {"Negotiate " SPNEGO_COMPLETED}, BINDING_BOUND},
         {NULL, BINDING_BOUND, 401, {"Negotiate"}, BINDING_OFFERED},
         {"Negotiate " AP_REQ, BINDING_PROVING, 200, {"Negotiate " SPNEGO_COMPLETED}, BINDING_BOUND},
         {"Negotiate " AP_REQ, BINDING_PROVING, 200, {0}, BINDING_BOUND});
}

static void kerberos_refused(void **state)
{
    PLAY({"Negotiate " AP_REQ, BINDING_PROVING, 401, {"Negotiate", "NTLM"}, BINDING_REFUSED});
    PLAY({"Negotiate " AP_REQ, BINDING_PROVING, 401, {"Negotiate " SPNEGO_REJECT}, BINDING_REFUSED});
    PLAY({"Negotiate " AP_REQ, BINDING_PROVING, 401, {0}, BINDING_REFUSED});
}

static void many_legs(void **state)
{
    enum binding binding = BINDING_FREE;
    for (int leg = 0; leg < 9; leg++) {
        binding = binding_next(binding, asked("Negotiate AAAA"));
        assert_true(binding_is_between_legs(binding));
        const char *values[] = {"Negotiate BBBB"};
        binding = binding_next(binding, answered(401, values, 1));
        assert_int_equal(binding, BINDING_CONTINUED);
        assert_true(binding_is_between_legs(binding));
    }
    binding = binding_next(binding, asked("Negotiate AAAA"));
    assert_int_equal(binding_next(binding, answered(200, NULL, 0)), BINDING_BOUND);
}

static void login_again_on_a_bound_link(void **state)
{
    PLAY({"Negotiate " AP_REQ, BINDING_PROVING, 200, {0}, BINDING_BOUND},
         {"NTLM " TYPE1, BINDING_REOPENED, 401, {"NTLM " TYPE2}, BINDING_CONTINUED},
         {"NTLM " TYPE3, BINDING_PROVING, 401, {"NTLM"}, BINDING_REFUSED});
}

// Some servers look at no second login on a connection: the first person stays.
static void login_again_that_is_ignored(void **state)
{
    PLAY({"Negotiate " AP_REQ, BINDING_PROVING, 200, {0}, BINDING_BOUND},
         {"NTLM " TYPE1, BINDING_REOPENED, 200, {0}, BINDING_BOUND});
}

static void accepted_but_not_allowed(void **state)
{
    PLAY({"NTLM " TYPE3, BINDING_PROVING, 403, {0}, BINDING_BOUND});
    PLAY({"NTLM " TYPE3, BINDING_PROVING, 500, {0}, BINDING_BOUND});
}

// The server did not come to look at the token: nobody may be called logged in.
static void answered_before_it_was_read(void **state)
{
    PLAY({"Negotiate " AP_REQ, BINDING_PROVING, 400, {0}, BINDING_REFUSED});
    PLAY({"NTLM " TYPE3, BINDING_PROVING, 503, {0}, BINDING_REFUSED});
    PLAY({NULL, BINDING_FREE, 400, {0}, BINDING_FREE});
}

static void handshake_abandoned(void **state)
{
    PLAY({"NTLM " TYPE1, BINDING_OPENED, 401, {"NTLM " TYPE2}, BINDING_CONTINUED},
         {NULL, BINDING_OFFERED, 200, {0}, BINDING_OFFERED},
         {"NTLM " TYPE3, BINDING_PROVING, 401, {"NTLM"}, BINDING_REFUSED});
}

static void basic_and_bearer(void **state)
{
    PLAY({NULL, BINDING_FREE, 401, {"Basic realm=\"a\""}, BINDING_FREE},
         {"Basic YTpi", BINDING_PRIVATE, 200, {0}, BINDING_PRIVATE},
         {NULL, BINDING_PRIVATE, 200, {0}, BINDING_PRIVATE},
         {"Bearer x", BINDING_PRIVATE, 401, {"Negotiate"}, BINDING_OFFERED},
         {"Negotiate " AP_REQ, BINDING_PROVING, 200, {0}, BINDING_BOUND},
         {"Basic YTpi", BINDING_BOUND, 401, {"Bearer"}, BINDING_BOUND});
}

static void upgrade_after_login(void **state)
{
    PLAY({"NTLM " TYPE1, BINDING_OPENED, 401, {"NTLM " TYPE2}, BINDING_CONTINUED},
         {"NTLM " TYPE3, BINDING_PROVING, 101, {0}, BINDING_BOUND});
}

static void anonymous_traffic_stays_free(void **state)
{
    PLAY({NULL, BINDING_FREE, 200, {0}, BINDING_FREE}, {NULL, BINDING_FREE, 404, {0}, BINDING_FREE},
         {NULL, BINDING_FREE, 500, {0}, BINDING_FREE}, {NULL, BINDING_FREE, 401, {"Bearer"}, BINDING_FREE});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_edge_leads_back),
        cmocka_unit_test(every_pair_is_defined),
        cmocka_unit_test(every_state_is_reachable),
        cmocka_unit_test(only_one_state_is_shared),
        cmocka_unit_test(credentials_and_challenges_end_sharing),
        cmocka_unit_test(nobody_is_bound_unproved),
        cmocka_unit_test(words_are_distinct),
        cmocka_unit_test(the_page_shows_this_table),
        cmocka_unit_test(reads_requests),
        cmocka_unit_test(reads_answers),
        cmocka_unit_test(others_mistakes),
        cmocka_unit_test(ntlm),
        cmocka_unit_test(ntlm_with_a_wrong_password_and_again),
        cmocka_unit_test(ntlm_not_provided),
        cmocka_unit_test(type1_to_a_page_without_login),
        cmocka_unit_test(kerberos_unasked),
        cmocka_unit_test(kerberos_for_every_request),
        cmocka_unit_test(kerberos_refused),
        cmocka_unit_test(many_legs),
        cmocka_unit_test(login_again_on_a_bound_link),
        cmocka_unit_test(login_again_that_is_ignored),
        cmocka_unit_test(accepted_but_not_allowed),
        cmocka_unit_test(answered_before_it_was_read),
        cmocka_unit_test(handshake_abandoned),
        cmocka_unit_test(basic_and_bearer),
        cmocka_unit_test(upgrade_after_login),
        cmocka_unit_test(anonymous_traffic_stays_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
