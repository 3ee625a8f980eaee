// SPDX-License-Identifier: Apache-2.0
// See trial.h. The legs follow each other on one connection, as RFC 4559 and [MS-NTHT] have it; if
// the server ends it where it must not, the trial ends, because a later leg elsewhere would only
// count as a wrong password.
#include "doctor/trial.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/random.h>

#include "base/check.h"

const char *outcome_word(enum outcome outcome)
{
    static const char *const words[OUTCOME_COUNT] = {
        "ok",       "refused", "no challenge", "closed",    "no answer", "forbidden",
        "rejected", "failed",  "not offered",  "no ticket", "not tried",
    };
    return words[outcome];
}

// ---- asking

// Sends one request of the login. `token` is base64; NULL: without credentials.
static struct call_answer *ask(struct trial *trial, const struct trial_way *way, const char *token)
{
    CHECK(trial->answer_count < TRIAL_ANSWERS_MAX);
    struct call_answer *answer = &trial->answers[trial->answer_count++];
    struct call_request request = {.target = way->target, .host = way->host};
    char *authorization = NULL;

    if (token) {
        size_t size = strlen(trial->scheme) + strlen(token) + 2;
        authorization = malloc(size);
        CHECK(authorization);
        snprintf(authorization, size, "%s %s", trial->scheme, token);
        request.authorization = authorization;
    }
    call_ask(trial->call, &request, answer);
    if (authorization)
        explicit_bzero(authorization, strlen(authorization));
    free(authorization);
    return answer;
}

static void read_token(const char *scheme, const char *base64, struct token *ret_token)
{
    uint8_t scratch[16 * 1024];
    size_t size = strlen(scheme) + strlen(base64) + 2;
    char *value = malloc(size);

    CHECK(value);
    snprintf(value, size, "%s %s", scheme, base64);
    token_read(span_text(value), scratch, sizeof(scratch), ret_token);
    free(value);
}

// Nothing came: was that an end, or silence? Who fails fast tells another story than who hangs.
static enum outcome outcome_of_end(enum end end)
{
    bool is_silence = end == END_SERVER_TIMEOUT || end == END_CONNECT_TIMEOUT;
    return is_silence ? OUTCOME_NO_ANSWER : OUTCOME_CLOSED;
}

// What the answer to the last leg means.
static enum outcome judge(const struct call_answer *answer)
{
    if (answer->status == 0)
        return outcome_of_end(answer->end);
    if (answer->status == 401)
        return OUTCOME_REFUSED;
    if (answer->status == 403)
        return OUTCOME_FORBIDDEN;
    if (answer->status >= 500)
        return OUTCOME_FAILED;
    return answer->status >= 400 ? OUTCOME_REJECTED : OUTCOME_OK;
}

// ---- the channel

static bool is_silent(enum trial_binding binding)
{
    return binding == TRIAL_BINDING_ABSENT || binding == TRIAL_BINDING_EMPTY;
}

// The 16 bytes to say; false: there are none to say.
static bool choose_binding(const struct trial *trial, const struct trial_wish *wish,
                           uint8_t ret_binding[16])
{
    struct tls_dialogue_certificate certificate;

    if (is_silent(wish->binding))
        return false;
    if (wish->binding == TRIAL_BINDING_RANDOM)
        return getrandom(ret_binding, 16, 0) == 16;
    if (wish->binding == TRIAL_BINDING_GIVEN) {
        memcpy(ret_binding, wish->binding_bytes, 16);
        return true;
    }
    call_certificate(trial->call, &certificate);
    memcpy(ret_binding, certificate.binding, 16);
    return certificate.has_binding;
}

static enum ntlm_binding ntlm_binding_of(const struct trial *trial, const struct trial_wish *wish,
                                         uint8_t ret_bytes[16])
{
    if (choose_binding(trial, wish, ret_bytes))
        return NTLM_BINDING_GIVEN;
    return wish->binding == TRIAL_BINDING_ABSENT ? NTLM_BINDING_ABSENT : NTLM_BINDING_ZERO;
}

