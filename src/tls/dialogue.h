// SPDX-License-Identifier: Apache-2.0
// A dialogue is TLS as a client, for a tool that may wait: over a dial, with every knob a question
// about a server needs. It believes anybody and tells afterwards what there was to believe. Never
// used by the daemon's workers. Its caller owns it; the dial stays the caller's and lives longer.
#pragma once

#include "io/io.h"

struct tls_dialogue;

// Zeroed: as a browser of today would, but without a name. The texts are only read while opening.
struct tls_dialogue_wish {
    const char *name;        // SNI, and the name to cover; an address is covered but sends no SNI
    const char *alpn;        // "http/1.1", "h2,http/1.1"; NULL: no ALPN
    const char *min_version; // "TLSv1" … "TLSv1.3"; NULL: TLSv1.2, or lower if max_version is
    const char *max_version; // NULL: the newest
    const char *groups;      // OpenSSL's list; NULL: its own
    const char *sigalgs;     // OpenSSL's list; NULL: its own
    const char *ca_file;     // tls_dialogue_is_trusted trusts this besides the system's store
    bool pads_hello;         // beyond one TCP segment, as with a post-quantum key share
    bool splits_hello;       // in two segments, the second one late, before the name begins
    const struct tls_dialogue *earlier; // offers to resume its session; NULL: none
};

#define TLS_DIALOGUE_ALPN_MAX 16

struct tls_dialogue_facts {
    const char *version;              // "TLSv1.3"
    const char *cipher;               // "TLS_AES_256_GCM_SHA384"
    char alpn[TLS_DIALOGUE_ALPN_MAX]; // what the server chose; "": nothing
    bool is_resumed;
    bool is_stapled;       // an OCSP answer came with the certificate
    bool asks_certificate; // the server asked for a certificate of ours, so far
};

// The certificate the other side showed. In a resumed session: the one it showed then.
struct tls_dialogue_certificate {
    bool is_there;
    struct tls_certificate_facts facts;
    char issuer[256];
    char signature[64]; // "sha256WithRSAEncryption"
    uint8_t binding[TLS_BINDING_BYTES];
    struct tls_binding_hash binding_hash;
    bool has_binding; // both of the above; false for certificates that have none
    bool covers_name; // of the wish
};

// Shakes hands. END_SERVER_TLS_FAILED (`ret_problem` says why), END_SERVER_TIMEOUT,
// END_SERVER_RESET, END_SERVER_CLOSED or END_OVERLOAD.
struct status tls_dialogue_open(struct dial *dial, const struct tls_dialogue_wish *wish,
                                uint64_t deadline_us, struct tls_dialogue **ret_dialogue,
                                struct tls_problem *ret_problem);
// Says goodbye if that is possible at once. NULL is allowed; returns NULL.
struct tls_dialogue *tls_dialogue_close(struct tls_dialogue *dialogue);

// As dial_send and dial_receive, and END_SERVER_TLS_FAILED.
struct status tls_dialogue_send(struct tls_dialogue *dialogue, struct span bytes,
                                uint64_t deadline_us);
struct status tls_dialogue_receive(struct tls_dialogue *dialogue, void *data, size_t capacity,
                                   uint64_t deadline_us, size_t *ret_size);

void tls_dialogue_facts(const struct tls_dialogue *dialogue, struct tls_dialogue_facts *ret_facts);
void tls_dialogue_certificate(const struct tls_dialogue *dialogue,
                              struct tls_dialogue_certificate *ret_certificate);
// Is that certificate trusted for a server, by its chain and dates, whatever its names? Reads the
// system's store now, which takes a while.
bool tls_dialogue_is_trusted(const struct tls_dialogue *dialogue, struct tls_problem *ret_problem);
