// SPDX-License-Identifier: Apache-2.0
// What one thread has for moving bytes: its loop, blocks for buffers, pipes for splice and a
// scratch area that is never in use across two calls. Owned by the worker.
#pragma once

#include <pthread.h>

#include "base/stock.h"
#include "io/loop.h"
#include "io/pipes.h"

#define IO_BLOCK_BYTES (16 * 1024)
// Of a body that comes faster than that. The larger the pieces, the less often each side wakes the
// other; a client that reads slowly holds one.
#define IO_BULK_BYTES    (256 * 1024)
#define IO_SCRATCH_BYTES (64 * 1024)

struct io_thread {
    struct loop *loop;
    struct stock blocks; // of IO_BLOCK_BYTES
    struct stock bulk;   // of IO_BULK_BYTES, where blocks asks for more
    struct pipes pipes;
    uint8_t *scratch; // IO_SCRATCH_BYTES
};

// False without memory or descriptors.
bool io_thread_init(struct io_thread *io);
void io_thread_done(struct io_thread *io);

// Starts a thread that hears no signals: they are the control thread's. False without resources.
bool io_thread_start(pthread_t *ret_thread, void *(*run)(void *argument), void *argument);
