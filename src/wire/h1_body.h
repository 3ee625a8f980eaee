// SPDX-License-Identifier: Apache-2.0
// Where the body of an HTTP/1.1 message ends. The bytes themselves are relayed as they came, so the
// framing reaches the other side unchanged; this machine only follows it, strictly.
// Source: RFC 9112 sections 6 and 7.
#pragma once

#include "base/parse.h"
#include "base/span.h"
#include "wire/h1_head.h"

#define CHUNK_LINE_MAX 4096        // chunk size line with its extensions, without CRLF
#define TRAILERS_MAX   (16 * 1024) // all trailer lines, with their CRLF

struct h1_body {
    enum body_kind kind;
    unsigned state;    // of the chunk machine
    uint64_t left;     // LENGTH: bytes to come; CHUNKED: of the current chunk
    uint64_t payload;  // payload bytes seen so far
    uint32_t line;     // bytes of the current chunk line or of the trailers
    uint32_t name;     // bytes of the current trailer name
    uint64_t suspects; // the fields of field.tbl that the current trailer name may still become
};

// A run of bytes of one kind: content, or the framing around it (chunk lines, trailers).
struct piece {
    struct span bytes;
    bool is_payload;
};

void h1_body_init(struct h1_body *body, enum body_kind kind, uint64_t length);

// Looks at the front of `input` without consuming. DONE: the body is complete, no byte of `input`
// belongs to it. MORE with an empty piece: nothing to take yet (only when `input` is empty). MORE
// with a piece: the longest run of one kind. BAD: END_CHUNK_BAD, as soon as the bad byte is in the
// run of framing at the front. Chunk sizes: 1 to 16 hex digits, below 2^63, no sign, no space;
// extensions are accepted when they hold only tokens, '=', quoted strings and blanks; every line
// ends in CRLF; a trailer line is a valid field line and none of field.tbl (Content-Length, Host,
// Authorization, X-Forwarded-For and so on: a reader that merges trailers into the head would be
// deceived).
struct parse h1_body_look(const struct h1_body *body, struct span input, struct piece *ret_piece);

// Follows `taken`, a front part of what h1_body_look returned (any number of bytes of it).
void h1_body_advance(struct h1_body *body, struct span taken);

// Follows `bytes` of content that went by without being looked at; kind LENGTH, at most `left`.
void h1_body_pass(struct h1_body *body, uint64_t bytes);

// Complete? UNTIL_CLOSE never is before the channel ends.
bool h1_body_is_done(const struct h1_body *body);
