// SPDX-License-Identifier: Apache-2.0
// The door of config: a YAML file becomes one immutable snapshot, or a list of findings that says
// all that is wrong with it at once. Opens no socket, loads no key, asks no name server.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct snapshot_block;

// Where something stands in the file, counted from 1; line 0: nowhere (a default).
struct place {
    unsigned line;
    unsigned column;
};

enum finding_severity {
    FINDING_ERROR = 0,
    FINDING_WARNING,
    FINDING_NOTE, // worth knowing, and no fault
};

// One thing the operator should know: `place: path: what, expected what, what to do`.
struct findings_item {
    struct place place;
    enum finding_severity severity;
    char *path;     // sites[0].routes[1].forward
    char *what;     // what is wrong
    char *expected; // may be NULL
    char *advice;   // may be NULL: what to do, a suggestion for a misspelt key
};

struct findings {
    char *file;    // as given on the command line
    char *content; // of the file, for printing the line with a caret; may be NULL
    struct findings_item *items;
    size_t count;
    size_t capacity;
    size_t errors;   // counted even when left out
    size_t notes;    // likewise
    size_t left_out; // after the first thousand
};

// "error", "warning", "note"
const char *finding_word(enum finding_severity severity);

struct findings *findings_new(const char *file);
struct findings *findings_free(struct findings *findings);
// All texts are copied; `expected` and `advice` may be NULL. `what` is a printf format.
void findings_add(struct findings *findings, enum finding_severity severity, struct place place,
                  const char *path, const char *expected, const char *advice, const char *what, ...)
    __attribute__((format(printf, 7, 8)));
// Puts them in the order of the file.
void findings_sort(struct findings *findings);
// One line per finding, in the order of the file, then the line of the file with a caret, as
// compilers do. Returns a malloc'ed text.
char *findings_print(struct findings *findings);

enum site_mode {
    SITE_HTTP = 0,    // terminate: routes decide
    SITE_PASSTHROUGH, // relay by name to a pool
};

enum route_action {
    ROUTE_FORWARD = 0,
    ROUTE_REDIRECT,
};

enum pool_balance {
    BALANCE_ROUND_ROBIN = 0,
    BALANCE_LEAST_CONNECTIONS,
    BALANCE_SOURCE,
};

enum pool_links {
    LINKS_DEDICATED = 0,
    LINKS_SHARED,
};

enum health_kind {
    HEALTH_TCP = 0, // a connection is accepted
    HEALTH_TLS,     // a TLS handshake succeeds
    HEALTH_HTTP,    // a request is answered with an expected status
    HEALTH_NONE,
};

struct listener_config {
    struct place place;
    char *bind;         // as written: "*:443", "[::1]:8443", "10.0.0.1:80"
    char *address;      // "" for every address, both families; else an IPv4 or IPv6 literal
    unsigned port;      // 0: the kernel chooses (tests)
    unsigned nth;       // how many listeners before it have the same `bind`: only port 0 may
    bool is_tls;        // default: unless the port is 80 (`tls: false`)
    char *default_site; // for clients without a name or with an unknown one; may be NULL
    size_t site_index;  // of default_site; SIZE_MAX when there is none
    uint64_t clients_max;
    unsigned redirect_status; // plain listener: to https with this status (308)
    unsigned redirect_port;   // plain listener: https port named in the Location; 443
};

struct certificate_config {
    struct place place;
    char *chain; // path, already joined to the directory of the file
    char *key;
};

struct route_config {
    struct place place;
    char *path;    // begins with '/', normalised
    char *forward; // as written: one of the two is set, and `action` and `pool` say which
    char *redirect;
    enum route_action action;
    char *pool;
    size_t pool_index;
    unsigned redirect_status_safe;  // GET and HEAD: 302
    unsigned redirect_status_other; // all other methods: 307
};

struct site_config {
    struct place place;
    char *name;
    char **hosts; // lower case; "*.example.com" covers one label
    size_t host_count;
    enum site_mode mode;
    // Also of a passthrough site: used when a named server is down.
    struct certificate_config *certificates;
    size_t certificate_count;
    struct route_config *routes; // longest path first
    size_t route_count;
    char *passthrough; // pool name
    size_t pool_index; // of passthrough
    bool plain_http;   // `plain_http: serve`: served on plain listeners instead of redirected
    // `proxy_before: one-connection-per-client`: the operator answers for the proxy before us.
    bool client_per_person_proxy;
    char **trusted_proxies; // addresses and networks whose X-Forwarded-* are kept and extended
    size_t trusted_proxy_count;
};

