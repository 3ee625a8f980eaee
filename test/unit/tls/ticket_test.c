// SPDX-License-Identifier: Apache-2.0
// Tickets: who resumes, who must not, what a rotation does, and several threads at once.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "stage.h"

static struct identity ecdsa;
static struct identity renewed;
static struct identity rsa;
static struct tls_tickets *tickets;
static struct tls_server *portal;

static _Thread_local SSL_SESSION *kept; // the last session a client of this thread was given
static _Thread_local unsigned kept_count;

static int keep(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl;
    SSL_SESSION_free(kept);
    kept = session;
    kept_count++;
    return 1;
}

static void forget(void)
{
    SSL_SESSION_free(kept);
    kept = NULL;
    kept_count = 0;
}

static SSL_CTX *clients_of(int version)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_max_proto_version(context, version);
    SSL_CTX_set_session_cache_mode(context,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(context, keep);
    return context;
}

static struct tls_server *site_new(struct tls_tickets *with, const char *name)
{
    struct tls_problem problem;
    struct tls_server *site = tls_server_new(with, name);
    CHECK(site && tls_server_add(site, identity_path("ecdsa.pem"), identity_path("ecdsa.key"), NULL,
                                 &problem));
    return site;
}

static int prepare(void **state)
{
    (void)state;
    identity_directory_make();
    ecdsa = identity_make(IDENTITY_ECDSA, "lb.example.com", "DNS:lb.example.com", 30, NULL);
    identity_write(&ecdsa, NULL, "ecdsa");
    renewed = identity_make(IDENTITY_ECDSA, "lb.example.com", "DNS:lb.example.com", 30, NULL);
    identity_write(&renewed, NULL, "renewed");
    rsa = identity_make(IDENTITY_RSA, "lb.example.com", "DNS:lb.example.com", 30, NULL);
    identity_write(&rsa, NULL, "rsa");
    tickets = tls_tickets_new();
    portal = site_new(tickets, "portal");
    return 0;
}

static int tidy(void **state)
{
    (void)state;
    forget();
    tls_server_free(portal);
    tls_tickets_free(tickets);
    identity_done(&ecdsa);
    identity_done(&renewed);
    identity_done(&rsa);
    identity_directory_remove();
    return 0;
}

// One connection that shows the kept session, if there is one. Did it resume?
static bool visit(struct tls_server *site, int version)
{
    SSL_CTX *clients = clients_of(version);
    struct stage stage;
    struct tls_facts facts;
    stage_accept(&stage, site, clients);
    if (kept) {
        SSL_SESSION *copy = SSL_SESSION_dup(kept);
        CHECK(SSL_set_session(stage.peer.ssl, copy) == 1);
        SSL_SESSION_free(copy);
    }
    stage_run(&stage);
    CHECK(stage.channel->is_open);
    tls_channel_facts(stage.channel, &facts);
    CHECK(facts.resumed == (SSL_session_reused(stage.peer.ssl) == 1));
    stage.owner.unsent = SPAN("hello");
    channel_want(stage.channel, CHANNEL_READ | CHANNEL_WRITE);
    stage_run(&stage);
    CHECK(stage.peer.got_size == 5);
    if (version == TLS1_2_VERSION) { // a ticket renewed on resumption is not told to the callback
        SSL_SESSION_free(kept);
        kept = SSL_get1_session(stage.peer.ssl);
    }
    stage_end(&stage);
    SSL_CTX_free(clients);
    return facts.resumed;
}

static void resumes_by_ticket(void **state)
{
    (void)state;
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        forget();
        assert_false(visit(portal, version));
        assert_non_null(kept);
        assert_true(visit(portal, version));
        assert_true(visit(portal, version));
    }
}

static void gives_fresh_tickets(void **state)
{
    (void)state;
    forget();
    assert_false(visit(portal, TLS1_3_VERSION));
    assert_true(kept_count >= 1);
    kept_count = 0;
    assert_true(visit(portal, TLS1_3_VERSION));
    assert_int_equal(kept_count, 1); // the used one is replaced
    assert_int_equal(SSL_SESSION_get_ticket_lifetime_hint(kept), TLS_TICKET_LIFE_S);
    assert_int_equal(SSL_SESSION_get_max_early_data(kept), 0); // no 0-RTT: it can be replayed
}

static void resumes_after_one_rotation_not_after_two(void **state)
{
    (void)state;
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        forget();
        assert_false(visit(portal, version));
        SSL_SESSION *old = SSL_SESSION_dup(kept);
        assert_true(tls_tickets_rotate(tickets));
        assert_true(visit(portal, version)); // which gives one that is sealed with the new key
        assert_true(tls_tickets_rotate(tickets));
        assert_true(visit(portal, version));
        forget();
        kept = old;
        assert_false(visit(portal, version));
        assert_true(visit(portal, version)); // and the whole handshake gave a good one
    }
}

static void keeps_sites_apart(void **state)
{
    (void)state;
    struct tls_server *other = site_new(tickets, "other");
    struct tls_server *reloaded = site_new(tickets, "portal");
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        forget();
        assert_false(visit(portal, version));
        SSL_SESSION *of_portal = SSL_SESSION_dup(kept);
        assert_false(visit(other, version));
        forget();
        kept = of_portal;
        assert_true(visit(reloaded, version)); // a reload keeps them
    }
    tls_server_free(other);
    tls_server_free(reloaded);
}

