// SPDX-License-Identifier: Apache-2.0
// Certificates and keys: from PEM files into OpenSSL's hands, and the facts people ask about them.
// Runs when a configuration is read or checked, never while clients wait. The caller owns what is
// returned.
#include "tls/certificate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tls/channel.h"
#include "tls/context.h"

void tls_problem_say(struct tls_problem *ret_problem, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(ret_problem->text, sizeof ret_problem->text, format, arguments);
    va_end(arguments);
}

bool tls_file_check(const char *file, struct tls_problem *ret_problem)
{
    struct stat facts;
    if (stat(file, &facts) != 0)
        tls_problem_say(ret_problem, "%s: %s", file, strerror(errno));
    else if (S_ISDIR(facts.st_mode))
        tls_problem_say(ret_problem, "%s: is a folder", file);
    else if (!S_ISREG(facts.st_mode))
        tls_problem_say(ret_problem, "%s: is no regular file", file);
    else
        return true;
    return false;
}

static BIO *file_open(const char *file, struct tls_problem *ret_problem)
{
    if (!tls_file_check(file, ret_problem))
        return NULL;
    errno = 0;
    BIO *bio = BIO_new_file(file, "r");
    if (!bio)
        tls_problem_say(ret_problem, "%s: %s", file, errno ? strerror(errno) : "cannot be opened");
    ERR_clear_error();
    return bio;
}

// Without this OpenSSL would ask for a passphrase on the terminal.
static int no_passphrase(char *buffer, int size, int writing, void *asked)
{
    (void)buffer, (void)size, (void)writing;
    *(bool *)asked = true;
    return -1;
}

// ---- chain

// Reading stops at the end of the file (NO_START_LINE) or at something broken.
static bool ended_well(void)
{
    unsigned long error = ERR_peek_last_error();
    return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

static bool issuers_read(BIO *bio, STACK_OF(X509) * issuers)
{
    bool asked = false;
    for (;;) {
        X509 *issuer = PEM_read_bio_X509(bio, NULL, no_passphrase, &asked);
        if (!issuer)
            return ended_well();
        if (sk_X509_push(issuers, issuer) <= 0) {
            X509_free(issuer);
            return false;
        }
    }
}

static bool chain_parse(BIO *bio, struct tls_chain *chain)
{
    bool asked = false;
    chain->leaf = PEM_read_bio_X509_AUX(bio, NULL, no_passphrase, &asked);
    chain->issuers = sk_X509_new_null();
    return chain->leaf && chain->issuers && issuers_read(bio, chain->issuers);
}

bool tls_chain_read(const char *file, struct tls_chain *ret_chain, struct tls_problem *ret_problem)
{
    BIO *bio = file_open(file, ret_problem);
    if (!bio)
        return false;
    struct tls_chain chain = {0};
    bool parsed = chain_parse(bio, &chain);
    if (!parsed && !chain.leaf && ended_well())
        tls_problem_say(ret_problem, "%s: holds no PEM certificate", file);
    else if (!parsed)
        tls_problem_say(ret_problem, "%s: certificate %d cannot be read: %s", file,
                        chain.leaf ? sk_X509_num(chain.issuers) + 2 : 1,
                        tls_error_words(ERR_peek_error(), "not a PEM certificate"));
    ERR_clear_error();
    BIO_free(bio);
    if (!parsed) {
        tls_chain_done(&chain);
        return false;
    }
    *ret_chain = chain;
    return true;
}

void tls_chain_done(struct tls_chain *chain)
{
    X509_free(chain->leaf);
    sk_X509_pop_free(chain->issuers, X509_free);
    *chain = (struct tls_chain){0};
}

// ---- key

EVP_PKEY *tls_key_read(const char *file, struct tls_problem *ret_problem)
{
    BIO *bio = file_open(file, ret_problem);
    if (!bio)
        return NULL;
    bool asked = false;
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &asked);
    if (!key && asked)
        tls_problem_say(ret_problem, "%s: the key is protected by a passphrase; decrypt it", file);
    else if (!key)
        tls_problem_say(ret_problem, "%s: holds no PEM private key that can be read", file);
    ERR_clear_error();
    BIO_free(bio);
    return key;
}

// ---- facts

