// SPDX-License-Identifier: Apache-2.0
// Cells are kept until the widths are known.
#include "cmd/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

#define GAP "  "

struct table {
    const char *const *heads;
    size_t columns;
    char **cells;
    size_t count;
    size_t capacity;
};

struct table *table_new(const char *const *heads)
{
    struct table *table = calloc(1, sizeof *table);
    CHECK(table);
    table->heads = heads;
    while (heads[table->columns])
        table->columns++;
    return table;
}

// Control characters could move the cursor or say something in somebody else's name.
static char *printable(const char *cell)
{
    char *copy = strdup(cell);
    CHECK(copy);
    for (char *c = copy; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    return copy;
}

void table_add(struct table *table, const char *cell)
{
    if (table->count == table->capacity) {
        table->capacity = table->capacity ? 2 * table->capacity : 64;
        table->cells = realloc(table->cells, table->capacity * sizeof(char *));
        CHECK(table->cells);
    }
    table->cells[table->count++] = printable(cell);
}

void table_add_number(struct table *table, long long number)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", number);
    table_add(table, text);
}

size_t table_rows(const struct table *table)
{
    return table->count / table->columns;
}

static bool is_right(const struct table *table, size_t column)
{
    return table->heads[column][0] == '>';
}

static const char *head(const struct table *table, size_t column)
{
    return table->heads[column] + is_right(table, column);
}

// Characters, not bytes: those that continue one of UTF-8 take no place.
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static size_t column_width(const struct table *table, size_t column)
{
    size_t widest = width_of(head(table, column));
    for (size_t i = column; i < table->count; i += table->columns) {
        size_t width = width_of(table->cells[i]);
        widest = width > widest ? width : widest;
    }
    return widest;
}

static void print_cell(const struct table *table, size_t column, const char *text, size_t width)
{
    int spaces = (int)(width - width_of(text));
    bool is_last = column + 1 == table->columns;
    if (is_right(table, column))
        printf("%*s%s", spaces, "", text);
    else
        printf("%s%*s", text, is_last ? 0 : spaces, "");
    fputs(is_last ? "\n" : GAP, stdout);
}

void table_print(struct table *table)
{
    size_t *widths = calloc(table->columns, sizeof *widths);
    CHECK(widths);
    for (size_t i = 0; i < table->columns; i++)
        widths[i] = column_width(table, i);
    for (size_t i = 0; i < table->columns && table->count; i++)
        print_cell(table, i, head(table, i), widths[i]);
    for (size_t i = 0; i < table->count; i++) {
        print_cell(table, i % table->columns, table->cells[i], widths[i % table->columns]);
        free(table->cells[i]);
    }
    free(widths);
    free(table->cells);
    free(table);
}
