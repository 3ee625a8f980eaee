// SPDX-License-Identifier: Apache-2.0
// Takes down what passes in one login. Pure; texts are bounded copies of what token_read made
// clean.
#include "auth/attempt.h"

#include "auth/binding.h"
#include "base/check.h"
#include "base/filetime.h"
#include "wire/spnego.h"

static void copy_lower(struct span text, struct token_text *to)
{
    text = span_first(text, sizeof to->data);
    for (size_t i = 0; i < text.size; i++)
        to->data[i] = (char)ascii_lower(text.data[i]);
    to->size = text.size;
}

static void set_text(struct token_text *to, const struct token_text *from)
{
    memcpy(to->data, from->data, from->size);
    to->size = from->size;
}

// What a later message leaves out is kept from the one before.
static void take_text(struct token_text *to, const struct token_text *from)
{
    if (from->size)
        set_text(to, from);
}

void attempt_begin(struct attempt *attempt, struct span host, uint64_t now_us)
{
    *attempt = (struct attempt){
        .began_us = now_us,
        .mechanism = ATTEMPT_NONE,
        .neg_state = -1,
        .ticket_kvno = -1,
        .krb_error = -1,
    };
    copy_lower(host, &attempt->host);
}

// ---- the client

static enum attempt_mechanism mechanism_of(const struct token *token)
{
    switch (token->kind) {
    case TOKEN_NTLM_NEGOTIATE:
    case TOKEN_NTLM_CHALLENGE:
    case TOKEN_NTLM_AUTHENTICATE:
        return ATTEMPT_NTLM;
    case TOKEN_KERBEROS_REQUEST:
    case TOKEN_KERBEROS_REPLY:
    case TOKEN_KERBEROS_ERROR:
    case TOKEN_IAKERB:
        return ATTEMPT_KERBEROS;
    default:
        return ATTEMPT_NEGOTIATE;
    }
}

// A message that carries no mechanism's token says nothing about which one is used.
static bool tells_mechanism(const struct token *token)
{
    return token->kind != TOKEN_SPNEGO_ONLY && token->kind != TOKEN_EMPTY;
}

static bool is_unreadable(const struct token *token)
{
    return token->base64_bad || (token->kind == TOKEN_UNKNOWN && !token->in_spnego);
}

static void take_ntlm_sent(struct attempt *attempt, const struct token *token)
{
    attempt->ntlm_flags = token->ntlm_flags;
    if (token->build.is_known)
        attempt->client_build = token->build;
    set_text(&attempt->domain, &token->domain);
    take_text(&attempt->workstation, &token->workstation);
    if (token->kind != TOKEN_NTLM_AUTHENTICATE)
        return;
    set_text(&attempt->user, &token->user);
    take_text(&attempt->echoed_server, &token->server_name);
    attempt->ntlm_version = token->ntlm_version;
    attempt->is_anonymous = token->ntlm_anonymous;
    attempt->has_mic = token->ntlm_has_mic;
    attempt->binding = token->binding;
    memcpy(attempt->binding_hash, token->binding_hash, sizeof attempt->binding_hash);
}

static void take_kerberos_sent(struct attempt *attempt, const struct token *token)
{
    take_text(&attempt->realm, &token->realm);
    attempt->ticket_etype = token->ticket_etype;
    attempt->sender_etype = token->sender_etype;
    attempt->ticket_kvno = token->ticket_kvno;
    attempt->ap_options = token->ap_options;
    attempt->ticket_bytes = token->ticket_bytes;
}

static void take_sent(struct attempt *attempt, const struct token *token)
{
    bool opens = token->kind == TOKEN_EMPTY || token->kind == TOKEN_NTLM_NEGOTIATE ||
                 token->kind == TOKEN_SPNEGO_ONLY;
    attempt->scheme = token->scheme;
    attempt->last_sent = token->kind;
    attempt->has_bad_token = is_unreadable(token);
    attempt->is_proving = attempt->is_proving || (!opens && !attempt->has_bad_token);
    if (tells_mechanism(token) || attempt->mechanism == ATTEMPT_NONE)
        attempt->mechanism = mechanism_of(token);
    if (token->token_bytes > attempt->token_bytes_max)
        attempt->token_bytes_max = token->token_bytes;
    if (token->mech_count && !attempt->mech_count) {
        memcpy(attempt->mechs, token->mechs, sizeof attempt->mechs);
        attempt->mech_count = token->mech_count;
    }
    take_text(&attempt->spn, &token->spn);
    if (attempt->mechanism == ATTEMPT_NTLM && tells_mechanism(token))
        take_ntlm_sent(attempt, token);
    else if (token->kind == TOKEN_KERBEROS_REQUEST)
        take_kerberos_sent(attempt, token);
}

bool attempt_is_restarted_by(const struct attempt *attempt, const struct token *credentials)
{
    return attempt->is_challenged && credentials->kind == TOKEN_NTLM_NEGOTIATE;
}

static struct attempt_leg *leg_at(struct attempt *attempt, size_t number)
{
    return number < ATTEMPT_LEGS_MAX ? &attempt->legs[number] : NULL;
}

void attempt_see_request(struct attempt *attempt, const struct token *credentials, uint64_t mark,
                         uint64_t now_us)
{
    attempt->mark_sent = mark;
    struct attempt_leg *leg = leg_at(attempt, attempt->leg_count++);
    if (leg) {
        *leg = (struct attempt_leg){.at_us = now_us - attempt->began_us, .sent = TOKEN_EMPTY};
        leg->bytes = credentials ? credentials->token_bytes : 0;
        leg->sent = (uint8_t)(credentials ? credentials->kind : TOKEN_EMPTY);
    }
    if (!credentials)
        return;
    attempt->stand = ATTEMPT_ASKED;
    take_sent(attempt, credentials);
}