static enum kerberos_binding
kerberos_binding_of(const struct trial *trial, const struct trial_wish *wish, uint8_t ret_bytes[16])
{
    if (choose_binding(trial, wish, ret_bytes))
        return KERBEROS_BOUND;
    return wish->binding == TRIAL_BINDING_ABSENT ? KERBEROS_UNBOUND : KERBEROS_EMPTY;
}

// ---- NTLM

// OUTCOME_OK: there is a challenge, and it may be answered.
static enum outcome read_challenge(struct trial *trial)
{
    const char *type2 = call_answer_token(trial->first, trial->scheme);

    if (trial->first->status != 401)
        return judge(trial->first) == OUTCOME_OK ? OUTCOME_NO_CHALLENGE : judge(trial->first);
    if (!type2)
        return OUTCOME_NO_CHALLENGE;
    read_token(trial->scheme, type2, &trial->challenge);
    return trial->first->is_persistent ? OUTCOME_OK : outcome_of_end(trial->first->end);
}

static enum outcome answer_challenge(struct trial *trial, const struct trial_way *way,
                                     const struct trial_wish *wish)
{
    struct ntlm_wish ntlm = {.spn = wish->spn};
    const char *type2 = call_answer_token(trial->first, trial->scheme);

    ntlm.binding = ntlm_binding_of(trial, wish, ntlm.binding_bytes);
    char *type3 =
        ntlm_client_authenticate(trial->type1, type2, wish->account, &ntlm, &trial->ntlm_problem);
    if (!type3)
        return OUTCOME_NO_CHALLENGE;
    trial->second = ask(trial, way, type3);
    explicit_bzero(type3, strlen(type3));
    free(type3);
    return judge(trial->second);
}

static enum outcome log_in_by_ntlm(struct trial *trial, const struct trial_way *way,
                                   const struct trial_wish *wish, bool in_spnego)
{
    if (!wish->account || wish->account->proof != PROOF_PASSWORD)
        return OUTCOME_NOT_TRIED;
    trial->type1 = ntlm_client_negotiate(in_spnego);
    CHECK(trial->type1);
    trial->first = ask(trial, way, trial->type1);
    enum outcome outcome = read_challenge(trial);
    trial->is_between = outcome == OUTCOME_OK && wish->stops_between;
    if (trial->is_between)
        return OUTCOME_NOT_TRIED;
    return outcome == OUTCOME_OK ? answer_challenge(trial, way, wish) : outcome;
}

// ---- Kerberos

static enum outcome log_in_by_kerberos(struct trial *trial, const struct trial_way *way,
                                       const struct trial_wish *wish)
{
    struct kerberos_wish kerberos = {.is_bare = wish->scheme == TRIAL_KERBEROS_BARE};
    struct kerberos_login *login = NULL;

    if (!wish->kerberos)
        return OUTCOME_NO_TICKET;
    kerberos.binding = kerberos_binding_of(trial, wish, kerberos.binding_bytes);
    char *request =
        kerberos_login_start(wish->kerberos, wish->spn, &kerberos, &login, &trial->problem);
    if (!request)
        return OUTCOME_NO_TICKET;
    trial->first = ask(trial, way, request);
    explicit_bzero(request, strlen(request));
    free(request);
    const char *reply = call_answer_token(trial->first, trial->scheme);
    if (reply)
        read_token(trial->scheme, reply, &trial->error);
    if (trial->error.kind != TOKEN_KERBEROS_ERROR)
        trial->error = (struct token){.kind = TOKEN_EMPTY};
    trial->mutual = kerberos_login_finish(login, reply);
    kerberos_login_free(login);
    return judge(trial->first);
}

// ---- the whole of it

static bool open_call(struct trial *trial, const struct trial_way *way)
{
    if (trial->call)
        return true;
    struct status status = call_open(&way->address, &way->call, &trial->call, &trial->call_problem);
    if (!is_ok(status))
        trial->outcome = outcome_of_end(status.end);
    return is_ok(status);
}

// Nobody has logged in yet: whatever is said now but 401 is said to everybody.
static enum outcome judge_unasked(const struct call_answer *answer)
{
    return answer->status == 0 || answer->status >= 500 ? judge(answer) : OUTCOME_NOT_OFFERED;
}

