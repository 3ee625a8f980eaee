// SPDX-License-Identifier: Apache-2.0
// The door of mode: what Handfast does with a connection. passthrough, forward and redirect, and
// the entry that chooses between them by the first bytes. Everything about one client lives on one
// thread.
#pragma once

#include "base/text.h"
#include "mode/logbook.h"
#include "mode/tally.h"
#include "mode/turnstile.h"
#include "pool/pool.h"
#include "route/route.h"

// ---- a service: a snapshot made ready to serve

// Certificates loaded, pools built. Immutable and shared by all workers; counted.
struct service {
    atomic_uint references;
    struct snapshot *snapshot;
    struct tls_server **tls; // per site; NULL where a site has no certificate
    struct pool **pools;     // per pool of the snapshot
};

// Builds everything that can fail. Takes its own reference to the snapshot. `previous` may be NULL:
// servers that it shares keep their verdicts. `lookup` has looked for the names of its servers.
// NULL, with findings, when something cannot be built.
struct service *service_new(struct snapshot *snapshot, const struct service *previous,
                            const struct lookup *lookup, struct tls_tickets *tickets,
                            struct findings *findings);
struct service *service_ref(struct service *service);
struct service *service_unref(struct service *service);

// ---- what one worker has of a service

struct service_side {
    struct list siblings; // of the keeper
    struct service *service;
    struct pool_side *pools;
    size_t clients; // that live on it: a side goes when the last has gone and a newer one serves
};

// ---- the keeper: owner of all clients of one worker

// Where clients come in: one listener of one worker, who owns it. It outlives its clients.
struct entrance {
    size_t index;   // of its listener in the newest snapshot; SIZE_MAX: that does not have it
    size_t clients; // of this worker
    struct turnstile *turnstile; // of the listener, in all workers
};

struct exchange;
struct keeper;
typedef void keeper_log_fn(struct keeper *keeper, struct span line);

struct keeper {
    struct io_thread *io;
    struct service_side *side; // the newest: new clients and unpinned exchanges use it
    uint64_t adoptions;        // how many there were before it, and itself
    struct list sides;
    struct list clients;
    size_t client_count;
    size_t exchange_count;
    size_t pin_count;
    uint64_t
        id_step; // ids of a worker are congruent modulo the number of workers, so they are unique
    uint64_t next_client_id;
    uint64_t next_exchange_id;
    uint64_t next_link_id;
    uint64_t next_login_id;
    uint64_t mark_secret;
    bool is_draining;
    struct turnstile *turnstile; // of all listeners, in all workers
    size_t clients_max;          // and how many the descriptor limit lets in there
    struct tally tally;
    struct logbook logbook;
    struct stock exchanges;
    keeper_log_fn *log; // NULL: no log
    void *owner;
    // scratch of one step: nothing in it survives a return to the loop
    struct request_head request;
    struct response_head response;
    struct token token;
    struct token challenges[8];
    uint8_t token_bytes[64 * 1024];
    char line[16 * 1024];
};

// False without memory or random numbers. `worker` counts from 0.
bool keeper_init(struct keeper *keeper, struct io_thread *io, unsigned worker, unsigned workers);
// Every client must have gone.
void keeper_done(struct keeper *keeper);
// New clients are served by `service` from now on (takes a reference); clients without a pin follow
// with their next exchange; those that were shown a certificate which their site no longer shows
// are ended as soon as they rest, unless somebody is logged in on them. False without memory: the
// old one serves on.
bool keeper_adopt(struct keeper *keeper, struct service *service);
// Takes nothing new; idle clients that are not between two legs are closed at once, the others
// after their exchange.
void keeper_drain(struct keeper *keeper);
// Closes every client now.
void keeper_close_all(struct keeper *keeper, enum end end);

// A new client through an entrance that the newest snapshot has. Owns `fd` in every case.
void entry_accept(struct keeper *keeper, struct entrance *entrance, int fd,
                  const struct address *address);

// What the admin API shows. Each writes one whole JSON array of at most the text's capacity (at
// least 16) and returns how many items did not fit.
size_t keeper_describe_clients(struct keeper *keeper, struct json *json);
size_t keeper_describe_pins(struct keeper *keeper, struct json *json);
// Only records with a seq above `after`.
size_t keeper_describe_logins(struct keeper *keeper, struct json *json, uint64_t after);
// What that takes, about.
size_t keeper_logins_bytes(const struct keeper *keeper);
