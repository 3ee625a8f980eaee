// SPDX-License-Identifier: Apache-2.0
// Names to addresses and back, the only place that knows c-ares. Asking and waiting are two things:
// many questions are asked, then one wait runs them side by side until a deadline. Whoever has a
// loop would watch the resolver's sockets instead of waiting. One thread uses a resolver at a time.
#pragma once

#include "io/address.h"

struct resolver;

#define RESOLVER_RECORDS_MAX 32
#define RESOLVER_CHAIN_MAX   8
#define RESOLVER_NAME_MAX    256

struct resolver_record {
    struct address address;       // of resolver_ask_addresses; the port is 0
    char name[RESOLVER_NAME_MAX]; // of the other two: the target
    unsigned port;                // of SRV
    unsigned priority;            // of SRV
    unsigned weight;              // of SRV
};

// What came of one question. It is the asker's; filled while waiting, so it must live until then.
struct resolver_answer {
    bool is_answered;    // by resolver_wait: all are
    const char *problem; // "" or words: "no such name", "no such record", "timeout"; static storage
    bool is_absent;      // the problem is that the name or record does not exist
    struct resolver_record records[RESOLVER_RECORDS_MAX];
    size_t count;
    char chain[RESOLVER_CHAIN_MAX][RESOLVER_NAME_MAX]; // CNAMEs followed, in order
    size_t chain_count;
};

// `server` "ADDRESS[:PORT]": asks only there and reads no hosts file. NULL: the servers, the search
// list and the hosts file of the system. NULL is returned when `server` is not an address.
struct resolver *resolver_new(const char *server);
struct resolver *resolver_free(struct resolver *resolver); // NULL is allowed; returns NULL

// IPv4 and IPv6, sorted as the system would. A name without dots goes through the search list. When
// the question for one family fails and that for the other does not, this is not told.
void resolver_ask_addresses(struct resolver *resolver, const char *name,
                            struct resolver_answer *answer);
// Of one family, AF_INET or AF_INET6.
void resolver_ask_family(struct resolver *resolver, const char *name, int family,
                         struct resolver_answer *answer);
// The name of an address (PTR).
void resolver_ask_name(struct resolver *resolver, const struct address *address,
                       struct resolver_answer *answer);
// SRV of "_service._tcp.domain" (RFC 2782), sorted by priority.
void resolver_ask_service(struct resolver *resolver, const char *name,
                          struct resolver_answer *answer);

// Until all are answered, at most until the deadline (as loop_now_us): what is left then has the
// problem "timeout".
void resolver_wait(struct resolver *resolver, uint64_t deadline_us);

// All of it for who wants one place to connect to: the address that `host` is, or its first one.
// False: it has none, or nobody said so by the deadline.
bool resolver_find(const char *server, const char *host, unsigned port, uint64_t deadline_us,
                   struct address *ret_address);
