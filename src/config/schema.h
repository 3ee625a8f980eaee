// SPDX-License-Identifier: Apache-2.0
// The schema is data: one row per option in schema.tbl. From it come reading, defaults, type and
// range checks, suggestions for misspelt keys, `check --explain` and the reference page. Internal
// to config.
#pragma once

#include "base/span.h"
#include "config/config.h"

// Where an option may stand, and the struct that holds what it says.
enum scope {
    SCOPE_TOP = 0,
    SCOPE_LISTENER,
    SCOPE_SITE,
    SCOPE_CERTIFICATE,
    SCOPE_ROUTE,
    SCOPE_POOL,
    SCOPE_POOL_TLS,
    SCOPE_POOL_HEALTH,
    SCOPE_SERVER,
    SCOPE_TIMEOUTS,
    SCOPE_LIMITS,
    SCOPE_COUNT
};

enum option_type {
    TYPE_NAME = 0, // what things of the file are called: printable text without spaces
    TYPE_FILE,     // a path, joined to the directory of the file; `words` are kept as they are
    TYPE_DURATION, // milliseconds
    TYPE_SIZE,     // bytes
    TYPE_COUNT,
    TYPE_BOOLEAN,
    TYPE_WORD,     // one of `words`; its position is stored
    TYPE_CHOICE,   // a number, one of `words`
    TYPE_STATUS,   // an HTTP status
    TYPE_BIND,     // an address of this machine and a port
    TYPE_ADDRESS,  // host:port of a server
    TYPE_HOST,     // a host name
    TYPE_PATTERN,  // a host name, or "*." and a host name
    TYPE_NETWORK,  // an address, or an address and a prefix length
    TYPE_URL_PATH, // begins with '/'
    TYPE_REQUEST,  // "GET /healthz"
    TYPE_SECTION,  // a mapping of the scope `items`
    TYPE_LIST,     // a list of mappings of the scope `items`
};

enum reload_rule {
    RELOAD_LIVE = 0, // at once
    RELOAD_NEW,      // for connections that begin after it
    RELOAD_RESTART,
};

#define OPTION_NO_COUNT    SIZE_MAX
#define SCHEMA_OPTIONS_MAX 128

struct option {
    enum scope scope;
    const char *key;
    enum option_type type;
    size_t offset;       // of the member in the scope's struct
    size_t size;         // of the member, of one item where it is a list
    size_t count_offset; // of the number of items; OPTION_NO_COUNT when it is no list
    const char
        *fallback; // as it would be written; "(...)" says in words how it is found; NULL: none
    const char *minimum; // as it would be written; NULL: none
    const char *maximum;
    const char *words; // allowed words, separated by '|'
    enum scope items;
    enum reload_rule reload;
    const char *help;
};

struct scope_shape {
    const char *name; // as it is written in the reference: "sites[]", "pools[].tls"
    const char *help;
    size_t size;    // of its struct
    bool has_place; // the struct begins with a `struct place`
};

#define FALLBACK_REQUIRED "(required)"

size_t schema_count(void);
const struct option *schema_option(size_t index);
const struct scope_shape *schema_scope(enum scope scope);

// The option of that name in that scope, or NULL.
const struct option *schema_find(enum scope scope, struct span key);
// The key of that scope which is spelt most like `key`, or NULL when none comes close.
const char *schema_suggest(enum scope scope, struct span key);

bool option_is_list(const struct option *option);
bool option_is_required(const struct option *option);
// Its default is to be read by the code that reads the file.
bool option_has_written_fallback(const struct option *option);

// Cuts the next word of a '|' list off `rest`; false when there is none left.
bool words_next(struct span *rest, struct span *ret_word);
