// SPDX-License-Identifier: Apache-2.0
// Kerberos from the client's side: who we are, tickets, tokens. Wraps MIT's libkrb5 and GSSAPI; a
// client may be used by several threads. Tickets stay in memory; nothing is written to the
// account's own cache.
#pragma once

#include "doctor/subject.h"

struct kerberos_client;

// A failure of the library or of the KDC.
struct kerberos_problem {
    int code;       // of RFC 4120 section 7.5.9 (7: S_PRINCIPAL_UNKNOWN), -1: not from a KDC
    char name[48];  // "S_PRINCIPAL_UNKNOWN", "KDC_UNREACHABLE", "NO_CREDENTIALS"
    char text[256]; // the library's words
};

// A ticket as a client holds it.
struct kerberos_ticket {
    char server[256]; // as the KDC named it: "HTTP/app.example.com@EXAMPLE.COM"
    int etype;        // of the ticket
    int session_etype;
    int64_t kvno; // -1: not said
    size_t bytes; // of the ticket
    int64_t ends_s;
};

// Logs in (or opens the cache or keytab). NULL with `ret_problem`: no ticket-granting ticket.
struct kerberos_client *kerberos_client_new(const struct account *account,
                                            struct kerberos_problem *ret_problem);
struct kerberos_client *kerberos_client_free(struct kerberos_client *client);

const char *kerberos_client_principal(const struct kerberos_client *client);
const char *kerberos_client_realm(const struct kerberos_client *client);
// The ticket-granting ticket.
void kerberos_client_tgt(const struct kerberos_client *client, struct kerberos_ticket *ret_ticket);

// A ticket for "HTTP/host", exactly that name: nothing is canonicalised. False with `ret_problem`.
bool kerberos_client_ticket(struct kerberos_client *client, const char *service,
                            struct kerberos_ticket *ret_ticket,
                            struct kerberos_problem *ret_problem);

// What a token says about the channel.
enum kerberos_binding {
    KERBEROS_UNBOUND = 0, // nothing: as most clients on Linux
    KERBEROS_BOUND,       // these bindings, and that the client knows about them
    KERBEROS_EMPTY,       // "I know channel bindings and there is no channel"
};

// One security context: `service` as above. Returns the first token as base64 (malloc'ed), to be
// sent behind "Negotiate "; NULL with `ret_problem`. `application_data` is
// "tls-server-end-point:" and the hash, for KERBEROS_BOUND.
struct kerberos_login;
char *kerberos_login_start(struct kerberos_client *client, const char *service, bool in_spnego,
                           enum kerberos_binding binding, struct span application_data,
                           struct kerberos_login **ret_login, struct kerberos_problem *ret_problem);
// The server's answer. True when it proves the server knows the key (mutual authentication).
bool kerberos_login_finish(struct kerberos_login *login, const char *base64,
                           struct kerberos_problem *ret_problem);
struct kerberos_login *kerberos_login_free(struct kerberos_login *login);
