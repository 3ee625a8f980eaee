// SPDX-License-Identifier: Apache-2.0
// Listening sockets, one per worker and address.
#pragma once

#include "io/address.h"
#include "io/loop.h"

struct listener;
// `fd` is non-blocking and now the receiver's.
typedef void accept_fn(struct listener *listener, int fd, const struct address *client);

struct listener {
    struct loop *loop;
    struct watch watch;
    struct timer pause;
    bool was_full;  // the last event used up its batch
    unsigned batch; // accepts per event: doubled while the queue outlasts it
    int spare;      // descriptor kept back so that a client can be refused when no other is left
    accept_fn *on_accept;
    void *owner;
};

// Opens and listens, with SO_REUSEPORT so that every worker has its own queue. Returns the
// descriptor, or -1 and errno. Port 0 is replaced in `address` by the one the kernel chose.
int listener_open(struct address *address);

// Serves `fd` on this loop.
void listener_init(struct listener *listener, struct loop *loop, int fd, accept_fn *on_accept);
// Accepts what is already queued, then stops listening.
void listener_done(struct listener *listener);
