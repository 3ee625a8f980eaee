// SPDX-License-Identifier: Apache-2.0
// Kerberos at one end, asked by the name of the URL: does the server open the ticket, does it prove
// that it can, and what does it complain about?
#include "base/check.h"
#include "base/filetime.h"
#include "doctor/look/logins.h"

enum { REPEATS = 4 };

static const char *mutual_word(enum kerberos_mutual mutual)
{
    static const char *const words[] = {"absent", "ok", "bad"};
    return words[mutual];
}

static json_t *error_of(const struct token *error)
{
    char scratch[24];

    if (error->kind != TOKEN_KERBEROS_ERROR)
        return json_null();
    json_t *node = json_pack("{s:i,s:s,s:o,s:o}", "code", error->krb_error, "name",
                             kerberos_error_name(error->krb_error, scratch), "realm",
                             look_text_span(token_text_span(&error->realm)), "server",
                             look_text_span(token_text_span(&error->spn)));
    CHECK(node);
    if (error->server_filetime)
        json_object_set_new(node, "time_s",
                            json_integer(filetime_to_unix_s(error->server_filetime)));
    return node;
}

static json_t *describe(const struct look_round *round, const struct trial *trial, const char *spn)
{
    json_t *node =
        json_pack("{s:o,s:s,s:s,s:o,s:o}", "spn", look_text(spn), "outcome",
                  outcome_word(trial->outcome), "mutual", mutual_word(trial->mutual), "krb_error",
                  error_of(&trial->error), "error", look_kerberos_problem(&trial->problem));
    CHECK(node);
    if (trial->first)
        json_object_set_new(node, "answer", look_answer(trial->first));
    if (trial->outcome == OUTCOME_OK)
        json_object_set_new(node, "user_shown",
                            json_boolean(look_shows_user(round, trial_last(trial))));
    return node;
}

static const char *bare_outcome(const struct trial_way *way, const struct trial_wish *wish)
{
    struct trial_wish bare = *wish;
    struct trial trial;

    bare.scheme = TRIAL_KERBEROS_BARE;
    trial_make(way, &bare, &trial);
    enum outcome outcome = trial.outcome;
    trial_done(&trial);
    return outcome_word(outcome);
}

json_t *look_kerberos(const struct look_round *round, const struct look_end *end)
{
    char host[LOOK_HOST_MAX];
    char spn[LOOK_SPN_MAX];
    struct trial_way way = look_way(round, end, host);
    struct trial_wish wish = {
        .scheme = TRIAL_KERBEROS, .kerberos = round->kerberos, .spn = look_spn(round, spn)};
    struct trial trial;

    if (round->subject->account_count == 0)
        return NULL;
    trial_make(&way, &wish, &trial);
    json_t *node = describe(round, &trial, spn);
    enum outcome outcome = trial.outcome;
    trial_done(&trial);
    if (outcome <= OUTCOME_CLOSED) {
        json_object_set_new(node, "repeats", look_repeats(round, &way, &wish, REPEATS, NULL));
        if (look_has_time(round, end))
            json_object_set_new(node, "bare", json_string(bare_outcome(&way, &wish)));
    }
    return node;
}
