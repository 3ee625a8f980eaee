// SPDX-License-Identifier: Apache-2.0
// The door of tls, the only place that knows OpenSSL: server contexts per site, client contexts per pool,
// session tickets shared by all threads, and a channel above a channel.
#pragma once

#include "io/io.h"

struct tls_server; // the certificates of one site, ready to serve; immutable and shared by threads
struct tls_client; // how to speak to the servers of one pool; immutable and shared by threads
struct tls_tickets; // the keys of session tickets; shared by all sites and threads, rotated

// What went wrong with a certificate or key, in words an operator understands; empty when all is well.
struct tls_problem {
    char text[512];
};

// Facts about a certificate chain file, for checks and verdicts.
struct tls_certificate_facts {
    char subject[256];
    int64_t not_before_s; // seconds since 1970
    int64_t not_after_s;
    uint8_t sha256[32];   // of the leaf's DER
    bool is_ecdsa;
    bool is_rsa;
};

struct tls_tickets *tls_tickets_new(void);
struct tls_tickets *tls_tickets_free(struct tls_tickets *tickets);
// New keys for new sessions; those of the last rotation still open old ones. Any thread.
void tls_tickets_rotate(struct tls_tickets *tickets);

struct tls_server *tls_server_new(struct tls_tickets *tickets, const char *site_name);
struct tls_server *tls_server_free(struct tls_server *server);
// Adds a chain and its key (one RSA and one ECDSA may stand side by side). False with `ret_problem` when a file cannot be
// read or the key does not belong to the leaf. `ret_facts` may be NULL.
bool tls_server_add(struct tls_server *server, const char *chain_file, const char *key_file,
                    struct tls_certificate_facts *ret_facts, struct tls_problem *ret_problem);
// Does the leaf of `chain_file` cover that host pattern (a name, or "*." and a name)?
bool tls_certificate_covers(const char *chain_file, const char *host);

// `ca_file` NULL: the system's store. `verify` false: any certificate is accepted.
struct tls_client *tls_client_new(const char *ca_file, bool verify, struct tls_problem *ret_problem);
struct tls_client *tls_client_free(struct tls_client *client);

// What a handshake ended with, for the log.
struct tls_facts {
    const char *version; // "TLSv1.3"
    const char *cipher;
    bool resumed;
};

// A TLS channel above `below` (a socket channel), which it owns from here on. The handshake happens inside
// the first reads and writes; channel_connected tells when it is over. NULL without memory (below is then untouched).
struct channel *tls_accept(struct tls_server *server, struct channel *below);
// `name`: SNI and the name to verify. `sessions` remembers one session per server name and worker for resumption; may be NULL.
struct tls_sessions;
struct channel *tls_connect(struct tls_client *client, const char *name, struct tls_sessions *sessions, struct channel *below);

// Sessions for resumption towards servers, one cache per worker and server.
struct tls_sessions *tls_sessions_new(void);
struct tls_sessions *tls_sessions_free(struct tls_sessions *sessions);

void tls_channel_facts(const struct channel *channel, struct tls_facts *ret_facts);
// Why a TLS channel failed, as words for the log ("certificate has expired", "no shared cipher"); "" when it did not.
const char *tls_channel_problem(const struct channel *channel);
