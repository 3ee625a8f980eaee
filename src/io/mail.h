// SPDX-License-Identifier: Apache-2.0
// Mail between threads: any thread posts, the loop that owns the box opens every letter in order of
// arrival. No lock.
#pragma once

#include <stdatomic.h>

#include "io/loop.h"

struct letter;
typedef void letter_fn(struct letter *letter);

// Embedded in what is sent. The receiver owns it from the moment `open` is called.
struct letter {
    struct letter *next;
    letter_fn *open;
};

struct mailbox {
    struct loop *loop;
    struct watch watch;
    _Atomic(struct letter *) newest;
};

// False when there is no descriptor for it.
bool mailbox_init(struct mailbox *box, struct loop *loop);
void mailbox_done(struct mailbox *box);
// From any thread. The letter must not be posted again before it was opened.
void mailbox_post(struct mailbox *box, struct letter *letter);
