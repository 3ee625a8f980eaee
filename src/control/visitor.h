// SPDX-License-Identifier: Apache-2.0
// A visitor is somebody who asks this process about itself: one connection, one bounded request,
// one answer. Doors let them in: the admin socket and the metrics address. It speaks HTTP/1.1 and
// closes after the answer.
#pragma once

#include "http/http.h"

struct visitor;
struct door;

// A visitor has asked. It is answered with visitor_answer, now or later (visitor_wait).
typedef void visitor_ask_fn(struct visitor *visitor, struct span method, struct span path);
// The visitor has left without waiting for the answer.
typedef void visitor_left_fn(void *pending);

struct door {
    struct listener listener;
    struct io_thread *io;
    struct list visitors;
    unsigned visitor_count;
    visitor_ask_fn *ask;
    void *owner;
    int role; // the owner's: what may be asked here
};

// Lets visitors in on `fd`, which it owns from here on.
void door_init(struct door *door, struct io_thread *io, int fd, visitor_ask_fn *ask, void *owner);
// Sends every visitor away and closes.
void door_done(struct door *door);

struct door *visitor_door(const struct visitor *visitor);
// What was asked behind the path, with its '?'; only while the visitor is asking.
struct span visitor_query(const struct visitor *visitor);
// `body` is malloc'ed and now the visitor's; it may be NULL when `size` is 0. `allow`: methods for
// a 405, else NULL.
void visitor_answer(struct visitor *visitor, unsigned status, const char *type, char *body,
                    size_t size, const char *allow);
// The answer comes later: until then `left(pending)` is called should the visitor leave.
void visitor_wait(struct visitor *visitor, visitor_left_fn *left, void *pending);
