// SPDX-License-Identifier: Apache-2.0
// Channel bindings of type tls-server-end-point: what Extended Protection compares. Made from a
// certificate alone, so it is the same for every connection that shows it. Owns nothing, and never
// looks at a key.
// Sources: RFC 5929 section 4.1 (the hash), RFC 2744 section 3.11 (the structure around it), RFC
// 4121 section 4.1.1.2 and [MS-NLMP] 2.2.2.1 (MD5 of that structure).
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "tls/certificate.h"
#include "tls/channel.h"
#include "tls/context.h"

_Static_assert((int)TLS_BINDING_HASH_MAX >= (int)EVP_MAX_MD_SIZE, "every hash has room");

static const char label[] = "tls-server-end-point:";

enum {
    LABEL_BYTES = sizeof label - 1,
    HEADER_BYTES = 20, // types and lengths of two addresses, and the length of what follows
};

// The hash of the certificate's own signature, but SHA-256 for MD5 and SHA-1. NULL where the
// signature has no single hash (Ed25519, and what comes after quantum computers): such a
// certificate has no binding of this type. RSA-PSS names the hash in its parameters.
static const EVP_MD *hash_of(X509 *certificate)
{
    int hash = NID_undef;
    if (X509_get_signature_info(certificate, &hash, NULL, NULL, NULL) != 1 || hash == NID_undef)
        return NULL;
    if (hash == NID_md5 || hash == NID_sha1)
        hash = NID_sha256;
    return EVP_get_digestbynid(hash);
}

static bool hash_certificate(X509 *certificate, struct tls_binding_hash *ret_hash)
{
    struct tls_binding_hash hash = {0};
    unsigned size = 0;
    const EVP_MD *digest = hash_of(certificate);
    if (!digest || X509_digest(certificate, digest, hash.data, &size) != 1)
        return false;
    hash.size = size;
    hash.name = OBJ_nid2sn(EVP_MD_get_type(digest));
    *ret_hash = hash;
    return true;
}

// The addresses of both sides are left out, so their types and lengths are zero.
bool tls_binding_of_hash(struct span hash, uint8_t ret_binding[TLS_BINDING_BYTES])
{
    uint8_t bytes[HEADER_BYTES + LABEL_BYTES + TLS_BINDING_HASH_MAX] = {0};
    if (hash.size > TLS_BINDING_HASH_MAX)
        return false;
    bytes[16] = (uint8_t)(LABEL_BYTES + hash.size); // little endian
    memcpy(bytes + HEADER_BYTES, label, LABEL_BYTES);
    memcpy(bytes + HEADER_BYTES + LABEL_BYTES, hash.data, hash.size);
    size_t size = HEADER_BYTES + LABEL_BYTES + hash.size;
    bool is_made = EVP_Digest(bytes, size, ret_binding, NULL, EVP_md5(), NULL) == 1;
    ERR_clear_error();
    return is_made;
}

static bool bind_certificate(X509 *certificate, uint8_t ret_binding[TLS_BINDING_BYTES])
{
    struct tls_binding_hash hash;
    bool is_made = certificate && hash_certificate(certificate, &hash) &&
                   tls_binding_of_hash(span_of(hash.data, hash.size), ret_binding);
    ERR_clear_error();
    return is_made;
}

bool tls_binding_hash_of_der(struct span der, struct tls_binding_hash *ret_hash)
{
    const uint8_t *data = der.data;
    X509 *certificate = d2i_X509(NULL, &data, (long)der.size);
    bool is_whole = certificate && data == der.data + der.size;
    bool is_made = is_whole && hash_certificate(certificate, ret_hash);
    X509_free(certificate);
    ERR_clear_error();
    return is_made;
}

bool tls_channel_binding_peers(const struct channel *channel,
                               uint8_t ret_binding[TLS_BINDING_BYTES])
{
    SSL *ssl = tls_channel_ssl(channel);
    return ssl && channel->is_open && bind_certificate(SSL_get0_peer_certificate(ssl), ret_binding);
}

// ---- the certificate that our client has seen

typedef bool leaf_is_fn(X509 *leaf, const void *wanted);

static bool is_bound_by(X509 *leaf, const void *binding)
{
    uint8_t made[TLS_BINDING_BYTES];
    return bind_certificate(leaf, made) && memcmp(made, binding, sizeof made) == 0;
}

static bool is_not_shown_by(X509 *leaf, const void *wanted)
{
    const struct tls_server *server = wanted;
    struct tls_leaf seen;
    tls_leaf_of(leaf, &seen);
    for (size_t i = 0; i < server->leaf_count; i++)
        if (memcmp(seen.sha256, server->leaves[i].sha256, sizeof seen.sha256) == 0)
            return false;
    return true;
}

// The certificates stand in the SSL object of this one connection, so walking over them is nobody
// else's business; the walk ends where it began.
static bool is_any(SSL *ssl, leaf_is_fn *leaf_is, const void *wanted)
{
    X509 *current = SSL_get_certificate(ssl);
    bool is_one = false;
    long more = SSL_set_current_cert(ssl, SSL_CERT_SET_FIRST);
    for (; more == 1 && !is_one; more = SSL_set_current_cert(ssl, SSL_CERT_SET_NEXT))
        is_one = leaf_is(SSL_get_certificate(ssl), wanted);
    if (current)
        SSL_select_current_cert(ssl, current);
    ERR_clear_error();
    return is_one;
}

// Is that true of the certificate the client was shown, or may it be?
static bool is_seen(const struct channel *channel, leaf_is_fn *leaf_is, const void *wanted)
{
    SSL *ssl = tls_channel_ssl(channel);
    if (!ssl || !channel->is_open)
        return false;
    if (SSL_session_reused(ssl) == 1)
        return is_any(ssl, leaf_is, wanted);
    return leaf_is(SSL_get_certificate(ssl), wanted);
}

bool tls_channel_binding_is_ours(const struct channel *channel,
                                 const uint8_t binding[TLS_BINDING_BYTES])
{
    return is_seen(channel, is_bound_by, binding);
}

// Its session may resume there: then all certificates are the same, and no hash is needed.
static bool is_in_scope(const struct channel *channel, const struct tls_server *server)
{
    const SSL *ssl = tls_channel_ssl(channel);
    const SSL_SESSION *session = ssl ? SSL_get_session(ssl) : NULL;
    unsigned size = 0;
    const uint8_t *scope = session ? SSL_SESSION_get0_id_context(session, &size) : NULL;
    return scope && size == sizeof server->scope && memcmp(scope, server->scope, size) == 0;
}

bool tls_channel_binding_is_outdated(const struct channel *channel, const struct tls_server *server)
{
    return !is_in_scope(channel, server) && is_seen(channel, is_not_shown_by, server);
}
