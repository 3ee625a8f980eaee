// SPDX-License-Identifier: Apache-2.0
// NTLM at one end: whether a login comes through whole, which computer answers, and whether it is
// the same one each time and on one connection.
#include "base/check.h"
#include "base/filetime.h"
#include "doctor/look/logins.h"

enum { REPEATS = 6 };

static void put(json_t *node, const char *key, const struct token_text *text)
{
    json_object_set_new(node, key, look_text_span(token_text_span(text)));
}

// What the Type 2 says about its sender.
static json_t *server_of(const struct token *challenge)
{
    char build[TOKEN_BUILD_MAX];
    size_t size = token_build_print(&challenge->build, build);

    if (challenge->kind != TOKEN_NTLM_CHALLENGE)
        return json_null();
    json_t *node = json_pack("{s:o,s:I}", "build", look_text_span(span_of(build, size)), "flags",
                             (json_int_t)challenge->ntlm_flags);
    CHECK(node);
    put(node, "computer", &challenge->server_netbios);
    put(node, "dns_computer", &challenge->server_name);
    put(node, "domain", &challenge->domain);
    put(node, "dns_domain", &challenge->dns_domain);
    put(node, "forest", &challenge->forest);
    if (challenge->server_filetime)
        json_object_set_new(node, "time_s",
                            json_integer(filetime_to_unix_s(challenge->server_filetime)));
    return node;
}

static json_t *describe(const struct look_round *round, const struct trial *trial)
{
    json_t *node = json_pack("{s:s,s:s,s:o}", "scheme", trial->scheme, "outcome",
                             outcome_word(trial->outcome), "server", server_of(&trial->challenge));
    CHECK(node);
    if (trial->first)
        json_object_set_new(node, "type1", look_answer(trial->first));
    if (trial->second)
        json_object_set_new(node, "type3", look_answer(trial->second));
    if (trial->outcome == OUTCOME_OK)
        json_object_set_new(node, "user_shown",
                            json_boolean(look_shows_user(round, trial_last(trial))));
    if (trial->ntlm_problem)
        json_object_set_new(node, "problem", json_string(trial->ntlm_problem));
    return node;
}

json_t *look_ntlm(const struct look_round *round, const struct look_end *end)
{
    char host[LOOK_HOST_MAX];
    char spn[LOOK_SPN_MAX];
    struct trial_way way = look_way(round, end, host);
    struct trial_wish wish = {.account = &round->subject->accounts[0], .spn = look_spn(round, spn)};
    struct trial trial;

    if (!look_has_password(round, 0))
        return round->subject->account_count
                   ? json_pack("{s:s}", "outcome", outcome_word(OUTCOME_NOT_TRIED))
                   : NULL;
    look_try(round, &way, &wish, &trial);
    json_t *node = describe(round, &trial);
    json_t *computers = json_array();
    if (trial.challenge.server_name.size)
        look_add_new(computers, token_text_span(&trial.challenge.server_name));
    if (trial.outcome <= OUTCOME_CLOSED)
        json_object_set_new(node, "repeats", look_repeats(round, &way, &wish, REPEATS, computers));
    json_object_set_new(node, "computers", computers);
    trial_done(&trial);
    return node;
}
