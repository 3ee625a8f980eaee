// SPDX-License-Identifier: Apache-2.0
// Base64 as it stands in Authorization and WWW-Authenticate values. When read, a text that is
// larger than the room given is decoded as far as it fits and checked to its end.
// Source: RFC 4648 section 4.
#pragma once

#include "base/span.h"

// Decodes `text` into `out` (`capacity` bytes). `ret_written` says how many bytes stand in `out`,
// `ret_total` how many the whole text stands for. Up to two '=' at the end are accepted and none is
// needed; bits left over in the last character are ignored. False, with rubbish in `out` and
// nothing returned, when a byte is outside the alphabet, '=' stands elsewhere or one character is
// left over.
bool base64_decode(struct span text, uint8_t *out, size_t capacity, size_t *ret_written,
                   size_t *ret_total);

// How many characters `size` bytes become, with padding.
static inline size_t base64_size(size_t size)
{
    return (size + 2) / 3 * 4;
}

// Encodes with padding into `out`, which has room for base64_size(bytes.size) characters; no zero
// is put behind them.
void base64_encode(struct span bytes, char *out);
