// SPDX-License-Identifier: Apache-2.0
// One round of looking: finds out where the ends are, runs the looks of a phase side by side, and
// lays what they return into the facts. Looks share nothing they write; only this file merges.
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "doctor/doctor.h"
#include "doctor/look/entry.h"
#include "doctor/look/look.h"

enum {
    FURTHER_MAX = 7, // addresses of the front beside the one that is looked at closely
    ENDS_MAX = SUBJECT_NODES_MAX + 1 + FURTHER_MAX,
    THREADS_MAX = 128,
    // in halves of the patience, from the beginning of the first phase: no new step begins after
    HALVES_FOR_FIRST = 2,     // so many in the first phase, so that there is time to log in,
    HALVES_FOR_ALL = 3,       // and so many in all of them
    HALVES_FOR_LOGIN_OWN = 1, // but logging in has so much time of its own, whatever was before it;
    HALVES_TO_END = 6,        // what has begun ends after so many, and with
    HALVES_PER_STEP = 2,      // a patience for itself, whatever its parts take
    HALVES_PER_ENTRY = 4,     // for the first tickets
    KNOCK_MS = 1000,          // at one of several addresses of the front
};

static const struct look looks[] = {
#define LOOK(name, place, words, phase, is_per_end) {place, words, phase, is_per_end, look_##name},
#include "doctor/look/looks.tbl"
#undef LOOK
};
enum { LOOK_COUNT = sizeof looks / sizeof *looks };

// One look at one end.
struct job {
    const struct look *look;
    const struct look_end *end; // NULL: taken once
    size_t end_index;
    json_t *found;
};

struct crew {
    const struct look_round *round;
    struct job *jobs;
    size_t job_count;
    atomic_size_t next;
    void (*progress)(void *context, const char *words);
    void *progress_context;
};

// ---- the subject

static json_t *accounts_of(const struct subject *subject)
{
    static const char *const proofs[] = {"none", "password", "ccache", "keytab"};
    json_t *accounts = json_array();
    for (size_t i = 0; i < subject->account_count; i++) {
        const struct account *account = &subject->accounts[i];
        json_array_append_new(
            accounts, json_pack("{s:o,s:o,s:o,s:s}", "name", look_text(account->user), "realm",
                                look_text(account->realm), "ntlm_domain",
                                look_text(account->ntlm_domain), "proof", proofs[account->proof]));
    }
    return accounts;
}

static json_t *nodes_of(const struct subject *subject)
{
    json_t *nodes = json_array();
    for (size_t i = 0; i < subject->node_count; i++) {
        const struct subject_node *node = &subject->nodes[i];
        json_array_append_new(nodes, json_pack("{s:o,s:o,s:i,s:b}", "name", look_text(node->name),
                                               "host", look_text(node->host), "port",
                                               (int)node->port, "is_tls", node->is_tls));
    }
    return nodes;
}

static bool is_address(const char *text)
{
    struct address address;
    return text && text[0] && address_parse(text, 0, &address);
}

static void say_subject(const struct subject *subject, struct facts *facts)
{
    json_t *node = json_pack(
        "{s:o,s:b,s:o,s:i,s:o,s:b,s:o,s:o,s:b,s:b}", "url", look_text(subject->url), "is_tls",
        subject->is_tls, "host", look_text(subject->host), "port", (int)subject->port, "target",
        look_text(subject->target), "host_is_address", is_address(subject->host), "accounts",
        accounts_of(subject), "nodes", nodes_of(subject), "asked_ldap", subject->asks_ldap,
        "was_slow", subject->is_slow);
    CHECK(node);
    if (subject->address)
        json_object_set_new(node, "address", look_text(subject->address));
    json_object_set_new(facts->root, "subject", node);
    json_object_set_new(facts->root, "handfast", json_string(HANDFAST_VERSION));
    json_object_set_new(facts->root, "taken_s", json_integer(time(NULL)));
}

// ---- the ends

// Where each end is: literals at once, names by one wait for all of them.
struct survey {
    struct look_end ends[ENDS_MAX];
    atomic_uint silences[ENDS_MAX];  // of the ends
    struct resolver_answer *answers; // one for each end
    size_t count;
};

