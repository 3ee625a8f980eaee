// SPDX-License-Identifier: Apache-2.0
// What a plan is made of: names clients use, servers and what arrives at them, and requirements,
// which the documents print. Internal to plan. Every text belongs to the plan.
#pragma once

#include "config/config.h"
#include "doctor/plan/plan.h"

// How people reach a server under a name; several may hold.
enum plan_way {
    PLAN_FORWARD_TLS = 1,   // our TLS, then TLS of our own to the server
    PLAN_FORWARD_PLAIN = 2, // our TLS, then plain HTTP to the server
    PLAN_PASSTHROUGH = 4,   // the client's TLS ends at the server
    PLAN_DIRECT = 8,        // redirected there; the client connects to the server itself
    PLAN_CLEAR = 16,        // the client speaks plain HTTP to us
    PLAN_REDIRECT = 32,     // the name only answers with redirects
};
#define PLAN_LOGIN (PLAN_FORWARD_TLS | PLAN_FORWARD_PLAIN | PLAN_PASSTHROUGH | PLAN_DIRECT)

// A name in a client's address bar.
struct plan_name {
    const char *host;                   // lower case; may be a pattern "*.example.com"
    const struct site_config *site;     // that answers for it; NULL: a server reached directly
    const struct server_config *server; // whose own name it is; NULL: none
    unsigned ways;
    bool is_pattern;
    bool is_address;
};

// A name as it arrives at a server, on one of its ports.
struct plan_arrival {
    const char *host; // of the Host header, or "" for none in particular
    unsigned port;    // of the server
    unsigned ways;
    bool is_login; // else only a health check or the name of our own handshake
};

// A server by name; it may stand in several pools.
struct plan_server {
    const char *name;
    const struct server_config *config; // the first of that name
    unsigned ways;                      // of all its arrivals
    struct plan_arrival *arrivals;
    size_t arrival_count;
    bool is_behind;                         // its own name leads clients to the load balancer
    const struct site_config *forwarded_by; // the first site that forwards TLS to it; may be NULL
};

enum plan_kind {
    PLAN_SPN = 0,
    PLAN_DNS,
    PLAN_CERTIFICATE,
    PLAN_PROTECTION, // Extended Protection
    PLAN_IIS,
    PLAN_CLIENT,
    PLAN_FIREWALL,
    PLAN_ACCOUNT,
    PLAN_KEYTAB,
    PLAN_KIND_COUNT
};

// How sure it is; printed with every requirement.
enum plan_mark {
    PLAN_DOCUMENTED = 0, // read in the vendor's documentation or source
    PLAN_KNOWN,          // from a named standard or product documentation, not read again
    PLAN_CONCLUDED,      // follows from documented facts
    PLAN_UNCERTAIN,      // disputed or never tried: try it first
};

enum plan_scope {
    PLAN_OF_SITE = 0,
    PLAN_OF_SERVER,
    PLAN_OF_DOMAIN,
};

// What a script does about it; the comment says what subject, value and port hold.
enum plan_act {
    PLAN_READ = 0,          // nothing: it is to be read
    PLAN_HAVE_ACCOUNT,      // account
    PLAN_HAVE_READER,       // computer account that may have the managed password
    PLAN_HAVE_AES,          // account
    PLAN_HAVE_SPN,          // SPN
    PLAN_POINT_HERE,        // host
    PLAN_POINT_THERE,       // host, address
    PLAN_ASK_CERTIFICATE,   // holder, names with commas
    PLAN_HAVE_FEATURE,      // Windows feature
    PLAN_INSTALL_ACCOUNT,   // managed account
    PLAN_RUN_AS,            // account
    PLAN_SWITCH,            // section below authentication, attribute=value
    PLAN_ORDER_PROVIDERS,   // providers with commas
    PLAN_PROTECT,           // flags, SPNs with commas
    PLAN_BIND,              // host, "http" or "https", port, sslFlags in `number`
    PLAN_RAISE_LIMIT,       // registry value of HTTP.sys, number
    PLAN_RAISE_TIMEOUT,     // -, number of seconds
    PLAN_LOG_FIELD,         // request header
    PLAN_STOP_REGISTRATION, // host
    PLAN_TRUST,             // URL
    PLAN_PERMIT,            // from, to, ports in `detail`
    PLAN_FORBID,            // from, to, ports in `detail`
};

struct requirement {
    enum plan_kind kind;
    enum plan_mark mark;
    enum plan_scope scope;
    enum plan_act act;
    const char *owner; // name of site or server; "" for the domain
    const char *subject;
    const char *value;
    const char *detail;
    unsigned port;
    unsigned number;
    const char *what; // one sentence
    const char *why;  // one sentence
};

struct plan_document {
    const char *name;
    void (*print)(const struct plan *plan, const char *subject, FILE *out);
    const char *subject; // name of a site or server; may be NULL
};

struct plan {
    const struct snapshot *snapshot;
    struct snapshot *owned; // of plan_load
    struct plan_wish wish;
    const char *domain; // "" when nobody knows
    bool is_domain_assumed;
    const char *account; // sAMAccountName
    bool is_account_managed;
    bool is_account_assumed;
    struct plan_name *names;
    size_t name_count;
    struct plan_server *servers;
    size_t server_count;
    struct requirement *requirements;
    size_t requirement_count;
    struct plan_document *documents;
    size_t document_count;
    char **texts; // everything printed into the plan
    size_t text_count;
};

// A text of the plan.
const char *plan_text(struct plan *plan, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
// A list with commas as people read it: ", " between the items.
const char *plan_spaced(struct plan *plan, const char *list);
// Of a list with commas: the next item, cut off; false at the end. `list` moves on.
bool plan_next_item(const char **list, char *item, size_t capacity);
// Makes room for one more item of `size` bytes behind `count`; returns the array. The room doubles
// at powers of two, so count alone tells how much there is.
void *plan_grow(void *items, size_t count, size_t size);
// Adds a requirement unless one of its act, owner, subject and port is there. NULL texts become "".
void plan_require(struct plan *plan, const struct requirement *requirement);

// The way from the configuration: names and servers first, then requirements of each kind.
void plan_find_names(struct plan *plan);
void plan_find_servers(struct plan *plan);
void plan_require_account(struct plan *plan);
void plan_require_spns(struct plan *plan);
void plan_require_dns(struct plan *plan);
void plan_require_certificates(struct plan *plan);
void plan_require_protection(struct plan *plan);
void plan_require_iis(struct plan *plan);
void plan_require_clients(struct plan *plan);
void plan_require_firewall(struct plan *plan);

void plan_list_documents(struct plan *plan);

// Ports clients come by, TLS or plain, without doubles; at most `capacity`.
size_t plan_ports(const struct plan *plan, bool is_tls, unsigned *ports, size_t capacity);
// An IPv4 or IPv6 literal, without brackets?
bool plan_is_address(const char *host);
// The name without the domain when it is one label in it, else NULL.
const char *plan_short_name(struct plan *plan, const char *host);
bool plan_uses_clear(const struct plan *plan, const struct site_config *site);
// The name that we send and verify when we speak TLS to the server.
const char *plan_tls_name(const struct pool_config *pool, const struct server_config *server);
