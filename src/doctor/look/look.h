// SPDX-License-Identifier: Apache-2.0
// A look collects facts of one kind. Looks run side by side, each in a thread of its own, and write
// only what they return; they read the facts of the phase before.
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "doctor/call.h"
#include "doctor/facts.h"
#include "doctor/kerberos_client.h"
#include "doctor/subject.h"

enum look_phase {
    LOOK_FIRST = 0, // asks nobody to log in: DNS, TCP, TLS, HTTP, the KDC
    LOOK_LOGIN,     // logs in: LDAP, NTLM, Kerberos, affinity, isolation, Extended Protection
    LOOK_ALONE,     // logs in while nobody else asks: nodes in turn
};

// One place that is looked at: an address of the front, or a node reached directly. The TLS name
// and Host are always those of the URL.
struct look_end {
    const char *name; // "front" or the node's name
    bool is_node;
    bool is_further; // another address of the front: only its port is looked at
    struct address address;
    bool is_tls;
    atomic_uint *silences; // steps of this phase that waited for it in vain
};

struct look_round {
    const struct subject *subject;
    const struct facts *facts; // of the phases before; never of this one
    const struct look_end *ends;
    size_t end_count;
    struct kerberos_client *kerberos; // of the first account; NULL: no Kerberos, see the problem
    struct kerberos_client *kerberos_second;
    struct kerberos_problem kerberos_problem; // why there is no client of the first account; code 0
                                              // and no name when none was tried
    struct kerberos_problem kerberos_second_problem;
    size_t people;           // accounts that are different people, as far as the KDC tells
    struct look_gate *gates; // for passwords that nobody vouches for, one for each account; see
                             // logins.h
    uint64_t until_us; // as loop_now_us: looks begin no new step after it, unless they are slow;
    uint64_t end_us;   // and no step of a call lasts longer than that
};

// Is there time for another step, at that end (NULL: at none)? Not where one has already waited in
// vain: it would wait once more, and what hangs is told by the first.
bool look_has_time(const struct look_round *round, const struct look_end *end);

// Calls `ask` with each index from `from` to before `until`, at most LOOK_SIDES_MAX, at the same
// time, and returns when all are done. What they write must be their own.
#define LOOK_SIDES_MAX 8
void look_side_by_side(size_t from, size_t until, void (*ask)(void *context, size_t index),
                       void *context);

// Returns a new JSON node for its place in the facts, or NULL when there is nothing to say. Several
// looks may fill one place: their objects are laid over each other, in the order of the table.
// `end` is NULL for looks that are taken once.
struct look {
    const char *place; // where it goes: "ends[].PLACE" or "PLACE" (docs/doctor-facts.md)
    const char *words; // for the progress line
    enum look_phase phase;
    bool is_per_end;
    json_t *(*take)(const struct look_round *round, const struct look_end *end);
};

#define LOOK(name, place, words, phase, is_per_end)                                                \
    json_t *look_##name(const struct look_round *, const struct look_end *);
#include "doctor/look/looks.tbl"
#undef LOOK

// ---- what looks have in common

// What servers said of a password that no KDC has judged.
struct look_gate {
    pthread_mutex_t lock;
    bool is_good;
    unsigned refusals; // and answers that leave it open
};
#define LOOK_REFUSALS_MAX 2 // lockout thresholds of five and below, as they are common, stay far
void look_gate_init(struct look_gate *gate);
void look_gate_done(struct look_gate *gate);

// A text as JSON, whatever its bytes: bounded, and what is no UTF-8 or a control character becomes
// U+FFFD.
json_t *look_text(const char *text);
json_t *look_text_span(struct span text);
json_t *look_hex(struct span bytes);
// A Location: its query may hold what logs somebody in, and becomes "?…".
json_t *look_location(const char *location);
// An ANSWER of docs/doctor-facts.md; never NULL.
json_t *look_answer(const struct call_answer *answer);
// The word of body_says for the beginning of a body; "" when it says nothing known.
const char *look_body_says(struct span body);

// How to call this end: TLS with the name of the URL, HTTP/1.1, the patience of the subject.
struct call_wish look_wish(const struct look_round *round, const struct look_end *end);
// Host as a browser would send it to the URL (with the port when it is not the scheme's); `out` is
// returned.
#define LOOK_HOST_MAX 272
const char *look_host(const struct look_round *round, char out[LOOK_HOST_MAX]);