// Knocking at one address, in a thread of its own.
struct knock {
    struct address address;
    uint64_t until_us;
    bool is_open;
    pthread_t thread;
    bool is_running;
};

static void *knock(void *argument)
{
    struct knock *self = argument;
    struct dial *dial = NULL;
    self->is_open = is_ok(dial_open(&self->address, self->until_us, &dial));
    dial_close(dial);
    return NULL;
}

static void knock_begin(struct knock *self, const struct subject *subject,
                        const struct resolver_record *record)
{
    char text[ADDRESS_TEXT_MAX];
    unsigned wait_ms = subject->patience_ms < KNOCK_MS ? subject->patience_ms : KNOCK_MS;
    *self = (struct knock){.until_us = loop_now_us() + wait_ms * US_PER_MS};
    if (address_print_host(&record->address, text) &&
        address_parse(text, subject->port, &self->address))
        self->is_running = pthread_create(&self->thread, NULL, knock, self) == 0;
}

static bool knock_finish(struct knock *self)
{
    if (self->is_running)
        pthread_join(self->thread, NULL);
    return self->is_open;
}

// Of several addresses of the front the first one that answers is put before the others.
static void prefer_open(const struct subject *subject, struct resolver_answer *answer)
{
    struct knock knocks[FURTHER_MAX + 1];
    bool are_open[FURTHER_MAX + 1];
    size_t count = answer->count <= FURTHER_MAX ? answer->count : FURTHER_MAX + 1;
    if (count < 2)
        return;
    for (size_t i = 0; i < count; i++)
        knock_begin(&knocks[i], subject, &answer->records[i]);
    for (size_t i = 0; i < count; i++)
        are_open[i] = knock_finish(&knocks[i]);
    for (size_t i = 0; i < count; i++) {
        if (are_open[i]) {
            struct resolver_record first = answer->records[i];
            memmove(&answer->records[1], &answer->records[0], i * sizeof first);
            answer->records[0] = first;
            return;
        }
    }
}

static void settle(struct look_end *end, const struct resolver_record *record, unsigned port)
{
    char text[ADDRESS_TEXT_MAX];
    if (address_print_host(&record->address, text))
        address_parse(text, port, &end->address);
}

// The first IPv4 address, else the first of all: what reaches most servers.
static void settle_node(struct look_end *end, const struct resolver_answer *answer, unsigned port)
{
    const struct resolver_record *chosen = answer->count ? &answer->records[0] : NULL;
    for (size_t i = 0; chosen && i < answer->count; i++) {
        if (answer->records[i].address.any.sa_family == AF_INET) {
            chosen = &answer->records[i];
            break;
        }
    }
    if (chosen)
        settle(end, chosen, port);
}

// Further addresses stand behind the nodes.
static void settle_front(const struct subject *subject, struct survey *survey)
{
    struct resolver_answer *answer = &survey->answers[0];
    prefer_open(subject, answer);
    for (size_t i = 0; i < answer->count && i <= FURTHER_MAX; i++) {
        struct look_end *end = i ? &survey->ends[survey->count++] : &survey->ends[0];
        if (i)
            *end =
                (struct look_end){.name = "front", .is_further = true, .is_tls = subject->is_tls};
        settle(end, &answer->records[i], subject->port);
    }
}

static unsigned port_of(const struct subject *subject, size_t index)
{
    return index ? subject->nodes[index - 1].port : subject->port;
}

static const char *host_of(const struct subject *subject, size_t index)
{
    if (index)
        return subject->nodes[index - 1].host;
    return subject->address ? subject->address : subject->host;
}

static void list_ends(const struct subject *subject, struct survey *survey)
{
    survey->ends[0] = (struct look_end){.name = "front", .is_tls = subject->is_tls};
    for (size_t i = 0; i < subject->node_count; i++)
        survey->ends[i + 1] = (struct look_end){
            .name = subject->nodes[i].name, .is_node = true, .is_tls = subject->nodes[i].is_tls};
    survey->count = subject->node_count + 1;
}

static void count_silences(struct survey *survey)
{
    for (size_t i = 0; i < survey->count; i++) {
        atomic_init(&survey->silences[i], 0);
        survey->ends[i].silences = &survey->silences[i];
    }
}