static int64_t seconds_of(const ASN1_TIME *moment)
{
    struct tm tm;
    return ASN1_TIME_to_tm(moment, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

void tls_leaf_of(X509 *certificate, struct tls_leaf *ret_leaf)
{
    struct tls_leaf leaf = {
        .not_after_s = seconds_of(X509_get0_notAfter(certificate)),
        .is_ecdsa = EVP_PKEY_get_base_id(X509_get0_pubkey(certificate)) == EVP_PKEY_EC,
    };
    X509_digest(certificate, EVP_sha256(), leaf.sha256, NULL);
    ERR_clear_error();
    *ret_leaf = leaf;
}

bool tls_channel_peer_leaf(const struct channel *channel, struct tls_leaf *ret_leaf)
{
    SSL *ssl = tls_channel_ssl(channel);
    X509 *certificate =
        ssl && channel->is_open && !SSL_session_reused(ssl) ? SSL_get0_peer_certificate(ssl) : NULL;
    if (certificate)
        tls_leaf_of(certificate, ret_leaf);
    return certificate != NULL;
}

void tls_name_print(const X509_NAME *name, char *out, size_t size)
{
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio && X509_NAME_print_ex(bio, name, 0,
                                  XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0) {
        int length = BIO_read(bio, out, (int)size - 1);
        out[length > 0 ? length : 0] = '\0';
    }
    BIO_free(bio);
}

// A DNS name or address of the subject alternative names as text; empty for other kinds and for
// names that are no text.
static void name_of(const GENERAL_NAME *name, char *ret_text, size_t size)
{
    ret_text[0] = '\0';
    int kind = 0;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &kind);
    const uint8_t *data =
        kind == GEN_DNS || kind == GEN_IPADD ? ASN1_STRING_get0_data(value) : NULL;
    size_t length = data ? (size_t)ASN1_STRING_length(value) : 0;
    if (kind == GEN_DNS && length < size && !memchr(data, 0, length))
        snprintf(ret_text, size, "%.*s", (int)length, (const char *)data);
    else if (kind == GEN_IPADD && length == 4)
        inet_ntop(AF_INET, data, ret_text, (socklen_t)size);
    else if (kind == GEN_IPADD && length == 16)
        inet_ntop(AF_INET6, data, ret_text, (socklen_t)size);
}

static void names_of(X509 *leaf, char *ret_names, size_t size)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    size_t used = 0;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        char text[256];
        name_of(sk_GENERAL_NAME_value(names, i), text, sizeof text);
        if (!text[0])
            continue;
        size_t need = strlen(text) + (used ? 2 : 0);
        if (used + need + sizeof ", ..." > size) {
            snprintf(ret_names + used, size - used, ", ...");
            break;
        }
        used += (size_t)snprintf(ret_names + used, size - used, "%s%s", used ? ", " : "", text);
    }
    GENERAL_NAMES_free(names);
}

void tls_certificate_facts_of(X509 *leaf, struct tls_certificate_facts *ret_facts)
{
    struct tls_certificate_facts facts = {0};
    tls_name_print(X509_get_subject_name(leaf), facts.subject, sizeof facts.subject);
    names_of(leaf, facts.names, sizeof facts.names);
    facts.not_before_s = seconds_of(X509_get0_notBefore(leaf));
    facts.not_after_s = seconds_of(X509_get0_notAfter(leaf));
    X509_digest(leaf, EVP_sha256(), facts.sha256, NULL);
    int kind = EVP_PKEY_get_base_id(X509_get0_pubkey(leaf));
    facts.is_ecdsa = kind == EVP_PKEY_EC;
    facts.is_rsa = kind == EVP_PKEY_RSA || kind == EVP_PKEY_RSA_PSS;
    ERR_clear_error();
    *ret_facts = facts;
}

bool tls_certificate_read(const char *chain_file, struct tls_certificate_facts *ret_facts,
                          struct tls_problem *ret_problem)
{
    struct tls_chain chain;
    if (!tls_chain_read(chain_file, &chain, ret_problem))
        return false;
    tls_certificate_facts_of(chain.leaf, ret_facts);
    tls_chain_done(&chain);
    return true;
}

bool tls_leaf_covers(X509 *leaf, const char *host)
{
    unsigned flags = X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;
    return X509_check_host(leaf, host, 0, flags, NULL) == 1 ||
           X509_check_ip_asc(leaf, host, 0) == 1;
}

bool tls_certificate_covers(const char *chain_file, const char *host)
{
    struct tls_chain chain;
    struct tls_problem problem;
    if (!tls_chain_read(chain_file, &chain, &problem))
        return false;
    bool covers = tls_leaf_covers(chain.leaf, host);
    ERR_clear_error();
    tls_chain_done(&chain);
    return covers;
}
