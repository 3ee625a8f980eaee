// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 heads, read strictly: what two readers could understand differently is refused.
// Sources: RFC 9112 sections 2 to 6, RFC 9110 sections 5 and 7.
#pragma once

#include "base/parse.h"
#include "base/span.h"
#include "wire/target.h"

#define HEAD_FIELDS_MAX  200
#define HEAD_OPTIONS_MAX 64 // names listed in all Connection fields of a head

// Header fields that mean something to us; all others are FIELD_OTHER and pass as they came.
enum field_id {
#define FIELD(id, name) FIELD_##id,
#include "wire/field.tbl"
#undef FIELD
    FIELD_COUNT
};

struct field {
    struct span name;  // as sent
    struct span value; // without the white space around it
    struct span line;  // the whole line as sent, without CRLF
    enum field_id id;
};

enum body_kind {
    BODY_NONE = 0,
    BODY_LENGTH,      // Content-Length bytes
    BODY_CHUNKED,     // Transfer-Encoding: chunked
    BODY_UNTIL_CLOSE, // responses only
};

struct head {
    size_t field_count;
    uint64_t present;       // one bit per field_id that occurs, set by the parsers
    unsigned minor_version; // of HTTP/1.x: 0 or 1
    enum body_kind body;
    uint64_t length;    // BODY_LENGTH; below 2^63
    bool is_persistent; // the sender is willing to go on after this message
    bool wants_upgrade; // HTTP/1.1 with "Connection: upgrade" and an Upgrade field
    struct field fields[HEAD_FIELDS_MAX];
};

struct request_head {
    struct span method; // any token, as sent, case-sensitive
    bool is_head;       // HEAD
    bool is_connect;
    struct span target_text;
    struct target target;
    struct span
        host; // value of Host, or the authority of the target; empty only for HTTP/1.0 without Host
    bool expects_continue; // HTTP/1.1 with "Expect: 100-continue"
    struct head head;
};

struct response_head {
    unsigned status;    // 100 to 999
    struct span reason; // may be empty
    struct head head;
};

struct head_limits {
    size_t line_bytes; // one line, without CRLF
    size_t head_bytes; // the whole head
};

// Looks for the end of a head. `scanned` is where the search may go on when more has come; start
// with 0. DONE with the size of the head, up to and including the empty line. Empty lines before a
// request line are not counted here: skip them with h1_skip_empty_lines first. BAD: END_BARE_CR_LF
// (a line that ends in a bare LF; a CR inside a line is found by the parse), END_HEADER_TOO_BIG
// (one line) or END_HEAD_TOO_BIG; a line that has not ended yet counts too.
struct parse h1_head_end(struct span bytes, const struct head_limits *limits, size_t *scanned,
                         size_t *ret_head_bytes);

// How many bytes of leading CRLF pairs to skip before a request line (RFC 9112 section 2.2); at
// most two pairs. Ask again when more has come, as long as the request line has not begun.
size_t h1_skip_empty_lines(struct span bytes);

// Parses a complete head, as h1_head_end measured it. All spans point into `head_bytes` (but for a
// "/" that an absolute target left out). Failures are the reasons of end.tbl from REQUEST_LINE_BAD
// to UPGRADE_BAD. A request is refused when it has: any obs-fold, white space before a colon, an
// empty or non-token name, control bytes in a value, more than HEAD_FIELDS_MAX fields,
// Content-Length beside Transfer-Encoding, repeated or listed Content-Length (even when equal),
// Transfer-Encoding other than a single "chunked" (or any in HTTP/1.0), no Host or several
// (HTTP/1.1), a Host that disagrees with an absolute target or that of CONNECT, CONNECT with a
// body, an upgrade to something that is not a list of protocols. ret_head is large and filled in
// place: after a failure it holds nothing of use.
struct status h1_request_parse(struct span head_bytes, struct request_head *ret_head);

// Parses a complete response head; `to_head` and `to_connect` say which request it answers, since
// that decides the body (RFC 9112 section 6.3). Lengths and encodings are as strict as in requests,
// even where no body follows. Failures: END_RESPONSE_BAD, END_RESPONSE_FRAMING,
// END_RESPONSE_TOO_BIG (too many fields). ret_head is filled in place, as above.
struct status h1_response_parse(struct span head_bytes, bool to_head, bool to_connect,
                                struct response_head *ret_head);

// Which field a name means, in any case; FIELD_OTHER when it is none of field.tbl.
enum field_id field_id_of(struct span name);

// The name in lower case as field.tbl has it; empty for FIELD_OTHER.
struct span field_id_name(enum field_id id);

// The first field of that kind, or NULL. Not for FIELD_OTHER.
const struct field *head_field(const struct head *head, enum field_id id);

// Does any field of that kind list `token` (comma separated, case-insensitive)?
bool head_lists(const struct head *head, enum field_id id, struct span token);

// Is `field` hop-by-hop in this head: Connection and what it lists, Keep-Alive, Proxy-Connection,
// TE, Transfer-Encoding, Upgrade? (RFC 9110 section 7.6.1.) Trailer and Proxy-Authenticate are not
// removed, nor are other fields of field.tbl that Connection lists: a client must not be able to
// make Host, Authorization or X-Forwarded-For vanish on the way.
bool head_field_is_hop(const struct head *head, const struct field *field);
