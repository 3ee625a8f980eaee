// SPDX-License-Identifier: Apache-2.0
// Kerberos by MIT GSSAPI: accepts tokens, SPNEGO around them or not, with the keys of one keytab.
// The acceptor is made once and shared by all connections; a `struct kerberos_login` belongs to
// one connection. Reads what a token claims for Extended Protection through libkrb5, because the
// GSSAPI acceptor only answers yes or no.
#pragma once

#include <gssapi/gssapi.h>

#include "bytes.h"
#include "protection.h"

struct kerberos {
    gss_cred_id_t credential;
    const char *keytab; // FILE:… or a path; borrowed
};

struct kerberos_login {
    gss_ctx_id_t context;
};

enum kerberos_step { KERBEROS_DONE, KERBEROS_MORE, KERBEROS_REFUSED };

// `replay_cache` is a file, or NULL to accept a replayed AP-REQ. False, said on stderr, when the
// keytab cannot be used.
bool kerberos_init(struct kerberos *k, const char *keytab, const char *replay_cache);

// One leg. Appends what goes back to the client, also for DONE (the AP-REP). On DONE `name` holds
// user@REALM; on REFUSED *ret_why one word for the log.
enum kerberos_step kerberos_accept(const struct kerberos *k, struct kerberos_login *login,
                                   struct span token, struct buffer *reply, struct buffer *name,
                                   const char **ret_why);

void kerberos_login_done(struct kerberos_login *login);

// What the token claims. False when the ticket cannot be read with this keytab.
bool kerberos_claim(const struct kerberos *k, struct span token, struct claim *ret_claim);
