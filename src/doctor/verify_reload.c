// SPDX-License-Identifier: Apache-2.0
// What a reload does to people: some have logged in before, some stand between the legs of their
// login or begin one while it happens, some come after. Nobody may notice.
#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "doctor/verify_measure.h"

// Somebody who has logged in and stays, or has begun to. It does not move: the wish points into it.
struct guest {
    struct verify_place place;
    struct trial_wish wish;
    struct trial trial;
    const struct verify_way *way;
    bool is_in;
    bool is_known_without_credentials; // before the reload
};

struct reloading {
    const struct verify_wish *wish;
    bool is_done;
};

static void *reload(void *argument)
{
    struct reloading *reloading = argument;

    reloading->is_done = reloading->wish->reload(reloading->wish->reload_context);
    return NULL;
}

static bool is_known(const struct verifier *verifier, struct guest *guest)
{
    struct call_answer answer;

    trial_ask_again(&guest->trial, &guest->place.way, &answer);
    bool known =
        answer.status > 0 && answer.status < 400 && trial_page_shows(&answer, verifier->users[0]);
    call_answer_done(&answer);
    return known;
}

static bool enter(const struct verifier *verifier, const struct verify_way *way,
                  enum verify_scheme scheme, bool stops_between, struct guest *guest)
{
    char problem[256];

    *guest = (struct guest){.way = way};
    if (!verify_place_find(verifier, way, &guest->place, problem) ||
        !verify_wish_of(verifier, 0, scheme, guest->place.spn, &guest->wish, problem))
        return false;
    guest->wish.stops_between = stops_between;
    trial_make(&guest->place.way, &guest->wish, &guest->trial);
    guest->is_in = guest->trial.outcome == OUTCOME_OK;
    return guest->is_in;
}

static bool can_enter(const struct verifier *verifier, const struct verify_way *way,
                      enum verify_scheme scheme)
{
    struct guest guest;
    bool is_in = enter(verifier, way, scheme, false, &guest);

    trial_done(&guest.trial);
    return is_in;
}

// Logs in everywhere while the reload runs.
static bool reload_among(const struct verifier *verifier, const struct verify_way *const *ways,
                         struct verify_row *rows, size_t count)
{
    struct reloading reloading = {.wish = verifier->wish};
    pthread_t thread;

    bool is_apart = pthread_create(&thread, NULL, reload, &reloading) == 0;
    if (!is_apart)
        reload(&reloading);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].outcome == OUTCOME_OK)
            rows[i].reload = can_enter(verifier, ways[i], rows[i].scheme) ? VERIFY_RELOAD_HELD
                                                                          : VERIFY_RELOAD_LOST;
    }
    if (is_apart)
        pthread_join(thread, NULL);
    return reloading.is_done;
}

// ---- between the legs

static bool has_legs(const struct verify_row *row)
{
    return row->outcome == OUTCOME_OK && row->scheme != VERIFY_KERBEROS;
}

// Type 1 was sent and Type 2 has come, on each way at once.
static void begin_logins(const struct verifier *verifier, const struct verify_way *const *ways,
                         const struct verify_row *rows, size_t count, struct guest *guests)
{
    for (size_t i = 0; i < count; i++)
        if (has_legs(&rows[i]))
            enter(verifier, ways[i], rows[i].scheme, true, &guests[i]);
}

static void end_logins(struct verify_row *rows, size_t count, struct guest *guests)
{
    for (size_t i = 0; i < count; i++) {
        struct guest *guest = &guests[i];
        if (!has_legs(&rows[i]))
            continue;
        if (guest->trial.is_between)
            trial_go_on(&guest->trial, &guest->place.way, &guest->wish);
        bool is_in = guest->trial.answer_count && guest->trial.outcome == OUTCOME_OK;
        rows[i].between_legs = is_in ? VERIFY_RELOAD_HELD : VERIFY_RELOAD_LOST;
        verify_explain(&guest->trial, rows[i].reload_problem);
        trial_done(&guest->trial);
    }
}

// ---- all of it

// What was seen without a reload proves nothing about one.
static void forget_what_held(struct verify_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (rows[i].reload == VERIFY_RELOAD_HELD)
            rows[i].reload = VERIFY_RELOAD_NOT_TRIED;
        if (rows[i].between_legs == VERIFY_RELOAD_HELD)
            rows[i].between_legs = VERIFY_RELOAD_NOT_TRIED;
    }
}

bool verify_reload(const struct verifier *verifier, const struct verify_way *const *ways,
                   struct verify_row *rows, size_t count)
{
    struct guest *guests = calloc(count ? count : 1, sizeof(*guests));
    struct guest *halves = calloc(count ? count : 1, sizeof(*halves));

    CHECK(guests && halves);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].outcome == OUTCOME_OK &&
            enter(verifier, ways[i], rows[i].scheme, false, &guests[i]))
            guests[i].is_known_without_credentials = is_known(verifier, &guests[i]);
    }
    begin_logins(verifier, ways, rows, count, halves);
    bool is_reloaded = reload_among(verifier, ways, rows, count);
    end_logins(rows, count, halves);
    for (size_t i = 0; i < count; i++) {
        bool is_lost = guests[i].is_known_without_credentials && !is_known(verifier, &guests[i]);
        if (rows[i].outcome == OUTCOME_OK &&
            (is_lost || !guests[i].is_in || !can_enter(verifier, ways[i], rows[i].scheme)))
            rows[i].reload = VERIFY_RELOAD_LOST;
        trial_done(&guests[i].trial);
    }
    free(guests);
    free(halves);
    if (!is_reloaded)
        forget_what_held(rows, count);
    return is_reloaded;
}
