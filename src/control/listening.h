// SPDX-License-Identifier: Apache-2.0
// The sockets that a snapshot listens on: one per worker and listener, so that every worker has its
// own queue. Listeners are told apart by `bind` as it is written; those that the configuration in
// use has too stay open, with their queues. Opening is the part of a reload that can fail, so it
// comes before anything changes.
#pragma once

#include "config/config.h"
#include "io/io.h"
#include "worker/worker.h"

struct listening {
    size_t count; // listeners of the snapshot
    unsigned workers;
    struct address *addresses; // as bound, with the port that the kernel chose
    struct turnstile **turnstiles;
    int *fds; // of a worker's listener: [worker * count + listener]; -1: not here
};

// Opens what `snapshot` has and `old` has not (NULL: everything); `now` is what `old` listens on.
// NULL, with findings, when one cannot be opened, as where any other process listens: then nothing
// stays open.
struct listening *listening_new(const struct snapshot *snapshot, unsigned workers,
                                const struct snapshot *old, const struct listening *now,
                                struct findings *findings);
// The sockets of a worker, per listener, malloc'ed: the receiver owns all of it.
struct worker_socket *listening_take(struct listening *listening, unsigned worker);
// Says `words` and the address of each listener of `snapshot`, which this listens for, that `other`
// does not have (NULL: of each).
void listening_say(const struct listening *listening, const struct snapshot *snapshot,
                   const struct snapshot *other, const char *words);
// Closes what nobody has taken.
struct listening *listening_free(struct listening *listening);
