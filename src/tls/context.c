// SPDX-License-Identifier: Apache-2.0
// The settings every context shares, and OpenSSL's error queue turned into words. Holds no state.
#include "tls/context.h"

#include <openssl/err.h>

// AES-128 with SHA-256 first: as safe for all we carry, and cheaper per byte and per handshake.
static const char suites_1_3[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                                 "TLS_CHACHA20_POLY1305_SHA256";
// Forward secrecy always. The last four are for Windows 7 to 8.1 and Server 2008 R2 to 2012 R2,
// which know ECDHE with RSA certificates only as CBC with SHA-2.
static const char suites_1_2[] = "ECDHE+AESGCM+AES128:ECDHE+AESGCM+AES256:ECDHE+CHACHA20:"
                                 "ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256:"
                                 "ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384";

static bool choose_algorithms(SSL_CTX *context)
{
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_ciphersuites(context, suites_1_3) == 1 &&
           SSL_CTX_set_cipher_list(context, suites_1_2) == 1 &&
           SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384") == 1;
}

SSL_CTX *tls_context_new(const SSL_METHOD *method)
{
    SSL_CTX *context = SSL_CTX_new(method);
    if (!context || !choose_algorithms(context)) {
        SSL_CTX_free(context);
        ERR_clear_error();
        return NULL;
    }
    // Our order counts, except that a client which puts ChaCha20 first has no AES in hardware.
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    // An idle connection keeps no record buffers.
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
    // One recv for a record's header and body, and for several small records.
    SSL_CTX_set_read_ahead(context, 1);
    return context;
}

unsigned long tls_error_take(void)
{
    unsigned long chosen = 0;
    for (unsigned long error = ERR_get_error(); error; error = ERR_get_error()) {
        // libssl's own verdict tells more than the arithmetic that led to it
        if (!chosen || (ERR_GET_LIB(chosen) != ERR_LIB_SSL && ERR_GET_LIB(error) == ERR_LIB_SSL))
            chosen = error;
    }
    return chosen;
}

// What the other side's alerts mean (RFC 8446 section 6.2); "unknown CA" is what a browser without
// our CA sends.
static const char *alert_words(int alert)
{
    switch (alert) {
#define ALERT(id, words)                                                                           \
    case SSL_AD_##id:                                                                              \
        return "the other side sent the alert: " words
        ALERT(UNEXPECTED_MESSAGE, "unexpected message");
        ALERT(BAD_RECORD_MAC, "bad record MAC");
        ALERT(RECORD_OVERFLOW, "record overflow");
        ALERT(HANDSHAKE_FAILURE, "handshake failure (nothing in common)");
        ALERT(BAD_CERTIFICATE, "bad certificate");
        ALERT(UNSUPPORTED_CERTIFICATE, "unsupported certificate");
        ALERT(CERTIFICATE_REVOKED, "certificate revoked");
        ALERT(CERTIFICATE_EXPIRED, "certificate expired");
        ALERT(CERTIFICATE_UNKNOWN, "certificate unknown");
        ALERT(ILLEGAL_PARAMETER, "illegal parameter");
        ALERT(UNKNOWN_CA, "unknown CA");
        ALERT(ACCESS_DENIED, "access denied");
        ALERT(DECODE_ERROR, "decode error");
        ALERT(DECRYPT_ERROR, "decrypt error");
        ALERT(PROTOCOL_VERSION, "protocol version not supported");
        ALERT(INSUFFICIENT_SECURITY, "insufficient security");
        ALERT(INTERNAL_ERROR, "internal error");
        ALERT(USER_CANCELLED, "user canceled");
        ALERT(UNRECOGNIZED_NAME, "unrecognized name");
        ALERT(CERTIFICATE_REQUIRED, "certificate required");
        ALERT(NO_APPLICATION_PROTOCOL, "no application protocol");
#undef ALERT
    default:
        return "the other side sent an alert";
    }
}

const char *tls_error_words(unsigned long error, const char *fallback)
{
    int reason = ERR_GET_REASON(error);
    if (ERR_GET_LIB(error) == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET &&
        reason <= SSL_AD_REASON_OFFSET + 255)
        return alert_words(reason - SSL_AD_REASON_OFFSET);
    const char *words = error ? ERR_reason_error_string(error) : NULL;
    return words ? words : fallback;
}
