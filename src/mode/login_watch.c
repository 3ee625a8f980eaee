// SPDX-License-Identifier: Apache-2.0
// Watches one login at a time on each client, from the first challenge or the first token to the
// verdict; then it is logged, counted and kept in the worker's logbook. It decides nothing. The
// client owns the watch; nothing is allocated for requests without credentials or challenge.
#include <stdlib.h>
#include <time.h>

#include "base/filetime.h"
#include "mode/client.h"

static uint64_t now_filetime(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return filetime_of_unix(now.tv_sec, now.tv_nsec);
}

void login_watch_drop(struct client *client)
{
    free(client->login_watch);
    client->login_watch = NULL;
}

// NULL without memory: then this login has no record.
static struct login_watch *watch_new(struct client *client, struct span host)
{
    struct login_watch *watch = malloc(sizeof *watch);
    if (!watch)
        return NULL;
    *watch = (struct login_watch){.server_index = SIZE_MAX};
    watch->id = client->keeper->next_login_id += client->keeper->id_step;
    attempt_begin(&watch->attempt, host, loop_now_us());
    client->login_watch = watch;
    return watch;
}

// Where the exchange under way goes.
static void note_way(struct login_watch *watch, const struct exchange *exchange)
{
    watch->exchange_id = exchange->id;
    watch->site = exchange->site;
    watch->route = exchange->route;
    if (watch->link_id && !exchange->link_id)
        return; // it got no further than before
    watch->link_id = exchange->link_id;
    watch->side = exchange->pool_side;
    watch->server_index = exchange->server_index;
}

// ---- the end

static void note_bound(struct login_watch *watch, const struct exchange *exchange)
{
    const struct attempt *attempt = &watch->attempt;
    uint8_t theirs[TLS_BINDING_BYTES];
    const struct link *link = exchange->link;
    bool is_front = false;
    bool is_back = false;
    if (attempt->binding == CHANNEL_BINDING_PRESENT) {
        is_front = tls_channel_binding_is_ours(exchange->client->channel, attempt->binding_hash);
        is_back = link && tls_channel_binding_peers(link->channel, theirs) &&
                  memcmp(theirs, attempt->binding_hash, sizeof theirs) == 0;
    }
    watch->bound_to = bound_to_of(attempt->binding, is_front, is_back);
}

static const char *server_of(const struct login_watch *watch)
{
    bool is_chosen = watch->side && watch->server_index != SIZE_MAX;
    return is_chosen ? watch->side->pool->config->servers[watch->server_index].name : NULL;
}

static uint64_t server_key(const struct login_watch *watch)
{
    const char *server = server_of(watch);
    return server ? logbook_server_key(watch->side->pool->config->name, server) : 0;
}

static struct judgement judge(const struct login_watch *watch, const struct logbook *book)
{
    const char *server = server_of(watch);
    struct attempt_scene scene = {
        .bound_to = watch->bound_to,
        .is_link_tls = watch->side && watch->side->pool->tls,
        .server_names = {span_text(server)},
    };
    if (server)
        scene.bound_accepted = logbook_accepted(book, server_key(watch), loop_now_us());
    return attempt_judge(&watch->attempt, &scene);
}

// Keeps what became of it; true when somebody was let in.
static bool settle(struct client *client)
{
    struct keeper *keeper = client->keeper;
    struct login_watch *watch = client->login_watch;
    const struct attempt *attempt = &watch->attempt;
    struct judgement judgement = judge(watch, &keeper->logbook);
    bool is_proved = judgement.verdict == JUDGED_SUCCESS &&
                     attempt->last_sent == TOKEN_NTLM_AUTHENTICATE && server_of(watch);
    if (is_proved)
        logbook_note_accepted(&keeper->logbook, server_key(watch), watch->bound_to, loop_now_us());
    tally_add(&keeper->tally.attempts[attempt->mechanism][judgement.verdict], 1);
    record_login(client, watch, &judgement);
    login_watch_drop(client);
    return judgement.verdict == JUDGED_SUCCESS;
}

static void break_off(struct client *client, enum end end)
{
    attempt_break(&client->login_watch->attempt, end, loop_now_us());
    settle(client);
}

// ---- what passes

// Do the credentials go on with the login under way? One login stays on one link; of a request that
// has none yet, or never gets one, the host tells.
static bool goes_on(const struct exchange *exchange, const struct token *credentials)
{
    const struct login_watch *watch = exchange->client->login_watch;
    if (attempt_is_restarted_by(&watch->attempt, credentials))
        return false;
    if (exchange->link_id)
        return watch->link_id == exchange->link_id;
    return span_equal(token_text_span(&watch->attempt.host), exchange_host(exchange));
}

// Goes on with the login under way, or begins one, with a request that carries credentials.
static void see_credentials(struct exchange *exchange, const struct token *credentials)
{
    struct client *client = exchange->client;
    struct login_watch *watch = client->login_watch;
    if (watch && !goes_on(exchange, credentials))
        break_off(client, END_CLIENT_LEFT);
    if (!client->login_watch && !watch_new(client, exchange_host(exchange)))
        return;
    watch = client->login_watch;
    note_way(watch, exchange);
    attempt_see_request(&watch->attempt, credentials, exchange->mark, loop_now_us());
    note_bound(watch, exchange); // as far as it can be told before the link is open
}

