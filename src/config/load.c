// SPDX-License-Identifier: Apache-2.0
// From a file, or from memory, to a snapshot: every step runs as far as it can, so that one run
// shows all there is to mend. Owns the marks; hands the snapshot over only when nothing is wrong.
#include "config/load.h"

#include <errno.h>
#include <fcntl.h>
#include <libfyaml.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/check.h"
#include "config/snapshot.h"

#define CHUNK_BYTES      ((size_t)64 * 1024)
#define PIPE_PATIENCE_MS 5000

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
    hosts_index(load.snapshot);
    return load.snapshot;
}

// ---- the file

// Why nothing can be read from what is open there; NULL: it can. A pipe with a name would make a
// reload wait for whoever fills it; one without was handed over to be read.
static const char *kind_problem(int fd)
{
    struct stat facts;
    struct statfs system;
    if (fstat(fd, &facts) != 0)
        return strerror(errno);
    if (S_ISREG(facts.st_mode))
        return NULL;
    bool is_pipe =
        S_ISFIFO(facts.st_mode) && fstatfs(fd, &system) == 0 && system.f_type == PIPEFS_MAGIC;
    if (is_pipe)
        return NULL;
    return S_ISDIR(facts.st_mode) ? "it is a folder" : "it is no regular file";
}

// As read, but waits for what a pipe has not brought yet.
static ssize_t read_some(int fd, char *out, size_t capacity)
{
    for (;;) {
        struct pollfd wanted = {.fd = fd, .events = POLLIN};
        ssize_t count = read(fd, out, capacity);
        if (count >= 0 || (errno != EAGAIN && errno != EINTR))
            return count;
        if (errno == EAGAIN && poll(&wanted, 1, PIPE_PATIENCE_MS) == 0) {
            errno = ETIMEDOUT;
            return -1;
        }
    }
}

// The whole file as text to free, or NULL and why not. Never waits for long.
static char *read_open(int fd, size_t *ret_size, const char **ret_why)
{
    char *text = NULL;
    size_t size = 0;
    ssize_t count;
    *ret_why = kind_problem(fd);
    if (*ret_why)
        return NULL;
    do {
        text = realloc(text, size + CHUNK_BYTES);
        CHECK(text);
        count = read_some(fd, text + size, CHUNK_BYTES);
        size += count > 0 ? (size_t)count : 0;
    } while (count > 0 && size <= LOAD_FILE_BYTES_MAX);
    if (count == 0) {
        *ret_size = size;
        return text;
    }
    *ret_why = strerror(count < 0 ? errno : EFBIG);
    free(text);
    return NULL;
}

static char *read_file(const char *file, size_t *ret_size, const char **ret_why)
{
    // non-blocking: to open a pipe that nobody writes to would wait
    int fd = open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        *ret_why = strerror(errno);
        return NULL;
    }
    char *text = read_open(fd, ret_size, ret_why);
    close(fd);
    return text;
}

struct snapshot *snapshot_load(const char *file, struct findings *findings)
{
    size_t size;
    const char *why;
    char *text = read_file(file, &size, &why);
    if (!text) {
        findings_add(findings, FINDING_ERROR, (struct place){0}, NULL, NULL, NULL,
                     "cannot be read: %s", why);
        return NULL;
    }
    struct snapshot *snapshot = snapshot_parse(file, span_of(text, size), findings);
    free(text);
    return snapshot;
}
