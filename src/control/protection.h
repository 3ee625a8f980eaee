// SPDX-License-Identifier: Apache-2.0
// Extended Protection as it stands now: for every site, pool and server, whether a login that is
// bound to its TLS channel will pass. Kept on the control thread; says when a verdict changes.
#pragma once

#include <jansson.h>

#include "control/control.h"

struct supervisor;
struct protections;

// What is known of one way to one server. Borrowed from the service that was adopted last.
struct protection_entry {
    const struct site_config *site;
    const struct pool *pool;
    const struct server *server;
    const struct tls_leaf *leaves; // of the site
    size_t leaf_count;
    enum protection_way kind;
    bool client_is_tls;
    bool is_shown; // the server has shown `shown` for the name that is asked for now
    struct tls_leaf shown;
    enum protection verdict;
    uint64_t telling_since_us; // of the changes counted in `told`
    unsigned told;
};

struct protections *protections_new(struct supervisor *supervisor);
// Judges all ways of `service`, which must live until the next call. Those that were known before
// are compared with what they were.
void protections_adopt(struct protections *protections, const struct service *service);
// A server has shown another certificate (probe_shown_fn; `owner` is the supervisor).
void protections_shown(void *owner, const struct server *server);
size_t protections_entries(const struct protections *protections,
                           const struct protection_entry **ret_entries);
// For the status.
json_t *protections_json(const struct protections *protections);
struct protections *protections_free(struct protections *protections);

#define SHA256_PREFIX_BYTES 17
// The first 16 digits of a leaf's SHA-256. Returns `out`.
const char *leaf_prefix(const struct tls_leaf *leaf, char out[SHA256_PREFIX_BYTES]);
// "; the site shows SHA-256 … (valid until …); the server SHA-256 …"
void protection_add_leaves(struct text *text, const struct tls_leaf *leaves, size_t count,
                           const struct tls_leaf *shown);
#define DAY_BYTES 32
// "2026-05-06 07:08 UTC". Returns `out`.
const char *day_text(int64_t seconds, char out[DAY_BYTES]);
