// SPDX-License-Identifier: Apache-2.0
// A snapshot owns a chain of blocks and frees the chain with its last reference. After loading
// nobody writes to it, so only the count of references is atomic.
#include "config/snapshot.h"

#include <stdlib.h>

#include "base/check.h"

struct snapshot_block {
    struct snapshot_block *next;
    max_align_t content[];
};

void *snapshot_alloc(struct snapshot *snapshot, size_t bytes)
{
    CHECK(bytes < SIZE_MAX / 2);
    struct snapshot_block *block = calloc(1, sizeof *block + bytes);
    CHECK(block);
    block->next = snapshot->memory;
    snapshot->memory = block;
    return block->content;
}

char *snapshot_text(struct snapshot *snapshot, struct span text)
{
    char *copy = snapshot_alloc(snapshot, text.size + 1);
    if (text.size)
        memcpy(copy, text.data, text.size);
    return copy;
}

char *snapshot_path(struct snapshot *snapshot, struct span path)
{
    struct span directory = span_text(snapshot->directory);
    bool is_absolute = path.size && path.data[0] == '/';
    if (is_absolute || span_equal(directory, SPAN(".")))
        return snapshot_text(snapshot, path);
    char *joined = snapshot_alloc(snapshot, directory.size + 1 + path.size + 1);
    memcpy(joined, directory.data, directory.size);
    size_t size = directory.size;
    if (joined[size - 1] != '/')
        joined[size++] = '/';
    if (path.size)
        memcpy(joined + size, path.data, path.size);
    return joined;
}

static struct span directory_of(struct span file)
{
    size_t size = file.size;
    while (size && file.data[size - 1] != '/')
        size--;
    if (size == 0)
        return SPAN(".");
    return span_first(file, size > 1 ? size - 1 : 1);
}

struct snapshot *snapshot_new(const char *file)
{
    struct snapshot *snapshot = calloc(1, sizeof *snapshot);
    CHECK(snapshot);
    snapshot->references = 1;
    snapshot->file = snapshot_text(snapshot, span_text(file));
    snapshot->directory = snapshot_text(snapshot, directory_of(span_text(file)));
    return snapshot;
}

struct snapshot *snapshot_ref(struct snapshot *snapshot)
{
    __atomic_add_fetch(&snapshot->references, 1, __ATOMIC_RELAXED);
    return snapshot;
}

size_t snapshot_listener(const struct snapshot *snapshot, const char *bind, unsigned nth)
{
    for (size_t i = 0; i < snapshot->listener_count; i++)
        if (snapshot->listeners[i].nth == nth && strcmp(snapshot->listeners[i].bind, bind) == 0)
            return i;
    return SIZE_MAX;
}

struct snapshot *snapshot_unref(struct snapshot *snapshot)
{
    if (!snapshot || __atomic_sub_fetch(&snapshot->references, 1, __ATOMIC_ACQ_REL) > 0)
        return NULL;
    for (struct snapshot_block *block = snapshot->memory, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    free(snapshot);
    return NULL;
}
