// SPDX-License-Identifier: Apache-2.0
// A stock of equal blocks that a thread gives out and takes back: what is idle holds no memory, and
// what is busy gets its block without a walk through malloc. One stock belongs to one thread.
#pragma once

#include <stddef.h>

struct stock {
    size_t block_bytes;
    size_t kept_max; // returned blocks kept for the next taker; the rest goes back to malloc
    size_t kept;
    size_t lent;
    struct stock_block *first;
    struct stock *larger; // where to ask for more than block_bytes; NULL: malloc
};

void stock_init(struct stock *stock, size_t block_bytes, size_t kept_max);
// Every block must have been given back.
void stock_done(struct stock *stock);
// A block of block_bytes, or NULL when there is no memory.
void *stock_take(struct stock *stock);
void stock_give(struct stock *stock, void *block);
