// SPDX-License-Identifier: Apache-2.0
// A span is a borrowed view of bytes: it owns nothing and dies with the memory it points into.
// Nothing that came from the network is ever a C string; it is a span.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const uint8_t *data;
    size_t size;
};

// A span over a string literal, without its terminating zero.
#define SPAN(literal) ((struct span){(const uint8_t *)("" literal), sizeof(literal) - 1})

// printf("%.*s", SPAN_PRINT(s)): only for text that was already checked to be printable.
#define SPAN_PRINT(s) ((int)(s).size), ((const char *)(s).data)

static inline struct span span_of(const void *data, size_t size)
{
    return (struct span){data, size};
}

static inline struct span span_text(const char *text)
{
    return (struct span){(const uint8_t *)text, text ? strlen(text) : 0};
}

static inline bool span_is_empty(struct span s)
{
    return s.size == 0;
}

// The first `count` bytes, or all of them when there are fewer.
static inline struct span span_first(struct span s, size_t count)
{
    return (struct span){s.data, count < s.size ? count : s.size};
}

// What is left after `count` bytes; empty when there are no more than that.
static inline struct span span_after(struct span s, size_t count)
{
    size_t skipped = count < s.size ? count : s.size;
    return (struct span){s.data ? s.data + skipped : s.data, s.size - skipped};
}

static inline bool span_equal(struct span a, struct span b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

// Equality that ignores the case of ASCII letters; other bytes must be identical.
bool span_equal_nocase(struct span a, struct span b);

bool span_starts_with(struct span s, struct span prefix);
bool span_starts_with_nocase(struct span s, struct span prefix);
bool span_ends_with(struct span s, struct span suffix);

// Position of the first `byte`, or s.size when it does not occur.
size_t span_find(struct span s, uint8_t byte);

// Without the spaces and tabs at both ends (OWS of RFC 9110 section 5.6.3).
struct span span_trim(struct span s);

// Cuts off and returns everything before the first `separator`; `rest` continues after it.
// Without a separator the whole of `rest` is returned and `rest` becomes empty.
struct span span_cut(struct span *rest, uint8_t separator);

// Decimal digits only, no sign, no space; false on overflow, on an empty span or on any other byte.
bool span_to_u64(struct span s, uint64_t *ret_value);

static inline uint8_t ascii_lower(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') ? (uint8_t)(c | 0x20) : c;
}
