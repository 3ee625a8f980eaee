// SPDX-License-Identifier: Apache-2.0
// A sorted index of names: finds duplicates, finds by name, suggests the nearest. Borrows its
// names. Internal to config.
#pragma once

#include "base/span.h"

struct name {
    const char *text;
    size_t index;      // what the name stands for
    const void *owner; // the member it was written in
};

struct names {
    struct name *items;
    size_t count;
    size_t capacity;
    bool sorted;
};

void names_done(struct names *names);
// A NULL text is left out.
void names_add(struct names *names, const char *text, size_t index, const void *owner);
// The first of that name in the order of adding, or NULL.
const struct name *names_find(struct names *names, const char *text);
// The name spelt most like `text`, or NULL when none comes close.
const char *names_suggest(struct names *names, const char *text);
// The items in order: equal texts stand together, in the order of adding.
void names_sort(struct names *names);
