// SPDX-License-Identifier: Apache-2.0
// Marks are added while the file is walked and looked up while its meaning is checked, so they are
// sorted once in between.
#include "config/marks.h"

#include <stdlib.h>

#include "base/check.h"

void marks_done(struct marks *marks)
{
    for (size_t i = 0; i < marks->count; i++)
        free(marks->items[i].path);
    free(marks->items);
    *marks = (struct marks){0};
}

void marks_add(struct marks *marks, const void *member, struct place place, const char *path)
{
    if (marks->count == marks->capacity) {
        marks->capacity = marks->capacity ? marks->capacity * 2 : 64;
        marks->items = reallocarray(marks->items, marks->capacity, sizeof *marks->items);
        CHECK(marks->items);
    }
    char *copy = strdup(path);
    CHECK(copy);
    marks->items[marks->count++] = (struct mark){member, place, false, copy};
    marks->sorted = false;
}

void marks_refuse_last(struct marks *marks)
{
    CHECK(marks->count > 0);
    marks->items[marks->count - 1].is_refused = true;
}

static int compare_members(const void *a, const void *b)
{
    uintptr_t left = (uintptr_t)((const struct mark *)a)->member;
    uintptr_t right = (uintptr_t)((const struct mark *)b)->member;
    return (left > right) - (left < right);
}

const struct mark *marks_find(struct marks *marks, const void *member)
{
    if (!marks->sorted && marks->count)
        qsort(marks->items, marks->count, sizeof *marks->items, compare_members);
    marks->sorted = true;
    struct mark wanted = {.member = member};
    if (marks->count == 0)
        return NULL;
    return bsearch(&wanted, marks->items, marks->count, sizeof *marks->items, compare_members);
}
