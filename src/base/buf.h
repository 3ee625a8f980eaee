// SPDX-License-Identifier: Apache-2.0
// A bounded byte queue that borrows its first block from a stock and holds no memory while empty.
// Bytes are added at the end and taken from the front; a span into it is valid until the next add.
#pragma once

#include "base/span.h"
#include "base/status.h"
#include "base/stock.h"

struct buf {
    uint8_t *data;
    uint32_t capacity;
    uint32_t start;
    uint32_t end;
};

static inline size_t buf_size(const struct buf *buf)
{
    return buf->end - buf->start;
}

static inline bool buf_is_empty(const struct buf *buf)
{
    return buf->end == buf->start;
}

static inline struct span buf_span(const struct buf *buf)
{
    return span_of(buf->data ? buf->data + buf->start : NULL, buf_size(buf));
}

// Room for at least `bytes` more, with buf_size never above `limit`. The first block comes from
// `stock`; a larger one from malloc. END_OVERLOAD without memory or above the limit.
struct status buf_reserve(struct buf *buf, struct stock *stock, size_t bytes, size_t limit);

// Where the next bytes go, and how many fit without another buf_reserve.
static inline uint8_t *buf_tail(struct buf *buf)
{
    return buf->data + buf->end;
}

static inline size_t buf_room(const struct buf *buf)
{
    return buf->capacity - buf->end;
}

// Declares `bytes` written at buf_tail.
void buf_added(struct buf *buf, size_t bytes);

// Copies `s` to the end; reserves by itself.
struct status buf_append(struct buf *buf, struct stock *stock, struct span s, size_t limit);

// Takes `bytes` from the front. An emptied buf keeps its block until buf_relax.
void buf_take(struct buf *buf, size_t bytes);

// Gives the block back if the buf is empty.
void buf_relax(struct buf *buf, struct stock *stock);

// Forgets the content and gives the block back.
void buf_done(struct buf *buf, struct stock *stock);
