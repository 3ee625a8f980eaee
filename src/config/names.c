// SPDX-License-Identifier: Apache-2.0
// Sorted once after the last addition; equal names keep the order of the file, so that the second
// one is the duplicate.
#include "config/names.h"

#include <stdlib.h>

#include "base/check.h"
#include "config/schema.h"

void names_done(struct names *names)
{
    free(names->items);
    *names = (struct names){0};
}

void names_add(struct names *names, const char *text, size_t index, const void *owner)
{
    if (!text)
        return;
    if (names->count == names->capacity) {
        names->capacity = names->capacity ? names->capacity * 2 : 32;
        names->items = reallocarray(names->items, names->capacity, sizeof *names->items);
        CHECK(names->items);
    }
    names->items[names->count++] = (struct name){text, index, owner};
    names->sorted = false;
}

static int compare_names(const void *a, const void *b)
{
    const struct name *left = a;
    const struct name *right = b;
    int order = strcmp(left->text, right->text);
    if (order)
        return order;
    return (left->index > right->index) - (left->index < right->index);
}

void names_sort(struct names *names)
{
    if (!names->sorted && names->count)
        qsort(names->items, names->count, sizeof *names->items, compare_names);
    names->sorted = true;
}

const struct name *names_find(struct names *names, const char *text)
{
    names_sort(names);
    size_t low = 0;
    size_t high = names->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(names->items[middle].text, text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool is_found = low < names->count && strcmp(names->items[low].text, text) == 0;
    return is_found ? &names->items[low] : NULL;
}

const char *names_suggest(struct names *names, const char *text)
{
    const char *best = NULL;
    size_t best_distance = SIZE_MAX;
    for (size_t i = 0; i < names->count; i++) {
        size_t distance = spelling_distance(span_text(text), span_text(names->items[i].text));
        if (distance < best_distance) {
            best_distance = distance;
            best = names->items[i].text;
        }
    }
    return spelling_is_close(best_distance, span_text(text)) ? best : NULL;
}
