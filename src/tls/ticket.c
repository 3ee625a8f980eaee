// SPDX-License-Identifier: Apache-2.0
// Stateless session tickets (RFC 5077 section 4, RFC 8446 section 4.6.1): AES-256-CBC under
// HMAC-SHA-256. The keys live in memory only and are shared by all contexts and threads; a rotation
// keeps the last ones to open what they sealed. Readers copy a key under a mutex that nobody holds
// for longer than a copy. No session is ever stored here.
#include "tls/ticket.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include "base/check.h"

enum { TICKET_NAME_BYTES = 16, TICKET_KEY_BYTES = 32, TICKET_IV_BYTES = 16 };

struct ticket_key {
    uint8_t name[TICKET_NAME_BYTES]; // sent in clear, tells which key to use; all zero: no key
    uint8_t seal[TICKET_KEY_BYTES];
    uint8_t sign[TICKET_KEY_BYTES];
};

struct tls_tickets {
    atomic_uint shares;
    EVP_CIPHER *cipher; // fetched once: a fetch per ticket costs more than the encryption
    pthread_mutex_t lock;
    struct ticket_key current;
    struct ticket_key previous;
};

// What OpenSSL's callback answers.
enum ticket_answer {
    TICKET_FAILED = -1,
    TICKET_UNKNOWN = 0, // no such key: a whole handshake follows
    TICKET_GOOD = 1,
    TICKET_GOOD_BUT_OLD = 2, // resumes, and the client gets a new one
};

static bool key_make(struct ticket_key *key)
{
    return RAND_bytes(key->name, sizeof key->name) == 1 &&
           RAND_priv_bytes(key->seal, sizeof key->seal) == 1 &&
           RAND_priv_bytes(key->sign, sizeof key->sign) == 1;
}

static void tickets_done(struct tls_tickets *tickets)
{
    EVP_CIPHER_free(tickets->cipher);
    pthread_mutex_destroy(&tickets->lock);
    OPENSSL_cleanse(tickets, sizeof *tickets);
    free(tickets);
}

struct tls_tickets *tls_tickets_new(void)
{
    struct tls_tickets *tickets = calloc(1, sizeof *tickets);
    if (!tickets)
        return NULL;
    atomic_init(&tickets->shares, 1);
    CHECK(pthread_mutex_init(&tickets->lock, NULL) == 0);
    tickets->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
    // Nobody knows the first previous key, so nothing opens with it.
    if (!tickets->cipher || !key_make(&tickets->current) || !key_make(&tickets->previous)) {
        tickets_done(tickets);
        ERR_clear_error();
        return NULL;
    }
    return tickets;
}

struct tls_tickets *tls_tickets_free(struct tls_tickets *tickets)
{
    if (tickets && atomic_fetch_sub_explicit(&tickets->shares, 1, memory_order_acq_rel) == 1)
        tickets_done(tickets);
    return NULL;
}

bool tls_tickets_rotate(struct tls_tickets *tickets)
{
    struct ticket_key fresh;
    bool made = key_make(&fresh);
    if (made) {
        pthread_mutex_lock(&tickets->lock);
        tickets->previous = tickets->current;
        tickets->current = fresh;
        pthread_mutex_unlock(&tickets->lock);
    } else {
        ERR_clear_error();
    }
    OPENSSL_cleanse(&fresh, sizeof fresh);
    return made;
}

static void key_current(struct tls_tickets *tickets, struct ticket_key *ret_key)
{
    pthread_mutex_lock(&tickets->lock);
    *ret_key = tickets->current;
    pthread_mutex_unlock(&tickets->lock);
}

static enum ticket_answer key_named(struct tls_tickets *tickets,
                                    const uint8_t name[TICKET_NAME_BYTES],
                                    struct ticket_key *ret_key)
{
    enum ticket_answer answer = TICKET_UNKNOWN;
    pthread_mutex_lock(&tickets->lock);
    if (memcmp(tickets->current.name, name, TICKET_NAME_BYTES) == 0) {
        *ret_key = tickets->current;
        answer = TICKET_GOOD;
    } else if (memcmp(tickets->previous.name, name, TICKET_NAME_BYTES) == 0) {
        *ret_key = tickets->previous;
        answer = TICKET_GOOD_BUT_OLD;
    }
    pthread_mutex_unlock(&tickets->lock);
    return answer;
}

static bool sign_with(EVP_MAC_CTX *mac, struct ticket_key *key)
{
    char digest[] = "SHA256";
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->sign, sizeof key->sign),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

static enum ticket_answer ticket_seal(struct tls_tickets *tickets, struct ticket_key *key,
                                      uint8_t *ret_name, uint8_t *ret_iv, EVP_CIPHER_CTX *cipher,
                                      EVP_MAC_CTX *mac)
{
    key_current(tickets, key);
    memcpy(ret_name, key->name, sizeof key->name);
    bool ready = RAND_bytes(ret_iv, TICKET_IV_BYTES) == 1 &&
                 EVP_EncryptInit_ex2(cipher, tickets->cipher, key->seal, ret_iv, NULL) == 1 &&
                 sign_with(mac, key);
    return ready ? TICKET_GOOD : TICKET_FAILED;
}

static enum ticket_answer ticket_open(struct tls_tickets *tickets, struct ticket_key *key,
                                      const uint8_t *name, const uint8_t *iv,
                                      EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
    enum ticket_answer answer = key_named(tickets, name, key);
    if (answer == TICKET_UNKNOWN)
        return answer;
    bool ready = EVP_DecryptInit_ex2(cipher, tickets->cipher, key->seal, iv, NULL) == 1 &&
                 sign_with(mac, key);
    return ready ? answer : TICKET_FAILED;
}

// ---- the tickets of a context hang on it as extra data

static int tickets_index;
static pthread_once_t tickets_index_once = PTHREAD_ONCE_INIT;

static void on_context_freed(void *context, void *tickets, CRYPTO_EX_DATA *data, int index,
                             long argument, void *more)
{
    (void)context, (void)data, (void)index, (void)argument, (void)more;
    tls_tickets_free(tickets);
}

static void make_tickets_index(void)
{
    tickets_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, on_context_freed);
    CHECK(tickets_index >= 0);
}

// Called for every ticket: `sealing` a new one (fills in name and IV) or opening one that a client
// showed.
static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                     EVP_MAC_CTX *mac, int sealing)
{
    struct tls_tickets *tickets = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), tickets_index);
    struct ticket_key key;
    enum ticket_answer answer = sealing ? ticket_seal(tickets, &key, name, iv, cipher, mac)
                                        : ticket_open(tickets, &key, name, iv, cipher, mac);
    // Clients of TLS 1.3 show a ticket once (RFC 8446 appendix C.4), so each use earns a new one.
    if (!sealing && answer == TICKET_GOOD && SSL_version(ssl) == TLS1_3_VERSION)
        answer = TICKET_GOOD_BUT_OLD;
    OPENSSL_cleanse(&key, sizeof key);
    return answer;
}

bool tls_tickets_serve(struct tls_tickets *tickets, SSL_CTX *context)
{
    pthread_once(&tickets_index_once, make_tickets_index);
    if (SSL_CTX_set_ex_data(context, tickets_index, tickets) != 1 ||
        SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket) != 1)
        return false;
    atomic_fetch_add_explicit(&tickets->shares, 1, memory_order_relaxed);
    return true;
}
