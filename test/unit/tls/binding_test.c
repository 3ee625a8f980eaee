// SPDX-License-Identifier: Apache-2.0
// Channel bindings: known answers, which hash a certificate is bound by, and those of a channel.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/rand.h>

#include "stage.h"

static struct identity ca, leaf;

static int prepare(void **state)
{
    (void)state;
    identity_directory_make();
    ca = identity_make(IDENTITY_ECDSA, "Test CA", NULL, 30, NULL);
    leaf = identity_make(IDENTITY_ECDSA, "lb", "DNS:lb.example.com", 30, &ca);
    identity_write(&ca, NULL, "ca");
    identity_write(&leaf, NULL, "leaf");
    return 0;
}

static int tidy(void **state)
{
    (void)state;
    identity_done(&ca);
    identity_done(&leaf);
    identity_directory_remove();
    return 0;
}

// ---- known answers

static size_t from_hex(const char *hex, uint8_t *out)
{
    size_t size = strlen(hex) / 2;
    for (size_t i = 0; i < size; i++) {
        unsigned value;
        CHECK(sscanf(hex + 2 * i, "%2x", &value) == 1);
        out[i] = (uint8_t)value;
    }
    return size;
}

static void makes_the_known_bindings(void **state)
{
    (void)state;
    static const struct {
        const char *hash;
        const char *binding;
    } cases[] = {
        {"E3CA49271E5089CC48CE82109F1324F41DBEDDC29A777410C738F7868C4FF405",
         "6ea19df066da4622051f9c4f92c6df74"},
        {"0000000000000000000000000000000000000000000000000000000000000000",
         "c9ec5cb29e8f57f7ee6429cde733efeb"},
        {"000000000000000000000000000000000000000000000000"
         "000000000000000000000000000000000000000000000000",
         "b48e5c272fb44806f429890b14c8e2d0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t hash[TLS_BINDING_HASH_MAX];
        uint8_t expected[TLS_BINDING_BYTES];
        uint8_t made[TLS_BINDING_BYTES];
        size_t size = from_hex(cases[i].hash, hash);
        from_hex(cases[i].binding, expected);
        assert_true(tls_binding_of_hash(span_of(hash, size), made));
        assert_memory_equal(made, expected, sizeof made);
    }
}

static void refuses_a_hash_that_is_too_long(void **state)
{
    (void)state;
    uint8_t hash[TLS_BINDING_HASH_MAX + 1] = {0};
    uint8_t made[TLS_BINDING_BYTES];
    assert_false(tls_binding_of_hash(span_of(hash, sizeof hash), made));
    assert_true(tls_binding_of_hash(span_of(hash, sizeof hash - 1), made));
}

// ---- which hash

struct der {
    uint8_t data[4096];
    size_t size;
};

static void print_der(X509 *certificate, struct der *der)
{
    uint8_t *end = der->data;
    int size = i2d_X509(certificate, NULL);
    CHECK(size > 0 && (size_t)size <= sizeof der->data);
    CHECK(i2d_X509(certificate, &end) == size);
    der->size = (size_t)size;
}

// The leaf signed anew: by an RSA key with that padding, by an Ed25519 key, or by the CA.
static void sign(EVP_PKEY *key, const EVP_MD *hash, int padding, struct der *der)
{
    X509 *copy = X509_dup(leaf.certificate);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *key_context = NULL;
    CHECK(EVP_DigestSignInit(context, &key_context, hash, NULL, key) == 1);
    if (padding)
        CHECK(EVP_PKEY_CTX_set_rsa_padding(key_context, padding) == 1);
    CHECK(X509_sign_ctx(copy, context) > 0);
    print_der(copy, der);
    EVP_MD_CTX_free(context);
    X509_free(copy);
}

static void assert_hashed_with(const struct der *der, const EVP_MD *hash, const char *name)
{
    struct tls_binding_hash made;
    uint8_t expected[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    CHECK(EVP_Digest(der->data, der->size, expected, &size, hash, NULL) == 1);
    assert_true(tls_binding_hash_of_der(span_of(der->data, der->size), &made));
    assert_string_equal(made.name, name);
    assert_int_equal(made.size, size);
    assert_memory_equal(made.data, expected, size);
}

static void takes_the_hash_of_the_signature(void **state)
{
    (void)state;
    struct der der;
    EVP_PKEY *rsa = EVP_RSA_gen(2048);
    sign(ca.key, EVP_sha256(), 0, &der);
    assert_hashed_with(&der, EVP_sha256(), "SHA256");
    sign(ca.key, EVP_sha384(), 0, &der);
    assert_hashed_with(&der, EVP_sha384(), "SHA384");
    sign(rsa, EVP_sha512(), RSA_PKCS1_PADDING, &der);
    assert_hashed_with(&der, EVP_sha512(), "SHA512");
    sign(rsa, EVP_sha384(), RSA_PKCS1_PSS_PADDING, &der);
    assert_hashed_with(&der, EVP_sha384(), "SHA384");
    EVP_PKEY_free(rsa);
}

static void takes_sha256_for_hashes_nobody_trusts(void **state)
{
    (void)state;
    struct der der;
    EVP_PKEY *rsa = EVP_RSA_gen(2048);
    sign(rsa, EVP_sha1(), RSA_PKCS1_PADDING, &der);
    assert_hashed_with(&der, EVP_sha256(), "SHA256");
    sign(rsa, EVP_md5(), RSA_PKCS1_PADDING, &der);
    assert_hashed_with(&der, EVP_sha256(), "SHA256");
    EVP_PKEY_free(rsa);
}

static bool make_binding(struct span der, uint8_t ret_binding[TLS_BINDING_BYTES])
{
    struct tls_binding_hash hash;
    return tls_binding_hash_of_der(der, &hash) &&
           tls_binding_of_hash(span_of(hash.data, hash.size), ret_binding);
}

static void knows_no_binding_without_a_single_hash(void **state)
{
    (void)state;
    struct der der;
    struct tls_binding_hash hash;
    uint8_t made[TLS_BINDING_BYTES];
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    sign(key, NULL, 0, &der);
    assert_false(tls_binding_hash_of_der(span_of(der.data, der.size), &hash));
    assert_false(make_binding(span_of(der.data, der.size), made));
    EVP_PKEY_free(key);
}

static void refuses_what_is_not_one_certificate(void **state)
{
    (void)state;
    struct der der;
    uint8_t made[TLS_BINDING_BYTES];
    print_der(leaf.certificate, &der);
    assert_true(make_binding(span_of(der.data, der.size), made));
    assert_false(make_binding(span_of(der.data, der.size - 1), made));
    der.data[der.size] = 0;
    assert_false(make_binding(span_of(der.data, der.size + 1), made));
    assert_false(make_binding(span_of(NULL, 0), made));
    assert_false(make_binding(SPAN("-----BEGIN CERTIFICATE-----"), made));
}

// ---- channels

static struct tls_server *showing(struct tls_tickets *tickets, const char *first,
                                  const char *second)
{
    const char *names[] = {first, second};
    struct tls_server *server = tls_server_new(tickets, "site");
    for (size_t i = 0; i < 2 && names[i]; i++) {
        struct tls_problem problem;
        char chain[32];
        char key[32];
        snprintf(chain, sizeof chain, "%s.pem", names[i]);
        snprintf(key, sizeof key, "%s.key", names[i]);
        assert_true(
            tls_server_add(server, identity_path(chain), identity_path(key), NULL, &problem));
    }
    return server;
}

static void binding_of(X509 *certificate, uint8_t ret_binding[TLS_BINDING_BYTES])
{
    struct der der;
    print_der(certificate, &der);
    assert_true(make_binding(span_of(der.data, der.size), ret_binding));
}

static void tells_what_we_showed(void **state)
{
    (void)state;
    struct tls_problem problem;
    struct tls_tickets *tickets = tls_tickets_new();
    struct tls_server *server = tls_server_new(tickets, "site");
    struct tls_server *other = showing(tickets, "ca", NULL);
    struct stage stage;
    uint8_t made[TLS_BINDING_BYTES];
    uint8_t expected[TLS_BINDING_BYTES];
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    assert_true(tls_server_add(server, identity_path("leaf.pem"), identity_path("leaf.key"), NULL,
                               &problem));
    binding_of(leaf.certificate, expected);
    stage_accept(&stage, server, context);
    assert_false(tls_channel_binding_is_ours(stage.channel, expected)); // not yet
    assert_false(tls_channel_binding_is_outdated(stage.channel, other));
    channel_want(stage.channel, CHANNEL_READ);
    stage_run(&stage);
    assert_true(stage.channel->is_open);
    assert_true(tls_channel_binding_is_ours(stage.channel, expected));
    assert_false(tls_channel_binding_peers(stage.channel, made)); // the client showed none
    assert_false(tls_channel_binding_is_outdated(stage.channel, server));
    assert_true(tls_channel_binding_is_outdated(stage.channel, other));
    expected[15] ^= 1;
    assert_false(tls_channel_binding_is_ours(stage.channel, expected));
    stage_end(&stage);
    SSL_CTX_free(context);
    tls_server_free(server);
    tls_server_free(other);
    tls_tickets_free(tickets);
}

// A client that resumes is shown no certificate and binds to the one it remembers; with two of the
// site nobody can tell which.
static void knows_both_certificates_of_a_resumed_session(void **state)
{
    (void)state;
    struct tls_tickets *tickets = tls_tickets_new();
    struct identity rsa = identity_make(IDENTITY_RSA, "lb", "DNS:lb.example.com", 30, &ca);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_SESSION *session = NULL;
    identity_write(&rsa, NULL, "rsa");
    SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION); // the ticket comes in the handshake
    struct tls_server *server = showing(tickets, "leaf", "rsa");
    struct tls_server *turned = showing(tickets, "rsa", "leaf");
    struct tls_server *only_leaf = showing(tickets, "leaf", NULL);
    struct tls_server *only_rsa = showing(tickets, "rsa", NULL);
    uint8_t of_leaf[TLS_BINDING_BYTES];
    uint8_t of_rsa[TLS_BINDING_BYTES];
    uint8_t of_ca[TLS_BINDING_BYTES];
    binding_of(leaf.certificate, of_leaf);
    binding_of(rsa.certificate, of_rsa);
    binding_of(ca.certificate, of_ca);
    for (unsigned round = 0; round < 2; round++) {
        struct stage stage;
        struct tls_facts facts;
        stage_accept(&stage, server, context);
        if (session)
            SSL_set_session(stage.peer.ssl, session);
        channel_want(stage.channel, CHANNEL_READ);
        stage_run(&stage);
        tls_channel_facts(stage.channel, &facts);
        assert_int_equal(facts.resumed, round == 1);
        assert_true(tls_channel_binding_is_ours(stage.channel, of_leaf));
        assert_int_equal(tls_channel_binding_is_ours(stage.channel, of_rsa), round == 1);
        assert_false(tls_channel_binding_is_ours(stage.channel, of_ca));
        assert_false(tls_channel_binding_is_outdated(stage.channel, server));
        assert_false(tls_channel_binding_is_outdated(stage.channel, turned));
        assert_int_equal(tls_channel_binding_is_outdated(stage.channel, only_leaf), round == 1);
        assert_true(tls_channel_binding_is_outdated(stage.channel, only_rsa));
        SSL_SESSION_free(session);
        session = SSL_get1_session(stage.peer.ssl);
        stage_end(&stage);
    }
    SSL_SESSION_free(session);
    SSL_CTX_free(context);
    tls_server_free(server);
    tls_server_free(turned);
    tls_server_free(only_leaf);
    tls_server_free(only_rsa);
    tls_tickets_free(tickets);
    identity_done(&rsa);
}

static void tells_what_a_server_showed(void **state)
{
    (void)state;
    struct tls_problem problem;
    struct stage stage;
    uint8_t made[TLS_BINDING_BYTES];
    uint8_t expected[TLS_BINDING_BYTES];
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    struct tls_client *client = tls_client_new(identity_path("ca.pem"), true, &problem);
    CHECK(SSL_CTX_use_certificate(context, leaf.certificate) == 1);
    CHECK(SSL_CTX_use_PrivateKey(context, leaf.key) == 1);
    stage_connect(&stage, client, "lb.example.com", NULL, context);
    stage_run(&stage);
    assert_true(stage.channel->is_open);
    assert_true(tls_channel_binding_peers(stage.channel, made));
    binding_of(leaf.certificate, expected);
    assert_memory_equal(made, expected, sizeof made);
    assert_false(tls_channel_binding_is_ours(stage.channel, made));
    stage_end(&stage);
    tls_client_free(client);
    SSL_CTX_free(context);
}

static void a_plain_channel_has_none(void **state)
{
    (void)state;
    struct cable cable;
    uint8_t made[TLS_BINDING_BYTES] = {0};
    cable_init(&cable, END_CLIENT_RESET);
    assert_false(tls_channel_binding_peers(&cable.near.channel, made));
    assert_false(tls_channel_binding_is_ours(&cable.near.channel, made));
    struct tls_tickets *tickets = tls_tickets_new();
    struct tls_server *server = showing(tickets, "leaf", NULL);
    assert_false(tls_channel_binding_is_outdated(&cable.near.channel, server));
    tls_server_free(server);
    tls_tickets_free(tickets);
    cable_done(&cable);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_the_known_bindings),
        cmocka_unit_test(refuses_a_hash_that_is_too_long),
        cmocka_unit_test(takes_the_hash_of_the_signature),
        cmocka_unit_test(takes_sha256_for_hashes_nobody_trusts),
        cmocka_unit_test(knows_no_binding_without_a_single_hash),
        cmocka_unit_test(refuses_what_is_not_one_certificate),
        cmocka_unit_test(tells_what_we_showed),
        cmocka_unit_test(knows_both_certificates_of_a_resumed_session),
        cmocka_unit_test(tells_what_a_server_showed),
        cmocka_unit_test(a_plain_channel_has_none),
    };
    return cmocka_run_group_tests(tests, prepare, tidy);
}
