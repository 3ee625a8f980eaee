// SPDX-License-Identifier: Apache-2.0
// See verify_measure.h. A login is measured from the connect to the page, as people wait for it.
#include "doctor/verify_measure.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "route/route.h"

enum {
    LOGINS_MAX = 65,
    CROWD_CONNECTIONS = 4,
    CROWD_ROUNDS = 3,
    CROWD_PATIENCES = 5, // a crowd ends after so many times the patience
};

// ---- places

static bool find_address(const struct verifier *verifier, const char *host, unsigned port,
                         struct address *ret_address)
{
    const struct subject *subject = verifier->wish->subject;

    return resolver_find(subject->dns_server, host, port,
                         loop_now_us() + subject->patience_ms * US_PER_MS, ret_address);
}

// Everything but the address follows from the location.
static void settle(const struct verifier *verifier, struct verify_place *place)
{
    const struct location *location = &place->location;
    const struct subject *subject = verifier->wish->subject;

    bool is_v6 = strchr(location->host, ':') != NULL;
    int size =
        snprintf(place->host, sizeof(place->host), is_v6 ? "[%.255s]" : "%.255s", location->host);
    if (location->port != (location->is_tls ? 443 : 80))
        snprintf(place->host + size, sizeof(place->host) - (size_t)size, ":%u", location->port);
    snprintf(place->spn, sizeof(place->spn), "HTTP/%s", location->host);
    place->way = (struct trial_way){.address = place->way.address,
                                    .call = {.is_tls = location->is_tls,
                                             .server_name = location->host,
                                             .alpn = "http/1.1",
                                             .ca_file = subject->ca_file,
                                             .patience_ms = subject->patience_ms},
                                    .host = place->host,
                                    .target = location->target};
}

static bool reach(const struct verifier *verifier, struct verify_place *place, char problem[256])
{
    const struct subject *subject = verifier->wish->subject;
    const char *host = subject->address ? subject->address : place->location.host;

    settle(verifier, place);
    if (find_address(verifier, host, place->location.port, &place->way.address))
        return true;
    snprintf(problem, 256, "%.200s has no address", place->location.host);
    return false;
}

static bool follow(struct verify_place *place, char problem[256])
{
    struct call_request request = {.target = place->location.target, .host = place->host};
    struct call *call = NULL;
    struct call_problem call_problem;
    struct call_answer answer;
    uint64_t began_us = loop_now_us();

    if (!is_ok(call_open(&place->way.address, &place->way.call, &call, &call_problem))) {
        snprintf(problem, 256, "%s", call_problem.text);
        return false;
    }
    call_ask(call, &request, &answer);
    bool leads_on = answer.status >= 300 && answer.status < 400 &&
                    location_read(span_text(answer.location), &place->location, &place->location);
    if (!leads_on)
        snprintf(problem, 256, "no redirect but status %u", answer.status);
    call_answer_done(&answer);
    call_close(call);
    place->redirects++;
    place->redirect_us += loop_now_us() - began_us;
    return leads_on;
}

bool verify_place_find(const struct verifier *verifier, const struct verify_way *way,
                       struct verify_place *ret_place, char problem[256])
{
    *ret_place = (struct verify_place){.location = way->start};
    if (!reach(verifier, ret_place, problem))
        return false;
    if (way->mode != VERIFY_REDIRECT)
        return true;
    return follow(ret_place, problem) && reach(verifier, ret_place, problem);
}

// The server itself, asked for the same page by the same name.
static bool find_direct(const struct verifier *verifier, const struct verify_way *way,
                        const struct verify_place *place, struct verify_place *ret_direct,
                        char ret_where[VERIFY_NAME_MAX])
{
    const struct pool_config *pool = way->pool;
    size_t index = route_named_server(pool, span_text(place->location.host));
    const struct server_config *server =
        &pool->servers[index < pool->server_count ? index : way->server_index];

    *ret_direct = (struct verify_place){.location = place->location};
    settle(verifier, ret_direct);
    snprintf(ret_where, VERIFY_NAME_MAX, "%s", server->address);
    if (way->mode == VERIFY_FORWARD) {
        ret_direct->way.call.is_tls = pool->tls.enabled;
        ret_direct->way.call.server_name = pool->tls.name ? pool->tls.name : server->name;
    }
    return find_address(verifier, server->host, server->port, &ret_direct->way.address);
}

// ---- wishes

