// SPDX-License-Identifier: Apache-2.0
// The steps from text to snapshot, each in its own file, and what they share. Internal to config.
#pragma once

#include "config/marks.h"
#include "config/schema.h"

struct fy_document;

#define LOAD_FILE_BYTES_MAX (16u << 20)

struct load {
    struct snapshot *snapshot;
    struct findings *findings;
    struct marks marks;
};

// encoding.c: true when the file is UTF-8 text; else a finding says where it is not.
bool encoding_check(struct span text, struct findings *findings);
// Bytes of the character at the front of a text that is not empty; 0 when it is no character or one
// that controls a terminal (tabs and ends of line are not meant here).
size_t encoding_character(struct span text);

// document.c: YAML to nodes; syntax errors become findings. NULL when there is no document.
struct fy_document *document_parse(struct span yaml, struct findings *findings);

// read.c: walks the nodes by the schema, fills the snapshot, applies written defaults.
void read_document(struct load *load, struct fy_document *document);

// derive.c: what is computed from what was written: defaults in words, parts of addresses, actions
// of routes.
void derive_all(struct load *load);
// derive.c: longest route first. Moves routes, so marks of routes are void after it.
void derive_order(struct snapshot *snapshot);

// hosts.c: the index of hosts, from sites that stay where they are from now on.
void hosts_index(struct snapshot *snapshot);

// cross.c: names that must be unique and names that must exist.
void cross_check(struct load *load);
// cross_redirect.c: where redirected clients end up.
void cross_redirects(struct load *load);
// cross_sense.c: what is allowed but hardly meant, and numbers that contradict each other.
void cross_sense(struct load *load);

// Adds a finding about a member; its place and path come from the marks. A member that was not
// written takes those of `owner`, the object it belongs to. `expected` and `advice` may be NULL.
void load_add(struct load *load, enum finding_severity severity, const void *member,
              const void *owner, const char *expected, const char *advice, const char *what, ...)
    __attribute__((format(printf, 7, 8)));
#define load_error(load, member, owner, expected, advice, ...)                                     \
    load_add(load, FINDING_ERROR, member, owner, expected, advice, __VA_ARGS__)
#define load_warning(load, member, owner, expected, advice, ...)                                   \
    load_add(load, FINDING_WARNING, member, owner, expected, advice, __VA_ARGS__)

// Was that member written in the file?
bool load_is_written(struct load *load, const void *member);
// Was it written, and refused? What follows from it is then not worth a finding.
bool load_is_refused(struct load *load, const void *member);
