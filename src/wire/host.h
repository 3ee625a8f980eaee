// SPDX-License-Identifier: Apache-2.0
// Host names and ports as they stand in Host headers, authorities, SNI and configuration.
// Sources: RFC 3986 section 3.2.2, RFC 9110 sections 4.2 and 7.2, RFC 1123 section 2.1.
#pragma once

#include "base/span.h"

#define HOST_NAME_MAX 255

struct host {
    uint8_t
        name[HOST_NAME_MAX + 1]; // lower case, no trailing dot; an IPv6 address without brackets
    size_t name_size;
    unsigned port;   // 1 to 65535; 0: none given
    bool is_address; // an IPv4 or IPv6 literal
};

// Parses `name`, `name:port`, `1.2.3.4:port` or `[v6]:port`. Names are letters, digits, '-', '_'
// and
// '.' in labels of 1 to 63 bytes; one dot may end the name. An empty port is accepted, as RFC 3986
// has it; a port is at most five digits, 1 to 65535. False for anything else, zone identifiers and
// IPvFuture included. IPv6 addresses are checked but not brought to one spelling.
bool host_parse(struct span text, struct host *ret_host);

// A name alone, without a port: writes it in lower case and without the trailing dot to `ret_name`
// (HOST_NAME_MAX bytes at most). False when it is not a name. IPv4 addresses are names in this
// sense.
bool host_name_parse(struct span text, uint8_t *ret_name, size_t *ret_size);

// Is it an IPv6 address (RFC 4291 section 2.2), without brackets and zone?
bool host_is_ipv6(struct span text);

static inline struct span host_name(const struct host *host)
{
    return span_of(host->name, host->name_size);
}

// Does `pattern` (lower case: an exact name, or "*." and a name) cover `name` (lower case)?
// A star stands for exactly one label, as in RFC 6125 section 6.4.3.
bool host_matches(struct span pattern, struct span name);
