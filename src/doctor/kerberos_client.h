// SPDX-License-Identifier: Apache-2.0
// Kerberos from the client's side: who we are, tickets, tokens. Wraps MIT's libkrb5; a client may
// be used by several threads. Tickets stay in memory; nothing is written to the account's own
// cache. The AP-REQ is put together here and not by GSSAPI, so that what it says about the channel
// can be chosen. Sources: RFC 4120, RFC 4121 section 4.1.1, [MS-KILE] 3.2.5.8
// (KERB_AP_OPTIONS_CBT).
#pragma once

#include "doctor/subject.h"

struct kerberos_client;

// A failure of the library or of the KDC.
struct kerberos_problem {
    int code;       // of RFC 4120 section 7.5.9 (7: S_PRINCIPAL_UNKNOWN), -1: not from a KDC
    char name[48];  // "S_PRINCIPAL_UNKNOWN", "KDC_UNREACHABLE", "NO_CREDENTIALS"
    char text[256]; // the library's words
};

// Did the KDC say that this account cannot log in anywhere with what it has (unknown, locked or
// disabled, expired, wrong password)? Then that password is sent to no server: it would be refused
// there as well, and count towards a lockout.
bool kerberos_problem_is_refusal(const struct kerberos_problem *problem);

// "S_PRINCIPAL_UNKNOWN" for 7; "ERROR_99" for numbers without a name here. Static or `scratch`.
const char *kerberos_error_name(int code, char scratch[static 24]);

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
// NULL is allowed; returns NULL.
struct kerberos_client *kerberos_client_free(struct kerberos_client *client);

const char *kerberos_client_principal(const struct kerberos_client *client);
const char *kerberos_client_realm(const struct kerberos_client *client);
// The name of the cache in memory ("MEMORY:…") where GSSAPI of this process finds the tickets;
// false when it is too long.
bool kerberos_client_cache(struct kerberos_client *client, char *ret_name, size_t capacity);
// The ticket-granting ticket.
void kerberos_client_tgt(const struct kerberos_client *client, struct kerberos_ticket *ret_ticket);

// How far the KDC's clock is ahead of ours, as it showed when the first ticket was got. False when
// that was elsewhere: the tickets came from a cache.
bool kerberos_client_clock(struct kerberos_client *client, int64_t *ret_offset_s);

// A ticket for "HTTP/host", exactly that name: nothing is canonicalised. False with `ret_problem`.
bool kerberos_client_ticket(struct kerberos_client *client, const char *service,
                            struct kerberos_ticket *ret_ticket,
                            struct kerberos_problem *ret_problem);

// What a token says about the channel.
enum kerberos_binding {
    KERBEROS_UNBOUND = 0, // nothing: as most clients on Linux
    KERBEROS_BOUND,       // these bindings, and that the client knows about them: as Windows
    KERBEROS_EMPTY,       // "I know channel bindings and there is no channel"
};

struct kerberos_wish {
    bool is_bare; // without SPNEGO around it
    enum kerberos_binding binding;
    uint8_t binding_bytes[16]; // of KERBEROS_BOUND: as call_certificate says
};

// What an answer proves.
enum kerberos_mutual {
    KERBEROS_MUTUAL_ABSENT = 0, // no AP-REP in it
    KERBEROS_MUTUAL_OK,         // the server knows the key
    KERBEROS_MUTUAL_BAD,
};

// One security context: `service` as above. Returns the first token as base64 (malloc'ed), to be
// sent behind "Negotiate "; NULL with `ret_problem`. The login lives no longer than the client.
struct kerberos_login;
char *kerberos_login_start(struct kerberos_client *client, const char *service,
                           const struct kerberos_wish *wish, struct kerberos_login **ret_login,
                           struct kerberos_problem *ret_problem);
// The server's answer; NULL: it sent none.
enum kerberos_mutual kerberos_login_finish(struct kerberos_login *login, const char *base64);
// NULL is allowed; returns NULL.
struct kerberos_login *kerberos_login_free(struct kerberos_login *login);

// ---- what this machine is told

struct kerberos_key {
    char principal[256];
    int64_t kvno;
    int etype;
};
// The entries of a keytab (NULL: the default one); as many as there are, of which the first `max`
// are returned. 0 with `ret_problem` when it cannot be read.
size_t kerberos_keytab_read(const char *file, struct kerberos_key *ret_keys, size_t max,
                            struct kerberos_problem *ret_problem);

struct kerberos_kdc {
    char host[256];
    unsigned port;
};
// The KDCs that krb5.conf names for a realm (those that DNS names are not among them).
size_t kerberos_realm_kdcs(const char *realm, struct kerberos_kdc *ret_kdcs, size_t max);
// The realm that [domain_realm] of krb5.conf gives a host, so in which clients here ask for its
// service. False when it names none.
bool kerberos_host_realm(const char *host, char ret_realm[256]);
