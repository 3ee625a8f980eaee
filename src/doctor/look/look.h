// SPDX-License-Identifier: Apache-2.0
// A look collects facts of one kind. Looks run side by side, each in a thread of its own, and write
// only what they return; they read the facts of the phase before.
#pragma once

#include "doctor/facts.h"
#include "doctor/subject.h"

enum look_phase {
    LOOK_FIRST = 0, // asks nobody to log in: DNS, TCP, TLS, HTTP, the KDC, LDAP
    LOOK_LOGIN,     // logs in: NTLM, Kerberos, affinity, isolation, Extended Protection
};

// One place that is looked at: an address of the front, or a node reached directly. The TLS name
// and Host are always those of the URL.
struct look_end {
    const char *name; // "front" or the node's name
    bool is_node;
    struct address address;
    bool is_tls;
};

struct look_round {
    const struct subject *subject;
    const struct facts *facts; // of the phases before; never of this one
    const struct look_end *ends;
    size_t end_count;
    struct kerberos_client *kerberos; // of the first account; NULL: no Kerberos
    struct kerberos_client *kerberos_second;
};

// Returns a new JSON node for its place in the facts, or NULL when there is nothing to say.
// `end` is NULL for looks that are taken once.
struct look {
    const char *word;  // where it goes: "ends[].WORD" or "WORD" (docs/doctor-facts.md)
    const char *words; // for the progress line
    enum look_phase phase;
    bool is_per_end;
    json_t *(*take)(const struct look_round *round, const struct look_end *end);
};

#define LOOK(word, words, phase, is_per_end)                                                       \
    json_t *look_##word(const struct look_round *, const struct look_end *);
#include "doctor/look/looks.tbl"
#undef LOOK
