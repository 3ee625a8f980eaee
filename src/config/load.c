// SPDX-License-Identifier: Apache-2.0
// From a file, or from memory, to a snapshot: every step runs as far as it can, so that one run
// shows all there is to mend. Owns the marks; hands the snapshot over only when nothing is wrong.
#include "config/load.h"

#include <errno.h>
#include <libfyaml.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "config/snapshot.h"

bool load_is_written(struct load *load, const void *member)
{
    return marks_find(&load->marks, member) != NULL;
}

bool load_is_refused(struct load *load, const void *member)
{
    const struct mark *mark = marks_find(&load->marks, member);
    return mark && mark->is_refused;
}

void load_add(struct load *load, enum finding_severity severity, const void *member,
              const void *owner, const char *expected, const char *advice, const char *what, ...)
{
    const struct mark *mark = member ? marks_find(&load->marks, member) : NULL;
    if (!mark && owner)
        mark = marks_find(&load->marks, owner);
    char said[512];
    va_list arguments;
    va_start(arguments, what);
    vsnprintf(said, sizeof said, what, arguments);
    va_end(arguments);
    struct place place = mark ? mark->place : (struct place){0};
    findings_add(load->findings, severity, place, mark ? mark->path : NULL, expected, advice, "%s",
                 said);
}

static void keep_content(struct findings *findings, struct span yaml)
{
    free(findings->content);
    findings->content = malloc(yaml.size + 1);
    CHECK(findings->content);
    if (yaml.size)
        memcpy(findings->content, yaml.data, yaml.size);
    findings->content[yaml.size] = '\0';
}

struct snapshot *snapshot_parse(const char *file, struct span yaml, struct findings *findings)
{
    keep_content(findings, yaml);
    size_t errors_before = findings->errors;
    struct fy_document *document =
        encoding_check(yaml, findings) ? document_parse(yaml, findings) : NULL;
    if (!document)
        return NULL;
    struct load load = {.snapshot = snapshot_new(file), .findings = findings};
    read_document(&load, document);
    fy_document_destroy(document);
    derive_all(&load);
    cross_check(&load);
    cross_redirects(&load);
    cross_sense(&load);
    marks_done(&load.marks);
    if (findings->errors > errors_before)
        return snapshot_unref(load.snapshot);
    derive_order(load.snapshot);
    return load.snapshot;
}

// The whole file as text to free, or NULL with errno. EFBIG above the limit.
static char *read_file(const char *file, size_t *ret_size)
{
    FILE *in = fopen(file, "re");
    if (!in)
        return NULL;
    char *text = NULL;
    size_t size = 0;
    size_t capacity = 0;
    do {
        capacity += 64 * 1024;
        text = realloc(text, capacity);
        CHECK(text);
        size += fread(text + size, 1, capacity - size, in);
    } while (size == capacity && size <= LOAD_FILE_BYTES_MAX);
    int problem = ferror(in) ? errno : size > LOAD_FILE_BYTES_MAX ? EFBIG : 0;
    fclose(in);
    if (problem) {
        free(text);
        errno = problem;
        return NULL;
    }
    *ret_size = size;
    return text;
}

struct snapshot *snapshot_load(const char *file, struct findings *findings)
{
    size_t size;
    char *text = read_file(file, &size);
    if (!text) {
        findings_add(findings, FINDING_ERROR, (struct place){0}, NULL, NULL, NULL,
                     "cannot be read: %s", strerror(errno));
        return NULL;
    }
    struct snapshot *snapshot = snapshot_parse(file, span_of(text, size), findings);
    free(text);
    return snapshot;
}
