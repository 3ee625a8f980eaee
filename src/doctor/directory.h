// SPDX-License-Identifier: Apache-2.0
// One connection to a directory (LDAP), and searches on it. Wraps libldap. It waits, with an end to
// its patience. A password travels only inside TLS that names a trusted server; tickets travel as
// they always do. Reads only.
#pragma once

#include <jansson.h>

#include "io/io.h"

struct directory;

struct directory_wish {
    const struct address *address; // with the port
    const char *host;              // its name: of the service ticket and of the certificate
    const char *cache;             // bind with the tickets in it; NULL: with user and password
    const char *user;              // "alice@EXAMPLE.COM"
    const char *password;
    const char *ca_file;  // trust this instead of the system's store; NULL: that
    unsigned patience_ms; // for each step
};

struct directory_problem {
    char text[200];
    bool was_password_sent; // and not taken
};

// Connects and binds. NULL with `ret_problem`.
struct directory *directory_open(const struct directory_wish *wish,
                                 struct directory_problem *ret_problem);
struct directory *directory_close(struct directory *directory); // NULL is allowed; returns NULL

// "DC=example,DC=com" of the domain this controller serves; "" when it does not say.
const char *directory_base(const struct directory *directory);

#define DIRECTORY_VALUES_MAX 64

// An array of {"dn": text, "ATTRIBUTE": [texts]} with the attributes that are there; at most
// `limit` entries and DIRECTORY_VALUES_MAX values each. Texts are cleaned (what is not UTF-8 cannot
// be told apart). NULL with `ret_problem` when the search failed. `attributes` ends with NULL.
json_t *directory_search(struct directory *directory, const char *base, bool is_subtree,
                         const char *filter, const char *const attributes[], size_t limit,
                         struct directory_problem *ret_problem);

// "(attribute=value)" with what has a meaning in filters escaped (RFC 4515 section 3). False when
// it does not fit.
bool directory_filter(const char *attribute, const char *value, char *ret_filter, size_t capacity);
