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
    int spare; // descriptor kept back so that a client can be refused when no other is left
    accept_fn *on_accept;
    void *owner;
};

// Who may listen on the same address besides.
enum listener_company {
    LISTENER_FIRST = 0, // nobody has it; from here on FURTHER sockets of this user may join
    LISTENER_FURTHER,   // joins those there are (SO_REUSEPORT), so that every worker has its queue
    LISTENER_ALONE,     // nobody has it and nobody may join
};

// Opens and listens. Returns the descriptor, or -1 and errno; EADDRINUSE when somebody listens
// there already, this process included, who is not joined. Port 0 is replaced in `address` by the
// one the kernel chose.
int listener_open(struct address *address, enum listener_company company);
// Could it be bound? Never listens. 0 or errno, as above.
int listener_try(const struct address *address, enum listener_company company);

// Serves `fd` on this loop.
void listener_init(struct listener *listener, struct loop *loop, int fd, accept_fn *on_accept);
// Accepts what is already queued, then stops listening.
void listener_done(struct listener *listener);