// ---- the server

static void take_clock(struct attempt *attempt, uint64_t server_filetime, uint64_t now_filetime)
{
    bool is_ahead = server_filetime > now_filetime;
    if (!server_filetime || server_filetime > INT64_MAX || now_filetime > INT64_MAX)
        return;
    uint64_t apart = is_ahead ? server_filetime - now_filetime : now_filetime - server_filetime;
    int64_t apart_s = (int64_t)(apart / FILETIME_PER_S);
    attempt->has_skew = true;
    attempt->skew_s = is_ahead ? apart_s : -apart_s;
}

static void take_challenge(struct attempt *attempt, const struct token *token,
                           uint64_t now_filetime)
{
    attempt->offered |= 1u << token->scheme;
    if (token->neg_state >= 0)
        attempt->neg_state = token->neg_state;
    if (token->krb_error >= 0)
        attempt->krb_error = token->krb_error;
    take_clock(attempt, token->server_filetime, now_filetime);
    if (token->kind != TOKEN_NTLM_CHALLENGE)
        return;
    attempt->is_challenged = true;
    attempt->server_build = token->build;
    take_text(&attempt->server_name, &token->server_name);
    take_text(&attempt->dns_domain, &token->dns_domain);
    take_text(&attempt->forest, &token->forest);
}

// Does the token leave the next leg to the client? A Kerberos error does only where the server
// says so: a client may try again with the server's clock.
static bool continues(const struct token *token)
{
    if (token->kind == TOKEN_EMPTY || (token->in_spnego && token->neg_state == SPNEGO_REJECTED))
        return false;
    return token->kind != TOKEN_KERBEROS_ERROR || token->neg_state == SPNEGO_INCOMPLETE;
}

static enum attempt_stand stand_after(const struct attempt *attempt,
                                      const struct attempt_answer *answer)
{
    enum binding_event event =
        binding_event_of_response(answer->status, answer->challenges, answer->challenge_count);
    bool is_continued = false;
    for (size_t i = 0; i < answer->challenge_count; i++)
        is_continued = is_continued || continues(&answer->challenges[i]);
    switch (event) {
    case BINDING_EVENT_CONTINUED:
        return is_continued ? ATTEMPT_CONTINUED : ATTEMPT_REFUSED;
    case BINDING_EVENT_CHALLENGED:
    case BINDING_EVENT_UNAUTHORISED:
        return attempt->stand == ATTEMPT_CHALLENGED ? ATTEMPT_CHALLENGED : ATTEMPT_REFUSED;
    case BINDING_EVENT_UNREAD:
        return attempt->stand == ATTEMPT_CHALLENGED ? ATTEMPT_CHALLENGED : ATTEMPT_UNREAD;
    default:
        return attempt->stand == ATTEMPT_CHALLENGED ? ATTEMPT_CHALLENGED : ATTEMPT_ACCEPTED;
    }
}

static uint8_t kind_answered(const struct attempt_answer *answer)
{
    for (size_t i = 0; i < answer->challenge_count; i++)
        if (answer->challenges[i].kind != TOKEN_EMPTY)
            return (uint8_t)answer->challenges[i].kind;
    return TOKEN_EMPTY;
}

// Only a server that has taken the login can end it with a token of its own (RFC 4559 section 5).
static bool has_final_token(const struct attempt_answer *answer)
{
    for (size_t i = 0; i < answer->challenge_count; i++)
        if (answer->challenges[i].kind == TOKEN_KERBEROS_REPLY ||
            answer->challenges[i].neg_state == SPNEGO_COMPLETED)
            return true;
    return false;
}

// An answer is proof when it would have been another one without the login: the same request was
// refused before. A page for anybody, and an error from before the login, come whatever is sent.
static bool is_proof(const struct attempt *attempt, const struct attempt_answer *answer)
{
    bool was_refused = attempt->mark_asked && attempt->mark_asked == attempt->mark_sent;
    bool is_known = answer->has_persistent_auth && attempt->mechanism != ATTEMPT_NTLM;
    return has_final_token(answer) || (answer->status < 400 && (was_refused || is_known));
}

void attempt_see_answer(struct attempt *attempt, const struct attempt_answer *answer,
                        uint64_t now_us, uint64_t now_filetime)
{
    CHECK(attempt->leg_count > 0);
    struct attempt_leg *leg = leg_at(attempt, attempt->leg_count - 1);
    if (leg) {
        leg->took_us = now_us - attempt->began_us - leg->at_us;
        leg->status = answer->status;
        leg->got = kind_answered(answer);
    }
    for (size_t i = 0; i < answer->challenge_count; i++)
        take_challenge(attempt, &answer->challenges[i], now_filetime);
    attempt->is_proved = is_proof(attempt, answer);
    if (answer->challenge_count && answer->status == 401)
        attempt->mark_asked = attempt->mark_sent;
    attempt->stand = stand_after(attempt, answer);
    if (attempt->stand >= ATTEMPT_ACCEPTED)
        attempt->ended_us = now_us;
}

void attempt_break(struct attempt *attempt, enum end end, uint64_t now_us)
{
    if (attempt_is_over(attempt))
        return;
    attempt->end = end;
    attempt->ended_us = now_us;
}

const char *attempt_mechanism_word(enum attempt_mechanism mechanism)
{
    static const char *const words[] = {"kerberos", "ntlm", "negotiate", "none"};
    CHECK(mechanism < ATTEMPT_MECHANISMS);
    return words[mechanism];
}
