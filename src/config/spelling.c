// SPDX-License-Identifier: Apache-2.0
// How alike two words are, so that a misspelt key gets a suggestion: the restricted
// Damerau-Levenshtein distance, which counts a swap of neighbours as one change because that is one
// slip of the fingers.
#include "config/schema.h"

#define SPELLING_MAX 64

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

size_t spelling_distance(struct span a, struct span b)
{
    if (a.size > SPELLING_MAX || b.size > SPELLING_MAX)
        return SIZE_MAX;
    size_t rows[3][SPELLING_MAX + 1];
    size_t *before = rows[0];
    size_t *above = rows[1];
    size_t *here = rows[2];
    for (size_t j = 0; j <= b.size; j++)
        above[j] = j;
    for (size_t i = 1; i <= a.size; i++) {
        here[0] = i;
        for (size_t j = 1; j <= b.size; j++) {
            uint8_t x = ascii_lower(a.data[i - 1]);
            uint8_t y = ascii_lower(b.data[j - 1]);
            here[j] = least(above[j] + 1, here[j - 1] + 1, above[j - 1] + (x != y));
            bool is_swap = i > 1 && j > 1 && x == ascii_lower(b.data[j - 2]) &&
                           y == ascii_lower(a.data[i - 2]);
            if (is_swap && before[j - 2] + 1 < here[j])
                here[j] = before[j - 2] + 1;
        }
        size_t *oldest = before;
        before = above;
        above = here;
        here = oldest;
    }
    return above[b.size];
}

bool spelling_is_close(size_t distance, struct span a)
{
    size_t allowed = a.size <= 3 ? 1 : a.size <= 8 ? 2 : 3;
    return distance <= allowed;
}
