// SPDX-License-Identifier: Apache-2.0
// See logins.h.
#include "doctor/look/logins.h"

#include <stdio.h>

#include "base/check.h"

struct trial_way look_way(const struct look_round *round, const struct look_end *end,
                          char host[LOOK_HOST_MAX])
{
    return (struct trial_way){.address = end->address,
                              .call = look_wish(round, end),
                              .host = look_host(round, host),
                              .target = round->subject->target};
}

bool look_way_has_time(const struct look_round *round, const struct trial_way *way)
{
    return look_has_time(round, NULL) && atomic_load(way->call.silences) == 0;
}

const char *look_spn(const struct look_round *round, char out[LOOK_SPN_MAX])
{
    snprintf(out, LOOK_SPN_MAX, "HTTP/%.255s", round->subject->host);
    return out;
}

bool look_is_vouched_for(const struct look_round *round, const struct account *account)
{
    const struct account *accounts = round->subject->accounts;

    return account == &accounts[0] ? round->kerberos != NULL : round->kerberos_second != NULL;
}

bool look_has_password(const struct look_round *round, size_t index)
{
    const struct subject *subject = round->subject;

    if (index >= subject->account_count || subject->accounts[index].proof != PROOF_PASSWORD)
        return false;
    if (look_is_vouched_for(round, &subject->accounts[index]))
        return true;
    return !kerberos_problem_is_refusal(index ? &round->kerberos_second_problem
                                              : &round->kerberos_problem);
}

// ---- the gate

void look_gate_init(struct look_gate *gate)
{
    *gate = (struct look_gate){0};
    pthread_mutex_init(&gate->lock, NULL);
}

void look_gate_done(struct look_gate *gate)
{
    pthread_mutex_destroy(&gate->lock);
}

static struct look_gate *gate_of(const struct look_round *round, const struct account *account)
{
    return &round->gates[account - round->subject->accounts];
}

bool look_is_proven(const struct look_round *round, const struct account *account)
{
    struct look_gate *gate = gate_of(round, account);

    if (look_is_vouched_for(round, account))
        return true;
    pthread_mutex_lock(&gate->lock);
    bool is_good = gate->is_good;
    pthread_mutex_unlock(&gate->lock);
    return is_good;
}

enum look_pass look_gate_enter(const struct look_round *round, const struct account *account,
                               const struct trial_way *way)
{
    struct look_gate *gate = gate_of(round, account);

    pthread_mutex_lock(&gate->lock);
    bool has_time = way ? look_way_has_time(round, way) : look_has_time(round, NULL);
    enum look_pass pass = LOOK_PASS_ALONE;
    if (gate->is_good)
        pass = LOOK_PASS_FREE;
    else if (gate->refusals >= LOOK_REFUSALS_MAX || !has_time)
        pass = LOOK_PASS_NONE; // waiting may have taken all the time there was
    if (pass != LOOK_PASS_ALONE)
        pthread_mutex_unlock(&gate->lock);
    return pass;
}

void look_gate_leave(const struct look_round *round, const struct account *account, bool was_sent,
                     bool is_good)
{
    struct look_gate *gate = gate_of(round, account);

    gate->is_good = was_sent && is_good;
    gate->refusals += was_sent && !is_good;
    pthread_mutex_unlock(&gate->lock);
}

// A domain controller may have counted what was not answered, or answered with a page of the
// application: only a page proves that the password is right.
static bool is_page(const struct trial *trial)
{
    const struct call_answer *last = trial_last(trial);

    return last && last->status / 100 == 2;
}

void look_try(const struct look_round *round, const struct trial_way *way,
              const struct trial_wish *wish, struct trial *ret_trial)
{
    bool is_guarded = wish->account && !look_is_vouched_for(round, wish->account);
    enum look_pass pass = is_guarded ? look_gate_enter(round, wish->account, way) : LOOK_PASS_FREE;

    if (pass == LOOK_PASS_NONE) {
        *ret_trial = (struct trial){.outcome = OUTCOME_NOT_TRIED, .scheme = ""};
        return;
    }
    trial_make(way, wish, ret_trial);
    if (pass == LOOK_PASS_ALONE)
        look_gate_leave(round, wish->account, trial_has_sent_password(ret_trial),
                        is_page(ret_trial));
}

bool look_shows_user(const struct look_round *round, const struct call_answer *answer)
{
    const struct subject *subject = round->subject;

    if (subject->resource)
        return memmem(answer->body, answer->body_size, subject->resource,
                      strlen(subject->resource)) != NULL;
    return subject->account_count && trial_page_shows(answer, subject->accounts[0].user);
}

void look_add_new(json_t *array, struct span text)
{
    json_t *entry = look_text_span(text);
    size_t index;
    json_t *known;

    json_array_foreach(array, index, known)
    {
        if (json_equal(known, entry)) {
            json_decref(entry);
            return;
        }
    }
    json_array_append_new(array, entry);
}

json_t *look_repeats(const struct look_round *round, const struct trial_way *way,
                     const struct trial_wish *wish, unsigned tries, json_t *computers)
{
    unsigned counts[OUTCOME_COUNT] = {0};
    unsigned tried = 0;

    while (tried < tries && !counts[OUTCOME_NOT_TRIED] && look_way_has_time(round, way)) {
        struct trial trial;
        look_try(round, way, wish, &trial);
        counts[trial.outcome]++;
        tried += trial.outcome != OUTCOME_NOT_TRIED;
        if (computers && trial.challenge.server_name.size)
            look_add_new(computers, token_text_span(&trial.challenge.server_name));
        trial_done(&trial);
    }
    unsigned known = counts[OUTCOME_OK] + counts[OUTCOME_REFUSED] + counts[OUTCOME_NO_CHALLENGE] +
                     counts[OUTCOME_CLOSED];
    known += counts[OUTCOME_NOT_TRIED];
    return json_pack(
        "{s:i,s:i,s:i,s:i,s:i,s:i}", "tries", (int)tried, "ok", (int)counts[OUTCOME_OK], "refused",
        (int)counts[OUTCOME_REFUSED], "no_challenge", (int)counts[OUTCOME_NO_CHALLENGE], "closed",
        (int)counts[OUTCOME_CLOSED], "error", (int)(tried + counts[OUTCOME_NOT_TRIED] - known));
}

json_t *look_kerberos_problem(const struct kerberos_problem *problem)
{
    if (problem->name[0] == 0)
        return json_null();
    return json_pack("{s:i,s:o,s:o}", "code", problem->code, "name", look_text(problem->name),
                     "text", look_text(problem->text));
}
