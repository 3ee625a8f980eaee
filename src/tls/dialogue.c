// SPDX-License-Identifier: Apache-2.0
// TLS as a client over a dial: OpenSSL works on two memory BIOs, and what it wants to send or to
// read is carried between them and the dial until a deadline. Nothing is refused for its
// certificate; that is reported. Owns the context, the connection and the session.
#include "tls/tls.h"

#include <arpa/inet.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "tls/certificate.h"
#include "tls/context.h"

struct tls_dialogue {
    struct dial *dial;
    SSL_CTX *context;
    SSL *ssl;
    SSL_SESSION *session; // the newest the server gave; NULL: none yet
    char name[256];
    char *ca_file; // NULL: none
    bool asks_certificate;
    bool splits_hello;
    bool has_sent; // the first flight is out
    bool pads_hello;
};

enum {
    PIECE_BYTES = 16 * 1024,
    HELLO_SPLIT_AT = 60,       // within the session id: version and random are there, no name is
    HELLO_PAUSE_MS = 150,      // longer than any gathering of segments on the way
    SEGMENT_BYTES = 1400,      // of a padded hello, where the path would carry more at once
    PADDING_TYPE = 0x6a6a,     // GREASE, which every server must ignore (RFC 8701)
    PADDING_BYTES = 1216 + 64, // a hybrid key share (X25519MLKEM768) and its headers
};

static struct tls_dialogue *of_ssl(const SSL *ssl)
{
    return SSL_get_app_data(ssl);
}

// ---- how to speak

// Also what browsers keep for old servers: RSA key exchange and CBC.
static const char suites[] = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:AES128-GCM-SHA256:"
                             "AES256-GCM-SHA384:AES128-SHA256:AES128-SHA:AES256-SHA";
// For TLS 1.0 and 1.1, whose signatures OpenSSL's security level 1 no longer makes.
static const char old_suites[] = "ALL:!aNULL:!eNULL:@SECLEVEL=0";

static int version_of(const char *word)
{
    static const struct {
        const char *word;
        int version;
    } versions[] = {{"TLSv1", TLS1_VERSION},
                    {"TLSv1.0", TLS1_VERSION},
                    {"TLSv1.1", TLS1_1_VERSION},
                    {"TLSv1.2", TLS1_2_VERSION},
                    {"TLSv1.3", TLS1_3_VERSION}};
    for (size_t i = 0; word && i < sizeof versions / sizeof *versions; i++) {
        if (strcmp(versions[i].word, word) == 0)
            return versions[i].version;
    }
    return 0;
}

static bool choose_versions(SSL_CTX *context, const struct tls_dialogue_wish *wish)
{
    int max = version_of(wish->max_version);
    int min = version_of(wish->min_version);
    if (!min)
        min = max && max < TLS1_2_VERSION ? max : TLS1_2_VERSION;
    bool is_old = max && max < TLS1_2_VERSION;
    return SSL_CTX_set_min_proto_version(context, min) == 1 &&
           SSL_CTX_set_max_proto_version(context, max) == 1 &&
           SSL_CTX_set_cipher_list(context, is_old ? old_suites : suites) == 1;
}

static int on_padding_add(SSL *ssl, unsigned type, unsigned where, const unsigned char **ret_data,
                          size_t *ret_size, X509 *certificate, size_t index, int *alert,
                          void *padding)
{
    (void)ssl, (void)type, (void)where, (void)certificate, (void)index, (void)alert;
    *ret_data = padding;
    *ret_size = PADDING_BYTES;
    return 1;
}

static const uint8_t padding[PADDING_BYTES];

static bool choose_algorithms(SSL_CTX *context, const struct tls_dialogue_wish *wish)
{
    if (wish->groups && SSL_CTX_set1_groups_list(context, wish->groups) != 1)
        return false;
    if (wish->sigalgs && SSL_CTX_set1_sigalgs_list(context, wish->sigalgs) != 1)
        return false;
    return !wish->pads_hello ||
           SSL_CTX_add_custom_ext(context, PADDING_TYPE, SSL_EXT_CLIENT_HELLO, on_padding_add, NULL,
                                  (void *)(uintptr_t)padding, NULL, NULL) == 1;
}

