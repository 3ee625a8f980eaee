// SPDX-License-Identifier: Apache-2.0
// The logins of all workers as the admin API shows them: put in order, chosen by what was asked
// for, and told in sentences. Owns nothing.
#pragma once

#include <jansson.h>

#include "base/span.h"
#include "config/config.h"

#define LOGINS_WORD_MAX 256

// What is asked for; empty texts ask for everything.
struct logins_query {
    char user[LOGINS_WORD_MAX];
    char site[LOGINS_WORD_MAX];
    char verdict[64];
    bool only_failed;
    uint64_t after; // only records with a larger seq
};

// Reads "?user=alice&verdict=clock&failed&after=12". False when it asks for something unknown.
bool logins_query_read(struct span query, struct logins_query *ret_query);

// Takes the reference to the items of the workers and returns the answer: the newest first.
json_t *logins_compose(json_t *items, const struct logins_query *query, uint64_t left_out);
// A site is asked for, and the configuration has none of that name.
bool logins_query_misses(const struct logins_query *query, const struct snapshot *snapshot);