static void knows_only_its_own_keys(void **state)
{
    (void)state;
    struct tls_tickets *strange_tickets = tls_tickets_new();
    struct tls_server *strange = site_new(strange_tickets, "portal");
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        forget();
        assert_false(visit(strange, version));
        assert_false(visit(portal, version));
    }
    tls_server_free(strange);
    tls_tickets_free(strange_tickets);
}

static void refuses_a_ticket_that_was_changed(void **state)
{
    (void)state;
    for (size_t at = 0; at < 200; at += 13) {
        forget();
        assert_false(visit(portal, TLS1_2_VERSION));
        uint8_t *der = NULL;
        int size = i2d_SSL_SESSION(kept, &der);
        const unsigned char *ticket;
        size_t ticket_size;
        SSL_SESSION_get0_ticket(kept, &ticket, &ticket_size);
        uint8_t *place = memmem(der, (size_t)size, ticket, ticket_size);
        assert_non_null(place);
        place[at % ticket_size] ^= 0x40;
        const unsigned char *input = der;
        SSL_SESSION *changed = d2i_SSL_SESSION(NULL, &input, size);
        OPENSSL_free(der);
        assert_non_null(changed);
        forget();
        kept = changed;
        assert_false(visit(portal, TLS1_2_VERSION));
    }
}

// Clients without tickets get no session at all: nothing is stored on our side.
static void stores_nothing(void **state)
{
    (void)state;
    SSL_CTX *clients = clients_of(TLS1_2_VERSION);
    SSL_CTX_set_options(clients, SSL_OP_NO_TICKET);
    struct stage stage;
    forget();
    stage_accept(&stage, portal, clients);
    stage_run(&stage);
    assert_true(stage.channel->is_open);
    assert_null(kept);
    stage_end(&stage);
    SSL_CTX_free(clients);
}

// ---- threads

static void *visit_often(void *ret_failed)
{
    for (int i = 0; i < 40; i++) {
        visit(portal, i % 4 < 2 ? TLS1_3_VERSION : TLS1_2_VERSION);
        if (i % 8 == 7)
            forget();
    }
    *(bool *)ret_failed = ERR_peek_error() != 0;
    forget();
    return NULL;
}

static void serves_several_threads(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    bool failed_in[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, visit_often, &failed_in[i]), 0);
    for (int i = 0; i < 50; i++) {
        assert_true(tls_tickets_rotate(tickets));
        usleep(1000);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_false(failed_in[i]);
    }
}

// A reload makes a new context from the same or from other files.
static struct tls_server *site_of(const char *const *names)
{
    struct tls_problem problem;
    struct tls_server *site = tls_server_new(tickets, "portal");
    CHECK(site);
    for (; *names; names++) {
        char chain[64];
        char key[64];
        snprintf(chain, sizeof chain, "%s.pem", *names);
        snprintf(key, sizeof key, "%s.key", *names);
        CHECK(tls_server_add(site, identity_path(chain), identity_path(key), NULL, &problem));
    }
    return site;
}

struct change {
    const char *before[3];
    const char *after[3];
    bool resumes;
};

static const struct change changes[] = {
    {{"ecdsa"}, {"ecdsa"}, true},
    {{"ecdsa", "rsa"}, {"ecdsa", "rsa"}, true},
    {{"ecdsa"}, {"renewed"}, false},
    {{"renewed"}, {"ecdsa"}, false},
    {{"ecdsa"}, {"ecdsa", "rsa"}, false},
    {{"ecdsa", "rsa"}, {"ecdsa"}, false},
    {{"ecdsa", "rsa"}, {"renewed", "rsa"}, false},
};

static void a_changed_certificate_ends_old_sessions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct tls_server *before = site_of(changes[i].before);
        struct tls_server *after = site_of(changes[i].after);
        for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
            forget();
            assert_false(visit(before, version));
            assert_true(visit(before, version));
            assert_int_equal(visit(after, version), changes[i].resumes);
            assert_true(visit(after, version)); // and what it gave resumes
        }
        tls_server_free(before);
        tls_server_free(after);
    }
}

static void a_site_knows_its_leaves(void **state)
{
    (void)state;
    const char *const names[] = {"ecdsa", "rsa", NULL};
    struct tls_certificate_facts facts;
    struct tls_problem problem;
    const struct tls_leaf *leaves;
    struct tls_server *site = site_of(names);
    assert_int_equal(tls_server_leaves(site, &leaves), 2);
    for (size_t i = 0; i < 2; i++) {
        char chain[64];
        snprintf(chain, sizeof chain, "%s.pem", names[i]);
        assert_true(tls_certificate_read(identity_path(chain), &facts, &problem));
        assert_memory_equal(leaves[i].sha256, facts.sha256, TLS_SHA256_BYTES);
        assert_int_equal(leaves[i].not_after_s, facts.not_after_s);
        assert_int_equal(leaves[i].is_ecdsa, facts.is_ecdsa);
    }
    tls_server_free(site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resumes_by_ticket),
        cmocka_unit_test(gives_fresh_tickets),
        cmocka_unit_test(resumes_after_one_rotation_not_after_two),
        cmocka_unit_test(keeps_sites_apart),
        cmocka_unit_test(knows_only_its_own_keys),
        cmocka_unit_test(refuses_a_ticket_that_was_changed),
        cmocka_unit_test(stores_nothing),
        cmocka_unit_test(serves_several_threads),
        cmocka_unit_test(a_changed_certificate_ends_old_sessions),
        cmocka_unit_test(a_site_knows_its_leaves),
    };
    return cmocka_run_group_tests_name("tls ticket", tests, prepare, tidy);
}