bool verify_wish_of(const struct verifier *verifier, size_t person, enum verify_scheme scheme,
                    const char *spn, struct trial_wish *ret_wish, char problem[256])
{
    const struct account *account = &verifier->wish->subject->accounts[person];

    *ret_wish = (struct trial_wish){.spn = spn};
    problem[0] = 0;
    if (scheme == VERIFY_KERBEROS) {
        ret_wish->scheme = TRIAL_KERBEROS;
        ret_wish->kerberos = verifier->clients[person];
        if (!ret_wish->kerberos)
            snprintf(problem, 256, "no ticket: %s, %.180s", verifier->problems[person].name,
                     verifier->problems[person].text);
        return ret_wish->kerberos;
    }
    ret_wish->scheme = scheme == VERIFY_NTLM ? TRIAL_NTLM_NAMED : TRIAL_SPNEGO_NTLM;
    ret_wish->account = account;
    if (account->proof != PROOF_PASSWORD)
        snprintf(problem, 256, "NTLM needs a password");
    return account->proof == PROOF_PASSWORD;
}

void verify_explain(const struct trial *trial, char ret_problem[256])
{
    const struct call_answer *last = trial_last(trial);
    char scratch[24];

    ret_problem[0] = 0;
    if (trial->outcome == OUTCOME_OK)
        return;
    if (trial->outcome == OUTCOME_NO_TICKET)
        snprintf(ret_problem, 256, "no ticket: %s, %.180s", trial->problem.name,
                 trial->problem.text);
    else if (!last)
        snprintf(ret_problem, 256, "%s", trial->call_problem.text);
    else if (trial->error.kind == TOKEN_KERBEROS_ERROR)
        snprintf(ret_problem, 256, "refused: %s",
                 kerberos_error_name(trial->error.krb_error, scratch));
    else if (last->status == 0)
        snprintf(ret_problem, 256, "closed: %s", end_sentence(last->end));
    else
        snprintf(ret_problem, 256, "%s: status %u after %zu requests", outcome_word(trial->outcome),
                 last->status, trial->answer_count);
}

// ---- one login, several times

struct times {
    int64_t us[LOGINS_MAX];
    size_t count;
};

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;

    return (left > right) - (left < right);
}

static int64_t times_median(struct times *times)
{
    if (times->count == 0)
        return -1;
    qsort(times->us, times->count, sizeof(*times->us), compare);
    return times->us[times->count / 2];
}

// A page that names one of us before anybody has said who is there.
static bool names_anybody(const struct verifier *verifier, const struct trial *trial)
{
    for (size_t i = 0; i < verifier->people; i++)
        if (trial_page_shows(trial_last(trial), verifier->users[i]))
            return true;
    return false;
}

// A page for nobody in particular is as it should be; an error for everybody is not.
static bool refuses_everybody(const struct trial *trial)
{
    return trial->outcome == OUTCOME_NOT_OFFERED && trial_last(trial)->status >= 400 &&
           trial_last(trial)->status != 401;
}

// Through us, from where people begin. False, with the row saying why, when it does not work.
static bool log_in(const struct verifier *verifier, const struct verify_way *way,
                   struct verify_row *row, struct times *times)
{
    struct verify_place place;
    struct trial_wish wish;
    struct trial trial;

    row->outcome = OUTCOME_CLOSED;
    if (!verify_place_find(verifier, way, &place, row->problem))
        return false;
    row->outcome = row->scheme == VERIFY_KERBEROS ? OUTCOME_NO_TICKET : OUTCOME_NOT_TRIED;
    if (!verify_wish_of(verifier, 0, row->scheme, place.spn, &wish, row->problem))
        return false;
    trial_make(&place.way, &wish, &trial);
    row->outcome = refuses_everybody(&trial) ? OUTCOME_REJECTED : trial.outcome;
    row->legs = (unsigned)trial.answer_count + place.redirects;
    verify_explain(&trial, row->problem);
    row->is_leaking = trial.outcome == OUTCOME_NOT_OFFERED && names_anybody(verifier, &trial);
    times->us[times->count++] = (int64_t)(trial.took_us + place.redirect_us);
    trial_done(&trial);
    return row->outcome == OUTCOME_OK;
}

static bool log_in_directly(const struct verify_place *direct, const struct trial_wish *wish,
                            struct times *times)
{
    struct trial trial;

    trial_make(&direct->way, wish, &trial);
    bool is_in = trial.outcome == OUTCOME_OK;
    if (is_in)
        times->us[times->count++] = (int64_t)trial.took_us;
    trial_done(&trial);
    return is_in;
}

// Logins through us and at the server in turns, so that whatever else the machine does slows both.
static void measure_logins(const struct verifier *verifier, const struct verify_way *way,
                           struct verify_row *row)
{
    struct times via = {.count = 0};
    struct times direct = {.count = 0};
    struct verify_place place;
    struct verify_place server;
    struct trial_wish wish;
    char problem[256];

