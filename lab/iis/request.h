// SPDX-License-Identifier: Apache-2.0
// One HTTP/1.1 request: its head read from a channel, its body taken or thrown away. The head is
// copied, so that its spans stay good while the body comes. Owned by the connection.
#pragma once

#include "bytes.h"
#include "channel.h"

enum { REQUEST_HEAD_MAX = 131072, REQUEST_BODY_MAX = 256 << 20 };

enum request_result {
    REQUEST_READ,
    REQUEST_ENDED,     // the client closed, or nothing came in time
    REQUEST_MALFORMED, // answer 400 and close
};

struct request {
    struct buffer head; // as received, with the empty line
    struct span method, target, path;
    struct span authorization, upgrade, host, forwarded_proto;
    size_t longest_line; // of the fields, in bytes
    unsigned minor;      // HTTP/1.minor
    bool keep_alive;
    bool expects_continue;
    bool chunked;
    uint64_t length; // of the body, when not chunked
};

void request_done(struct request *r);

// Takes one head out of `in`, reading from the channel as needed; surplus stays in `in`.
enum request_result request_read(struct request *r, struct channel *c, struct buffer *in);

bool request_has_body(const struct request *r);

// Reads the body to its end. `body` collects it, or NULL throws it away. False when the connection
// ended, the chunks are malformed or the body is larger than REQUEST_BODY_MAX.
bool request_read_body(const struct request *r, struct channel *c, struct buffer *in,
                       struct buffer *body);

// Number behind `name=` in the query, `otherwise` when it is absent.
uint64_t request_number(const struct request *r, const char *name, uint64_t otherwise);
