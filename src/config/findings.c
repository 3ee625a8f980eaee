// SPDX-License-Identifier: Apache-2.0
// Collects what is wrong with a configuration and prints it as compilers do: one line that says
// where, what, what was expected and what to do, then the line of the file with a caret. Owns all
// its texts.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "config/load.h"

// Longer lines of the file are not shown: the place says enough.
#define SHOWN_LINE_MAX 160
// Nobody reads more, and a file that is not a configuration at all would give one for every line.
#define FINDINGS_MAX 1000

static char *copy_text(const char *text)
{
    if (!text || !*text)
        return NULL;
    char *copy = strdup(text);
    CHECK(copy);
    return copy;
}

const char *finding_word(enum finding_severity severity)
{
    static const char *const words[] = {"error", "warning", "note"};
    return words[severity];
}

struct findings *findings_new(const char *file)
{
    struct findings *findings = calloc(1, sizeof *findings);
    CHECK(findings);
    findings->file = copy_text(file);
    return findings;
}

struct findings *findings_free(struct findings *findings)
{
    if (!findings)
        return NULL;
    for (size_t i = 0; i < findings->count; i++) {
        struct findings_item *finding = &findings->items[i];
        free(finding->path);
        free(finding->what);
        free(finding->expected);
        free(finding->advice);
    }
    free(findings->items);
    free(findings->content);
    free(findings->file);
    free(findings);
    return NULL;
}

static struct findings_item *add_item(struct findings *findings)
{
    if (findings->count == findings->capacity) {
        findings->capacity = findings->capacity ? findings->capacity * 2 : 16;
        findings->items =
            reallocarray(findings->items, findings->capacity, sizeof *findings->items);
        CHECK(findings->items);
    }
    return &findings->items[findings->count++];
}

void findings_add(struct findings *findings, enum finding_severity severity, struct place place,
                  const char *path, const char *expected, const char *advice, const char *what, ...)
{
    findings->errors += severity == FINDING_ERROR;
    findings->notes += severity == FINDING_NOTE;
    if (findings->count == FINDINGS_MAX) {
        findings->left_out++;
        return;
    }
    char *said = NULL;
    va_list arguments;
    va_start(arguments, what);
    int length = vasprintf(&said, what, arguments);
    va_end(arguments);
    CHECK(length >= 0);
    *add_item(findings) = (struct findings_item){
        .place = place,
        .severity = severity,
        .path = copy_text(path),
        .what = said,
        .expected = copy_text(expected),
        .advice = copy_text(advice),
    };
}

static int compare_places(const struct findings_item *a, const struct findings_item *b)
{
    if (a->place.line != b->place.line)
        return a->place.line < b->place.line ? -1 : 1;
    if (a->place.column != b->place.column)
        return a->place.column < b->place.column ? -1 : 1;
    return 0;
}

// By insertion: findings come nearly in order, and those of one place keep theirs.
void findings_sort(struct findings *findings)
{
    for (size_t i = 1; i < findings->count; i++) {
        struct findings_item moving = findings->items[i];
        size_t at = i;
        for (; at > 0 && compare_places(&findings->items[at - 1], &moving) > 0; at--)
            findings->items[at] = findings->items[at - 1];
        findings->items[at] = moving;
    }
}

static struct span line_of(const char *content, unsigned line)
{
    struct span rest = span_text(content);
    struct span text = {0};
    for (unsigned i = 0; i < line; i++) {
        if (span_is_empty(rest))
            return (struct span){0};
        text = span_cut(&rest, '\n');
    }
    if (text.size && text.data[text.size - 1] == '\r')
        text.size--;
    return text;
}

// The line, with what is no text or controls a terminal as '?'.
static void print_line(FILE *out, struct span line)
{
    fputs("    ", out);
    while (!span_is_empty(line)) {
        size_t size = encoding_character(line);
        if (size)
            fwrite(line.data, 1, size, out);
        else
            fputc(line.data[0] == '\t' ? '\t' : '?', out);
        line = span_after(line, size ? size : 1);
    }
    fputc('\n', out);
}

// Columns count characters, and tabs are kept, so that the caret stands right whatever their width.
static void print_caret(FILE *out, struct span line, unsigned column)
{
    fputs("    ", out);
    for (unsigned at = 1; at < column && !span_is_empty(line); at++) {
        size_t size = encoding_character(line);
        fputc(line.data[0] == '\t' ? '\t' : ' ', out);
        line = span_after(line, size ? size : 1);
    }
    fputs("^\n", out);
}

static void print_finding(FILE *out, const struct findings *findings,
                          const struct findings_item *finding)
{
    fprintf(out, "%s:", findings->file ? findings->file : "-");
    if (finding->place.line)
        fprintf(out, "%u:%u:", finding->place.line, finding->place.column);
    fprintf(out, " %s: ", finding_word(finding->severity));
    if (finding->path)
        fprintf(out, "%s: ", finding->path);
    fputs(finding->what, out);
    if (finding->expected)
        fprintf(out, ", expected %s", finding->expected);
    if (finding->advice)
        fprintf(out, "; %s", finding->advice);
    fputc('\n', out);
    struct span line = line_of(findings->content, finding->place.line);
    if (line.size == 0 || line.size > SHOWN_LINE_MAX)
        return;
    print_line(out, line);
    print_caret(out, line, finding->place.column);
}

char *findings_print(struct findings *findings)
{
    char *printed = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&printed, &size);
    CHECK(out);
    findings_sort(findings);
    for (size_t i = 0; i < findings->count; i++)
        print_finding(out, findings, &findings->items[i]);
    if (findings->left_out)
        fprintf(out, "%s: and %zu more findings\n", findings->file, findings->left_out);
    CHECK(fclose(out) == 0);
    return printed;
}