static void find_ends(const struct subject *subject, struct survey *survey)
{
    size_t count = survey->count;
    struct resolver *resolver = resolver_new(subject->dns_server);
    for (size_t i = 0; i < count; i++) {
        const char *host = host_of(subject, i);
        if (!address_parse(host, port_of(subject, i), &survey->ends[i].address) && resolver)
            resolver_ask_addresses(resolver, host, &survey->answers[i]);
    }
    if (resolver)
        resolver_wait(resolver, loop_now_us() + subject->patience_ms * US_PER_MS);
    if (survey->ends[0].address.size == 0)
        settle_front(subject, survey);
    for (size_t i = 1; i < count; i++) {
        if (survey->ends[i].address.size == 0)
            settle_node(&survey->ends[i], &survey->answers[i], port_of(subject, i));
    }
    resolver_free(resolver);
}

static json_t *end_node(const struct look_end *end)
{
    char text[ADDRESS_TEXT_MAX] = "";
    if (end->address.size)
        address_print(&end->address, text);
    json_t *node = json_pack("{s:o,s:b,s:s,s:b}", "name", look_text(end->name), "is_node",
                             end->is_node, "address", text, "is_tls", end->is_tls);
    CHECK(node);
    if (end->address.size == 0)
        json_object_set_new(
            node, "tcp", json_pack("{s:b,s:s}", "is_open", 0, "error", "the name has no address"));
    return node;
}

static void say_ends(const struct survey *survey, struct facts *facts)
{
    json_t *ends = json_array();
    for (size_t i = 0; i < survey->count; i++)
        json_array_append_new(ends, end_node(&survey->ends[i]));
    json_object_set_new(facts->root, "ends", ends);
}

// ---- the crew

static void announce(const struct crew *crew, const struct job *job)
{
    char words[160];
    if (!crew->progress)
        return;
    snprintf(words, sizeof words, job->end ? "%.80s of %.60s" : "%.80s", job->look->words,
             job->end ? job->end->name : "");
    crew->progress(crew->progress_context, words);
}

static void *work(void *argument)
{
    struct crew *crew = argument;
    for (;;) {
        size_t index = atomic_fetch_add(&crew->next, 1);
        if (index >= crew->job_count)
            return NULL;
        struct job *job = &crew->jobs[index];
        if (!look_has_time(crew->round, NULL))
            continue;
        announce(crew, job);
        job->found = job->look->take(crew->round, job->end);
    }
}

