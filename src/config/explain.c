// SPDX-License-Identifier: Apache-2.0
// Prints the schema for people: as text on the terminal, as the reference page in Markdown. Both
// come from the rows alone, so they cannot disagree with what is read.
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "config/value.h"

static const char *const reload_words[] = {
    [RELOAD_LIVE] = "at once",
    [RELOAD_NEW] = "new connections",
    [RELOAD_RESTART] = "restart",
};

static void describe_type(const struct option *option, char *out, size_t capacity)
{
    if (option->type == TYPE_SECTION || option->type == TYPE_LIST) {
        snprintf(out, capacity, "%s, see %s", option->type == TYPE_LIST ? "a list" : "a mapping",
                 schema_scope(option->items)->name);
        return;
    }
    value_expected(option, out, capacity);
}

static const char *default_of(const struct option *option)
{
    return option->fallback ? option->fallback : "none";
}

static void print_words(FILE *out, const char *help, int width)
{
    struct span rest = span_text(help);
    int column = 0;
    while (!span_is_empty(rest)) {
        struct span word = span_cut(&rest, ' ');
        if (column && column + 1 + (int)word.size > width) {
            fputc('\n', out);
            column = 0;
        }
        fprintf(out, "%s%.*s", column ? " " : "      ", SPAN_PRINT(word));
        column += (int)word.size + 1;
    }
    fputc('\n', out);
}

static void print_option(FILE *out, const struct option *option)
{
    char type[512];
    describe_type(option, type, sizeof type);
    fprintf(out, "\n  %s: %s\n", option->key, type);
    fprintf(out, "      default: %s · after a reload: %s\n", default_of(option),
            reload_words[option->reload]);
    print_words(out, option->help, 84);
}

static void print_cell(FILE *out, const char *text)
{
    for (const char *c = text; *c; c++) {
        if (*c == '|' || *c == '<' || *c == '*' || *c == '[')
            fputc('\\', out);
        fputc(*c, out);
    }
}

static void print_row(FILE *out, const struct option *option)
{
    char type[512];
    describe_type(option, type, sizeof type);
    fprintf(out, "| `%s` | ", option->key);
    print_cell(out, type);
    fputs(" | ", out);
    if (option_has_written_fallback(option))
        fprintf(out, "`%s`", option->fallback);
    else
        print_cell(out, default_of(option));
    fprintf(out, " | %s | ", reload_words[option->reload]);
    print_cell(out, option->help);
    fputs(" |\n", out);
}

static void print_scope(FILE *out, enum scope scope, bool markdown)
{
    const struct scope_shape *shape = schema_scope(scope);
    const char *title = *shape->name ? shape->name : "Top level";
    if (markdown)
        fprintf(out,
                "\n## %s\n\n%s\n\n| key | value | default | after a reload | "
                "|\n|---|---|---|---|---|\n",
                title, shape->help);
    else
        fprintf(out, "\n%s\n", title);
    for (size_t i = 0; i < schema_count(); i++) {
        const struct option *option = schema_option(i);
        if (option->scope != scope)
            continue;
        if (markdown)
            print_row(out, option);
        else
            print_option(out, option);
    }
}

static const char markdown_head[] =
    "<!-- Made by `handfast check --explain --markdown`; a test compares it. Do not edit. -->\n"
    "# Configuration\n\n"
    "One YAML 1.2 file. `handfast check -c FILE` reports all that is wrong with it at once; "
    "`handfast check --explain` prints this page.\n\n"
    "Durations carry a unit: `500ms`, `30s`, `5m`, `1h`, `1d`. Sizes are bytes, or carry one: "
    "`4096`, "
    "`64KiB`, `1MiB`, `1GiB`. Relative paths start at the directory of the file. The column *after "
    "a "
    "reload* says when a changed value takes effect: at once, for new connections, or only after a "
    "restart.\n";

char *schema_explain(bool markdown)
{
    char *printed = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&printed, &size);
    CHECK(out);
    if (markdown)
        fputs(markdown_head, out);
    else
        fputs("Options of the configuration file, with what they expect and their defaults.\n",
              out);
    for (int scope = 0; scope < SCOPE_COUNT; scope++)
        print_scope(out, (enum scope)scope, markdown);
    CHECK(fclose(out) == 0);
    return printed;
}
