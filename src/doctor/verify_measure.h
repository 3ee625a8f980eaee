// SPDX-License-Identifier: Apache-2.0
// How verify measures one row of its table, and what it needs for it: who may log in, and where
// things are. Internal to verify.
#pragma once

#include "doctor/verify_way.h"

#define VERIFY_HOST_MAX 272
#define VERIFY_SPN_MAX  288

struct verifier {
    const struct verify_wish *wish;
    struct kerberos_client *clients[CROWD_PEOPLE_MAX]; // owned; NULL: no tickets
    struct kerberos_problem problems[CROWD_PEOPLE_MAX];
    const char *users[CROWD_PEOPLE_MAX]; // what pages show of them
    char user_texts[CROWD_PEOPLE_MAX][128];
    size_t people;
};

// A place to log in at, with the texts it needs. It does not move: `way` points into it.
struct verify_place {
    struct location location;
    struct trial_way way;
    char host[VERIFY_HOST_MAX]; // of Host
    char spn[VERIFY_SPN_MAX];
    unsigned redirects; // requests it took to get there
    uint64_t redirect_us;
};

// Goes where the way leads, following a redirect. False with words in `problem`.
bool verify_place_find(const struct verifier *verifier, const struct verify_way *way,
                       struct verify_place *ret_place, char problem[256]);

// How that person logs in by that scheme. False: has not what it takes; `problem` says what.
bool verify_wish_of(const struct verifier *verifier, size_t person, enum verify_scheme scheme,
                    const char *spn, struct trial_wish *ret_wish, char problem[256]);

// Why a trial did not work, in words; "" when it did.
void verify_explain(const struct trial *trial, char ret_problem[256]);

// The certificates that people are shown on that way. False, with the row saying why, when nobody
// listens where it begins.
bool verify_certificates(const struct verifier *verifier, const struct verify_way *way,
                         struct verify_row *row);

// Fills all of the row but `reload`.
void verify_measure(const struct verifier *verifier, const struct verify_way *way,
                    enum verify_scheme scheme, struct verify_row *ret_row);

// Rows that work: logs in, has the process reloaded, and looks whether everybody still is who they
// were. False when the reload was refused.
bool verify_reload(const struct verifier *verifier, const struct verify_way *const *ways,
                   struct verify_row *rows, size_t count);
