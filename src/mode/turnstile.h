// SPDX-License-Identifier: Apache-2.0
// Counts the clients that are inside, in all workers together: those of one listener, or all. The
// one thing besides the verdicts of servers that workers share. Counted, because clients may
// outlive their listener.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct turnstile;

struct turnstile *turnstile_new(void);
struct turnstile *turnstile_ref(struct turnstile *turnstile);
struct turnstile *turnstile_unref(struct turnstile *turnstile);

// One more client, unless `max` are inside already. Each that was let in leaves once.
bool turnstile_enter(struct turnstile *turnstile, size_t max);
void turnstile_leave(struct turnstile *turnstile);