// Asks without credentials, as every client begins. False: there is nothing to log in for.
static bool ask_first(struct trial *trial, const struct trial_way *way,
                      const struct trial_wish *wish)
{
    const struct call_answer *answer = ask(trial, way, NULL);
    bool may_be_ntlm = wish->scheme == TRIAL_NTLM || wish->scheme == TRIAL_NTLM_NAMED;

    if (answer->status != 401) {
        trial->outcome = judge_unasked(answer);
        return false;
    }
    if (may_be_ntlm && call_answer_offers(answer, "NTLM"))
        trial->scheme = "NTLM";
    else if (wish->scheme != TRIAL_NTLM_NAMED && call_answer_offers(answer, "Negotiate"))
        trial->scheme = "Negotiate";
    else if (answer->end != END_OK) // a head that broke off may have offered it
        trial->outcome = outcome_of_end(answer->end);
    if (!answer->is_persistent)
        trial->call = call_close(trial->call); // a new connection for the rest, as browsers do
    return trial->scheme[0];
}

static void run(struct trial *trial, const struct trial_way *way, const struct trial_wish *wish)
{
    bool is_named = wish->scheme == TRIAL_NTLM || wish->scheme == TRIAL_NTLM_NAMED;

    if (!open_call(trial, way))
        return;
    trial->outcome = OUTCOME_NOT_OFFERED;
    trial->scheme = "";
    if (wish->skips_first)
        trial->scheme = is_named ? "NTLM" : "Negotiate";
    else if (!ask_first(trial, way, wish))
        return;
    if (!open_call(trial, way))
        return;
    if (is_named || wish->scheme == TRIAL_SPNEGO_NTLM)
        trial->outcome = log_in_by_ntlm(trial, way, wish, trial->scheme[1] == 'e');
    else
        trial->outcome = log_in_by_kerberos(trial, way, wish);
}

static void begin(struct trial *trial)
{
    *trial = (struct trial){.scheme = "", .problem = {.code = -1}};
    trial->challenge.kind = trial->error.kind = TOKEN_EMPTY;
}

void trial_make(const struct trial_way *way, const struct trial_wish *wish, struct trial *ret_trial)
{
    uint64_t began_us = loop_now_us();

    begin(ret_trial);
    run(ret_trial, way, wish);
    ret_trial->took_us = loop_now_us() - began_us;
}

void trial_make_again(struct trial *earlier, const struct trial_way *way,
                      const struct trial_wish *wish, struct trial *ret_trial)
{
    uint64_t began_us = loop_now_us();

    begin(ret_trial);
    ret_trial->call = earlier->call;
    earlier->call = NULL;
    run(ret_trial, way, wish);
    ret_trial->took_us = loop_now_us() - began_us;
}

void trial_go_on(struct trial *trial, const struct trial_way *way, const struct trial_wish *wish)
{
    CHECK(trial->is_between);
    trial->is_between = false;
    trial->outcome = answer_challenge(trial, way, wish);
}

void trial_done(struct trial *trial)
{
    trial->call = call_close(trial->call);
    free(trial->type1);
    trial->type1 = NULL;
    for (size_t i = 0; i < trial->answer_count; i++)
        call_answer_done(&trial->answers[i]);
    trial->answer_count = 0;
}

const struct call_answer *trial_last(const struct trial *trial)
{
    return trial->answer_count ? &trial->answers[trial->answer_count - 1] : NULL;
}

bool trial_has_sent_password(const struct trial *trial)
{
    return trial->second != NULL;
}

void trial_ask_again(struct trial *trial, const struct trial_way *way,
                     struct call_answer *ret_answer)
{
    struct call_request request = {.target = way->target, .host = way->host};

    *ret_answer = (struct call_answer){.end = END_SERVER_CLOSED};
    if (trial->call)
        call_ask(trial->call, &request, ret_answer);
}

static bool is_of_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-';
}

bool trial_page_shows(const struct call_answer *answer, const char *word)
{
    size_t size = strlen(word);

    for (size_t at = 0; size && at + size <= answer->body_size; at++) {
        const char *here = answer->body + at;
        if (strncasecmp(here, word, size) != 0 || (at > 0 && is_of_word(here[-1])))
            continue;
        if (at + size == answer->body_size || !is_of_word(here[size]))
            return true;
    }
    return false;
}
