// SPDX-License-Identifier: Apache-2.0
// Certificates and keys as they are read from PEM files.
#pragma once

#include <openssl/x509.h>

#include "tls/tls.h"

struct tls_chain {
    X509 *leaf;
    STACK_OF(X509) * issuers; // without the leaf; may be empty
};

// False with `ret_problem` when there is no such file, or it is of another kind: a pipe, which
// would keep whoever opens it waiting, a folder, a device.
bool tls_file_check(const char *file, struct tls_problem *ret_problem);

// All certificates of the file, leaf first. False with `ret_problem`.
bool tls_chain_read(const char *file, struct tls_chain *ret_chain, struct tls_problem *ret_problem);
void tls_chain_done(struct tls_chain *chain);

// The private key of the file, which must not be protected by a passphrase. NULL with
// `ret_problem`.
EVP_PKEY *tls_key_read(const char *file, struct tls_problem *ret_problem);

// As RFC 4514 has it, other than ASCII as it is. Left as it was without memory.
void tls_name_print(const X509_NAME *name, char *out, size_t size);
// By its subject alternative names only (RFC 9525).
bool tls_leaf_covers(X509 *leaf, const char *host);
void tls_leaf_of(X509 *certificate, struct tls_leaf *ret_leaf);
void tls_certificate_facts_of(X509 *leaf, struct tls_certificate_facts *ret_facts);

// Fills the problem in as printf does.
void tls_problem_say(struct tls_problem *ret_problem, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
