// SPDX-License-Identifier: Apache-2.0
// The byte queue: slides before it grows, grows by doubling, and returns what it borrowed.
#include "base/buf.h"

#include <stdlib.h>

#include "base/check.h"

static void slide_to_front(struct buf *buf)
{
    if (buf->start == 0)
        return;
    memmove(buf->data, buf->data + buf->start, buf_size(buf));
    buf->end -= buf->start;
    buf->start = 0;
}

// The stock whose blocks have that capacity, NULL when it is malloc's.
static struct stock *stock_of(struct stock *stock, size_t capacity)
{
    while (stock && stock->block_bytes != capacity)
        stock = stock->larger;
    return stock;
}

static void give_block(struct buf *buf, struct stock *stock)
{
    struct stock *owner = stock_of(stock, buf->capacity);
    if (!buf->data)
        return;
    if (owner)
        stock_give(owner, buf->data);
    else
        free(buf->data);
    buf->data = NULL;
    buf->capacity = 0;
}

static uint8_t *take_block(struct stock *stock, size_t capacity)
{
    struct stock *owner = stock_of(stock, capacity);
    return owner ? stock_take(owner) : malloc(capacity);
}

static size_t grown_capacity(size_t wanted, const struct stock *stock)
{
    size_t capacity = stock->block_bytes;
    while (capacity < wanted)
        capacity = stock && stock->larger ? (stock = stock->larger)->block_bytes : capacity * 2;
    return capacity;
}

struct status buf_reserve(struct buf *buf, struct stock *stock, size_t bytes, size_t limit)
{
    size_t wanted = buf_size(buf) + bytes;
    if (wanted > limit || wanted > UINT32_MAX / 2)
        return failed(END_OVERLOAD);
    if (buf->data && buf_room(buf) >= bytes)
        return OK;
    if (buf->capacity >= wanted) {
        slide_to_front(buf);
        return OK;
    }
    size_t capacity = grown_capacity(wanted, stock);
    uint8_t *data = take_block(stock, capacity);
    if (!data)
        return failed(END_OVERLOAD);
    struct buf grown = {data, (uint32_t)capacity, 0, (uint32_t)buf_size(buf)};
    if (buf->data)
        memcpy(data, buf->data + buf->start, buf_size(buf));
    give_block(buf, stock);
    *buf = grown;
    return OK;
}

void buf_added(struct buf *buf, size_t bytes)
{
    CHECK(bytes <= buf_room(buf));
    buf->end += (uint32_t)bytes;
}

struct status buf_append(struct buf *buf, struct stock *stock, struct span s, size_t limit)
{
    if (s.size == 0)
        return OK;
    TRY(buf_reserve(buf, stock, s.size, limit));
    memcpy(buf_tail(buf), s.data, s.size);
    buf_added(buf, s.size);
    return OK;
}

void buf_take(struct buf *buf, size_t bytes)
{
    CHECK(bytes <= buf_size(buf));
    buf->start += (uint32_t)bytes;
    if (buf->start == buf->end)
        buf->start = buf->end = 0;
}

void buf_relax(struct buf *buf, struct stock *stock)
{
    if (buf_is_empty(buf))
        buf_done(buf, stock);
}

void buf_done(struct buf *buf, struct stock *stock)
{
    give_block(buf, stock);
    *buf = (struct buf){0};
}
