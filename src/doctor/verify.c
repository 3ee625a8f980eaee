// SPDX-License-Identifier: Apache-2.0
// See verify.h: who logs in, row after row, and what the rows mean together.
#include "doctor/verify.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "config/config.h"
#include "doctor/verify_measure.h"

enum { WAYS_MAX = 128 };

const char *verify_mode_word(enum verify_mode mode)
{
    static const char *const words[] = {"forward", "passthrough", "redirect"};
    return words[mode];
}

const char *verify_scheme_word(enum verify_scheme scheme)
{
    static const char *const words[] = {"Kerberos", "NTLM", "Negotiate, NTLM inside"};
    return words[scheme];
}

const char *verify_protection_word(enum verify_protection protection)
{
    static const char *const words[] = {"", "not enforced", "enforced, passes",
                                        "enforced for a proxy, passes", "enforced, FAILS"};
    return words[protection];
}

const char *verify_reload_word(enum verify_reload reload)
{
    static const char *const words[] = {"", "held", "LOST"};
    return words[reload];
}

const char *verify_reload_words(const struct verify_row *row)
{
    if (row->reload == VERIFY_RELOAD_HELD && row->between_legs == VERIFY_RELOAD_HELD)
        return "held, between legs too";
    if (row->reload != VERIFY_RELOAD_LOST && row->between_legs == VERIFY_RELOAD_LOST)
        return "LOST between legs";
    return verify_reload_word(row->reload);
}

const char *verify_isolation(const struct verify_row *row, char text[VERIFY_ISOLATION_MAX])
{
    unsigned mixed = row->crowd.wrong + row->crowd.anonymous_answered;
    unsigned lost = row->crowd.refused + row->crowd.ended;

    if (row->is_leaking)
        snprintf(text, VERIFY_ISOLATION_MAX, "MIXED UP: known without login");
    else if (!row->has_crowd)
        snprintf(text, VERIFY_ISOLATION_MAX, "not measured");
    else if (mixed)
        snprintf(text, VERIFY_ISOLATION_MAX, "MIXED UP %u of %u", mixed, row->crowd.exchanges);
    else if (lost)
        snprintf(text, VERIFY_ISOLATION_MAX, "kept apart, %u LOST", lost);
    else if (!row->crowd.names_people)
        snprintf(text, VERIFY_ISOLATION_MAX, "nobody let in unasked; pages name nobody");
    else
        snprintf(text, VERIFY_ISOLATION_MAX, "kept apart");
    return text;
}

bool verify_row_holds(const struct verify_row *row)
{
    const struct crowd_tally *crowd = &row->crowd;
    bool is_absent = row->outcome == OUTCOME_NOT_OFFERED || row->outcome == OUTCOME_NOT_TRIED;

    if (row->certificate[0] || row->is_leaking || crowd->wrong || crowd->anonymous_answered ||
        crowd->refused || crowd->ended)
        return false;
    return (row->outcome == OUTCOME_OK || is_absent) && row->reload != VERIFY_RELOAD_LOST &&
           row->between_legs != VERIFY_RELOAD_LOST;
}

const char *verify_row_problem(const struct verify_row *row)
{
    return row->problem[0] ? row->problem : row->certificate;
}

const char *verify_row_works(const struct verify_row *row)
{
    if (row->outcome != OUTCOME_OK)
        return outcome_word(row->outcome);
    return row->certificate[0] ? "untrusted" : "yes";
}

bool verify_holds(const struct verify_report *report)
{
    for (size_t i = 0; i < report->row_count; i++)
        if (!verify_row_holds(&report->rows[i]))
            return false;
    return true;
}

const char *verify_summary(const struct verify_report *report)
{
    if (!verify_holds(report))
        return "Not every login works as it must";
    return report->left_out_count ? "Every login that was tried works, and nobody is mixed up"
                                  : "Every login works, and nobody is mixed up";
}

// ---- who

static void name_user(struct verifier *verifier, size_t person)
{
    const struct subject *subject = verifier->wish->subject;
    const char *user = subject->accounts[person].user;
    char *text = verifier->user_texts[person];

    if (user[0] == 0 && verifier->clients[person])
        user = kerberos_client_principal(verifier->clients[person]);
    snprintf(text, sizeof(verifier->user_texts[person]), "%.*s", (int)strcspn(user, "@/"), user);
    verifier->users[person] = text;
}

static bool gather(struct verifier *verifier, char problem[256])
{
    const struct subject *subject = verifier->wish->subject;

    for (size_t i = 0; i < subject->account_count; i++) {
        verifier->clients[i] = kerberos_client_new(&subject->accounts[i], &verifier->problems[i]);
        if (!verifier->clients[i] && kerberos_problem_is_refusal(&verifier->problems[i])) {
            snprintf(problem, 256, "%.60s cannot log in: %s, %.100s", subject->accounts[i].user,
                     verifier->problems[i].name, verifier->problems[i].text);
            return false;
        }
        name_user(verifier, i);
        verifier->people++;
    }
    return true;
}

// ---- passwords that no KDC has judged

enum {
    REFUSALS_MAX = 2, // of one password: far below what locks an account
};

enum judgement {
    UNJUDGED = 0, // the password was not asked for, so not sent
    GOOD,
    REFUSED, // or answered in a way that leaves it open
};

// One login by NTLM there. Only a page proves that the password is right.
static enum judgement judge_password(const struct verifier *verifier, size_t person,
                                     const struct verify_way *way)
{
    struct verify_place place;
    struct trial_wish wish;
    struct trial trial;
    char problem[256];

    if (!verify_place_find(verifier, way, &place, problem) ||
        !verify_wish_of(verifier, person, VERIFY_NTLM, place.spn, &wish, problem))
        return UNJUDGED;
    wish.scheme = TRIAL_NTLM;
    trial_make(&place.way, &wish, &trial);
    enum judgement judgement = UNJUDGED;
    if (trial_has_sent_password(&trial))
        judgement = trial_last(&trial)->status / 100 == 2 ? GOOD : REFUSED;
    trial_done(&trial);
    return judgement;
}

