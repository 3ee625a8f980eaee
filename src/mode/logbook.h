// SPDX-License-Identifier: Apache-2.0
// The last logins of one worker, as the pieces of JSON that were logged, and which channel bindings
// each server was seen to accept. Bounded; the keeper owns it, and one thread touches it.
#pragma once

#include "auth/auth.h"
#include "base/text.h"

#define LOGBOOK_RECORDS   256
#define LOGBOOK_SERVERS   64
#define LOGBOOK_MEMORY_US (10 * 60 * 1000000ull) // what was accepted longer ago may have changed

struct logbook_record; // malloc'ed

// What a server accepted, by the hash of its pool and name.
struct logbook_server {
    uint64_t key; // 0: free
    uint64_t accepted_us[BOUND_TO_COUNT];
};

struct logbook {
    struct logbook_record *records[LOGBOOK_RECORDS]; // a ring
    size_t next;
    size_t bytes;     // of all pieces
    uint64_t last_us; // of the last record: no two have the same time
    struct logbook_server servers[LOGBOOK_SERVERS];
};

// Keeps a record that ended now; the oldest one goes. `piece`: members of a JSON object, without
// its braces. `like`: not 0, records with the same number are kept as one, the last, with their
// count: so whoever repeats himself drives out nobody else's. Without memory nothing is kept.
void logbook_add(struct logbook *book, struct span piece, uint64_t like, uint64_t now_us);
void logbook_done(struct logbook *book);
// Writes an array, the newest first: {"seq":…,"since_us_ago":…, "repeated":… for several in one,
// and the members kept}. Returns how many did not fit.
// Only those with a seq above `after`.
size_t logbook_describe(const struct logbook *book, struct json *json, uint64_t after,
                        uint64_t now_us);

// Enough for logbook_describe.
size_t logbook_bytes(const struct logbook *book);

uint64_t logbook_server_key(const char *pool, const char *server);
void logbook_note_accepted(struct logbook *book, uint64_t key, enum bound_to bound,
                           uint64_t now_us);
// Bits 1 << enum bound_to that this server has accepted of late.
unsigned logbook_accepted(const struct logbook *book, uint64_t key, uint64_t now_us);
