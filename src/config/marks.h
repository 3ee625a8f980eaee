// SPDX-License-Identifier: Apache-2.0
// Where in the file each member of a snapshot came from, while it is being checked: address of the
// member to line, column and path. What has no mark was not written. Internal to config; dies when
// loading ends.
#pragma once

#include "config/config.h"

struct mark {
    const void *member;
    struct place place;
    bool is_refused; // its value was no such value; the member holds the default
    char *path;      // sites[0].routes[1].forward
};

struct marks {
    struct mark *items;
    size_t count;
    size_t capacity;
    bool sorted;
};

void marks_done(struct marks *marks);
// The mark added last was refused.
void marks_refuse_last(struct marks *marks);
void marks_add(struct marks *marks, const void *member, struct place place, const char *path);
// NULL when that member was not written.
const struct mark *marks_find(struct marks *marks, const void *member);
