// SPDX-License-Identifier: Apache-2.0
// The facts: one JSON document, as docs/doctor-facts.md describes it. Looks write it, checks read
// it, and it can be saved and read again elsewhere. No secret and no token is ever in it.
#pragma once

#include <jansson.h>

#include "base/span.h"

#define FACTS_VERSION 1

struct facts {
    json_t *root; // owned
};

void facts_init(struct facts *facts);
void facts_done(struct facts *facts);

// From text, which may come from anywhere, either the facts alone or a report as JSON that holds
// them: what was there is replaced. False, with the reason as a
// half sentence, when it is no document of facts; nothing has changed then.
bool facts_parse(struct facts *facts, struct span text, char *ret_problem, size_t capacity);
// From a file that facts_save wrote. False, with a sentence on stderr, when it is not that.
bool facts_load(struct facts *facts, const char *file);
// Mode 0600, by file_write. False, with a sentence on stderr, when it cannot be written.
bool facts_save(const struct facts *facts, const char *file);

// Reading: `path` is keys and array indexes joined by dots ("tls.certificate.names.0"), from any
// node; keys may hold dots themselves ("tls.versions.TLSv1.2"). All of them accept NULL and answer
// as if nothing was there, so a check reads as prose.
const json_t *fact(const json_t *from, const char *path);
bool fact_is_known(const json_t *from, const char *path); // there, and not null
bool fact_bool(const json_t *from, const char *path);     // true only if it is true
bool fact_is_false(const json_t *from, const char *path); // known and false
// an integer, brought within +-2^53
long long fact_number(const json_t *from, const char *path, long long otherwise);
const char *fact_text(const json_t *from, const char *path);          // "" when there is none
bool fact_is(const json_t *from, const char *path, const char *text); // equal, any case of letters
size_t fact_count(const json_t *from, const char *path);              // of an array
// The first object of an array whose `key` is that text, any case; NULL: none.
const json_t *fact_find(const json_t *from, const char *path, const char *key, const char *text);
bool fact_lists(const json_t *from, const char *path, const char *text); // array of texts, any case

// The place users reach (role "front"): the first that answers, else the first. NULL: none.
const json_t *facts_front(const struct facts *facts);
// The places behind it (role "node"); NULL past the end.
const json_t *facts_node(const struct facts *facts, size_t index);
