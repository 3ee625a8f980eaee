// SPDX-License-Identifier: Apache-2.0
// The TLS ClientHello as it arrives: read without consuming, so that nothing has to be replayed.
// Sources: RFC 8446 sections 4.1.2 and 5.1, RFC 6066 section 3 (server_name), RFC 7301 (ALPN).
#pragma once

#include "base/parse.h"
#include "base/span.h"

#define HELLO_MAX_BYTES (64 * 1024) // of records, as they stand on the wire
#define HELLO_NAME_MAX  255

// What the first bytes of a connection look like.
enum first_bytes {
    FIRST_BYTES_MORE = 0, // not enough to tell
    FIRST_BYTES_TLS,      // a TLS handshake record
    FIRST_BYTES_HTTP,     // an HTTP request line: a method token, a space
    FIRST_BYTES_OTHER,    // neither
};

struct hello {
    uint8_t name[HELLO_NAME_MAX + 1]; // server_name in lower case, without a trailing dot
    size_t name_size;                 // 0: the client sent none
    size_t wire_bytes;                // of all records up to the end of the hello
    unsigned version_max;             // highest offered, e.g. 0x0303 or 0x0304, GREASE left out
    bool alpn_http11;                 // offered "http/1.1"
    bool alpn_h2;                     // offered "h2"
    bool has_alpn;
    bool has_ech; // encrypted_client_hello is present (GREASE or not)
};

// Tells TLS from HTTP from anything else by the first bytes. Never looks past 32 bytes. Up to two
// empty lines before a request line are skipped, as h1_skip_empty_lines does.
enum first_bytes first_bytes_look(struct span bytes);

// Reads a ClientHello that may be split over any number of records of any size (1 to 16384 bytes).
// MORE until it is complete; BAD with END_HELLO_BAD (not a ClientHello, lengths that contradict
// each other, an extension we read given twice, more in its last record, two server names, a name
// with a zero byte or not a host name) or END_HELLO_TOO_BIG (would end after HELLO_MAX_BYTES).
// Records are checked as they come, the hello itself once it is complete. An address passes as a
// name, though RFC 6066 forbids it (IPv6 without brackets); an empty name or list as none.
struct parse hello_read(struct span bytes, struct hello *ret_hello);

static inline struct span hello_name(const struct hello *hello)
{
    return span_of(hello->name, hello->name_size);
}
