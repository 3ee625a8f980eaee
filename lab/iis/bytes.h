// SPDX-License-Identifier: Apache-2.0
// Bytes without a C string in sight: a view (span), a growing buffer, and a builder for the
// little-endian layouts of NTLM. A span never owns; a buffer belongs to whoever declared it and is
// released with buffer_done. Allocation failure ends the process: this is a laboratory instrument.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
    const uint8_t *at;
    size_t len;
};

struct buffer {
    uint8_t *at;
    size_t len;
    size_t room;
};

struct span span_of(const char *text);
struct span span_cut(struct span whole, size_t from, size_t len); // clipped to `whole`
bool span_is(struct span a, struct span b);
bool span_is_word(struct span a, const char *word); // ASCII case is ignored
bool span_starts(struct span a, struct span prefix);
struct span span_trim(struct span a); // spaces and tabs at both ends

void buffer_done(struct buffer *b);
void buffer_clear(struct buffer *b); // keeps the memory
void buffer_reserve(struct buffer *b, size_t more);
void buffer_add(struct buffer *b, const void *at, size_t len);
void buffer_add_span(struct buffer *b, struct span s);
void buffer_add_text(struct buffer *b, const char *text);
void buffer_add_format(struct buffer *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void buffer_add_u16le(struct buffer *b, uint16_t value);
void buffer_add_u32le(struct buffer *b, uint32_t value);
void buffer_add_u64le(struct buffer *b, uint64_t value);
void buffer_add_base64(struct buffer *b, struct span s);
void buffer_drop_front(struct buffer *b, size_t len);
struct span buffer_span(const struct buffer *b);

// Appends the decoded bytes. Padding may be missing. False, and nothing appended, on any other
// byte.
bool buffer_add_unbase64(struct buffer *b, struct span text);

// Readers for little-endian fields; the caller has checked that the bytes are there.
uint16_t bytes_u16le(const uint8_t *at);
uint32_t bytes_u32le(const uint8_t *at);
