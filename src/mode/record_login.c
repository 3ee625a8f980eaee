// SPDX-License-Identifier: Apache-2.0
// What is written of a login when its verdict has been found: one line of the log, and the same for
// the logbook. Names and numbers only; never a token, a response or a key.
#include "mode/record.h"

static void add_number(struct json *json, const char *key, uint64_t value)
{
    if (value)
        json_put_u64(json, key, value);
}

static void add_etype(struct json *json, const char *key, int etype)
{
    if (etype)
        json_put_i64(json, key, etype);
}

static void add_build(struct json *json, const char *key, const struct token_build *build)
{
    char text[TOKEN_BUILD_MAX];
    if (build->is_known)
        json_put_text(json, key, span_of(text, token_build_print(build, text)));
}

// ---- where

static void add_way(struct json *json, const struct login_watch *watch)
{
    if (watch->site)
        json_put_string(json, "site", watch->site->name);
    if (watch->route)
        json_put_string(json, "route", watch->route->path);
    if (watch->side)
        record_add_server(json, watch->side, watch->server_index);
    if (watch->link_id)
        json_put_u64(json, "link", watch->link_id);
    if (watch->attempt.host.size)
        json_put_text(json, "host", token_text_span(&watch->attempt.host));
}

// ---- what

static void add_remarks(struct json *json, uint64_t remarks)
{
    if (!remarks)
        return;
    json_put_open(json, "remarks", '[');
    for (enum login_verdict verdict = 0; verdict < LOGIN_VERDICT_COUNT; verdict++)
        if (remarks & login_remark(verdict))
            json_put_string(json, NULL, login_verdict_word(verdict));
    json_put_close(json, ']');
}

static void add_offered(struct json *json, unsigned offered)
{
    if (!offered)
        return;
    json_put_open(json, "offered", '[');
    for (enum auth_scheme scheme = AUTH_SCHEME_NTLM; scheme < AUTH_SCHEME_OTHER; scheme++)
        if (offered & 1u << scheme)
            json_put_string(json, NULL, auth_scheme_word(scheme));
    json_put_close(json, ']');
}

static void add_mechs(struct json *json, const struct attempt *attempt)
{
    if (!attempt->mech_count)
        return;
    json_put_open(json, "mechs", '[');
    for (size_t i = 0; i < attempt->mech_count; i++)
        json_put_string(json, NULL, token_mech_word((enum token_mech)attempt->mechs[i]));
    json_put_close(json, ']');
}

static void add_person(struct json *json, const struct attempt *attempt, bool is_proved)
{
    record_add_text(json, "domain", &attempt->domain);
    record_add_text(json, "user", &attempt->user);
    if (attempt->user.size) // anyone can claim a name; only the server's answer proves it
        json_put_string(json, "user_is", is_proved ? "authenticated" : "claimed");
    record_add_text(json, "workstation", &attempt->workstation);
    record_add_text(json, "spn", &attempt->spn);
}

static void add_kerberos(struct json *json, const struct attempt *attempt)
{
    record_add_text(json, "realm", &attempt->realm);
    add_etype(json, "etype", attempt->ticket_etype);
    add_etype(json, "sender_etype", attempt->sender_etype);
    if (attempt->ticket_kvno >= 0)
        json_put_u64(json, "kvno", (uint64_t)attempt->ticket_kvno);
    add_number(json, "ticket_bytes", attempt->ticket_bytes);
    if (attempt->krb_error >= 0)
        json_put_u64(json, "krb_error", (uint64_t)attempt->krb_error);
}

static void add_ntlm(struct json *json, const struct login_watch *watch)
{
    const struct attempt *attempt = &watch->attempt;
    if (attempt->last_sent == TOKEN_NTLM_AUTHENTICATE) {
        json_put_u64(json, "ntlm_version", attempt->ntlm_version);
        json_put_bool(json, "mic", attempt->has_mic);
        json_put_string(json, "channel_binding", bound_to_word(watch->bound_to));
    }
    add_number(json, "ntlm_flags", attempt->ntlm_flags);
    add_build(json, "client_build", &attempt->client_build);
    add_build(json, "server_build", &attempt->server_build);
    record_add_text(json, "server_name", &attempt->server_name);
    record_add_text(json, "dns_domain", &attempt->dns_domain);
    record_add_text(json, "forest", &attempt->forest);
    if (attempt->echoed_server.size && !span_equal(token_text_span(&attempt->echoed_server),
                                                   token_text_span(&attempt->server_name)))
        record_add_text(json, "challenge_of", &attempt->echoed_server);
}

static void add_leg(struct json *json, const struct attempt_leg *leg)
{
    json_put_open(json, NULL, '{');
    json_put_milliseconds(json, "at_ms", leg->at_us);
    json_put_string(json, "sent", leg->bytes ? token_kind_word(leg->sent) : "nothing");
    add_number(json, "bytes", leg->bytes);
    if (leg->status) {
        json_put_u64(json, "status", leg->status);
        if (leg->got != TOKEN_EMPTY)
            json_put_string(json, "got", token_kind_word(leg->got));
        json_put_milliseconds(json, "took_ms", leg->took_us);
    }
    json_put_close(json, '}');
}

static void add_legs(struct json *json, const struct attempt *attempt)
{
    json_put_open(json, "legs", '[');
    for (size_t i = 0; i < attempt->leg_count && i < ATTEMPT_LEGS_MAX; i++)
        add_leg(json, &attempt->legs[i]);
    json_put_close(json, ']');
    if (attempt->leg_count > ATTEMPT_LEGS_MAX)
        json_put_u64(json, "leg_count", attempt->leg_count);
}

// A login that nobody finished says little, and a client can begin as many as it likes: those of
// one client are one in the logbook.
static uint64_t like_of(const struct client *client, enum login_verdict verdict)
{
    bool is_unfinished = verdict == JUDGED_CLIENT_LEFT || verdict == JUDGED_NOT_ASKED;
    return is_unfinished ? client->id * LOGIN_VERDICT_COUNT + verdict : 0;
}

void record_login(struct client *client, const struct login_watch *watch,
                  const struct judgement *judgement)
{
    const struct attempt *attempt = &watch->attempt;
    struct text text;
    struct json json;
    record_begin(client, &text, &json, "login");
    size_t start = text.size + 1; // behind the comma
    json_put_u64(&json, "attempt", watch->id);
    record_add_client(&json, client);
    add_way(&json, watch);
    json_put_string(&json, "verdict", login_verdict_word(judgement->verdict));
    add_remarks(&json, judgement->remarks);
    json_put_string(&json, "scheme", attempt_mechanism_word(attempt->mechanism));
    if (attempt->scheme != AUTH_SCHEME_NONE)
        json_put_string(&json, "via", auth_scheme_word(attempt->scheme));
    add_offered(&json, attempt->offered);
    add_mechs(&json, attempt);
    add_person(&json, attempt, judgement->verdict == JUDGED_SUCCESS);
    add_kerberos(&json, attempt);
    add_ntlm(&json, watch);
    if (attempt->has_skew)
        json_put_i64(&json, "skew_s", attempt->skew_s);
    add_legs(&json, attempt);
    json_put_milliseconds(&json, "total_ms", attempt->ended_us - attempt->began_us);
    if (attempt->end != END_OK)
        record_add_end(&json, attempt->end);
    if (!text.cut)
        logbook_add(&client->keeper->logbook, span_after(text_span(&text), start),
                    like_of(client, judgement->verdict), loop_now_us());
    record_finish(client, &json);
}
