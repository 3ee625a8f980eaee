// SPDX-License-Identifier: Apache-2.0
// The door of worker: one thread, one loop, owner of everything in it. Workers share nothing but
// the atomics of servers and turnstiles; the control thread speaks to them by mail.
#pragma once

#include <pthread.h>

#include "mode/mode.h"

struct worker;

// Lines of the log on their way to the thread that writes them.
struct log_page {
    struct letter letter;
    size_t size;
    char bytes[64 * 1024];
};

// How a worker hands pages over; from the worker's thread. The receiver frees the page.
typedef void worker_log_fn(void *receiver, struct log_page *page);

// A listener's socket for one worker, who owns both members from here on.
struct worker_socket {
    int fd; // -1: the worker has it already
    struct turnstile *turnstile;
};

struct worker_setup {
    unsigned index; // from 0
    unsigned count;
    struct service *service;
    const struct worker_socket *sockets; // one per listener of the snapshot
    struct turnstile *turnstile;         // of all clients of all workers; outlives them
    size_t clients_max;                  // what the descriptor limit leaves for all of them
    worker_log_fn *log;                  // NULL: no log
    void *log_receiver;
};

// Starts the thread. NULL without memory, descriptors or a thread.
struct worker *worker_new(const struct worker_setup *setup);

// By mail, from the control thread: each returns at once.
// The service is adopted; the worker takes its own reference. `sockets`,
// malloc'ed and the worker's to free, has one per listener; NULL: it has them all. Listeners that
// the service does not have are closed once their queue is taken.
void worker_adopt(struct worker *worker, struct service *service, struct worker_socket *sockets);
// Stops accepting (what is queued is still taken) and drains; after `deadline_ms` (loop time) every
// client is closed. The thread ends when the last client has gone.
void worker_drain(struct worker *worker, uint64_t deadline_ms);

// Asks for a piece of JSON: `describe` runs on the worker's thread with its keeper, then `answer`
// is posted to `box`.
struct worker_question {
    struct letter letter; // filled in by worker_ask
    struct letter answer; // opened on the asking thread
    struct worker *worker;
    struct mailbox *box;
    void (*describe)(struct keeper *keeper, struct worker_question *question);
};
void worker_ask(struct worker *worker, struct worker_question *question);

// What it counts; read it while it runs with tally_read.
const struct tally *worker_tally(const struct worker *worker);
// Gauges, read while it runs: clients, exchanges, pins, links.
struct worker_gauges {
    uint64_t clients;
    uint64_t exchanges;
    uint64_t pins;
    uint64_t links;
};
void worker_gauges(const struct worker *worker, struct worker_gauges *ret_gauges);
bool worker_has_ended(const struct worker *worker);
// Waits for the thread and frees. Every client, link and exchange has been taken down: that is
// CHECKed.
struct worker *worker_join(struct worker *worker);