// Without a KDC's word dozens of logins with a wrong password would lock the account: it is tried
// at the ways in turn until one lets it in. False, with words: it is not to be sent again.
static bool prove_password(const struct verifier *verifier, size_t person,
                           const struct verify_way *ways, size_t way_count, char problem[256])
{
    unsigned refusals = 0;

    for (size_t i = 0; i < way_count && refusals < REFUSALS_MAX; i++) {
        enum judgement judgement = judge_password(verifier, person, &ways[i]);
        if (judgement == GOOD)
            return true;
        refusals += judgement == REFUSED;
    }
    if (refusals)
        snprintf(problem, 256,
                 "%.60s: no login by NTLM worked, and no KDC says whether the password is right "
                 "(%.40s): it is not sent again, for the account's sake",
                 verifier->users[person], verifier->problems[person].name);
    return refusals == 0;
}

static bool prove_passwords(const struct verifier *verifier, const struct verify_way *ways,
                            size_t way_count, char problem[256])
{
    for (size_t i = 0; i < verifier->people; i++) {
        bool is_unproven =
            !verifier->clients[i] && verifier->wish->subject->accounts[i].proof == PROOF_PASSWORD;
        if (is_unproven && !prove_password(verifier, i, ways, way_count, problem))
            return false;
    }
    return true;
}

// ---- the rows

static void announce(const struct verify_wish *wish, const struct verify_way *way,
                     enum verify_scheme scheme)
{
    char words[VERIFY_NAME_MAX + 64];

    snprintf(words, sizeof(words), "%s, %s", way->name, verify_scheme_word(scheme));
    if (wish->progress)
        wish->progress(wish->progress_context, words);
}

// False, with the problem of the first row, when nobody listened at any of them.
static bool is_reached(struct verify_report *report)
{
    for (size_t i = 0; i < report->row_count; i++)
        if (report->rows[i].is_reached)
            return true;
    snprintf(report->problem, sizeof(report->problem), "the load balancer does not answer: %.200s",
             report->rows[0].problem);
    return false;
}

static void measure_all(const struct verifier *verifier, const struct verify_way *ways,
                        size_t way_count, struct verify_report *report)
{
    size_t count = way_count * VERIFY_SCHEMES;
    const struct verify_way **way_of = calloc(count + 1, sizeof(*way_of));

    report->rows = calloc(count + 1, sizeof(*report->rows));
    CHECK(report->rows && way_of);
    for (size_t i = 0; i < count; i++) {
        enum verify_scheme scheme = (enum verify_scheme)(i % VERIFY_SCHEMES);
        way_of[i] = &ways[i / VERIFY_SCHEMES];
        announce(verifier->wish, way_of[i], scheme);
        verify_measure(verifier, way_of[i], scheme, &report->rows[i]);
    }
    report->row_count = count;
    if (is_reached(report) && verifier->wish->reload)
        report->was_reloaded = verify_reload(verifier, way_of, report->rows, count);
    free(way_of);
}

static void leave_out_rest(struct verify_report *report, size_t count)
{
    struct verify_left_out *left_out = &report->left_out[report->left_out_count++];

    snprintf(left_out->site, sizeof(left_out->site), "(the last ways)");
    snprintf(left_out->why, sizeof(left_out->why), "%zu ways above the %d that are tried at once",
             count, WAYS_MAX);
}

static void run(struct verifier *verifier, const struct snapshot *snapshot,
                struct verify_report *report)
{
    const struct verify_wish *wish = verifier->wish;
    struct verify_way *ways = calloc(WAYS_MAX, sizeof(*ways));

    report->left_out = calloc(snapshot->site_count + 1, sizeof(*report->left_out));
    CHECK(ways && report->left_out);
    const char *unknown = verify_unknown_host(snapshot, wish);
    size_t found = verify_ways(snapshot, wish, ways, WAYS_MAX, report);
    size_t count = found < WAYS_MAX ? found : WAYS_MAX;
    if (found > count)
        leave_out_rest(report, found - count);
    if (unknown)
        snprintf(report->problem, sizeof(report->problem), "no site has the name %.200s", unknown);
    else if (count == 0)
        snprintf(report->problem, sizeof(report->problem), "no site can be asked for");
    else if (gather(verifier, report->problem) &&
             prove_passwords(verifier, ways, count, report->problem))
        measure_all(verifier, ways, count, report);
    free(ways);
}

bool verify_run(const struct verify_wish *wish, struct verify_report *ret_report)
{
    struct verifier verifier = {.wish = wish};
    struct findings *findings = findings_new(wish->file);
    struct snapshot *snapshot = snapshot_load(wish->file, findings);

    *ret_report = (struct verify_report){.accounts = (unsigned)wish->subject->account_count};
    if (snapshot) {
        run(&verifier, snapshot, ret_report);
        snapshot_unref(snapshot);
    } else {
        ret_report->findings = findings_print(findings);
        snprintf(ret_report->problem, sizeof(ret_report->problem),
                 "the configuration cannot be used");
    }
    findings_free(findings);
    for (size_t i = 0; i < CROWD_PEOPLE_MAX; i++)
        kerberos_client_free(verifier.clients[i]);
    return ret_report->problem[0] == 0;
}

void verify_report_done(struct verify_report *report)
{
    free(report->rows);
    free(report->left_out);
    free(report->findings);
    *report = (struct verify_report){0};
}
