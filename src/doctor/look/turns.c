// SPDX-License-Identifier: Apache-2.0
// Several handshakes on one connection: all are answered by one computer, or somebody in between
// chooses anew for each request. Looked at while no other look asks: a balancer that takes nodes in
// turn counts the requests of all connections together, and would meet the same node by chance.
#include "base/check.h"
#include "doctor/look/logins.h"
#include "doctor/look/look.h"

// After the first one. Of two nodes in turn, two handshakes of two legs begin at the same; a
// request without credentials before the third shifts that.
enum { SHAKES = 2 };

static bool was_judged(enum outcome outcome)
{
    return outcome == OUTCOME_OK || outcome == OUTCOME_REFUSED;
}

static bool was_judged_before(const struct look_round *round, const struct look_end *end)
{
    const json_t *known =
        json_array_get(fact(round->facts->root, "ends"), (size_t)(end - round->ends));
    return fact_is(known, "ntlm.outcome", outcome_word(OUTCOME_OK)) ||
           fact_is(known, "ntlm.outcome", outcome_word(OUTCOME_REFUSED));
}

// Another handshake on the connection of `earlier`, while it lasts: who answers it is added.
static void shake_again(struct trial *earlier, const struct trial_way *way,
                        const struct trial_wish *wish, json_t *computers, struct trial *ret_trial)
{
    *ret_trial = (struct trial){0};
    if (!earlier->call || !trial_last(earlier) || !trial_last(earlier)->is_persistent)
        return;
    trial_make_again(earlier, way, wish, ret_trial);
    if (ret_trial->challenge.server_name.size)
        look_add_new(computers, token_text_span(&ret_trial->challenge.server_name));
}

static void shake(struct trial *first, const struct trial_way *way, struct trial_wish wish,
                  json_t *computers)
{
    struct trial shakes[SHAKES];
    look_add_new(computers, token_text_span(&first->challenge.server_name));
    if (first->scheme[1] == 'e')
        wish.scheme = TRIAL_SPNEGO_NTLM;
    for (size_t i = 0; i < SHAKES; i++) {
        wish.skips_first = i == 0;
        shake_again(i ? &shakes[i - 1] : first, way, &wish, computers, &shakes[i]);
    }
    for (size_t i = SHAKES; i > 0; i--)
        trial_done(&shakes[i - 1]);
}

json_t *look_turns(const struct look_round *round, const struct look_end *end)
{
    char host[LOOK_HOST_MAX];
    char spn[LOOK_SPN_MAX];
    struct trial_way way = look_way(round, end, host);
    struct trial_wish wish = {.account = &round->subject->accounts[0], .spn = look_spn(round, spn)};
    struct trial trial;

    if (!look_has_password(round, 0) || !was_judged_before(round, end))
        return NULL;
    look_try(round, &way, &wish, &trial);
    json_t *computers = json_array();
    // a login that was refused for reaching two of them tells it best, if it was not the password
    if (was_judged(trial.outcome) && look_is_proven(round, wish.account) && trial.call &&
        trial_last(&trial)->is_persistent)
        shake(&trial, &way, wish, computers);
    trial_done(&trial);
    json_t *node = json_pack("{s:o}", "same_connection_computers", computers);
    CHECK(node);
    return node;
}