// "h2,http/1.1" as ALPN has it: each name behind its length.
static bool choose_alpn(SSL_CTX *context, const char *list)
{
    uint8_t wire[256];
    size_t size = 0;
    struct span rest = span_text(list);
    while (!span_is_empty(rest)) {
        struct span name = span_cut(&rest, ',');
        if (name.size == 0 || name.size > 64 || size + 1 + name.size > sizeof wire)
            return false;
        wire[size++] = (uint8_t)name.size;
        memcpy(wire + size, name.data, name.size);
        size += name.size;
    }
    return size == 0 || SSL_CTX_set_alpn_protos(context, wire, (unsigned)size) == 0;
}

static int on_session(SSL *ssl, SSL_SESSION *session)
{
    struct tls_dialogue *dialogue = of_ssl(ssl);
    SSL_SESSION_free(dialogue->session);
    dialogue->session = session;
    return 1; // it is ours now
}

static int on_certificate_asked(SSL *ssl, X509 **certificate, EVP_PKEY **key)
{
    (void)certificate, (void)key;
    of_ssl(ssl)->asks_certificate = true;
    return 0; // we have none
}

static SSL_CTX *context_for(const struct tls_dialogue_wish *wish)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context)
        return NULL;
    SSL_CTX_set_security_level(context, 1);
    SSL_CTX_set_options(context, SSL_OP_LEGACY_SERVER_CONNECT);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, on_session);
    SSL_CTX_set_client_cert_cb(context, on_certificate_asked);
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    if (choose_versions(context, wish) && choose_algorithms(context, wish) &&
        choose_alpn(context, wish->alpn))
        return context;
    SSL_CTX_free(context);
    return NULL;
}

static bool is_address(const char *name)
{
    struct address address;
    return address_parse(name, 0, &address);
}

static bool prepare(struct tls_dialogue *dialogue, const struct tls_dialogue_wish *wish)
{
    dialogue->context = context_for(wish);
    dialogue->ssl = dialogue->context ? SSL_new(dialogue->context) : NULL;
    BIO *in = BIO_new(BIO_s_mem());
    BIO *out = BIO_new(BIO_s_mem());
    if (!dialogue->ssl || !in || !out) {
        BIO_free(in);
        BIO_free(out);
        return false;
    }
    SSL_set_bio(dialogue->ssl, in, out);
    SSL_set_app_data(dialogue->ssl, dialogue);
    SSL_set_connect_state(dialogue->ssl);
    SSL_set_tlsext_status_type(dialogue->ssl, TLSEXT_STATUSTYPE_ocsp);
    if (wish->earlier && wish->earlier->session)
        SSL_set_session(dialogue->ssl, wish->earlier->session);
    dialogue->ca_file = wish->ca_file ? strdup(wish->ca_file) : NULL;
    if (wish->name)
        snprintf(dialogue->name, sizeof dialogue->name, "%s", wish->name);
    return !dialogue->name[0] || is_address(dialogue->name) ||
           SSL_set_tlsext_host_name(dialogue->ssl, dialogue->name) == 1;
}

// ---- carrying bytes

static void sleep_ms(unsigned time_ms)
{
    struct timespec left = {.tv_sec = time_ms / MS_PER_S,
                            .tv_nsec = (long)(time_ms % MS_PER_S) * 1000000};
    while (nanosleep(&left, &left) != 0)
        ;
}

// The first flight is the hello: it may have to go in two pieces.
static struct status send_first(struct tls_dialogue *dialogue, struct span *bytes,
                                uint64_t deadline_us)
{
    dialogue->has_sent = true;
    size_t at = dialogue->splits_hello ? HELLO_SPLIT_AT : dialogue->pads_hello ? SEGMENT_BYTES : 0;
    if (at == 0 || at >= bytes->size)
        return OK;
    TRY(dial_send(dialogue->dial, span_first(*bytes, at), deadline_us));
    *bytes = span_after(*bytes, at);
    sleep_ms(dialogue->splits_hello ? HELLO_PAUSE_MS : 1);
    return OK;
}

static struct status flush(struct tls_dialogue *dialogue, uint64_t deadline_us)
{
    BIO *out = SSL_get_wbio(dialogue->ssl);
    char *data = NULL;
    long size = BIO_get_mem_data(out, &data);
    if (size <= 0)
        return OK;
    struct span bytes = span_of(data, (size_t)size);
    if (!dialogue->has_sent)
        TRY(send_first(dialogue, &bytes, deadline_us));
    TRY(dial_send(dialogue->dial, bytes, deadline_us));
    BIO_reset(out);
    return OK;
}