// A request on the link of a login that does not go on with it.
static void see_plain(struct exchange *exchange)
{
    struct login_watch *watch = exchange->client->login_watch;
    if (watch->attempt.stand != ATTEMPT_CHALLENGED) {
        break_off(exchange->client, END_CLIENT_LEFT);
        return;
    }
    watch->exchange_id = exchange->id;
    attempt_see_request(&watch->attempt, NULL, exchange->mark, loop_now_us());
}

void login_watch_request(struct exchange *exchange, const struct token *credentials)
{
    struct login_watch *watch = exchange->client->login_watch;
    if (credentials && auth_scheme_binds(credentials->scheme))
        see_credentials(exchange, credentials);
    else if (!watch || watch->link_id != exchange->link_id)
        return;
    else if (credentials && watch->attempt.stand == ATTEMPT_CHALLENGED)
        login_watch_drop(exchange->client); // it logs in another way: Basic, Bearer
    else
        see_plain(exchange);
}

// The server asks somebody who has sent nothing.
static void begin_challenged(struct exchange *exchange)
{
    struct client *client = exchange->client;
    struct login_watch *watch = client->login_watch;
    if (watch && watch->attempt.stand != ATTEMPT_CHALLENGED)
        return; // one login goes on, on another link
    login_watch_drop(client);
    watch = watch_new(client, exchange_host(exchange));
    if (!watch)
        return;
    note_way(watch, exchange);
    watch->attempt.began_us = exchange->started_us;
    attempt_see_request(&watch->attempt, NULL, exchange->mark, exchange->started_us);
}

bool login_watch_answer(struct exchange *exchange, const struct attempt_answer *answer)
{
    struct client *client = exchange->client;
    struct login_watch *watch = client->login_watch;
    bool is_asked = answer->challenge_count && answer->status == 401 && !exchange->has_credentials;
    if (is_asked && (!watch || watch->exchange_id != exchange->id))
        begin_challenged(exchange);
    watch = client->login_watch;
    if (!watch || watch->exchange_id != exchange->id)
        return false;
    note_way(watch, exchange);
    note_bound(watch, exchange);
    attempt_see_answer(&watch->attempt, answer, loop_now_us(),
                       answer->challenge_count ? now_filetime() : 0);
    return attempt_is_over(&watch->attempt) && settle(client);
}

void login_watch_confused(struct exchange *exchange)
{
    struct login_watch *watch = exchange->client->login_watch;
    if (watch && watch->attempt.stand == ATTEMPT_CHALLENGED)
        login_watch_drop(exchange->client);
}

void login_watch_finish(struct exchange *exchange, enum end end)
{
    struct client *client = exchange->client;
    struct login_watch *watch = client->login_watch;
    bool closes = exchange->wants_close || exchange->link_wants_close;
    if (!watch || watch->exchange_id != exchange->id)
        return;
    if (watch->attempt.stand == ATTEMPT_ASKED) {
        note_way(watch, exchange);
        break_off(client, end != END_OK ? end : END_CLIENT_LEFT);
    } else if (closes && watch->attempt.stand == ATTEMPT_CONTINUED) {
        bool is_by_server = exchange->link_wants_close && end_side(end) == END_SIDE_NOBODY;
        break_off(client, is_by_server ? END_LINK_LOST : END_CLIENT_LEFT);
    } else if (closes) {
        login_watch_drop(client); // it is meant to go on with another connection
    }
}

void login_watch_close(struct client *client, enum end end)
{
    break_off(client, end == END_OK ? END_CLIENT_CLOSED : end);
}

// ---- heads that never became a request

// The scheme of an Authorization line in a head that nobody has parsed; NONE without one.
static enum auth_scheme scheme_in(struct span head)
{
    static const struct span name = SPAN("authorization:");
    struct span ignored;
    for (;;) {
        size_t line = span_find(head, '\n');
        if (line == head.size)
            return AUTH_SCHEME_NONE;
        head = span_after(head, line + 1);
        if (span_starts_with_nocase(head, name))
            return auth_scheme_of(span_first(span_after(head, name.size), 32), &ignored);
    }
}

void login_watch_refused(struct client *client, enum end end)
{
    if (end != END_HEADER_TOO_BIG && end != END_HEAD_TOO_BIG)
        return;
    struct token token = {.kind = TOKEN_UNKNOWN, .in_spnego = true, .krb_error = -1};
    token.scheme = scheme_in(buf_span(&client->session.in));
    if (!auth_scheme_binds(token.scheme) && !client->login_watch)
        return;
    if (!client->login_watch && !watch_new(client, (struct span){0}))
        return;
    client->login_watch->site = client_site(client);
    if (auth_scheme_binds(token.scheme))
        attempt_see_request(&client->login_watch->attempt, &token, 0, loop_now_us());
    break_off(client, end);
}
