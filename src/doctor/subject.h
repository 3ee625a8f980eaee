// SPDX-License-Identifier: Apache-2.0
// What the doctor is asked to look at: an address as a user types it, the nodes behind it, and the
// accounts it may log in with. Secrets live here only: never in facts, findings or messages.
#pragma once

#include "io/io.h"

#define SUBJECT_NODES_MAX    32
#define SUBJECT_ACCOUNTS_MAX 2 // the second serves to tell whether people are mixed up

// How an account proves who it is.
enum proof {
    PROOF_NONE = 0, // no account: only what can be seen without one
    PROOF_PASSWORD,
    PROOF_CCACHE, // Kerberos only
    PROOF_KEYTAB, // Kerberos only
};

struct account {
    enum proof proof;
    const char *user;  // "alice"
    const char *realm; // "EXAMPLE.COM"; "" when not known: Kerberos then takes the default realm
    const char *ntlm_domain; // what NTLM sends as domain: of DOMAIN\user, or the realm; may be ""
    char *password;          // PROOF_PASSWORD; wiped by subject_done
    const char *file;        // PROOF_CCACHE, PROOF_KEYTAB; NULL: the ambient one
};

// One of the servers behind, reached directly.
struct subject_node {
    const char *name; // as given: "iis1", "iis1.example.com"
    const char *host; // name or address to connect to
    unsigned port;
    bool is_tls; // false when the port is 80 or "http://" was given
};

struct subject {
    const char *url; // as given
    bool is_tls;
    const char *host; // of the URL, lower case, without brackets
    unsigned port;
    const char *target; // path and query, at least "/"
    struct subject_node nodes[SUBJECT_NODES_MAX];
    size_t node_count;
    struct account accounts[SUBJECT_ACCOUNTS_MAX];
    size_t account_count;
    const char *dns_server;  // "ADDRESS[:PORT]", NULL: the system's
    const char *address;     // connect here instead of what the name resolves to; NULL: resolve
    const char *ca_file;     // trust this too; NULL: the system's store only
    const char *ldap_server; // NULL: found by DNS; used only when `asks_ldap`
    const char *resource;    // what one expects in a page when logged in; NULL: the account's name
    bool asks_ldap;
    bool is_slow;         // also looks that wait: idle limits
    unsigned patience_ms; // for one step: connect, handshake, answer
    void *arena;          // what the texts above point into; owned
};

// Command line of `handfast doctor`, without its name. False after saying on stderr what is wrong.
bool subject_read(int argc, char **argv, struct subject *ret_subject);
void subject_done(struct subject *subject);
