// SPDX-License-Identifier: Apache-2.0
// See entry.h. A getter belongs to its thread and to who waits for it, and is freed by the last of
// the two: a password in it is wiped then.
#include "doctor/look/entry.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"

struct getter {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned holders; // freed by the last one
    bool is_done;
    struct account account; // with texts of its own
    struct kerberos_client *client;
    struct kerberos_problem problem;
};

struct entry {
    struct getter *getters[SUBJECT_ACCOUNTS_MAX]; // NULL: nothing to get
};

static char *copy(const char *text)
{
    char *own = text ? strdup(text) : NULL;
    CHECK(own || !text);
    return own;
}

static struct getter *getter_new(const struct account *account)
{
    struct getter *getter = calloc(1, sizeof(*getter));
    pthread_condattr_t attributes;

    CHECK(getter);
    pthread_mutex_init(&getter->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&getter->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    getter->holders = 1;
    getter->account = (struct account){.proof = account->proof,
                                       .user = copy(account->user),
                                       .realm = copy(account->realm),
                                       .password = copy(account->password),
                                       .file = copy(account->file)};
    return getter;
}

static void getter_free(struct getter *getter)
{
    struct account *account = &getter->account;

    kerberos_client_free(getter->client);
    if (account->password)
        explicit_bzero(account->password, strlen(account->password));
    free(account->password);
    free((char *)(uintptr_t)account->user);
    free((char *)(uintptr_t)account->realm);
    free((char *)(uintptr_t)account->file);
    pthread_cond_destroy(&getter->changed);
    pthread_mutex_destroy(&getter->lock);
    free(getter);
}

// With the lock held, which it gives back.
static void let_go(struct getter *getter)
{
    bool is_last = --getter->holders == 0;

    pthread_mutex_unlock(&getter->lock);
    if (is_last)
        getter_free(getter);
}

static void *get(void *argument)
{
    struct getter *getter = argument;
    struct kerberos_problem problem = {0};
    struct kerberos_client *client = kerberos_client_new(&getter->account, &problem);

    pthread_mutex_lock(&getter->lock);
    getter->client = client;
    getter->problem = problem;
    getter->is_done = true;
    pthread_cond_signal(&getter->changed);
    let_go(getter);
    return NULL;
}

static void start(struct getter *getter)
{
    pthread_t thread;

    getter->holders = 2;
    if (pthread_create(&thread, NULL, get, getter) == 0)
        pthread_detach(thread);
    else
        get(getter);
}

struct entry *entry_begin(const struct subject *subject)
{
    struct entry *entry = calloc(1, sizeof(*entry));

    CHECK(entry);
    for (size_t i = 0; i < subject->account_count; i++) {
        if (subject->accounts[i].proof == PROOF_NONE)
            continue;
        entry->getters[i] = getter_new(&subject->accounts[i]);
        start(entry->getters[i]);
    }
    return entry;
}

// With the lock held.
static void wait_for(struct getter *getter, uint64_t until_us)
{
    struct timespec until = {.tv_sec = (time_t)(until_us / US_PER_S),
                             .tv_nsec = (long)(until_us % US_PER_S * 1000)};

    while (!getter->is_done && pthread_cond_timedwait(&getter->changed, &getter->lock, &until) == 0)
        ;
}

static struct kerberos_client *take(struct getter *getter, uint64_t until_us,
                                    struct kerberos_problem *ret_problem)
{
    pthread_mutex_lock(&getter->lock);
    wait_for(getter, until_us);
    struct kerberos_client *client = getter->client;
    *ret_problem = getter->problem;
    if (!getter->is_done)
        *ret_problem = (struct kerberos_problem){
            .code = -1, .name = "KDC_UNREACHABLE", .text = "no KDC answered in time"};
    getter->client = NULL;
    let_go(getter);
    return client;
}

void entry_finish(struct entry *entry, uint64_t until_us,
                  struct kerberos_client *ret_clients[SUBJECT_ACCOUNTS_MAX],
                  struct kerberos_problem ret_problems[SUBJECT_ACCOUNTS_MAX])
{
    for (size_t i = 0; i < SUBJECT_ACCOUNTS_MAX; i++) {
        ret_clients[i] = NULL;
        ret_problems[i] = (struct kerberos_problem){0};
        if (entry->getters[i])
            ret_clients[i] = take(entry->getters[i], until_us, &ret_problems[i]);
    }
    free(entry);
}
