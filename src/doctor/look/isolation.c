// SPDX-License-Identifier: Apache-2.0
// Are people mixed up? A small crowd of the accounts there are. The second account makes it
// certain; with one only the requests of nobody tell.
#include "base/check.h"
#include "doctor/crowd.h"
#include "doctor/look/logins.h"

// Is somebody who says nothing asked to log in? Otherwise there is no one to mix up.
static bool asks_for_login(const struct trial_way *way)
{
    struct call *call = NULL;
    struct call_answer answer;

    if (!is_ok(call_open(&way->address, &way->call, &call, NULL)))
        return false;
    call_ask(call, &(struct call_request){.target = way->target, .host = way->host}, &answer);
    bool is_asked = answer.status == 401;
    call_answer_done(&answer);
    call_close(call);
    return is_asked;
}

static json_t *describe(const struct crowd_tally *tally, size_t people)
{
    json_t *samples = json_array();

    for (size_t i = 0; i < tally->sample_count; i++)
        json_array_append_new(samples, look_text(tally->samples[i]));
    return json_pack("{s:i,s:i,s:i,s:i,s:o,s:i}", "exchanges", (int)tally->exchanges, "wrong",
                     (int)tally->wrong, "anonymous_answered", (int)tally->anonymous_answered,
                     "others_closed", (int)tally->ended, "sample", samples, "accounts",
                     (int)people);
}

static void log_in(const void *context, const struct trial_way *way, const struct trial_wish *wish,
                   struct trial *ret_trial)
{
    look_try(context, way, wish, ret_trial);
}

// By NTLM where there is a password, since it ties the connection everywhere; else by Kerberos.
static bool wish_of(const struct look_round *round, size_t person, const char *spn,
                    struct trial_wish *ret_wish)
{
    struct kerberos_client *client = person ? round->kerberos_second : round->kerberos;

    *ret_wish = (struct trial_wish){.spn = spn, .scheme = TRIAL_KERBEROS, .kerberos = client};
    if (!look_has_password(round, person))
        return client;
    ret_wish->scheme = TRIAL_NTLM;
    ret_wish->account = &round->subject->accounts[person];
    return true;
}

json_t *look_isolation(const struct look_round *round, const struct look_end *end)
{
    char host[LOOK_HOST_MAX];
    char spn[LOOK_SPN_MAX];
    struct trial_way way = look_way(round, end, host);
    struct trial_wish wishes[CROWD_PEOPLE_MAX];
    const char *users[CROWD_PEOPLE_MAX];
    struct crowd crowd = {.way = &way,
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
    while (crowd.people < CROWD_PEOPLE_MAX &&
           wish_of(round, crowd.people, spn, &wishes[crowd.people])) {
        users[crowd.people] = round->subject->accounts[crowd.people].user;
        crowd.people++;
    }
    if (crowd.people == 0 || !asks_for_login(&way))
        return NULL;
    crowd_run(&crowd, &tally);
    return describe(&tally, crowd.people);
}
