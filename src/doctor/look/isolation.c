// SPDX-License-Identifier: Apache-2.0
// Are people mixed up? A small crowd of the accounts there are. The second account makes it
// certain; with one only the requests of nobody tell.
#include "base/check.h"
#include "doctor/crowd.h"
#include "doctor/look/logins.h"

// Was somebody who said nothing asked to log in, here or at another end? Otherwise there is no one
// to mix up. What the first look saw counts: here somebody may be logged in by now.
static bool asks_for_login(const struct look_round *round)
{
    const json_t *ends = fact(round->facts->root, "ends");

    for (size_t i = 0; i < json_array_size(ends); i++)
        if (fact_number(json_array_get(ends, i), "http.first.status", 0) == 401)
            return true;
    return false;
}

// Is it so now? Or does the page name one of us before anybody has logged in? Then it comes from
// somebody's connection.
static bool asks_or_names_anybody(const struct look_round *round, const struct trial_way *way)
{
    struct call *call = NULL;
    struct call_answer answer;

    if (!is_ok(call_open(&way->address, &way->call, &call, NULL)))
        return false;
    call_ask(call, &(struct call_request){.target = way->target, .host = way->host}, &answer);
    bool is_asked = answer.status == 401;
    for (size_t i = 0; i < round->subject->account_count; i++)
        is_asked = is_asked || trial_page_shows(&answer, round->subject->accounts[i].user);
    call_answer_done(&answer);
    call_close(call);
    return is_asked;
}

// In the order of the accounts, those of whom nothing was sent as well.
static json_t *people_of(const struct look_round *round, const struct crowd_tally *tally)
{
    json_t *people = json_array();

    for (size_t i = 0; i < round->subject->account_count; i++) {
        const struct crowd_person *person = &tally->people[i];
        enum outcome outcome = person->logins == 0 ? OUTCOME_NOT_TRIED
                               : person->let_in    ? OUTCOME_OK
                                                   : person->failure;
        json_array_append_new(people,
                              json_pack("{s:i,s:i,s:s}", "logins", (int)person->logins, "let_in",
                                        (int)person->let_in, "outcome", outcome_word(outcome)));
    }
    return people;
}

static json_t *describe(const struct look_round *round, const struct crowd_tally *tally)
{
    json_t *samples = json_array();
    size_t accounts = 0;

    for (size_t i = 0; i < tally->sample_count; i++)
        json_array_append_new(samples, look_text(tally->samples[i]));
    for (size_t i = 0; i < CROWD_PEOPLE_MAX; i++)
        accounts += tally->people[i].let_in > 0;
    return json_pack("{s:i,s:i,s:i,s:i,s:o,s:i,s:b,s:o}", "exchanges", (int)tally->exchanges,
                     "wrong", (int)tally->wrong, "anonymous_answered",
                     (int)tally->anonymous_answered, "others_closed", (int)tally->ended, "sample",
                     samples, "accounts", (int)accounts, "names_people", tally->names_people,
                     "people", people_of(round, tally));
}

static void log_in(const void *context, const struct trial_way *way, const struct trial_wish *wish,
                   struct trial *ret_trial)
{
    look_try(context, way, wish, ret_trial);
}

// By NTLM, where there is a password; or by Kerberos with a ticket that is sent unasked, which some
// load balancers do not recognize as a login.
static bool wish_of(const struct look_round *round, size_t person, enum trial_scheme scheme,
                    const char *spn, struct trial_wish *ret_wish)
{
    struct kerberos_client *client = person ? round->kerberos_second : round->kerberos;
    bool is_kerberos = scheme == TRIAL_KERBEROS;

    *ret_wish = (struct trial_wish){.spn = spn,
                                    .scheme = scheme,
                                    .kerberos = is_kerberos ? client : NULL,
                                    .account = &round->subject->accounts[person],
                                    .skips_first = is_kerberos};
    return is_kerberos ? client != NULL : look_has_password(round, person);
}

static void add(struct crowd_tally *sum, const struct crowd_tally *tally)
{
    for (size_t i = 0; i < CROWD_PEOPLE_MAX; i++)
        crowd_person_add(&sum->people[i], &tally->people[i]);
    sum->names_people |= tally->names_people;
    sum->exchanges += tally->exchanges;
    sum->wrong += tally->wrong;
    sum->ended += tally->ended;
    sum->anonymous_answered += tally->anonymous_answered;
    for (size_t i = 0; i < tally->sample_count && sum->sample_count < CROWD_SAMPLES_MAX; i++)
        memcpy(sum->samples[sum->sample_count++], tally->samples[i], CROWD_SAMPLE_MAX);
}

// False: nobody can log in by that scheme.
static bool send_crowd(const struct look_round *round, const struct trial_way *way,
                       enum trial_scheme scheme, struct crowd_tally *sum)
{
    char spn[LOOK_SPN_MAX];
    struct trial_wish wishes[CROWD_PEOPLE_MAX];
    const char *users[CROWD_PEOPLE_MAX];
    struct crowd crowd = {.way = way,
                          .wishes = wishes,
                          .users = users,
                          .lanes = 4,
                          .connections = 4,
                          .rounds = 3,
                          .until_us = round->until_us,
                          .log_in = log_in,
                          .context = round};
    struct crowd_tally tally;

    look_spn(round, spn);
    while (crowd.people < CROWD_PEOPLE_MAX && crowd.people < round->people &&
           wish_of(round, crowd.people, scheme, spn, &wishes[crowd.people])) {
        users[crowd.people] = round->subject->accounts[crowd.people].user;
        crowd.people++;
    }
    if (crowd.people == 0)
        return false;
    crowd_run(&crowd, &tally);
    add(sum, &tally);
    return true;
}

json_t *look_isolation(const struct look_round *round, const struct look_end *end)
{
    char host[LOOK_HOST_MAX];
    struct trial_way way = look_way(round, end, host);
    struct crowd_tally sum = {0};

    if (!asks_for_login(round) && !asks_or_names_anybody(round, &way))
        return NULL;
    bool was_sent = send_crowd(round, &way, TRIAL_KERBEROS, &sum);
    if (look_has_time(round, end))
        was_sent |= send_crowd(round, &way, TRIAL_NTLM, &sum);
    return was_sent ? describe(round, &sum) : NULL;
}
