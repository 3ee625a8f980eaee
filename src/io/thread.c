// SPDX-License-Identifier: Apache-2.0
// Setting up and taking down what a thread moves bytes with.
#include "io/thread.h"

#include <signal.h>
#include <stdlib.h>

#define BLOCKS_KEPT 256
#define BULK_KEPT   16
#define PIPES_KEPT  32

bool io_thread_init(struct io_thread *io)
{
    io->loop = loop_new();
    io->scratch = malloc(IO_SCRATCH_BYTES);
    stock_init(&io->blocks, IO_BLOCK_BYTES, BLOCKS_KEPT);
    stock_init(&io->bulk, IO_BULK_BYTES, BULK_KEPT);
    io->blocks.larger = &io->bulk;
    pipes_init(&io->pipes, PIPES_KEPT);
    if (io->loop && io->scratch)
        return true;
    io_thread_done(io);
    return false;
}

void io_thread_done(struct io_thread *io)
{
    stock_done(&io->blocks);
    stock_done(&io->bulk);
    pipes_done(&io->pipes);
    free(io->scratch);
    io->scratch = NULL;
    io->loop = loop_free(io->loop);
}

bool io_thread_start(pthread_t *ret_thread, void *(*run)(void *argument), void *argument)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int failure = pthread_create(ret_thread, NULL, run, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failure == 0;
}
