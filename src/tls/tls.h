// SPDX-License-Identifier: Apache-2.0
// The door of tls, the only place that knows OpenSSL: server contexts per site, client contexts per
// pool, session tickets shared by all threads, and a channel above a channel.
#pragma once

#include "io/io.h"
#include "tls/digest.h"

struct tls_server; // the certificates of one site, ready to serve; immutable once it serves, shared
                   // by threads
struct tls_client; // how to speak to the servers of one pool; immutable and shared by threads
struct tls_tickets;  // the keys of session tickets; shared by all sites and threads, rotated
struct tls_sessions; // the session that resumes TLS to one server, of one worker

enum {
    TLS_SHA256_BYTES = 32,
    TLS_LEAVES_MAX = 8,       // of a site: one for each kind of key that signs in TLS
    TLS_TICKET_LIFE_S = 7200, // a client may resume this long after its last whole handshake
    // Rotating at this pace gives every ticket at least half its life and no key more than twice
    // this.
    TLS_TICKET_ROTATE_S = TLS_TICKET_LIFE_S / 2,
};

// What went wrong with a certificate or key, in words an operator understands; empty when all is
// well.
struct tls_problem {
    char text[512];
};

// ---- certificates

// Facts about the leaf of a certificate chain file, for checks and verdicts.
struct tls_certificate_facts {
    char subject[256];
    char names[512]; // the names it covers, separated by ", "; cut with "..." when there are too
                     // many
    int64_t not_before_s; // seconds since 1970
    int64_t not_after_s;
    uint8_t sha256[TLS_SHA256_BYTES]; // of the leaf's DER
    bool is_ecdsa;
    bool is_rsa;
};

// What a leaf certificate is compared by: equal bytes, equal SHA-256.
struct tls_leaf {
    uint8_t sha256[TLS_SHA256_BYTES]; // of its DER
    int64_t not_after_s;
    bool is_ecdsa;
};

// Reads the chain file (PEM, leaf first). False with `ret_problem` when it cannot be read.
bool tls_certificate_read(const char *chain_file, struct tls_certificate_facts *ret_facts,
                          struct tls_problem *ret_problem);
// Does the leaf of `chain_file` cover that host pattern (a name, an address, or "*." and a name)?
// Only the subject alternative names count (RFC 9525), as in browsers. False too when the file
// cannot be read.
bool tls_certificate_covers(const char *chain_file, const char *host);

// ---- channel bindings (tls-server-end-point, RFC 5929 section 4.1)

enum {
    TLS_BINDING_BYTES = 16,
    TLS_BINDING_HASH_MAX = 64,
};

// The hash of a certificate that a binding is made of.
struct tls_binding_hash {
    uint8_t data[TLS_BINDING_HASH_MAX];
    size_t size;
    const char *name; // "SHA256", "SHA384": of static storage
};

// The hash of a certificate given as DER: with its signature's own hash, with SHA-256 where that is
// MD5 or SHA-1. False when the bytes are not one certificate, or one without a single hash
// (Ed25519): no client makes a binding of it.
bool tls_binding_hash_of_der(struct span der, struct tls_binding_hash *ret_hash);
// The 16 bytes that NTLM carries in AV pair 10 and Kerberos in its checksum 0x8003. False without
// MD5, or when the hash is longer than TLS_BINDING_HASH_MAX.
bool tls_binding_of_hash(struct span hash, uint8_t ret_binding[TLS_BINDING_BYTES]);

// ---- tickets

// NULL without memory or randomness.
struct tls_tickets *tls_tickets_new(void);
// Gives up the caller's share; contexts made with them keep theirs. Returns NULL.
struct tls_tickets *tls_tickets_free(struct tls_tickets *tickets);
// New keys for new sessions; those of the last rotation still open old ones. Any thread. False (and
// nothing changed) without randomness.
bool tls_tickets_rotate(struct tls_tickets *tickets);

// ---- contexts

// `site_name`: a ticket of one site does not resume at another, nor at the same one after its
// certificates have changed: whoever resumes is shown none and goes on binding its login to the old
// one (RFC 5929 section 4). NULL without memory.
struct tls_server *tls_server_new(struct tls_tickets *tickets, const char *site_name);
// The same once more; nothing may be added to it.
struct tls_server *tls_server_share(const struct tls_server *server);
// Channels that were made with it live on. Returns NULL.
struct tls_server *tls_server_free(struct tls_server *server);
// Adds a chain and its key (one RSA and one ECDSA may stand side by side). False with `ret_problem`
// when a file cannot be read, the key does not belong to the leaf or there is one of that kind
// already. `ret_facts` may be NULL.
bool tls_server_add(struct tls_server *server, const char *chain_file, const char *key_file,
                    struct tls_certificate_facts *ret_facts, struct tls_problem *ret_problem);
