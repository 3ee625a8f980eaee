// SPDX-License-Identifier: Apache-2.0
// Probes: the active checks of servers, on the loop of the control thread, beside the workers and never on them. A probe
// connects, shakes hands or asks as the pool's health says, and writes nothing but the server's verdict. The set of
// probes owns each; a probe holds its server, so a verdict survives a reload that keeps the server.
#pragma once

#include "pool/pool.h"

struct probes;

// The verdict of `server` has changed; server->health says why.
typedef void probe_tell_fn(void *owner, const struct server *server, enum verdict before);

// NULL without memory. `io` is the control thread's.
struct probes *probes_new(struct io_thread *io, probe_tell_fn *tell, void *owner);
// Checks the servers of these pools from now on and no others: new ones at once, those it knew go on where they were.
// A check that is under way is begun anew, since what it should look for may have changed. The pools must outlive
// the next probes_adopt or probes_free.
void probes_adopt(struct probes *probes, struct pool *const *pools, size_t pool_count);
struct probes *probes_free(struct probes *probes);
// How many descriptors the checks may hold at one time.
size_t probes_descriptors(size_t server_count);
