// SPDX-License-Identifier: Apache-2.0
// What tests of wire feed the readers: bytes written in hex, and captured header values. For tests only;
// what it returns lives until the next call with the same buffer.
#pragma once

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/span.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static inline unsigned hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    assert_in_range(c, 'a', 'f');
    return (unsigned)(c - 'a') + 10;
}

// "60 0a 06": blanks are ignored. The bytes go into `out`, exactly as many as returned, so that a
// sanitizer sees a read past them when `out` comes from malloc.
static inline struct span hex_into(const char *hex, uint8_t *out, size_t capacity)
{
    size_t size = 0;
    for (; *hex; hex++) {
        if (*hex == ' ')
            continue;
        assert_true(size < capacity && hex[1]);
        out[size++] = (uint8_t)(hex_digit(hex[0]) << 4 | hex_digit(hex[1]));
        hex++;
    }
    return span_of(out, size);
}

// A copy that ends where its memory ends. The caller frees `.data`.
static inline struct span exact_copy(struct span s)
{
    uint8_t *copy = malloc(s.size ? s.size : 1);
    assert_non_null(copy);
    if (s.size)
        memcpy(copy, s.data, s.size);
    return span_of(copy, s.size);
}

static inline void free_span(struct span s)
{
    free((void *)(uintptr_t)s.data);
}

static inline void assert_span_text(struct span s, const char *expected)
{
    if (!span_equal(s, span_text(expected)))
        fail_msg("\"%.*s\" instead of \"%s\"", SPAN_PRINT(s), expected);
}

// The first line of test/fixtures/`path`.
static inline struct span fixture(const char *path, char *line, size_t capacity)
{
    char full[512];
    const char *root = getenv("SOURCE_ROOT");
    snprintf(full, sizeof(full), "%s/test/fixtures/%s", root ? root : ".", path);
    FILE *file = fopen(full, "re");
    if (!file)
        fail_msg("no %s: is SOURCE_ROOT set?", full);
    assert_non_null(fgets(line, (int)capacity, file));
    fclose(file);
    return span_of(line, strcspn(line, "\n"));
}