static struct status fill(struct tls_dialogue *dialogue, uint64_t deadline_us)
{
    uint8_t piece[PIECE_BYTES];
    size_t size = 0;
    TRY(dial_receive(dialogue->dial, piece, sizeof piece, deadline_us, &size));
    if (size == 0)
        return failed(END_SERVER_CLOSED);
    return BIO_write(SSL_get_rbio(dialogue->ssl), piece, (int)size) == (int)size
               ? OK
               : failed(END_OVERLOAD);
}

// After a call into OpenSSL that answered `result`: sends what it left, and waits for more where it
// wants more. OK: call again.
static struct status carry(struct tls_dialogue *dialogue, int result, uint64_t deadline_us)
{
    int want = SSL_get_error(dialogue->ssl, result);
    struct status sent = flush(dialogue, deadline_us);
    if (want == SSL_ERROR_ZERO_RETURN)
        return failed(END_SERVER_CLOSED);
    if (want != SSL_ERROR_WANT_READ && want != SSL_ERROR_WANT_WRITE)
        return failed(END_SERVER_TLS_FAILED);
    TRY(sent);
    // a server that never stops talking must not keep us beyond the deadline
    if (loop_now_us() >= deadline_us)
        return failed(END_SERVER_TIMEOUT);
    return want == SSL_ERROR_WANT_READ ? fill(dialogue, deadline_us) : OK;
}

static struct status shake(struct tls_dialogue *dialogue, uint64_t deadline_us)
{
    for (;;) {
        ERR_clear_error();
        int result = SSL_do_handshake(dialogue->ssl);
        if (result == 1)
            return flush(dialogue, deadline_us);
        TRY(carry(dialogue, result, deadline_us));
    }
}

struct status tls_dialogue_send(struct tls_dialogue *dialogue, struct span bytes,
                                uint64_t deadline_us)
{
    while (bytes.size) {
        ERR_clear_error();
        struct span piece = span_first(bytes, PIECE_BYTES);
        int result = SSL_write(dialogue->ssl, piece.data, (int)piece.size);
        if (result <= 0) {
            TRY(carry(dialogue, result, deadline_us));
            continue;
        }
        bytes = span_after(bytes, (size_t)result);
        TRY(flush(dialogue, deadline_us));
    }
    return OK;
}

struct status tls_dialogue_receive(struct tls_dialogue *dialogue, void *data, size_t capacity,
                                   uint64_t deadline_us, size_t *ret_size)
{
    for (;;) {
        ERR_clear_error();
        int result = SSL_read(dialogue->ssl, data, capacity < INT_MAX ? (int)capacity : INT_MAX);
        if (result > 0) {
            *ret_size = (size_t)result;
            return OK;
        }
        struct status status = carry(dialogue, result, deadline_us);
        if (status.end == END_SERVER_CLOSED) {
            *ret_size = 0;
            return OK;
        }
        TRY(status);
    }
}

// ---- opening and closing

static void explain(enum end end, struct tls_problem *ret_problem)
{
    const char *words = end == END_SERVER_TLS_FAILED
                            ? tls_error_words(tls_error_take(), "the bytes received are not TLS")
                        : end == END_SERVER_CLOSED
                            ? "the connection was closed during the handshake"
                        : end == END_SERVER_RESET ? "the connection was reset during the handshake"
                        : end == END_SERVER_TIMEOUT ? "no answer to the ClientHello in time"
                                                    : end_sentence(end);
    tls_problem_say(ret_problem, "%s", words);
}

struct status tls_dialogue_open(struct dial *dial, const struct tls_dialogue_wish *wish,
                                uint64_t deadline_us, struct tls_dialogue **ret_dialogue,
                                struct tls_problem *ret_problem)
{
    ERR_clear_error();
    struct tls_dialogue *dialogue = calloc(1, sizeof *dialogue);
    if (!dialogue)
        return failed(END_OVERLOAD);
    dialogue->dial = dial;
    dialogue->splits_hello = wish->splits_hello;
    dialogue->pads_hello = wish->pads_hello;
    struct status status =
        prepare(dialogue, wish) ? shake(dialogue, deadline_us) : failed(END_SERVER_TLS_FAILED);
    if (!is_ok(status)) {
        explain(status.end, ret_problem);
        dialogue->dial = NULL;
        tls_dialogue_close(dialogue);
        return status;
    }
    *ret_dialogue = dialogue;
    return OK;
}

struct tls_dialogue *tls_dialogue_close(struct tls_dialogue *dialogue)
{
    if (!dialogue)
        return NULL;
    ERR_clear_error();
    if (dialogue->dial && SSL_shutdown(dialogue->ssl) >= 0) {
        struct status status = flush(dialogue, loop_now_us());
        (void)status; // nobody waits for our goodbye
    }
    ERR_clear_error();
    SSL_SESSION_free(dialogue->session);
    SSL_free(dialogue->ssl);
    SSL_CTX_free(dialogue->context);
    free(dialogue->ca_file);
    free(dialogue);
    return NULL;
}

