// SPDX-License-Identifier: Apache-2.0
// Memory of a snapshot: everything in it is allocated here and freed at once, so a half-read
// snapshot is as easy to free as a whole one. Internal to config.
#pragma once

#include "config/config.h"

// An empty snapshot with one reference; `file` gives the directory of relative paths.
struct snapshot *snapshot_new(const char *file);
// Zeroed memory that lives as long as the snapshot; never NULL: without memory for a few kilobytes
// of configuration there is nothing to go on with.
void *snapshot_alloc(struct snapshot *snapshot, size_t bytes);
// A copy of `text` with a terminating zero.
char *snapshot_text(struct snapshot *snapshot, struct span text);
// `path` itself when it is absolute, else below the snapshot's directory.
char *snapshot_path(struct snapshot *snapshot, struct span path);
