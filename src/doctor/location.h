// SPDX-License-Identifier: Apache-2.0
// Where a Location leads, seen from the page that sent it. Pure. Source: RFC 9110 section 10.2.2,
// RFC 3986 section 5.2 (without dot segments, which servers do not send).
#pragma once

#include "base/span.h"
#include "wire/host.h"

#define LOCATION_TARGET_MAX 1024

struct location {
    bool is_tls;
    char host[HOST_NAME_MAX + 1]; // lower case
    unsigned port;
    char target[LOCATION_TARGET_MAX];
};

// False when it leads nowhere we could ask: another scheme, no valid host, bytes that
// no request line may hold, or too long.
bool location_read(struct span text, const struct location *from, struct location *ret_location);
// The same page: scheme, host, port and target.
bool location_equal(const struct location *a, const struct location *b);
// The same scheme, host and port.
bool location_same_origin(const struct location *a, const struct location *b);
