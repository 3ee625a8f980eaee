// SPDX-License-Identifier: Apache-2.0
// TCP sockets: opening, peeking, and the channel directly above one.
#pragma once

#include "io/address.h"
#include "io/channel.h"

// A channel over a connected, non-blocking socket (of a listener: TCP_NODELAY is inherited), which
// it owns from here on; NULL without memory (the descriptor is then still the caller's).
// `end_reset` is the reason given when the other side resets.
struct channel *socket_channel_new(struct loop *loop, int fd, enum end end_reset);

// Begins to connect. The channel is not open yet: on_ready (WRITE) comes when it is, or when it
// broke (END_CONNECT_REFUSED, END_CONNECT_FAILED). Fails at once with END_FILE_LIMIT, END_OVERLOAD
// or END_CONNECT_FAILED.
struct status socket_channel_connect(struct loop *loop, const struct address *address,
                                     struct channel **ret_channel);

// Looks at what has arrived without taking it. MOVED, BLOCKED, ENDED or BROKEN, as channel_read.
struct moved socket_peek(int fd, void *data, size_t size);
// The kernel reports the socket readable only when this many bytes are there (or its end).
void socket_wait_for(int fd, size_t bytes);

// Sends a few bytes on a socket that is going to be closed; what does not fit is lost.
void socket_farewell(int fd, struct span bytes);
// Makes close() reset the connection.
void socket_reset_on_close(int fd);
// Closes a socket that came to nothing: -1, and errno still says why.
int socket_give_up(int fd);
bool socket_local_address(int fd, struct address *ret_address);
