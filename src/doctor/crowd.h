// SPDX-License-Identifier: Apache-2.0
// A crowd: people who log in on many connections at once, with somebody between them who never
// does. Each asks again in turns, so that connections to the server that are shared between clients
// show: a page names the other person, or answers nobody at all. Tells apart by the pages alone.
#pragma once

#include "doctor/trial.h"

#define CROWD_PEOPLE_MAX  2
#define CROWD_LANES_MAX   16
#define CROWD_SAMPLES_MAX 5
#define CROWD_SAMPLE_MAX  120

struct crowd {
    const struct trial_way *way;
    const struct trial_wish *wishes; // one for each person
    const char *const *users;        // what a page shows of them; "": nothing
    size_t people;                   // 1 or 2; with one, only nobody's requests tell
    unsigned lanes;                  // side by side, at most CROWD_LANES_MAX
    unsigned connections;            // of each lane, the people in turns
    unsigned rounds;                 // of each connection; the first one logs in
    uint64_t until_us;               // no new request after it, as loop_now_us
    // How to log in; NULL: trial_make. Called from many threads.
    void (*log_in)(const void *context, const struct trial_way *way, const struct trial_wish *wish,
                   struct trial *ret_trial);
    const void *context;
};

// What became of one person's logins.
struct crowd_person {
    unsigned logins; // that were tried
    unsigned let_in;
    enum outcome failure; // of a login that was not let in; OUTCOME_OK: there was none
};

struct crowd_tally {
    unsigned exchanges; // requests that ended, logins counted once
    unsigned right;     // pages that named who asked
    unsigned wrong;     // pages that named somebody else; 0 unless names_people
    unsigned refused;   // logins that were not let in
    unsigned ended;     // connections that were ended before the answer
    unsigned anonymous; // requests of nobody
    unsigned anonymous_answered;
    char samples[CROWD_SAMPLES_MAX][CROWD_SAMPLE_MAX]; // words about what was wrong
    size_t sample_count;
    struct crowd_person people[CROWD_PEOPLE_MAX];
    bool names_people; // each person was named to themself at least once, so a name on a page tells
                       // who it is for: a page may name a colleague to everybody
};

void crowd_person_add(struct crowd_person *sum, const struct crowd_person *person);

// Returns when all are done.
void crowd_run(const struct crowd *crowd, struct crowd_tally *ret_tally);
