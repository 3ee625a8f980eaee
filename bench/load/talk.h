// SPDX-License-Identifier: Apache-2.0
//
// What one client says and what it must hear: a 64-byte echo, a run of bytes, or an HTTP answer.
// Pure: no sockets, no clock. A struct talk belongs to the client it is part of.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TALK_ECHO_BYTES = 64, TALK_COMMAND_BYTES = 16, TALK_HEAD_BYTES = 2048 };

enum talk_kind { TALK_NOTHING, TALK_ECHO, TALK_PULL, TALK_FETCH };
enum talk_state { TALK_MORE, TALK_FINISHED, TALK_BAD };

struct talk {
    enum talk_kind kind;
    bool in_body;
    uint64_t left;    // bytes of the answer still to come
    size_t head_used; // of an HTTP answer's head
    char head[TALK_HEAD_BYTES];
};

// Makes the message every client sends in one exchange: for TALK_PULL a command for size bytes, for
// TALK_FETCH a GET of path at host, or a POST of size body bytes when size is not 0. Returns its
// length (without a POST's body); the text stays in the caller's buffer.
size_t talk_request(enum talk_kind kind, uint64_t size, const char *host, const char *path,
                    char *ret_text, size_t room);

// Begins one exchange; size is the length of the answer for TALK_PULL.
void talk_begin(struct talk *talk, enum talk_kind kind, uint64_t size);

// True when the bytes to come need only be counted, so that they may be thrown away unread: then
// talk_skip() is told how many there were.
bool talk_only_counts(const struct talk *talk);
enum talk_state talk_skip(struct talk *talk, size_t size);

// Takes the next bytes of the answer. More than the answer holds is bad.
enum talk_state talk_take(struct talk *talk, const char *bytes, size_t size);
