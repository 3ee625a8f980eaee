// SPDX-License-Identifier: Apache-2.0
// Histograms and words of the tally.
#include "mode/tally.h"

void histogram_note(struct histogram *histogram, uint64_t value_us)
{
    static const uint64_t bounds[HISTOGRAM_BOUNDS] = HISTOGRAM_BOUNDS_US;
    unsigned bucket = 0;
    while (bucket < HISTOGRAM_BOUNDS && value_us > bounds[bucket])
        bucket++;
    tally_add(&histogram->counts[bucket], 1);
    tally_add(&histogram->sum_us, value_us);
}

static const struct {
    const char *name;
    const char *help;
} rows[] = {
#define TALLY(id, name, help) {name, help},
#include "mode/tally.tbl"
#undef TALLY
};

const char *tally_name(enum tally_id id)
{
    return rows[id].name;
}

const char *tally_help(enum tally_id id)
{
    return rows[id].help;
}

const char *login_mechanism_word(enum login_mechanism mechanism)
{
    static const char *const words[] = {"kerberos", "ntlm", "negotiate"};
    return words[mechanism];
}

const char *login_leg_word(enum login_leg leg)
{
    static const char *const words[] = {"type1", "type3", "ap_req", "other"};
    return words[leg];
}

const char *login_outcome_word(enum login_outcome outcome)
{
    static const char *const words[] = {"begun", "continued", "accepted", "refused"};
    return words[outcome];
}
