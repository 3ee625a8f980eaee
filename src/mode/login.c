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

// ---- the mark of a request

// A polynomial modulo 2^61-1 at a secret point: whoever does not know the point finds two texts of
// one value only by chance.
#define MARK_PRIME  ((1ull << 61) - 1)
#define PIECE_BYTES 7 // less than the prime

static uint64_t mark_on(uint64_t mark, uint64_t secret, uint64_t piece)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)mark * secret + piece;
    uint64_t low = (uint64_t)(product & MARK_PRIME) + (uint64_t)(product >> 61);
    return low >= MARK_PRIME ? low - MARK_PRIME : low;
}

static uint64_t mark_text(uint64_t mark, uint64_t secret, struct span text)
{
    mark = mark_on(mark, secret, text.size);
    while (text.size) {
        struct span front = span_first(text, PIECE_BYTES);
        uint64_t piece = 0;
        memcpy(&piece, front.data, front.size);
        mark = mark_on(mark, secret, piece);
        text = span_after(text, front.size);
    }
    return mark;
}

uint64_t login_mark(const struct keeper *keeper, const struct request_head *head)
{
    uint64_t secret = keeper->mark_secret % MARK_PRIME;
    return mark_text(mark_text(1, secret, head->method), secret, head->target_text) + 1;
}

// ---- what passes

void login_note_request(struct exchange *exchange)
{
    struct keeper *keeper = exchange->client->keeper;
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

// Adds the challenges of that field which bind to the first `count`; how many there are then. The
// others say nothing about the link.
static size_t read_challenges(struct keeper *keeper, const struct head *head, enum field_id id,
                              size_t count)
{
    size_t max = sizeof keeper->challenges / sizeof keeper->challenges[0];
    for (size_t i = 0; i < head->field_count && count < max; i++) {
        const struct field *field = &head->fields[i];
        if (field->id != id)
            continue;
        struct token *token = &keeper->challenges[count];
        token_read(field->value, keeper->token_bytes, sizeof keeper->token_bytes, token);
        count += auth_scheme_binds(token->scheme);
    }
    return count;
}

size_t login_read_challenges(struct exchange *exchange, const struct response_head *head,
                             size_t *ret_of_server)
{
    struct keeper *keeper = exchange->client->keeper;
    *ret_of_server = read_challenges(keeper, &head->head, FIELD_WWW_AUTHENTICATE, 0);
    return read_challenges(keeper, &head->head, FIELD_PROXY_AUTHENTICATE, *ret_of_server);
}

void login_note_response(struct exchange *exchange, const struct response_head *head,
                         size_t challenge_count)
{
    struct login *login = exchange->login;
    const struct token *challenges = exchange->client->keeper->challenges;
    struct attempt_answer answer = {
        .status = head->status,
        .challenges = challenges,
        .challenge_count = challenge_count,
        .has_persistent_auth = head_field(&head->head, FIELD_PERSISTENT_AUTH),
    };
    bool is_proved = login_watch_answer(exchange, &answer);
    if (!login)
        return;
    login->is_proved = is_proved;
    bool is_continued = false;
    for (size_t i = 0; i < challenge_count; i++) {
        login->krb_error =
            challenges[i].krb_error >= 0 ? challenges[i].krb_error : login->krb_error;
        is_continued = is_continued || (challenges[i].kind != TOKEN_EMPTY &&
                                        challenges[i].kind != TOKEN_KERBEROS_ERROR);
    }
    if (head->status != 401 && head->status != 407)
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
