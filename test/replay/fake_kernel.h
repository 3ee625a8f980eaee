// SPDX-License-Identifier: Apache-2.0
// A kernel made for tests: the linker sends the system calls of src/io here (--wrap), so the real
// loop, sockets and relay run against wires whose far ends a test plays. Time stands still until it
// is stepped. One kernel, one thread; nothing leaves the process. What Linux does is modelled where
// it matters: level-triggered readiness, data before a reset can still be read, a reset is reported
// once, EPOLLHUP and EPOLLERR come unasked.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "io/address.h"

struct bytes {
    uint8_t *data;
    size_t size;
    size_t capacity;
};

void bytes_add(struct bytes *bytes, struct span more);
static inline struct span bytes_span(const struct bytes *bytes)
{
    return span_of(bytes->data, bytes->size);
}

enum wire_state {
    WIRE_UNUSED = 0,
    WIRE_CONNECTING,
    WIRE_OPEN,
    WIRE_CLOSED, // by us; the far end may still look at what it heard
};

// One TCP connection between us and somebody the test plays: a client, or a server at the end of a
// link.
struct wire {
    enum wire_state state;
    bool is_link;
    struct address address; // of the server; links only
    struct bytes said;      // by the far end, not arrived yet
    struct bytes arrived;   // not read yet
    struct bytes heard;     // by the far end, all of it
    bool wants_fin;         // the far end has said all it will say
    bool has_fin;           // and we can see it
    bool is_reset;          // by the far end
    bool is_gone;         // the far end has closed both ways: what we send is answered with a reset
    bool is_shut;         // we have ended our direction
    bool was_reset_by_us; // closed with a reset, or with bytes that were not read
    int error;            // SO_ERROR
    // of the test
    unsigned row_state;
    size_t judged;     // bytes of `heard` that were dealt with
    size_t said_bytes; // all that was ever said, and how much of it arrived
    size_t arrived_bytes;
    int owner;           // the client whose requests it carried; -1: none yet
    bool is_second_hand; // it has served another client before
    bool is_tied;        // credentials or a challenge were seen
    size_t known_at;     // it is plain to us when that many bytes have arrived
    bool is_between_legs;
    // of epoll
    bool is_watched;
    uint32_t interest;
    void *watch;
    size_t low_water;
    bool resets_on_close;
};

// The four ways of bytes between the far ends and us.
enum stream {
    STREAM_CLIENT_SAYS = 0,
    STREAM_CLIENT_HEARS,
    STREAM_LINK_SAYS,
    STREAM_LINK_HEARS,
    STREAM_COUNT,
    STREAM_NONE = STREAM_COUNT,
};

enum connect_fate {
    CONNECT_SUCCEEDS = 0,
    CONNECT_REFUSED_AT_ONCE,
    CONNECT_REFUSED,
    CONNECT_HANGS,
};

#define WIRES_MAX   64
#define SERVERS_MAX 8

struct kernel {
    struct wire wires[WIRES_MAX];
    size_t wire_count;
    uint64_t now_us;
    bool is_idle;      // the last wait found nothing to do
    bool has_passed;   // time, since the last wait: timers may be due that the loop did not know of
    bool is_backwards; // readiness is reported for the last wire first
    size_t dribble;    // at most so many bytes at a time, both ways; 0: no limit
    uint64_t calls;    // that may have changed something
    enum connect_fate fates[SERVERS_MAX]; // by the last byte of the server's address
    // bytes stop when `stream` has moved `cut_at` of them, until the cut is lifted
    enum stream cut_stream;
    size_t cut_at;
    size_t moved[STREAM_COUNT];
    struct bytes *traces;  // of each stream, filled while it is set
    struct wire *cut_wire; // where the cut fell; NULL: it was not reached
    size_t open_files;     // descriptors given out and not closed
};

extern struct kernel kernel;

// As after a start: no wires, time as it was.
void kernel_reset(void);
// Frees the memory of all wires.
void kernel_done(void);

// A client connects; the descriptor is for entry_accept.
struct wire *kernel_accept(int *ret_fd);
// The far end says something, ends its direction, goes away, or resets.
void wire_say(struct wire *wire, struct span bytes);
void wire_end(struct wire *wire);
void wire_leave(struct wire *wire);
void wire_reset(struct wire *wire);
// Has the far end seen the end of what we say?
bool wire_is_ended(const struct wire *wire);
// Does it still stand, seen from us?
static inline bool wire_is_live(const struct wire *wire)
{
    return wire->state == WIRE_CONNECTING || wire->state == WIRE_OPEN;
}

// Lets what was said arrive, as far as the cut allows. True when something moved.
bool kernel_deliver(void);
// Has the cut been reached? It holds until it is lifted.
bool kernel_is_cut(void);
void kernel_lift_cut(void);
void kernel_pass_ms(uint64_t ms);
