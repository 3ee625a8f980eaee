// SPDX-License-Identifier: Apache-2.0
// The ways through a configuration that a person may take: each route of each site by one of its
// names, each server that is passed through to. Internal to verify.
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

// Fills at most `max` ways, and says how many there are. `port` 0: the listeners' own.
size_t verify_ways(const struct snapshot *snapshot, unsigned port, struct verify_way *ret_ways,
                   size_t max);