    bool is_in = log_in(verifier, way, row, &via);
    bool has_server =
        (is_in || row->outcome == OUTCOME_REFUSED || row->outcome == OUTCOME_NO_CHALLENGE) &&
        verify_place_find(verifier, way, &place, problem) &&
        find_direct(verifier, way, &place, &server, row->direct) &&
        verify_wish_of(verifier, 0, row->scheme, place.spn, &wish, problem);
    while (is_in && via.count < verifier->wish->logins && via.count < LOGINS_MAX) {
        has_server = has_server && log_in_directly(&server, &wish, &direct);
        is_in = log_in(verifier, way, row, &via);
    }
    if (has_server)
        has_server = log_in_directly(&server, &wish, &direct);
    if (row->outcome == OUTCOME_NO_CHALLENGE && row->direct[0] && !has_server) {
        row->outcome = OUTCOME_NOT_OFFERED; // whatever it says it offers
        snprintf(row->problem, sizeof(row->problem), "the server itself brings no NTLM challenge");
    }
    row->us = is_in ? times_median(&via) : -1;
    row->direct_us = times_median(&direct);
}

// ---- many at once

static void measure_crowd(const struct verifier *verifier, const struct verify_place *place,
                          struct verify_row *row)
{
    const struct verify_wish *wish = verifier->wish;
    struct trial_wish wishes[CROWD_PEOPLE_MAX];
    char problem[256];
    struct crowd crowd = {.way = &place->way,
                          .wishes = wishes,
                          .users = verifier->users,
                          .lanes = wish->lanes < CROWD_LANES_MAX ? wish->lanes : CROWD_LANES_MAX,
                          .connections = CROWD_CONNECTIONS,
                          .rounds = CROWD_ROUNDS,
                          .until_us = loop_now_us() +
                                      CROWD_PATIENCES * wish->subject->patience_ms * US_PER_MS};

    while (crowd.people < verifier->people &&
           verify_wish_of(verifier, crowd.people, row->scheme, place->spn, &wishes[crowd.people],
                          problem))
        crowd.people++;
    if (crowd.people == 0)
        return;
    crowd_run(&crowd, &row->crowd);
    row->has_crowd = true;
}

// ---- the channel

static bool lets_in(const struct verify_place *place, struct trial_wish wish,
                    enum trial_binding binding)
{
    struct trial trial;

    wish.binding = binding;
    trial_make(&place->way, &wish, &trial);
    bool is_in = trial.outcome == OUTCOME_OK;
    trial_done(&trial);
    return is_in;
}

static enum verify_protection judge_channel(const struct verify_place *place,
                                            const struct trial_wish *wish,
                                            const struct verify_row *row)
{
    if (row->outcome == OUTCOME_REFUSED) {
        // refused for what clients see; not so for silence, or not so at the server itself
        bool is_channel = lets_in(place, *wish, TRIAL_BINDING_ABSENT) || row->direct_us >= 0;
        return is_channel ? VERIFY_PROTECTION_FAILS : VERIFY_PROTECTION_UNKNOWN;
    }
    if (!lets_in(place, *wish, TRIAL_BINDING_RANDOM))
        return VERIFY_PROTECTION_PASSES;
    return lets_in(place, *wish, TRIAL_BINDING_EMPTY) ? VERIFY_PROTECTION_OFF
                                                      : VERIFY_PROTECTION_PROXY;
}

static void measure_protection(const struct verifier *verifier, const struct verify_place *place,
                               struct verify_row *row)
{
    struct trial_wish wish;
    char problem[256];

    if (place->location.is_tls &&
        verify_wish_of(verifier, 0, row->scheme, place->spn, &wish, problem))
        row->protection = judge_channel(place, &wish, row);
}

static void describe(const struct verify_way *way, struct verify_row *row)
{
    snprintf(row->way, sizeof(row->way), "%s", way->name);
    snprintf(row->url, sizeof(row->url), "%s://%.128s:%u%.160s",
             way->start.is_tls ? "https" : "http", way->start.host, way->start.port,
             way->start.target);
    row->mode = way->mode;
}

void verify_measure(const struct verifier *verifier, const struct verify_way *way,
                    enum verify_scheme scheme, struct verify_row *ret_row)
{
    struct verify_place place;
    char problem[256];

    *ret_row = (struct verify_row){.scheme = scheme, .us = -1, .direct_us = -1};
    describe(way, ret_row);
    ret_row->outcome = OUTCOME_CLOSED;
    ret_row->is_reached = verify_certificates(verifier, way, ret_row);
    if (!ret_row->is_reached)
        return;
    measure_logins(verifier, way, ret_row);
    bool is_measurable = ret_row->outcome == OUTCOME_OK || ret_row->outcome == OUTCOME_REFUSED ||
                         ret_row->is_leaking;
    if (!is_measurable || !verify_place_find(verifier, way, &place, problem))
        return;
    if (!ret_row->is_leaking)
        measure_protection(verifier, &place, ret_row);
    if (ret_row->outcome != OUTCOME_REFUSED)
        measure_crowd(verifier, &place, ret_row);
}