// Every job is done when it returns; without threads, by this one.
static void run_crew(struct crew *crew)
{
    pthread_t threads[THREADS_MAX];
    size_t count = 0;
    while (count < THREADS_MAX && count < crew->job_count &&
           pthread_create(&threads[count], NULL, work, crew) == 0)
        count++;
    work(crew);
    for (size_t i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

// All looks at one end, or those that are taken once.
static void list_jobs_of(const struct look_round *round, enum look_phase phase,
                         const struct look_end *end, struct crew *crew)
{
    for (size_t i = 0; i < LOOK_COUNT; i++) {
        if (end && end->is_further && looks[i].take != look_tcp)
            continue;
        if (looks[i].phase == phase && looks[i].is_per_end == (end != NULL))
            crew->jobs[crew->job_count++] =
                (struct job){&looks[i], end, end ? (size_t)(end - round->ends) : 0, NULL};
    }
}

// The front comes before the nodes: where time runs out, it is nodes that were not looked at.
static void list_jobs(const struct look_round *round, enum look_phase phase, struct crew *crew)
{
    list_jobs_of(round, phase, NULL, crew);
    for (size_t i = 0; i < round->end_count; i++) {
        if (round->ends[i].address.size)
            list_jobs_of(round, phase, &round->ends[i], crew);
    }
}

static void merge(struct facts *facts, const struct job *job)
{
    if (!job->found)
        return;
    json_t *holder = job->end ? json_array_get(json_object_get(facts->root, "ends"), job->end_index)
                              : facts->root;
    json_t *there = json_object_get(holder, job->look->place);
    if (json_is_object(there) && json_is_object(job->found)) {
        json_object_update(there, job->found);
        json_decref(job->found);
    } else {
        json_object_set_new(holder, job->look->place, job->found);
    }
}

// How long a phase may take that begins now. `began_us`: the first phase. All share the time, so
// that a place where everything is slow or hangs is not waited for in each of them.
static void share_time(struct look_round *round, enum look_phase phase, uint64_t began_us)
{
    uint64_t half_us = round->subject->patience_ms * US_PER_MS / 2;
    uint64_t from_us = round->subject->is_slow ? loop_now_us() : began_us;
    uint64_t own_us = loop_now_us() + HALVES_FOR_LOGIN_OWN * half_us;
    uint64_t end_us = from_us + HALVES_TO_END * half_us;
    uint64_t until_us =
        from_us + (phase == LOOK_FIRST ? HALVES_FOR_FIRST : HALVES_FOR_ALL) * half_us;
    if (phase == LOOK_LOGIN && own_us > until_us)
        until_us = own_us;
    // nodes in turn are looked at if logging in has left time for it
    if (phase != LOOK_ALONE || round->subject->is_slow)
        round->until_us = until_us;
    uint64_t step_us = round->until_us + HALVES_PER_STEP * half_us;
    round->end_us = step_us < end_us ? step_us : end_us;
}

static void run_phase(struct look_round *round, enum look_phase phase, uint64_t began_us,
                      struct facts *facts, const struct crew *pattern)
{
    struct crew crew = *pattern;
    crew.round = round;
    crew.jobs = calloc(LOOK_COUNT * round->end_count + 1, sizeof *crew.jobs);
    CHECK(crew.jobs);
    share_time(round, phase, began_us);
    for (size_t i = 0; i < round->end_count; i++)
        atomic_store(round->ends[i].silences, 0);
    list_jobs(round, phase, &crew);
    run_crew(&crew);
    for (size_t i = 0; i < crew.job_count; i++)
        merge(facts, &crew.jobs[i]);
    free(crew.jobs);
}

// ---- the whole of it

// One account may be written in two ways: DOMAIN\user, user@REALM. The KDC calls it one principal.
static size_t people_among(const struct subject *subject,
                           struct kerberos_client *const clients[SUBJECT_ACCOUNTS_MAX])
{
    bool is_same = clients[0] && clients[1] &&
                   strcasecmp(kerberos_client_principal(clients[0]),
                              kerberos_client_principal(clients[1])) == 0;
    return subject->account_count - is_same;
}

void doctor_look(const struct subject *subject, struct facts *facts,
                 void (*progress)(void *context, const char *words), void *context)
{
    struct survey survey = {.answers = calloc(ENDS_MAX, sizeof *survey.answers)};
    CHECK(survey.answers);
    struct crew pattern = {.progress = progress, .progress_context = context};
    say_subject(subject, facts);
    if (progress)
        progress(context, "names");
    list_ends(subject, &survey);
    find_ends(subject, &survey);
    free(survey.answers);
    say_ends(&survey, facts);
    count_silences(&survey);
    struct look_gate gates[SUBJECT_ACCOUNTS_MAX];
    for (size_t i = 0; i < SUBJECT_ACCOUNTS_MAX; i++)
        look_gate_init(&gates[i]);
    struct look_round round = {.subject = subject,
                               .facts = facts,
                               .ends = survey.ends,
                               .end_count = survey.count,
                               .gates = gates};
    struct kerberos_client *clients[SUBJECT_ACCOUNTS_MAX];
    struct kerberos_problem problems[SUBJECT_ACCOUNTS_MAX];
    uint64_t began_us = loop_now_us();
    uint64_t until_us = began_us + HALVES_PER_ENTRY * subject->patience_ms * US_PER_MS / 2;
    struct entry *entry = entry_begin(subject);
    run_phase(&round, LOOK_FIRST, began_us, facts, &pattern);
    entry_finish(entry, until_us, clients, problems);
    round.kerberos = clients[0];
    round.kerberos_second = clients[1];
    round.kerberos_problem = problems[0];
    round.kerberos_second_problem = problems[1];
    round.people = people_among(subject, clients);
    run_phase(&round, LOOK_LOGIN, began_us, facts, &pattern);
    run_phase(&round, LOOK_ALONE, began_us, facts, &pattern);
    for (size_t i = 0; i < SUBJECT_ACCOUNTS_MAX; i++) {
        kerberos_client_free(clients[i]);
        look_gate_done(&gates[i]);
    }
}
