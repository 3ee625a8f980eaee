// SPDX-License-Identifier: Apache-2.0
// `handfast pins`: which clients hold which links because of their credentials, asked of the
// running process.
#include <stdio.h>

#include "cmd/ask.h"
#include "cmd/command.h"
#include "cmd/table.h"

static void print_pins(const json_t *answer)
{
    static const char *const heads[] = {">client",   "address", ">link",      "pool",  "server",
                                        "authority", "binding", ">exchanges", "since", NULL};
    struct table *table = table_new(heads);
    size_t i;
    json_t *pin;
    json_array_foreach(json_object_get(answer, "pins"), i, pin)
    {
        table_add_number(table, ask_number(pin, "client"));
        table_add(table, ask_text(pin, "address"));
        table_add_number(table, ask_number(pin, "link"));
        table_add(table, ask_text(pin, "pool"));
        table_add(table, ask_text(pin, "server"));
        table_add(table, ask_text(pin, "authority"));
        table_add(table, ask_text(pin, "binding"));
        table_add_number(table, ask_number(pin, "exchanges"));
        table_add(table, ask_text(pin, "since"));
    }
    if (table_rows(table) == 0)
        puts("no pins");
    table_print(table);
    if (ask_number(answer, "left_out"))
        printf("and %lld more\n", (long long)ask_number(answer, "left_out"));
}

int pins_main(int argc, char **argv)
{
    return ask_and_print(argc, argv, "pins",
                         "Lists the links tied to one client because of its credentials.",
                         print_pins);
}
