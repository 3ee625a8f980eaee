// SPDX-License-Identifier: Apache-2.0
// A dial is one TCP connection for a tool that may wait: every call returns at its deadline at the
// latest. Never used by the daemon's workers, which have loops and channels. Its caller owns it.
// Deadlines are times as loop_now_us tells them.
#pragma once

#include "base/status.h"
#include "io/address.h"

struct dial;

// Connects. END_CONNECT_REFUSED, END_CONNECT_TIMEOUT, END_CONNECT_FAILED (errno says why),
// END_FILE_LIMIT or END_OVERLOAD.
struct status dial_open(const struct address *address, uint64_t deadline_us,
                        struct dial **ret_dial);
struct dial *dial_close(struct dial *dial); // NULL is allowed; returns NULL

// Sends all of it. END_SERVER_TIMEOUT or END_SERVER_RESET.
struct status dial_send(struct dial *dial, struct span bytes, uint64_t deadline_us);
// Waits for at least one byte; 0 bytes are the orderly end. END_SERVER_TIMEOUT or END_SERVER_RESET.
struct status dial_receive(struct dial *dial, void *data, size_t capacity, uint64_t deadline_us,
                           size_t *ret_size);

// Gives the descriptor to a library that makes its own calls, and ends the dial. It blocks from
// here on, but no read or write longer than `patience_ms`.
int dial_release(struct dial *dial, unsigned patience_ms);
// Closes such a descriptor when the library did not take it.
void dial_discard(int fd);
