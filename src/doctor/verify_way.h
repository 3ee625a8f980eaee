// SPDX-License-Identifier: Apache-2.0
// The ways through a configuration that a person may take: each route of each site by one of its
// names or by those that were given, each server that is passed through to. Internal to verify.
#pragma once

#include "doctor/location.h"
#include "doctor/verify.h"

struct verify_way {
    char name[VERIFY_NAME_MAX];
    enum verify_mode mode;
    struct location start; // what a person types
    const struct pool_config *pool;
    size_t server_index; // of the server to compare with
};

// Fills at most `max` ways, by the port and hosts of the wish, and says how many there are. The
// report learns of each site that has none, in `left_out`, which has room for all sites.
size_t verify_ways(const struct snapshot *snapshot, const struct verify_wish *wish,
                   struct verify_way *ret_ways, size_t max, struct verify_report *report);
// The first of the given hosts that no site has; NULL: all are served.
const char *verify_unknown_host(const struct snapshot *snapshot, const struct verify_wish *wish);
