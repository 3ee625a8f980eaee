// SPDX-License-Identifier: Apache-2.0
// From the text of one value to a member of a struct: durations, sizes, counts, words, names,
// addresses. Pure but for the memory of the snapshot. Internal to config.
#pragma once

#include "config/schema.h"

// What is wrong with a value, in the words of a finding. Empty `advice`: none.
struct value_fault {
    char what[256];
    char expected[256];
    char advice[256];
};

// Reads `text` as the type of `option` says and writes it to `field` (of option->size bytes).
// False, with `ret_fault` filled and `field` as it was, when the text is no such value or outside
// the range.
bool value_read(const struct option *option, struct span text, struct snapshot *snapshot,
                void *field, struct value_fault *ret_fault);

// What that option expects: "a duration such as 30s, from 1s to 24h". Cut to `capacity`.
void value_expected(const struct option *option, char *out, size_t capacity);
// The same for one item of a list: without "a list, each item".
void value_expected_item(const struct option *option, char *out, size_t capacity);

// A duration, a size or a count without its range; false when it is malformed.
bool value_number(enum option_type type, struct span text, uint64_t *ret_number);

// `text` for a message: in quotes, at most 60 bytes, bytes that do not print replaced.
struct value_quoted {
    char text[72];
};
struct value_quoted value_quote(struct span text);
