// SPDX-License-Identifier: Apache-2.0
// Comparing, cutting and reading spans. Pure: no allocation, no global, no dependence on the
// locale.
#include "base/span.h"

bool span_equal_nocase(struct span a, struct span b)
{
    if (a.size != b.size)
        return false;
    for (size_t i = 0; i < a.size; i++)
        if (ascii_lower(a.data[i]) != ascii_lower(b.data[i]))
            return false;
    return true;
}

bool span_starts_with(struct span s, struct span prefix)
{
    return s.size >= prefix.size && span_equal(span_first(s, prefix.size), prefix);
}

bool span_starts_with_nocase(struct span s, struct span prefix)
{
    return s.size >= prefix.size && span_equal_nocase(span_first(s, prefix.size), prefix);
}

bool span_ends_with(struct span s, struct span suffix)
{
    return s.size >= suffix.size && span_equal(span_after(s, s.size - suffix.size), suffix);
}

size_t span_find(struct span s, uint8_t byte)
{
    const uint8_t *hit = s.size ? memchr(s.data, byte, s.size) : NULL;
    return hit ? (size_t)(hit - s.data) : s.size;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

struct span span_trim(struct span s)
{
    while (s.size && is_blank(s.data[0]))
        s = span_after(s, 1);
    while (s.size && is_blank(s.data[s.size - 1]))
        s.size--;
    return s;
}

struct span span_cut(struct span *rest, uint8_t separator)
{
    size_t at = span_find(*rest, separator);
    struct span head = span_first(*rest, at);
    *rest = span_after(*rest, at + 1);
    return head;
}

bool span_to_u64(struct span s, uint64_t *ret_value)
{
    uint64_t value = 0;
    if (s.size == 0)
        return false;
    for (size_t i = 0; i < s.size; i++) {
        if (s.data[i] < '0' || s.data[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(s.data[i] - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *ret_value = value;
    return true;
}
