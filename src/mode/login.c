// SPDX-License-Identifier: Apache-2.0
// What the log and the tallies say of logins: read from the heads that pass, never from keys. It
// watches; the binding decides.
#include <stdlib.h>

#include "mode/client.h"

static struct login *login_of(struct exchange *exchange)
{
    if (!exchange->login)
        exchange->login = calloc(1, sizeof *exchange->login);
    return exchange->login;
}

struct login *login_free(struct login *login)
{
    free(login);
    return NULL;
}

static enum login_mechanism mechanism_of(const struct token *token)
{
    switch (token->kind) {
    case TOKEN_NTLM_NEGOTIATE:
    case TOKEN_NTLM_CHALLENGE:
    case TOKEN_NTLM_AUTHENTICATE:
        return LOGIN_NTLM;
    case TOKEN_KERBEROS_REQUEST:
    case TOKEN_KERBEROS_REPLY:
    case TOKEN_KERBEROS_ERROR:
        return LOGIN_KERBEROS;
    default:
        return LOGIN_NEGOTIATE;
    }
}

static enum login_leg leg_of(enum token_kind kind)
{
    switch (kind) {
    case TOKEN_NTLM_NEGOTIATE:
        return LOGIN_TYPE1;
    case TOKEN_NTLM_AUTHENTICATE:
        return LOGIN_TYPE3;
    case TOKEN_KERBEROS_REQUEST:
        return LOGIN_AP_REQ;
    default:
        return LOGIN_OTHER_LEG;
    }
}

void login_note_request(struct exchange *exchange, struct span value)
{
    struct keeper *keeper = exchange->client->keeper;
    token_read(value, keeper->token_bytes, sizeof keeper->token_bytes, &keeper->token);
    login_watch_request(exchange, &keeper->token);
    if (!auth_scheme_binds(keeper->token.scheme))
        return;
    struct login *login = login_of(exchange);
    if (!login)
        return;
    login->token = keeper->token;
    login->krb_error = -1;
    login->mechanism = mechanism_of(&keeper->token);
    login->leg = leg_of(keeper->token.kind);
    login->outcome = LOGIN_BEGUN;
}

// Reads the challenges that bind into the keeper's scratch; how many there are. The others say
// nothing about the link.
size_t login_read_challenges(struct exchange *exchange, const struct response_head *head)
{
    struct keeper *keeper = exchange->client->keeper;
    size_t count = 0;
    size_t max = sizeof keeper->challenges / sizeof keeper->challenges[0];
    for (size_t i = 0; i < head->head.field_count && count < max; i++) {
        const struct field *field = &head->head.fields[i];
        if (field->id != FIELD_WWW_AUTHENTICATE && field->id != FIELD_PROXY_AUTHENTICATE)
            continue;
        struct token *token = &keeper->challenges[count];
        token_read(field->value, keeper->token_bytes, sizeof keeper->token_bytes, token);
        count += auth_scheme_binds(token->scheme);
    }
    return count;
}

void login_note_response(struct exchange *exchange, unsigned status, size_t challenge_count)
{
    struct login *login = exchange->login;
    login_watch_answer(exchange, status, challenge_count);
    if (!login)
        return;
    const struct token *challenges = exchange->client->keeper->challenges;
    bool is_continued = false;
    for (size_t i = 0; i < challenge_count; i++) {
        login->krb_error =
            challenges[i].krb_error >= 0 ? challenges[i].krb_error : login->krb_error;
        is_continued = is_continued || (challenges[i].kind != TOKEN_EMPTY &&
                                        challenges[i].kind != TOKEN_KERBEROS_ERROR);
    }
    if (status != 401 && status != 407)
        login->outcome = LOGIN_ACCEPTED;
    else
        login->outcome = is_continued ? LOGIN_CONTINUED : LOGIN_REFUSED;
}

void login_note_undelivered(struct exchange *exchange, const struct request_head *head)
{
    struct keeper *keeper = exchange->client->keeper;
    const struct field *field = head_field(&head->head, FIELD_AUTHORIZATION);
    if (!field)
        return;
    token_read(field->value, keeper->token_bytes, sizeof keeper->token_bytes, &keeper->token);
    login_watch_request(exchange, &keeper->token);
}
