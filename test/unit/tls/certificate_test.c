// SPDX-License-Identifier: Apache-2.0
// Reading chains and keys: the facts, which hosts are covered, and what is said about files that
// will not do.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <time.h>

#include "identity.h"
#include "tls/tls.h"

static struct identity ca, ecdsa, rsa, other;

static int prepare(void **state)
{
    (void)state;
    identity_directory_make();
    ca = identity_make(IDENTITY_ECDSA, "Test CA", NULL, 30, NULL);
    ecdsa =
        identity_make(IDENTITY_ECDSA, "lb.example.com",
                      "DNS:lb.example.com,DNS:*.apps.example.com,IP:10.0.0.11,IP:fd00::1", 30, &ca);
    rsa = identity_make(IDENTITY_RSA, "lb.example.com", "DNS:lb.example.com", 30, &ca);
    other =
        identity_make(IDENTITY_ECDSA, "only.cn.example.com", "DNS:elsewhere.example.com", -3, &ca);
    identity_write(&ca, NULL, "ca");
    identity_write(&ecdsa, &ca, "ecdsa");
    identity_write(&rsa, &ca, "rsa");
    identity_write(&other, NULL, "other");
    identity_write_text("empty.pem", "");
    identity_write_text("prose.pem", "this is not a certificate\n");
    identity_write_text("broken.pem",
                        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    return 0;
}

static int tidy(void **state)
{
    (void)state;
    identity_done(&ca);
    identity_done(&ecdsa);
    identity_done(&rsa);
    identity_done(&other);
    identity_directory_remove();
    return 0;
}

static void tells_facts(void **state)
{
    (void)state;
    struct tls_certificate_facts facts;
    struct tls_problem problem;
    assert_true(tls_certificate_read(identity_path("ecdsa.pem"), &facts, &problem));
    assert_string_equal(facts.subject, "CN=lb.example.com");
    assert_string_equal(facts.names, "lb.example.com, *.apps.example.com, 10.0.0.11, fd00::1");
    assert_true(facts.is_ecdsa);
    assert_false(facts.is_rsa);
    assert_in_range((uint64_t)facts.not_after_s, (uint64_t)time(NULL) + 29 * 86400,
                    (uint64_t)time(NULL) + 31 * 86400);
    assert_in_range((uint64_t)facts.not_before_s, (uint64_t)time(NULL) - 101 * 86400,
                    (uint64_t)time(NULL) - 99 * 86400);
    uint8_t expected[32];
    assert_int_equal(X509_digest(ecdsa.certificate, EVP_sha256(), expected, NULL), 1);
    assert_memory_equal(facts.sha256, expected, sizeof expected);

    assert_true(tls_certificate_read(identity_path("rsa.pem"), &facts, &problem));
    assert_true(facts.is_rsa);
    assert_false(facts.is_ecdsa);
    assert_true(tls_certificate_read(identity_path("other.pem"), &facts, &problem));
    assert_true(facts.not_after_s < (int64_t)time(NULL));
}

static void cuts_a_long_list_of_names(void **state)
{
    (void)state;
    char names[4096] = "";
    for (int i = 0; i < 100; i++) {
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%sDNS:host%d.example.com", i ? "," : "", i);
    }
    struct identity many = identity_make(IDENTITY_ECDSA, "many", names, 3, &ca);
    identity_write(&many, NULL, "many");
    struct tls_certificate_facts facts;
    struct tls_problem problem;
    assert_true(tls_certificate_read(identity_path("many.pem"), &facts, &problem));
    assert_true(strlen(facts.names) < sizeof facts.names);
    assert_string_equal(facts.names + strlen(facts.names) - 5, ", ...");
    assert_int_equal(strncmp(facts.names, "host0.example.com, host1.example.com", 36), 0);
    identity_done(&many);
}

static void knows_what_it_covers(void **state)
{
    (void)state;
    static const struct {
        const char *file, *host;
        bool covers;
    } cases[] = {
        {"ecdsa.pem", "lb.example.com", true},
        {"ecdsa.pem", "LB.Example.COM", true},
        {"ecdsa.pem", "example.com", false},
        {"ecdsa.pem", "xlb.example.com", false},
        {"ecdsa.pem", "one.apps.example.com", true},
        {"ecdsa.pem", "one.two.apps.example.com", false},
        {"ecdsa.pem", "apps.example.com", false},
        {"ecdsa.pem", "*.apps.example.com", true},
        {"ecdsa.pem", "*.example.com", false},
        {"ecdsa.pem", "*.lb.example.com", false},
        {"ecdsa.pem", "10.0.0.11", true},
        {"ecdsa.pem", "10.0.0.12", false},
        {"ecdsa.pem", "fd00::1", true},
        {"ecdsa.pem", "", false},
        {"rsa.pem", "*.example.com", false},
        {"rsa.pem", "lb.example.com", true},
        {"other.pem", "only.cn.example.com", false}, // the subject's common name does not count
        {"other.pem", "elsewhere.example.com", true},
        {"missing.pem", "lb.example.com", false},
        {"prose.pem", "lb.example.com", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool covers = tls_certificate_covers(identity_path(cases[i].file), cases[i].host);
        if (covers != cases[i].covers)
            fail_msg("%s and \"%s\": %d", cases[i].file, cases[i].host, covers);
    }
}

static void says_what_is_wrong_with_a_file(void **state)
{
    (void)state;
    static const struct {
        const char *file, *words;
    } cases[] = {
        {"missing.pem", "No such file or directory"},
        {"empty.pem", "holds no PEM certificate"},
        {"prose.pem", "holds no PEM certificate"},
        {"broken.pem", "certificate 1 cannot be read"},
        {"ecdsa.key", "holds no PEM certificate"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tls_certificate_facts facts;
        struct tls_problem problem = {""};
        assert_false(tls_certificate_read(identity_path(cases[i].file), &facts, &problem));
        assert_non_null(strstr(problem.text, cases[i].words));
        assert_non_null(strstr(problem.text, cases[i].file));
    }
}

static void refuses_a_directory(void **state)
{
    (void)state;
    struct tls_certificate_facts facts;
    struct tls_problem problem = {""};
    assert_false(tls_certificate_read(identity_directory, &facts, &problem));
    assert_string_not_equal(problem.text, "");
}

static void finds_the_broken_link_of_a_chain(void **state)
{
    (void)state;
    char text[8192] = "";
    FILE *good = fopen(identity_path("rsa.pem"), "r");
    size_t size = fread(text, 1, sizeof text - 1, good);
    fclose(good);
    strcpy(text + size, "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n");
    identity_write_text("half.pem", text);
    struct tls_certificate_facts facts;
    struct tls_problem problem = {""};
    assert_false(tls_certificate_read(identity_path("half.pem"), &facts, &problem));
    assert_non_null(strstr(problem.text, "certificate 3 cannot be read"));
}

// ---- into a server

struct adding {
    struct tls_tickets *tickets;
    struct tls_server *server;
    struct tls_problem problem;
};

static struct adding adding_begin(void)
{
    struct adding adding = {.tickets = tls_tickets_new()};
    adding.server = tls_server_new(adding.tickets, "portal");
    assert_non_null(adding.server);
    return adding;
}

static void adding_end(struct adding *adding)
{
    assert_null(tls_server_free(adding->server));
    assert_null(tls_tickets_free(adding->tickets));
}

static bool add(struct adding *adding, const char *chain, const char *key)
{
    adding->problem.text[0] = '\0';
    return tls_server_add(adding->server, identity_path(chain), identity_path(key), NULL,
                          &adding->problem);
}

static void takes_rsa_beside_ecdsa(void **state)
{
    (void)state;
    struct adding adding = adding_begin();
    struct tls_certificate_facts facts;
    assert_true(tls_server_add(adding.server, identity_path("ecdsa.pem"),
                               identity_path("ecdsa.key"), &facts, &adding.problem));
    assert_true(facts.is_ecdsa);
    assert_true(add(&adding, "rsa.pem", "rsa.key"));
    assert_false(add(&adding, "other.pem", "other.key"));
    assert_non_null(strstr(adding.problem.text, "another certificate of the same kind of key"));
    adding_end(&adding);
}

static void refuses_a_key_of_another(void **state)
{
    (void)state;
    struct adding adding = adding_begin();
    assert_false(add(&adding, "ecdsa.pem", "other.key")); // same kind
    assert_non_null(strstr(adding.problem.text, "does not belong to the certificate"));
    assert_false(add(&adding, "ecdsa.pem", "rsa.key")); // another kind
    assert_non_null(strstr(adding.problem.text, "does not belong to the certificate"));
    assert_true(add(&adding, "ecdsa.pem", "ecdsa.key")); // and the server is still fit for use
    adding_end(&adding);
}

static void refuses_keys_it_cannot_read(void **state)
{
    (void)state;
    FILE *file = fopen(identity_path("locked.key"), "w");
    assert_int_equal(PEM_write_PrivateKey(file, ecdsa.key, EVP_aes_128_cbc(),
                                          (const unsigned char *)"secret", 6, NULL, NULL),
                     1);
    fclose(file);
    struct adding adding = adding_begin();
    assert_false(add(&adding, "ecdsa.pem", "locked.key"));
    assert_non_null(strstr(adding.problem.text, "protected by a passphrase"));
    assert_false(add(&adding, "ecdsa.pem", "missing.key"));
    assert_non_null(strstr(adding.problem.text, "No such file"));
    assert_false(add(&adding, "ecdsa.pem", "ecdsa.pem"));
    assert_non_null(strstr(adding.problem.text, "holds no PEM private key"));
    assert_false(add(&adding, "missing.pem", "ecdsa.key"));
    assert_non_null(strstr(adding.problem.text, "missing.pem: No such file"));
    adding_end(&adding);
}

static void refuses_a_key_too_weak(void **state)
{
    (void)state;
    struct identity weak = {X509_new(), EVP_RSA_gen(1024)};
    X509_gmtime_adj(X509_getm_notBefore(weak.certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(weak.certificate), 86400);
    X509_set_pubkey(weak.certificate, weak.key);
    assert_true(X509_sign(weak.certificate, weak.key, EVP_sha256()) > 0);
    identity_write(&weak, NULL, "weak");
    struct adding adding = adding_begin();
    assert_false(add(&adding, "weak.pem", "weak.key"));
    assert_non_null(strstr(adding.problem.text, "too small"));
    adding_end(&adding);
    identity_done(&weak);
}

static void refuses_a_ca_file_without_certificates(void **state)
{
    (void)state;
    struct tls_problem problem = {""};
    assert_null(tls_client_new(identity_path("missing.pem"), true, &problem));
    assert_non_null(strstr(problem.text, "missing.pem: No such file"));
    assert_null(tls_client_new(identity_path("prose.pem"), true, &problem));
    assert_non_null(strstr(problem.text, "holds no usable CA certificate"));
    struct tls_client *client = tls_client_new(identity_path("ca.pem"), true, &problem);
    assert_non_null(client);
    assert_null(tls_client_free(client));
    client = tls_client_new(NULL, true, &problem);
    assert_non_null(client);
    assert_null(tls_client_free(client));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_facts),
        cmocka_unit_test(cuts_a_long_list_of_names),
        cmocka_unit_test(knows_what_it_covers),
        cmocka_unit_test(says_what_is_wrong_with_a_file),
        cmocka_unit_test(refuses_a_directory),
        cmocka_unit_test(finds_the_broken_link_of_a_chain),
        cmocka_unit_test(takes_rsa_beside_ecdsa),
        cmocka_unit_test(refuses_a_key_of_another),
        cmocka_unit_test(refuses_keys_it_cannot_read),
        cmocka_unit_test(refuses_a_key_too_weak),
        cmocka_unit_test(refuses_a_ca_file_without_certificates),
    };
    return cmocka_run_group_tests_name("tls certificate", tests, prepare, tidy);
}
