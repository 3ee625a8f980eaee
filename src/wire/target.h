// SPDX-License-Identifier: Apache-2.0
// The request target of HTTP/1.1 and the path it names. Source: RFC 9112 section 3.2, RFC 3986.
#pragma once

#include "base/span.h"

enum target_form {
    TARGET_ORIGIN = 0, // /path?query
    TARGET_ABSOLUTE,   // http://host/path?query
    TARGET_AUTHORITY,  // host:port, of CONNECT only
    TARGET_ASTERISK,   // *, of OPTIONS only
};

struct target {
    enum target_form form;
    bool is_https;         // absolute form: the scheme was https
    struct span authority; // absolute and authority form, as sent
    struct span
        path; // as sent, never empty for origin and absolute form ("/" when absolute has none)
    struct span query; // as sent with its '?', empty when there is none
};

// False when the target is not one of the four forms, has an authority that host_parse refuses
// (user information included; CONNECT must give a port) or holds a byte that no target may hold:
// control bytes, space, '#', bytes above 0x7e, and in the path a '%' that no two hex digits follow.
// A query may hold any '%': old pages send "%u20ac" there, and nothing here reads a query.
bool target_parse(struct span text, bool is_connect, bool is_options, struct target *ret_target);

// The path as IIS reads it, for choosing a route only (what is sent on stays as it came):
// percent-encoding decoded once, '\' read as '/', "." and ".." segments resolved, runs of '/' made
// one. Written to `out` of `capacity` bytes; false when it does not fit, does not begin with a
// slash, climbs above the root, decodes to a zero byte or has a '%' that no two hex digits follow.
// Case stays as it is.
bool path_normalise(struct span path, uint8_t *out, size_t capacity, size_t *ret_size);
