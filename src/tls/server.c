// SPDX-License-Identifier: Apache-2.0
// How a site speaks TLS to its clients: its certificates, its tickets, its ALPN. A context is
// filled before it serves and never changed after; connections made with it keep it alive.
#include "tls/tls.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/sha.h>

#include "base/check.h"
#include "tls/certificate.h"
#include "tls/context.h"
#include "tls/ticket.h"

// How many tickets a TLS 1.3 client gets after a whole handshake; a resumed one always gets one. A
// ticket costs us about 6 % of an ECDSA handshake, which resuming makes hardly cheaper; beside an
// RSA signature it is nothing, and a browser that opens several connections can use each.
enum { TICKETS_ECDSA = 1, TICKETS_RSA = 2 };

// The protocols we speak, as ALPN lists them (RFC 7301 section 3.1), best first. HTTP/2 will join
// here.
static const uint8_t alpn_spoken[] = "\x08http/1.1";

static int on_alpn(SSL *ssl, const unsigned char **ret_chosen, unsigned char *ret_size,
                   const unsigned char *offered, unsigned offered_size, void *argument)
{
    (void)ssl, (void)argument;
    int found = SSL_select_next_proto((unsigned char **)(uintptr_t)ret_chosen, ret_size,
                                      alpn_spoken, sizeof alpn_spoken - 1, offered, offered_size);
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// Whose sessions may resume here: those of `scope` so far, and of them those that know `more` too.
// OpenSSL compares this before it resumes, because the tickets of all sites are sealed with the
// same keys.
static bool narrow_scope(struct tls_server *server, struct span more)
{
    uint8_t bytes[2 * SHA256_DIGEST_LENGTH];
    memcpy(bytes, server->scope, SHA256_DIGEST_LENGTH);
    return EVP_Digest(more.data, more.size, bytes + SHA256_DIGEST_LENGTH, NULL, EVP_sha256(),
                      NULL) == 1 &&
           EVP_Digest(bytes, sizeof bytes, server->scope, NULL, EVP_sha256(), NULL) == 1 &&
           SSL_CTX_set_session_id_context(server->context, server->scope, sizeof server->scope) ==
               1;
}

static SSL_CTX *server_context(struct tls_tickets *tickets)
{
    SSL_CTX *context = tls_context_new(TLS_server_method());
    if (context && tls_tickets_serve(tickets, context)) {
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_timeout(context, TLS_TICKET_LIFE_S);
        SSL_CTX_set_num_tickets(context, TICKETS_ECDSA);
        SSL_CTX_set_alpn_select_cb(context, on_alpn, NULL);
        return context;
    }
    SSL_CTX_free(context);
    ERR_clear_error();
    return NULL;
}

struct tls_server *tls_server_new(struct tls_tickets *tickets, const char *site_name)
{
    struct tls_server *server = calloc(1, sizeof *server);
    if (!server)
        return NULL;
    server->context = server_context(tickets);
    bool is_ready = server->context && narrow_scope(server, span_text(site_name));
    return is_ready ? server : tls_server_free(server);
}

struct tls_server *tls_server_share(const struct tls_server *server)
{
    struct tls_server *shared = malloc(sizeof *shared);
    CHECK(shared && SSL_CTX_up_ref(server->context) == 1);
    *shared = *server;
    return shared;
}

struct tls_server *tls_server_free(struct tls_server *server)
{
    if (server)
        SSL_CTX_free(server->context);
    free(server);
    return NULL;
}

static bool refuse(struct tls_problem *ret_problem, const char *chain_file, const char *key_file,
                   bool key_belongs)
{
    unsigned long error = tls_error_take();
    if (!key_belongs)
        tls_problem_say(ret_problem, "%s: the key does not belong to the certificate in %s",
                        key_file, chain_file);
    else if (ERR_GET_REASON(error) == SSL_R_NOT_REPLACING_CERTIFICATE)
        tls_problem_say(ret_problem, "%s: the site has another certificate of the same kind of key",
                        chain_file);
    else
        tls_problem_say(ret_problem, "%s: not usable: %s", chain_file,
                        tls_error_words(error, "OpenSSL gives no reason"));
    return false;
}

static bool server_use(struct tls_server *server, const struct tls_chain *chain, EVP_PKEY *key,
                       const char *chain_file, const char *key_file,
                       struct tls_problem *ret_problem)
{
    bool key_belongs = X509_check_private_key(chain->leaf, key) == 1;
    if (!key_belongs ||
        SSL_CTX_use_cert_and_key(server->context, chain->leaf, key, chain->issuers, 0) != 1)
        return refuse(ret_problem, chain_file, key_file, key_belongs);
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
        SSL_CTX_set_num_tickets(server->context, TICKETS_RSA);
    return true;
}

// A client that resumes is shown no certificate and binds its login to the one it remembers. After
// a renewal that is the wrong one, so with another certificate no older session resumes: the client
// shakes hands in full and learns the new one. With the same certificates everything resumes as
// before.
static bool note_leaf(struct tls_server *server, X509 *certificate)
{
    CHECK(server->leaf_count < TLS_LEAVES_MAX);
    struct tls_leaf *leaf = &server->leaves[server->leaf_count++];
    tls_leaf_of(certificate, leaf);
    return narrow_scope(server, span_of(leaf->sha256, sizeof leaf->sha256));
}

size_t tls_server_leaves(const struct tls_server *server, const struct tls_leaf **ret_leaves)
{
    *ret_leaves = server->leaves;
    return server->leaf_count;
}

bool tls_server_add(struct tls_server *server, const char *chain_file, const char *key_file,
                    struct tls_certificate_facts *ret_facts, struct tls_problem *ret_problem)
{
    struct tls_chain chain;
    if (!tls_chain_read(chain_file, &chain, ret_problem))
        return false;
    EVP_PKEY *key = tls_key_read(key_file, ret_problem);
    bool added = key && server_use(server, &chain, key, chain_file, key_file, ret_problem);
    CHECK(!added || note_leaf(server, chain.leaf));
    if (added && ret_facts)
        tls_certificate_facts_of(chain.leaf, ret_facts);
    EVP_PKEY_free(key);
    tls_chain_done(&chain);
    return added;
}
