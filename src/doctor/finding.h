// SPDX-License-Identifier: Apache-2.0
// What a check says: one finding is a thing that is wrong, doubtful or worth knowing, with its
// evidence, its likely cause and what to do about it.
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum weight {
    WEIGHT_CAUSE = 0, // logins fail, or people are mixed up, because of this
    WEIGHT_FAULT,     // breaks some clients or some requests
    WEIGHT_RISK,      // will break, or already does for clients that differ from this one
    WEIGHT_NOTE,      // good to know; not a fault
};

enum confidence {
    CONFIDENCE_SURE = 0,
    CONFIDENCE_LIKELY,
    CONFIDENCE_POSSIBLE,
};

// Who types the command.
enum remedy_place {
    REMEDY_SERVER = 0, // on each IIS node
    REMEDY_DOMAIN,     // on a domain controller, or with its tools
    REMEDY_CLIENT,
    REMEDY_BALANCER,
    REMEDY_DNS,
};

#define FINDING_REMEDIES_MAX 6
#define FINDING_EVIDENCE_MAX 8

struct remedy {
    enum remedy_place place;
    char *what;    // a sentence
    char *command; // exact; NULL: there is none to type
};

struct finding {
    const char *id; // the check's word
    enum weight weight;
    enum confidence confidence;
    int rank;    // within a weight: smaller first
    char *place; // "front", a node's name, or NULL
    char *what;  // one sentence: what is wrong
    char *cause; // one sentence: why it is so; NULL: `what` says it
    char *evidence[FINDING_EVIDENCE_MAX];
    size_t evidence_count;
    struct remedy remedies[FINDING_REMEDIES_MAX];
    size_t remedy_count;
};

// Findings in the order they were made until diagnosis_sort; owned, with all their texts.
struct diagnosis {
    struct finding *findings;
    size_t count;
    size_t capacity;
};

void diagnosis_init(struct diagnosis *diagnosis);
void diagnosis_done(struct diagnosis *diagnosis);
// By weight, then rank, then confidence; stable.
void diagnosis_sort(struct diagnosis *diagnosis);
// Takes one out; the others keep their order.
void diagnosis_drop(struct diagnosis *diagnosis, size_t index);
// The first of that check; NULL: it said nothing.
const struct finding *diagnosis_find(const struct diagnosis *diagnosis, const char *id);
// Is there anything heavier than a note?
bool diagnosis_is_ill(const struct diagnosis *diagnosis);

// A new finding, filled further by the functions below. The pointer holds until the next one is
// made.
struct finding *diagnosis_add(struct diagnosis *diagnosis, const char *id, enum weight weight,
                              enum confidence confidence, const char *what, ...)
    __attribute__((format(printf, 5, 6)));
void finding_place(struct finding *finding, const char *place);
void finding_cause(struct finding *finding, const char *cause, ...)
    __attribute__((format(printf, 2, 3)));
void finding_evidence(struct finding *finding, const char *evidence, ...)
    __attribute__((format(printf, 2, 3)));
// `command` may be NULL; it is formatted with the arguments, `what` is not.
void finding_remedy(struct finding *finding, enum remedy_place place, const char *what,
                    const char *command, ...) __attribute__((format(printf, 4, 5)));

// The same text, malloc'ed, bounded and safe to print on a terminal: control and invisible
// characters and bytes that are no UTF-8 become \xNN. The functions above do this by themselves.
char *finding_clean(const char *text);
