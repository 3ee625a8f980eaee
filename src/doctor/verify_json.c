// SPDX-License-Identifier: Apache-2.0
// The report of verify for programs. Numbers that were not measured are null.
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "doctor/look/look.h"
#include "doctor/verify.h"

static json_t *milliseconds(int64_t us)
{
    return us < 0 ? json_null() : json_real((double)us / (double)US_PER_MS);
}

static json_t *crowd_of(const struct verify_row *row)
{
    const struct crowd_tally *crowd = &row->crowd;
    json_t *samples = json_array();

    for (size_t i = 0; i < crowd->sample_count; i++)
        json_array_append_new(samples, look_text(crowd->samples[i]));
    return json_pack("{s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:b,s:o}", "exchanges", (int)crowd->exchanges,
                     "right", (int)crowd->right, "wrong", (int)crowd->wrong, "refused",
                     (int)crowd->refused, "ended", (int)crowd->ended, "anonymous",
                     (int)crowd->anonymous, "anonymous_answered", (int)crowd->anonymous_answered,
                     "names_people", crowd->names_people, "sample", samples);
}

static json_t *row_of(const struct verify_row *row)
{
    bool has_both = row->us >= 0 && row->direct_us >= 0;
    json_t *added =
        has_both ? json_real((double)(row->us - row->direct_us) / (double)US_PER_MS) : json_null();
    json_t *node = json_pack(
        "{s:o,s:o,s:s,s:s,s:s,s:b,s:o,s:i,s:o,s:o,s:o,s:o,s:s,s:s}", "way", look_text(row->way),
        "url", look_text(row->url), "mode", verify_mode_word(row->mode), "scheme",
        verify_scheme_word(row->scheme), "outcome", outcome_word(row->outcome), "holds",
        verify_row_holds(row), "problem", look_text(verify_row_problem(row)), "legs",
        (int)row->legs, "ms", milliseconds(row->us), "direct_ms", milliseconds(row->direct_us),
        "direct", look_text(row->direct), "added_ms", added, "protection",
        verify_protection_word(row->protection), "reload", verify_reload_word(row->reload));
    CHECK(node);
    json_object_set_new(node, "certificate_problem", look_text(row->certificate));
    json_object_set_new(node, "is_leaking", json_boolean(row->is_leaking));
    json_object_set_new(node, "reload_between_legs",
                        json_string(verify_reload_word(row->between_legs)));
    json_object_set_new(node, "reload_problem", look_text(row->reload_problem));
    if (row->has_crowd)
        json_object_set_new(node, "crowd", crowd_of(row));
    return node;
}

static json_t *left_out_of(const struct verify_report *report)
{
    json_t *list = json_array();

    for (size_t i = 0; i < report->left_out_count; i++)
        json_array_append_new(list,
                              json_pack("{s:o,s:o}", "site", look_text(report->left_out[i].site),
                                        "why", look_text(report->left_out[i].why)));
    return list;
}

json_t *verify_json(const struct verify_report *report, const char *file)
{
    json_t *rows = json_array();

    for (size_t i = 0; i < report->row_count; i++)
        json_array_append_new(rows, row_of(&report->rows[i]));
    json_t *node = json_pack("{s:o,s:I,s:s,s:i,s:b,s:b,s:o}", "configuration", look_text(file),
                             "taken_s", (json_int_t)time(NULL), "handfast", HANDFAST_VERSION,
                             "accounts", (int)report->accounts, "was_reloaded",
                             report->was_reloaded, "holds", verify_holds(report), "rows", rows);
    CHECK(node);
    json_object_set_new(node, "left_out", left_out_of(report));
    return node;
}
