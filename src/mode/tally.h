// SPDX-License-Identifier: Apache-2.0
// What one worker counts. Only its own thread writes; the control thread reads while it runs, so
// every access is a relaxed atomic of its own.
#pragma once

#include <stdint.h>

#include "auth/auth.h"
#include "base/status.h"

enum tally_id {
#define TALLY(id, name, help) TALLY_##id,
#include "mode/tally.tbl"
#undef TALLY
    TALLY_COUNT
};

enum login_mechanism {
    LOGIN_KERBEROS = 0,
    LOGIN_NTLM,
    LOGIN_NEGOTIATE, // SPNEGO whose content could not be told
    LOGIN_MECHANISMS,
};

// What the client sent, in the words of the log.
enum login_leg {
    LOGIN_TYPE1 = 0,
    LOGIN_TYPE3,
    LOGIN_AP_REQ,
    LOGIN_OTHER_LEG,
    LOGIN_LEGS,
};

enum login_outcome {
    LOGIN_BEGUN = 0, // a first token was sent
    LOGIN_CONTINUED, // the server asked for another leg
    LOGIN_ACCEPTED,
    LOGIN_REFUSED,
    LOGIN_OUTCOMES,
};

// Upper bounds in microseconds; one more bucket takes the rest.
#define HISTOGRAM_BOUNDS_US                                                                        \
    {                                                                                              \
        250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, \
            5000000, 10000000                                                                      \
    }
#define HISTOGRAM_BOUNDS 15

struct histogram {
    uint64_t counts[HISTOGRAM_BOUNDS + 1];
    uint64_t sum_us;
};

struct tally {
    uint64_t counts[TALLY_COUNT];
    uint64_t ends[END_COUNT];
    uint64_t pins_ended[END_COUNT]; // pins, by what ended them
    uint64_t statuses[6];           // by first digit; 0: none
    uint64_t logins[LOGIN_MECHANISMS][LOGIN_LEGS][LOGIN_OUTCOMES];
    uint64_t attempts[ATTEMPT_MECHANISMS][LOGIN_VERDICT_COUNT]; // logins with their verdict
    struct histogram connect;
    struct histogram first_byte;
    struct histogram total;
};

static inline uint64_t tally_read(const uint64_t *count)
{
    return __atomic_load_n(count, __ATOMIC_RELAXED);
}

static inline void tally_add(uint64_t *count, uint64_t more)
{
    __atomic_store_n(count, tally_read(count) + more, __ATOMIC_RELAXED);
}

static inline void tally_one(struct tally *tally, enum tally_id id)
{
    tally_add(&tally->counts[id], 1);
}

void histogram_note(struct histogram *histogram, uint64_t value_us);

// The name without "handfast_", and what it counts.
const char *tally_name(enum tally_id id);
const char *tally_help(enum tally_id id);
const char *login_mechanism_word(enum login_mechanism mechanism);
const char *login_leg_word(enum login_leg leg);
const char *login_outcome_word(enum login_outcome outcome);
