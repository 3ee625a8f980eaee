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

const char *look_spn(const struct look_round *round, char out[LOOK_SPN_MAX])
{
    snprintf(out, LOOK_SPN_MAX, "HTTP/%.255s", round->subject->host);
    return out;
}

// The KDC's words for an account that cannot log in anywhere with this password.
static bool is_refusal(const struct kerberos_problem *problem)
{
    static const int codes[] = {6, 18, 23, 24, 31};

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (problem->code == codes[i])
            return true;
    return false;
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
    return index == 0 && !is_refusal(&round->kerberos_problem);
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

// With the lock held: nobody else sends the password until it is known what comes of it.
static bool try_guarded(struct look_gate *gate, const struct trial_way *way,
                        const struct trial_wish *wish, struct trial *ret_trial)
{
    if (gate->is_good)
        return false;
    if (gate->refusals >= LOOK_REFUSALS_MAX) {
        *ret_trial = (struct trial){.outcome = OUTCOME_NOT_TRIED, .scheme = ""};
        return true;
    }
    trial_make(way, wish, ret_trial);
    gate->is_good = ret_trial->outcome == OUTCOME_OK;
    gate->refusals += ret_trial->outcome == OUTCOME_REFUSED;
    return true;
}

void look_try(const struct look_round *round, const struct trial_way *way,
              const struct trial_wish *wish, struct trial *ret_trial)
{
    bool is_tried = false;

    if (wish->account && !look_is_vouched_for(round, wish->account)) {
        pthread_mutex_lock(&round->gate->lock);
        is_tried = try_guarded(round->gate, way, wish, ret_trial);
        pthread_mutex_unlock(&round->gate->lock);
    }
    if (!is_tried)
        trial_make(way, wish, ret_trial);
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

    while (tried < tries && !counts[OUTCOME_NOT_TRIED] && look_has_time(round)) {
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
