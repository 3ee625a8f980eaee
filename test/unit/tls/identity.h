// SPDX-License-Identifier: Apache-2.0
// Throw-away certificates for tests: made with OpenSSL when a test begins, written to a directory
// of its own, removed at its end. A CA and leaves signed by it.
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "base/check.h"

struct identity {
    X509 *certificate;
    EVP_PKEY *key;
};

enum identity_kind { IDENTITY_ECDSA, IDENTITY_RSA };

static char identity_directory[64];

static inline void identity_directory_make(void)
{
    strcpy(identity_directory, "/tmp/handfast-tls-XXXXXX");
    CHECK(mkdtemp(identity_directory));
}

static inline void identity_directory_remove(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", identity_directory);
    CHECK(system(command) == 0);
}

// The path of a file in the test's directory; eight paths may be in use at a time.
static inline const char *identity_path(const char *name)
{
    static char paths[8][128];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", identity_directory, name);
    return path;
}

static inline void identity_extend(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    CHECK(extension && X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

// A certificate for `names` ("DNS:a.example,IP:10.0.0.1"; NULL: a CA) that ends `days` from now
// (may be past). Signed by `issuer`, or by itself when that is NULL.
static inline struct identity identity_make(enum identity_kind kind, const char *subject,
                                            const char *names, int days,
                                            const struct identity *issuer)
{
    static long serial = 1000;
    struct identity made = {X509_new(),
                            kind == IDENTITY_RSA ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256")};
    CHECK(made.certificate && made.key);
    X509_set_version(made.certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), serial++);
    X509_gmtime_adj(X509_getm_notBefore(made.certificate), -100L * 86400);
    X509_gmtime_adj(X509_getm_notAfter(made.certificate), days * 86400L);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made.certificate), "CN", MBSTRING_UTF8,
                               (const unsigned char *)subject, -1, -1, 0);
    X509_set_issuer_name(made.certificate,
                         X509_get_subject_name(issuer ? issuer->certificate : made.certificate));
    X509_set_pubkey(made.certificate, made.key);
    if (names)
        identity_extend(made.certificate, NID_subject_alt_name, names);
    else
        identity_extend(made.certificate, NID_basic_constraints, "critical,CA:TRUE");
    CHECK(X509_sign(made.certificate, issuer ? issuer->key : made.key, EVP_sha256()) > 0);
    return made;
}

static inline void identity_done(struct identity *identity)
{
    X509_free(identity->certificate);
    EVP_PKEY_free(identity->key);
}

// Writes NAME.pem (the certificate and then `issuer`, which may be NULL) and NAME.key.
static inline void identity_write(const struct identity *identity, const struct identity *issuer,
                                  const char *name)
{
    char file[64];
    snprintf(file, sizeof file, "%s.pem", name);
    FILE *chain = fopen(identity_path(file), "w");
    CHECK(chain && PEM_write_X509(chain, identity->certificate) == 1);
    CHECK(!issuer || PEM_write_X509(chain, issuer->certificate) == 1);
    fclose(chain);
    snprintf(file, sizeof file, "%s.key", name);
    FILE *key = fopen(identity_path(file), "w");
    CHECK(key && PEM_write_PrivateKey(key, identity->key, NULL, NULL, 0, NULL, NULL) == 1);
    fclose(key);
}

static inline void identity_write_text(const char *name, const char *text)
{
    FILE *file = fopen(identity_path(name), "w");
    CHECK(file && fputs(text, file) >= 0);
    fclose(file);
}
