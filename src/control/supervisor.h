// SPDX-License-Identifier: Apache-2.0
// What the parts of control share: the running service, the workers, the control thread's loop.
#pragma once

#include "control/control.h"
#include "control/journal.h"
#include "control/listening.h"
#include "control/protection.h"

struct supervisor {
    const char *config_file;
    struct io_thread io;
    struct mailbox mailbox;
    struct watch signals;
    struct timer check_timer; // have the workers ended?
    struct tls_tickets *tickets;
    struct service *service;
    struct journal *journal;
    struct probes *probes;
    struct protections *protections;
    struct admin *admin;
    struct chores *chores;
    struct moves *moves;
    struct worker **workers;
    unsigned worker_count;
    struct listening *listening;
    struct turnstile *turnstile; // of all clients of all workers
    uint64_t started_us;
    uint64_t reloads;
    uint64_t reloads_failed;
    uint64_t last_reload_us; // 0: none yet
    bool last_reload_was_refused;
    bool is_draining;
};

// One line on standard error: what the process itself has to say, apart from the log of traffic.
void supervisor_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Prints findings on standard error, and gives the text malloc'ed when there is any and
// `ret_findings` is not NULL.
void supervisor_show(struct findings *findings, char **ret_findings);

// Reads the file and builds a service, the first one; prints the findings. NULL: it cannot.
struct service *reload_first(struct supervisor *supervisor);
// Builds and, if that succeeded, hands the new service to every worker. False when the old one
// serves on. `ret_findings` as for supervisor_show.
bool reload(struct supervisor *supervisor, char **ret_findings);
// Hands a service over to every worker and takes it as the one in use, with what it listens on;
// NULL: as before.
void reload_adopt(struct supervisor *supervisor, struct service *service,
                  struct listening *listening);
