// SPDX-License-Identifier: Apache-2.0
// Tables for people: columns as wide as their widest cell. Whatever a cell holds, nothing in it
// reaches the terminal as a control character.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct table;

// Column heads, ended by NULL; one that begins with '>' is set to the right.
struct table *table_new(const char *const *heads);
// The next cell, in rows from left to right. Copied.
void table_add(struct table *table, const char *cell);
void table_add_number(struct table *table, long long number);
size_t table_rows(const struct table *table);
// Prints to standard output, nothing when there are no rows, and frees.
void table_print(struct table *table);