// ---- what was seen

void tls_dialogue_facts(const struct tls_dialogue *dialogue, struct tls_dialogue_facts *ret_facts)
{
    const uint8_t *alpn = NULL;
    unsigned alpn_size = 0;
    const uint8_t *staple = NULL;
    SSL_get0_alpn_selected(dialogue->ssl, &alpn, &alpn_size);
    *ret_facts = (struct tls_dialogue_facts){
        .version = SSL_get_version(dialogue->ssl),
        .cipher = SSL_get_cipher_name(dialogue->ssl),
        .is_resumed = SSL_session_reused(dialogue->ssl) == 1,
        .is_stapled = SSL_get_tlsext_status_ocsp_resp(dialogue->ssl, &staple) > 0,
        .asks_certificate = dialogue->asks_certificate,
    };
    if (alpn_size < TLS_DIALOGUE_ALPN_MAX)
        memcpy(ret_facts->alpn, alpn ? alpn : (const uint8_t *)"", alpn_size);
}

static void bind_to(X509 *certificate, struct tls_dialogue_certificate *found)
{
    uint8_t *der = NULL;
    int size = i2d_X509(certificate, &der);
    if (size <= 0)
        return;
    found->has_binding =
        tls_binding_hash_of_der(span_of(der, (size_t)size), &found->binding_hash) &&
        tls_binding_of_hash(span_of(found->binding_hash.data, found->binding_hash.size),
                            found->binding);
    OPENSSL_free(der);
}

void tls_dialogue_certificate(const struct tls_dialogue *dialogue,
                              struct tls_dialogue_certificate *ret_certificate)
{
    struct tls_dialogue_certificate found = {0};
    X509 *certificate = SSL_get0_peer_certificate(dialogue->ssl);
    if (certificate) {
        found.is_there = true;
        tls_certificate_facts_of(certificate, &found.facts);
        tls_name_print(X509_get_issuer_name(certificate), found.issuer, sizeof found.issuer);
        snprintf(found.signature, sizeof found.signature, "%s",
                 OBJ_nid2ln(X509_get_signature_nid(certificate)));
        bind_to(certificate, &found);
        found.covers_name = dialogue->name[0] && tls_leaf_covers(certificate, dialogue->name);
    }
    ERR_clear_error();
    *ret_certificate = found;
}

// Not during the handshake: reading the store of many systems takes longer than shaking hands.
static X509_STORE *store_of(const struct tls_dialogue *dialogue)
{
    X509_STORE *store = X509_STORE_new();
    if (store && X509_STORE_set_default_paths(store) == 1 &&
        (!dialogue->ca_file || X509_STORE_load_file(store, dialogue->ca_file) == 1))
        return store;
    X509_STORE_free(store);
    return NULL;
}

static int verify(const struct tls_dialogue *dialogue, X509_STORE *store, X509 *certificate)
{
    X509_STORE_CTX *verification = X509_STORE_CTX_new();
    int result = X509_V_ERR_OUT_OF_MEM;
    if (verification && X509_STORE_CTX_init(verification, store, certificate,
                                            SSL_get_peer_cert_chain(dialogue->ssl)) == 1) {
        X509_STORE_CTX_set_default(verification, "ssl_server");
        X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(verification), 1);
        result = X509_verify_cert(verification) == 1 ? X509_V_OK
                                                     : X509_STORE_CTX_get_error(verification);
    }
    X509_STORE_CTX_free(verification);
    return result;
}

bool tls_dialogue_is_trusted(const struct tls_dialogue *dialogue, struct tls_problem *ret_problem)
{
    X509 *certificate = SSL_get0_peer_certificate(dialogue->ssl);
    X509_STORE *store = store_of(dialogue);
    int result = X509_V_ERR_UNSPECIFIED;
    if (!certificate)
        tls_problem_say(ret_problem, "no certificate was shown");
    else if (!store)
        tls_problem_say(ret_problem, "the store of trusted certificates cannot be read");
    else
        result = verify(dialogue, store, certificate);
    if (certificate && store && result != X509_V_OK)
        tls_problem_say(ret_problem, "%s", X509_verify_cert_error_string(result));
    X509_STORE_free(store);
    ERR_clear_error();
    return result == X509_V_OK;
}
