// SPDX-License-Identifier: Apache-2.0
// Are people mixed up? Two people log in on many connections, with somebody between them who never
// does, and each asks again in turns. A page that names the other person, or that answers nobody at
// all, comes from a connection to the server that two clients share. The second account makes it
// certain; with one only the anonymous requests tell.
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "doctor/look/logins.h"

enum {
    LANES = 4,       // side by side
    CONNECTIONS = 4, // of each lane: the people in turns
    ROUNDS = 3,      // the first one logs in
    SAMPLES_MAX = 5,
    SAMPLE_MAX = 120,
};

struct tally {
    int exchanges;
    int wrong;
    int anonymous_answered;
    int ended; // connections that were ended between two requests
    char samples[SAMPLES_MAX][SAMPLE_MAX];
    size_t sample_count;
};

struct lane {
    const struct look_round *round;
    const struct trial_way *way;
    const struct trial_wish *wishes; // of the people
    size_t people;
    size_t number;
    struct trial trials[CONNECTIONS];
    struct call *nobody; // a connection without credentials; NULL: to be opened
    struct tally tally;
    pthread_t thread;
    bool is_running;
};

static void sample(struct tally *tally, const char *who, const char *answered)
{
    if (tally->sample_count < SAMPLES_MAX)
        snprintf(tally->samples[tally->sample_count++], SAMPLE_MAX, "%.50s was answered as %.50s",
                 who, answered);
}

static const char *user_of(const struct lane *lane, size_t person)
{
    return lane->round->subject->accounts[person].user;
}

// Whoever the page names instead of `person`; NULL: nobody else.
static const char *other_on(const struct lane *lane, const struct call_answer *answer,
                            size_t person)
{
    if (answer->status >= 400 || lane->people < 2)
        return NULL;
    if (trial_page_shows(answer, user_of(lane, person)))
        return NULL;
    const char *other = user_of(lane, 1 - person);
    return trial_page_shows(answer, other) ? other : NULL;
}

static void judge(struct lane *lane, const struct call_answer *answer, size_t person)
{
    const char *other = other_on(lane, answer, person);

    lane->tally.exchanges++;
    lane->tally.ended += answer->status == 0;
    if (other) {
        lane->tally.wrong++;
        sample(&lane->tally, user_of(lane, person), other);
    }
}

static void step(struct lane *lane, size_t connection, bool logs_in)
{
    struct trial *trial = &lane->trials[connection];
    size_t person = (lane->number + connection) % lane->people;
    struct call_answer answer;

    if (logs_in) {
        look_try(lane->round, lane->way, &lane->wishes[person], trial);
        if (trial_last(trial))
            judge(lane, trial_last(trial), person);
    } else if (trial->outcome == OUTCOME_OK && trial->call && trial_last(trial)->is_persistent) {
        trial_ask_again(trial, lane->way, &answer);
        judge(lane, &answer, person);
        if (answer.status == 0 || !answer.is_persistent)
            trial->call = call_close(trial->call);
        call_answer_done(&answer);
    }
}

// Whoever never logs in must be asked to, always.
static void step_nobody(struct lane *lane)
{
    struct call_request request = {.target = lane->way->target, .host = lane->way->host};
    struct call_answer answer;

    if (!lane->nobody &&
        !is_ok(call_open(&lane->way->address, &lane->way->call, &lane->nobody, NULL)))
        return;
    call_ask(lane->nobody, &request, &answer);
    lane->tally.exchanges++;
    if (answer.status >= 200 && answer.status < 300) {
        lane->tally.anonymous_answered++;
        for (size_t i = 0; i < lane->people; i++)
            if (trial_page_shows(&answer, user_of(lane, i)))
                sample(&lane->tally, "a client without credentials", user_of(lane, i));
    }
    if (answer.status == 0 || !answer.is_persistent)
        lane->nobody = call_close(lane->nobody);
    call_answer_done(&answer);
}

static void *run(void *argument)
{
    struct lane *lane = argument;

    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < CONNECTIONS && look_has_time(lane->round); i++) {
            step(lane, i, round == 0);
            step_nobody(lane);
        }
    }
    for (size_t i = 0; i < CONNECTIONS; i++)
        trial_done(&lane->trials[i]);
    lane->nobody = call_close(lane->nobody);
    return NULL;
}

static void add(struct tally *sum, const struct tally *tally)
{
    sum->exchanges += tally->exchanges;
    sum->wrong += tally->wrong;
    sum->anonymous_answered += tally->anonymous_answered;
    sum->ended += tally->ended;
    for (size_t i = 0; i < tally->sample_count && sum->sample_count < SAMPLES_MAX; i++)
        memcpy(sum->samples[sum->sample_count++], tally->samples[i], SAMPLE_MAX);
}

static void run_lanes(const struct lane *pattern, struct tally *ret_tally)
{
    struct lane lanes[LANES];

    *ret_tally = (struct tally){0};
    for (size_t i = 0; i < LANES; i++) {
        lanes[i] = *pattern;
        lanes[i].number = i;
        lanes[i].is_running = pthread_create(&lanes[i].thread, NULL, run, &lanes[i]) == 0;
    }
    for (size_t i = 0; i < LANES; i++) {
        if (lanes[i].is_running)
            pthread_join(lanes[i].thread, NULL);
        add(ret_tally, &lanes[i].tally);
    }
}

// Is somebody who says nothing asked to log in? Otherwise there is no one to mix up.
static bool asks_for_login(const struct trial_way *way)
{
    struct call *call = NULL;
    struct call_answer answer;

    if (!is_ok(call_open(&way->address, &way->call, &call, NULL)))
        return false;
    call_ask(call, &(struct call_request){.target = way->target, .host = way->host}, &answer);
    bool is_asked = answer.status == 401;
    call_answer_done(&answer);
    call_close(call);
    return is_asked;
}

static json_t *describe(const struct tally *tally, size_t people)
{
    json_t *samples = json_array();

    for (size_t i = 0; i < tally->sample_count; i++)
        json_array_append_new(samples, look_text(tally->samples[i]));
    return json_pack("{s:i,s:i,s:i,s:i,s:o,s:i}", "exchanges", tally->exchanges, "wrong",
                     tally->wrong, "anonymous_answered", tally->anonymous_answered, "others_closed",
                     tally->ended, "sample", samples, "accounts", (int)people);
}

json_t *look_isolation(const struct look_round *round, const struct look_end *end)
{
    char host[LOOK_HOST_MAX];
    char spn[LOOK_SPN_MAX];
    struct trial_way way = look_way(round, end, host);
    struct trial_wish wishes[SUBJECT_ACCOUNTS_MAX];
    struct kerberos_client *clients[SUBJECT_ACCOUNTS_MAX] = {round->kerberos,
                                                             round->kerberos_second};
    struct lane pattern = {.round = round, .way = &way, .wishes = wishes};
    struct tally tally;

    for (size_t i = 0; i < SUBJECT_ACCOUNTS_MAX; i++) {
        bool has_password = look_has_password(round, i);
        wishes[i] =
            (struct trial_wish){.scheme = has_password ? TRIAL_NTLM : TRIAL_KERBEROS,
                                .account = has_password ? &round->subject->accounts[i] : NULL,
                                .kerberos = clients[i],
                                .spn = look_spn(round, spn)};
        if (i == pattern.people && (has_password || clients[i]))
            pattern.people++;
    }
    if (pattern.people == 0 || !asks_for_login(&way))
        return NULL;
    run_lanes(&pattern, &tally);
    return describe(&tally, pattern.people);
}
