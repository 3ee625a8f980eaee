// SPDX-License-Identifier: Apache-2.0
// What the looks that log in have in common: where to, as whom, and how often a login may go wrong.
// A password that the KDC refused is never sent to a server: that would only lock the account.
#pragma once

#include "doctor/look/look.h"
#include "doctor/trial.h"

#define LOOK_SPN_MAX 320

// The way to an end. `host` keeps the text of Host.
struct trial_way look_way(const struct look_round *round, const struct look_end *end,
                          char host[LOOK_HOST_MAX]);
// look_has_time for the end that way leads to.
bool look_way_has_time(const struct look_round *round, const struct trial_way *way);
// "HTTP/" and the host of the URL; `out` is returned.
const char *look_spn(const struct look_round *round, char out[LOOK_SPN_MAX]);

// Has that account a password for NTLM, which no KDC has refused? `index` may be past the last.
bool look_has_password(const struct look_round *round, size_t index);

// Did the KDC take what that account has? Then a server that refuses it does so for another reason.
bool look_is_vouched_for(const struct look_round *round, const struct account *account);

// The same, or a server has shown a page for it. Then it may be sent any number of times.
bool look_is_proven(const struct look_round *round, const struct account *account);

// trial_make, guarded: a password of which neither KDC nor server has said that it is right is sent
// to servers one login at a time, and after LOOK_REFUSALS_MAX that did not end with a page no more
// (OUTCOME_NOT_TRIED); each account's is counted for itself. A right password that is refused for
// other reasons does not count towards a lockout.
void look_try(const struct look_round *round, const struct trial_way *way,
              const struct trial_wish *wish, struct trial *ret_trial);

// The guard itself, for who sends an account's password elsewhere than to a web server. May it be
// sent now? Waits for whoever sends it just now. `way` is where to (NULL: to no end).
// LOOK_PASS_ALONE: nobody else sends it until the caller has said with look_gate_leave what came of
// it.
enum look_pass {
    LOOK_PASS_NONE = 0, // no: it was refused too often, or there is no time left (at that end)
    LOOK_PASS_FREE,     // it is known to be right
    LOOK_PASS_ALONE,
};
enum look_pass look_gate_enter(const struct look_round *round, const struct account *account,
                               const struct trial_way *way);
void look_gate_leave(const struct look_round *round, const struct account *account, bool was_sent,
                     bool is_good);

// Does the page show who is logged in: the account's name, or what the subject says to expect?
bool look_shows_user(const struct look_round *round, const struct call_answer *answer);

// Whole logins on new connections, counted; `computers`, to which those of the challenges are
// added, may be NULL.
json_t *look_repeats(const struct look_round *round, const struct trial_way *way,
                     const struct trial_wish *wish, unsigned tries, json_t *computers);
// Adds a text that is not yet in the array.
void look_add_new(json_t *array, struct span text);

// {code, name, text}, or null.
json_t *look_kerberos_problem(const struct kerberos_problem *problem);