struct server_config {
    struct place place;
    char *name; // host name: SNI towards the server, redirect target, "named server" of passthrough
    char *address; // as written "10.0.0.11:443", "[::1]:80", "iis1.example.com:443"
    char *host;    // its host part
    unsigned port;
    unsigned weight;        // 1 to 256, default 1; 0 takes no new clients
    uint64_t links_max;     // 0: unlimited
    unsigned redirect_port; // port named in a redirect; 0: that of the listener
    bool is_public;         // `public: true`: clients can reach `name` without us
};

struct health_config {
    struct place place;
    enum health_kind kind;
    char *request;    // as written, "GET /healthz"; NULL unless kind is HTTP
    char *method;     // "GET"
    char *path;       // "/healthz"
    char *host;       // Host header; NULL: the server's name
    uint16_t *expect; // statuses; empty: 200 to 399, and 401 with an offered scheme
    size_t expect_count;
    uint64_t interval_ms;
    uint64_t timeout_ms;
    unsigned rise;
    unsigned fall;
};

struct pool_tls_config {
    struct place place;
    bool enabled;
    bool verify; // default true
    char *ca;    // path; NULL: the system's store
    char *name;  // name to verify and to send as SNI; NULL: the server's name
};

struct pool_config {
    struct place place;
    char *name;
    enum pool_balance balance;
    enum pool_links links;
    struct pool_tls_config tls;
    struct health_config health;
    struct server_config *servers;
    size_t server_count;
    uint64_t idle_links_max; // shared links kept idle per worker
};

struct timeouts_config {
    uint64_t handshake_ms;  // ClientHello and TLS handshake: 10 s
    uint64_t header_ms;     // request head: 30 s
    uint64_t idle_ms;       // client between exchanges: 115 s, below IIS's 120
    uint64_t connect_ms;    // to a server: 5 s
    uint64_t server_ms;     // first byte of the answer: 5 min
    uint64_t stall_ms;      // no byte moves in the middle of a message: 2 min
    uint64_t relay_idle_ms; // passthrough and upgraded connections: 1 h
    uint64_t link_idle_ms;  // shared link without a client: 55 s
    uint64_t drain_ms;      // SIGTERM to the end: 30 s
    uint64_t resolve_ms;    // between two looks for the names of servers: 30 s
};

struct limits_config {
    uint64_t header_line_bytes; // 64 KiB
    uint64_t header_bytes;      // 128 KiB
    uint64_t body_bytes;        // 0: unlimited
    uint64_t unread_body_bytes; // read on after an early answer: 1 MiB
    uint64_t links_per_client;  // 16
};

// A host of a site, for looking it up: a pattern stands as what follows its star, ".example.com".
struct host_entry {
    struct span text;
    size_t site_index;
};

// In the order of host_order.
struct host_index {
    struct host_entry *entries;
    size_t count;
};

struct snapshot {
    char *file;
    char *directory;
    unsigned workers;       // 0: one per core
    char *log;              // "stdout", "off" or a file
    char *admin;            // Unix socket path; NULL: none
    char *metrics;          // "address:port"; NULL: none
    struct place log_place; // where these three are written
    struct place admin_place;
    struct place metrics_place;
    char *metrics_address; // as in a listener; NULL when there is no metrics option
    unsigned metrics_port;
    struct timeouts_config timeouts;
    struct limits_config limits;
    struct listener_config *listeners;
    size_t listener_count;
    struct site_config *sites;
    size_t site_count;
    struct pool_config *pools;
    size_t pool_count;
    struct host_index exact_hosts; // of all sites
    struct host_index star_hosts;
    unsigned references;           // atomic
    struct snapshot_block *memory; // everything above lives here; private to config
};

// Reads and checks the file. On success the snapshot, with one reference; NULL when there are
// errors. `findings` receives everything, warnings too.
struct snapshot *snapshot_load(const char *file, struct findings *findings);
// The same from memory; `file` names it in findings and gives the directory for relative paths.
struct snapshot *snapshot_parse(const char *file, struct span yaml, struct findings *findings);
struct snapshot *snapshot_ref(struct snapshot *snapshot);
struct snapshot *snapshot_unref(struct snapshot *snapshot);
// Which listener has this `bind` and `nth`, which is what makes it the same as one of another
// snapshot; SIZE_MAX: none.
size_t snapshot_listener(const struct snapshot *snapshot, const char *bind, unsigned nth);

// The order of a host_index: shorter texts first. Below, at or above 0 as by memcmp.
int host_order(struct span a, struct span b);

// Every option with scope, type, default, range, unit, reload rule and help, as `check --explain`
// prints it. Returns a malloc'ed text; markdown: as the reference page.
char *schema_explain(bool markdown);

// Letters to change, insert, remove or swap with a neighbour to get from `a` to `b`, ignoring case;
// texts above 64 bytes are never alike.
size_t spelling_distance(struct span a, struct span b);
// Is that distance small enough to suggest `b` for `a`?
bool spelling_is_close(size_t distance, struct span a);
