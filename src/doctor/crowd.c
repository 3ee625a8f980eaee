// SPDX-License-Identifier: Apache-2.0
// See crowd.h. A lane is a thread with connections of its own; lanes share nothing they write.
#include "doctor/crowd.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

struct lane {
    const struct crowd *crowd;
    size_t number;
    struct trial *trials; // one for each connection
    struct call *nobody;  // a connection without credentials; NULL: to be opened
    struct crowd_tally tally;
    struct crowd_tally mixed;         // pages that named the other person
    unsigned named[CROWD_PEOPLE_MAX]; // pages that named who asked, of each person
    pthread_t thread;
    bool is_running;
    bool was_silent; // somebody waited in vain: this lane asks no more
};

static void sample(struct crowd_tally *tally, const char *who, const char *answered)
{
    if (tally->sample_count < CROWD_SAMPLES_MAX)
        snprintf(tally->samples[tally->sample_count++], CROWD_SAMPLE_MAX,
                 "%.50s was answered as %.50s", who, answered);
}

// Whoever the page names instead of `person`; NULL: nobody else.
static const char *other_on(const struct crowd *crowd, const struct call_answer *answer,
                            size_t person)
{
    if (answer->status >= 400 || crowd->people < 2)
        return NULL;
    if (trial_page_shows(answer, crowd->users[person]))
        return NULL;
    const char *other = crowd->users[1 - person];
    return trial_page_shows(answer, other) ? other : NULL;
}

static void judge(struct lane *lane, const struct call_answer *answer, size_t person)
{
    const char *user = lane->crowd->users[person];
    const char *other = other_on(lane->crowd, answer, person);

    lane->tally.exchanges++;
    lane->tally.ended += answer->status == 0;
    lane->was_silent |= answer->end == END_SERVER_TIMEOUT;
    bool is_named = answer->status < 400 && trial_page_shows(answer, user);
    lane->tally.right += is_named;
    lane->named[person] += is_named;
    if (other) {
        lane->mixed.wrong++;
        sample(&lane->mixed, user, other);
    }
}

// A page that names anybody, for a request that named nobody.
static bool count_leak(struct lane *lane, const struct call_answer *answer)
{
    for (size_t i = 0; i < lane->crowd->people; i++) {
        if (trial_page_shows(answer, lane->crowd->users[i])) {
            sample(&lane->tally, "a client without credentials", lane->crowd->users[i]);
            return true;
        }
    }
    return false;
}

static void count_login(struct crowd_person *person, enum outcome outcome)
{
    person->logins += outcome != OUTCOME_NOT_TRIED;
    person->let_in += outcome == OUTCOME_OK;
    if (outcome != OUTCOME_OK && outcome != OUTCOME_NOT_TRIED)
        person->failure = outcome;
}

static void log_in(struct lane *lane, struct trial *trial, size_t person)
{
    const struct crowd *crowd = lane->crowd;

    if (crowd->log_in)
        crowd->log_in(crowd->context, crowd->way, &crowd->wishes[person], trial);
    else
        trial_make(crowd->way, &crowd->wishes[person], trial);
    count_login(&lane->tally.people[person], trial->outcome);
    bool is_leak = trial->outcome == OUTCOME_NOT_OFFERED && count_leak(lane, trial_last(trial));
    lane->tally.anonymous_answered += is_leak;
    lane->tally.refused += trial->outcome != OUTCOME_OK && !is_leak;
    if (trial_last(trial))
        judge(lane, trial_last(trial), person);
    else
        lane->tally.ended +=
            trial->outcome == OUTCOME_CLOSED || trial->outcome == OUTCOME_NO_ANSWER;
    lane->was_silent |= trial->outcome == OUTCOME_NO_ANSWER;
}

static void ask_again(struct lane *lane, struct trial *trial, size_t person)
{
    struct call_answer answer;

    if (trial->outcome != OUTCOME_OK || !trial->call || !trial_last(trial)->is_persistent)
        return;
    trial_ask_again(trial, lane->crowd->way, &answer);
    judge(lane, &answer, person);
    if (answer.status == 0 || !answer.is_persistent)
        trial->call = call_close(trial->call);
    call_answer_done(&answer);
}

