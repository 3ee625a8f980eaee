// SPDX-License-Identifier: Apache-2.0
// Two atomics; nothing else depends on their order.
#include "mode/turnstile.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/check.h"

struct turnstile {
    atomic_uint references;
    atomic_size_t inside;
};

struct turnstile *turnstile_new(void)
{
    struct turnstile *turnstile = calloc(1, sizeof *turnstile);
    CHECK(turnstile);
    atomic_init(&turnstile->references, 1);
    return turnstile;
}

struct turnstile *turnstile_ref(struct turnstile *turnstile)
{
    atomic_fetch_add_explicit(&turnstile->references, 1, memory_order_relaxed);
    return turnstile;
}

struct turnstile *turnstile_unref(struct turnstile *turnstile)
{
    if (turnstile &&
        atomic_fetch_sub_explicit(&turnstile->references, 1, memory_order_acq_rel) == 1)
        free(turnstile);
    return NULL;
}

bool turnstile_enter(struct turnstile *turnstile, size_t max)
{
    if (atomic_fetch_add_explicit(&turnstile->inside, 1, memory_order_relaxed) < max)
        return true;
    turnstile_leave(turnstile);
    return false;
}

void turnstile_leave(struct turnstile *turnstile)
{
    atomic_fetch_sub_explicit(&turnstile->inside, 1, memory_order_relaxed);
}
