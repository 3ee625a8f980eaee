// SPDX-License-Identifier: Apache-2.0
// Does a connection keep the person it was authenticated for? Logs in, then asks on the same
// connection without credentials.
#include "base/check.h"
#include "doctor/look/logins.h"

// The names of the computers of two handshakes on one connection; null when they cannot be known.
static json_t *same_computer(struct trial *trial, const struct trial_way *way,
                             const struct trial_wish *wish)
{
    struct trial_wish again = *wish;
    struct trial second;

    if (trial->challenge.server_name.size == 0 || !trial_last(trial)->is_persistent)
        return json_null();
    again.skips_first = true;
    again.scheme = trial->scheme[1] == 'e' ? TRIAL_SPNEGO_NTLM : TRIAL_NTLM;
    trial_make_again(trial, way, &again, &second);
    json_t *answer = json_null();
    if (second.challenge.server_name.size)
        answer = json_boolean(span_equal_nocase(token_text_span(&trial->challenge.server_name),
                                                token_text_span(&second.challenge.server_name)));
    trial_done(&second);
    return answer;
}

static json_t *take(const struct look_round *round, const struct trial_way *way,
                    const struct trial_wish *wish)
{
    struct call_answer answer;
    struct trial trial;
    json_t *node = NULL;

    look_try(round, way, wish, &trial);
    if (trial.outcome == OUTCOME_OK) {
        trial_ask_again(&trial, way, &answer);
        node = json_pack("{s:i,s:b,s:o}", "second_status", (int)answer.status, "second_user_shown",
                         look_shows_user(round, &answer), "persistent_auth",
                         look_text(trial_last(&trial)->persistent_auth));
        CHECK(node);
        call_answer_done(&answer);
        if (wish->account && look_is_proven(round, wish->account))
            json_object_set_new(node, "same_computer", same_computer(&trial, way, wish));
    }
    trial_done(&trial);
    return node;
}

json_t *look_affinity(const struct look_round *round, const struct look_end *end)
{
    char host[LOOK_HOST_MAX];
    char spn[LOOK_SPN_MAX];
    struct trial_way way = look_way(round, end, host);
    struct trial_wish ntlm = {.account = &round->subject->accounts[0], .spn = look_spn(round, spn)};
    struct trial_wish kerberos = {
        .scheme = TRIAL_KERBEROS, .kerberos = round->kerberos, .spn = spn};
    json_t *node = json_object();
    json_t *part;

    if (look_has_password(round, 0) && (part = take(round, &way, &ntlm)))
        json_object_set_new(node, "ntlm", part);
    if (round->kerberos && look_has_time(round, end) && (part = take(round, &way, &kerberos)))
        json_object_set_new(node, "kerberos", part);
    return node;
}