// Whoever never logs in must be asked to, always.
static void ask_as_nobody(struct lane *lane)
{
    const struct trial_way *way = lane->crowd->way;
    struct call_request request = {.target = way->target, .host = way->host};
    struct call_answer answer;

    if (!lane->nobody && !is_ok(call_open(&way->address, &way->call, &lane->nobody, NULL)))
        return;
    call_ask(lane->nobody, &request, &answer);
    lane->tally.exchanges++;
    lane->tally.anonymous++;
    if (answer.status >= 200 && answer.status < 300) {
        lane->tally.anonymous_answered++;
        count_leak(lane, &answer);
    }
    if (answer.status == 0 || !answer.is_persistent)
        lane->nobody = call_close(lane->nobody);
    call_answer_done(&answer);
}

static bool goes_on(const struct lane *lane)
{
    return !lane->was_silent && loop_now_us() < lane->crowd->until_us;
}

static void *run(void *argument)
{
    struct lane *lane = argument;
    const struct crowd *crowd = lane->crowd;

    for (size_t round = 0; round < crowd->rounds; round++) {
        for (size_t i = 0; i < crowd->connections && goes_on(lane); i++) {
            size_t person = (lane->number + i) % crowd->people;
            if (round == 0)
                log_in(lane, &lane->trials[i], person);
            else
                ask_again(lane, &lane->trials[i], person);
            if (goes_on(lane))
                ask_as_nobody(lane);
        }
    }
    for (size_t i = 0; i < crowd->connections; i++)
        trial_done(&lane->trials[i]);
    lane->nobody = call_close(lane->nobody);
    return NULL;
}

void crowd_person_add(struct crowd_person *sum, const struct crowd_person *person)
{
    sum->logins += person->logins;
    sum->let_in += person->let_in;
    if (person->failure != OUTCOME_OK)
        sum->failure = person->failure;
}

static void add(struct crowd_tally *sum, const struct crowd_tally *tally)
{
    sum->exchanges += tally->exchanges;
    sum->right += tally->right;
    sum->wrong += tally->wrong;
    sum->refused += tally->refused;
    sum->ended += tally->ended;
    sum->anonymous += tally->anonymous;
    sum->anonymous_answered += tally->anonymous_answered;
    for (size_t i = 0; i < CROWD_PEOPLE_MAX; i++)
        crowd_person_add(&sum->people[i], &tally->people[i]);
    for (size_t i = 0; i < tally->sample_count && sum->sample_count < CROWD_SAMPLES_MAX; i++)
        memcpy(sum->samples[sum->sample_count++], tally->samples[i], CROWD_SAMPLE_MAX);
}

void crowd_run(const struct crowd *crowd, struct crowd_tally *ret_tally)
{
    struct lane lanes[CROWD_LANES_MAX];
    struct crowd_tally mixed = {0};
    unsigned named[CROWD_PEOPLE_MAX] = {0};

    CHECK(crowd->people > 0 && crowd->people <= CROWD_PEOPLE_MAX);
    CHECK(crowd->lanes <= CROWD_LANES_MAX);
    *ret_tally = (struct crowd_tally){0};
    for (size_t i = 0; i < crowd->lanes; i++) {
        lanes[i] = (struct lane){.crowd = crowd, .number = i};
        lanes[i].trials = calloc(crowd->connections, sizeof(*lanes[i].trials));
        CHECK(lanes[i].trials);
        lanes[i].is_running = pthread_create(&lanes[i].thread, NULL, run, &lanes[i]) == 0;
    }
    for (size_t i = 0; i < crowd->lanes; i++) {
        if (lanes[i].is_running)
            pthread_join(lanes[i].thread, NULL);
        add(ret_tally, &lanes[i].tally);
        add(&mixed, &lanes[i].mixed);
        for (size_t person = 0; person < crowd->people; person++)
            named[person] += lanes[i].named[person];
        free(lanes[i].trials);
    }
    ret_tally->names_people = true;
    for (size_t person = 0; person < crowd->people; person++)
        ret_tally->names_people &= named[person] > 0;
    if (ret_tally->names_people)
        add(ret_tally, &mixed);
}
