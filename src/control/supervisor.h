// SPDX-License-Identifier: Apache-2.0
// What the parts of control share: the running service, the workers, the control thread's loop.
#pragma once

#include "control/control.h"
#include "control/journal.h"
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
    struct address *listener_addresses; // as bound, with the port the kernel chose
    uint64_t started_us;
    uint64_t reloads;
    uint64_t reloads_failed;
    uint64_t last_reload_us; // 0: none yet
    bool last_reload_was_refused;
    bool is_draining;
};

// One line on standard error: what the process itself has to say, apart from the log of traffic.
void supervisor_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Reads the file and builds a service; prints the findings, and gives them malloc'ed when there are
// any and `ret_findings` is not NULL. NULL: nothing has changed.
struct service *reload_build(struct supervisor *supervisor, char **ret_findings);
// Builds and, if that succeeded, hands the new service to every worker. False when the old one
// serves on. `ret_findings` as above.
bool reload(struct supervisor *supervisor, char **ret_findings);
// Hands a service over to every worker and takes it as the one in use.
void reload_adopt(struct supervisor *supervisor, struct service *service);
