// SPDX-License-Identifier: Apache-2.0
// The ways a snapshot lays out: from clients of a site, in clear or over TLS, to a pool. Pure: it
// reads a snapshot and keeps nothing.
#pragma once

#include "config/config.h"
#include "route/protection.h"

struct way {
    size_t site_index;
    size_t pool_index;
    enum protection_way kind;
    bool client_is_tls;
    const struct route_config *route; // the first that goes there; NULL: passthrough
};

typedef void way_fn(void *owner, const struct way *way);

// Each way once, however many routes of a site take it. Clients that are merely sent on to https
// take none.
void ways_each(const struct snapshot *snapshot, way_fn *visit, void *owner);
// "forward", "passthrough", "redirect"
const char *way_word(enum protection_way kind);
