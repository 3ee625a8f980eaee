// SPDX-License-Identifier: Apache-2.0
// The free list behind struct stock.
#include "base/stock.h"

#include <stdlib.h>

#include "base/check.h"

struct stock_block {
    struct stock_block *next;
};

void stock_init(struct stock *stock, size_t block_bytes, size_t kept_max)
{
    CHECK(block_bytes >= sizeof(struct stock_block));
    *stock = (struct stock){.block_bytes = block_bytes, .kept_max = kept_max};
}

void stock_done(struct stock *stock)
{
    CHECK(stock->lent == 0);
    while (stock->first) {
        struct stock_block *block = stock->first;
        stock->first = block->next;
        free(block);
    }
    stock->kept = 0;
}

void *stock_take(struct stock *stock)
{
    struct stock_block *block = stock->first;
    if (block) {
        stock->first = block->next;
        stock->kept--;
    } else {
        block = malloc(stock->block_bytes);
    }
    if (block)
        stock->lent++;
    return block;
}

void stock_give(struct stock *stock, void *block)
{
    CHECK(block && stock->lent > 0);
    stock->lent--;
    if (stock->kept >= stock->kept_max) {
        free(block);
        return;
    }
    struct stock_block *kept = block;
    kept->next = stock->first;
    stock->first = kept;
    stock->kept++;
}