// The leaves its clients may be shown, as they were added. They are the server's.
size_t tls_server_leaves(const struct tls_server *server, const struct tls_leaf **ret_leaves);

// `ca_file` NULL: the system's store. `verify` false: any certificate is accepted. NULL with
// `ret_problem` when the file cannot be read.
struct tls_client *tls_client_new(const char *ca_file, bool verify,
                                  struct tls_problem *ret_problem);
// The same once more.
struct tls_client *tls_client_share(const struct tls_client *client);
// Channels that were made with it live on. Returns NULL.
struct tls_client *tls_client_free(struct tls_client *client);

// The session that resumes links to one server, of one worker; belongs to that thread. Freeing
// gives up the owner's share: links made with it may live on. Returns NULL.
struct tls_sessions *tls_sessions_new(void);
struct tls_sessions *tls_sessions_free(struct tls_sessions *sessions);

// ---- channels

// A TLS channel above `below` (a socket channel), which it owns from here on. The handshake happens
// inside the first reads and writes, and by itself while anything is wanted: is_open tells when it
// is over, and on_ready is called then as a connecting socket calls it. NULL without memory (below
// is then untouched).
//
// Ends: END_TLS_FAILED, END_SERVER_TLS_FAILED or END_SERVER_CERTIFICATE (tls_channel_problem says
// why), or the end of `below`. CHANNEL_ENDED also when the other side ends without close_notify
// (RFC 8446 section 6.1): see is_cut of the channel. A write that is blocked may have sealed what
// it was given except the last byte: the next write goes on with the bytes that were not moved, as
// on any channel.
struct channel *tls_accept(struct loop *loop, struct tls_server *server, struct channel *below);
// `name`: SNI and the name to verify (an address is verified as such and sends no SNI). `sessions`
// may be NULL.
struct channel *tls_connect(struct loop *loop, struct tls_client *client, const char *name,
                            struct tls_sessions *sessions, struct channel *below);

// What a handshake ended with, for the log.
struct tls_facts {
    const char *version; // "TLSv1.3"; "" before the handshake is over
    const char *cipher;  // "TLS_AES_256_GCM_SHA384"; "" before
    bool resumed;
    bool is_h2; // ALPN chose HTTP/2; otherwise HTTP/1.1 is spoken
};

// These may be asked of any channel: one that is not TLS has no facts, no problem and no
// certificate.
void tls_channel_facts(const struct channel *channel, struct tls_facts *ret_facts);
// Why a TLS channel failed, as words for the log ("certificate has expired", "no shared cipher");
// "" when it did not.
const char *tls_channel_problem(const struct channel *channel);
// The certificate the other side showed in this very handshake; false when it showed none, as when
// a session was resumed.
bool tls_channel_peer_leaf(const struct channel *channel, struct tls_leaf *ret_leaf);

// The binding to the certificate that the other side showed on this channel. False when there is
// none, the handshake is not over or the channel is not TLS.
bool tls_channel_binding_peers(const struct channel *channel,
                               uint8_t ret_binding[TLS_BINDING_BYTES]);
// Is that the binding to a certificate of ours? In a resumed session no certificate was shown: the
// client binds to the one it remembers, which may be any of the site's.
bool tls_channel_binding_is_ours(const struct channel *channel,
                                 const uint8_t binding[TLS_BINDING_BYTES]);

// May the client bind its logins to a certificate that `server` does not show? As above in a
// resumed session, where it may remember any of the site's. False before the handshake is over.
bool tls_channel_binding_is_outdated(const struct channel *channel,
                                     const struct tls_server *server);

// The record to send to a client whose hello leads nowhere, before any handshake: a fatal alert,
// unrecognized_name (RFC 6066 section 3) or, for what cannot be read, decode_error (RFC 8446
// section 6.2).
struct span tls_alert_unrecognized_name(void);
struct span tls_alert_decode_error(void);

// ---- for tools that wait
#include "tls/dialogue.h"
