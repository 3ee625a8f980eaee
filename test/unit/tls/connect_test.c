// SPDX-License-Identifier: Apache-2.0
// Our client channel against an OpenSSL server: whom it believes, what it says when it does not,
// what it offers, and sessions that resume.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stage.h"

static struct identity ca, stranger_ca, good, expired, stranger, by_address, by_subject;
static struct tls_client *client; // verifies
static SSL_CTX *servers;

static SSL_CTX *server_showing(const struct identity *identity)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    CHECK(SSL_CTX_use_certificate(context, identity->certificate) == 1);
    CHECK(SSL_CTX_use_PrivateKey(context, identity->key) == 1);
    SSL_CTX_set_session_id_context(context, (const unsigned char *)"test", 4);
    return context;
}

static int prepare(void **state)
{
    (void)state;
    struct tls_problem problem;
    identity_directory_make();
    ca = identity_make(IDENTITY_ECDSA, "Test CA", NULL, 30, NULL);
    stranger_ca = identity_make(IDENTITY_ECDSA, "Another CA", NULL, 30, NULL);
    good =
        identity_make(IDENTITY_RSA, "iis1", "DNS:iis1.example.com,DNS:*.farm.example.com", 30, &ca);
    expired = identity_make(IDENTITY_ECDSA, "iis1", "DNS:iis1.example.com", -3, &ca);
    stranger = identity_make(IDENTITY_ECDSA, "iis1", "DNS:iis1.example.com", 30, &stranger_ca);
    by_address = identity_make(IDENTITY_ECDSA, "iis1", "IP:10.0.0.11,IP:fd00::11", 30, &ca);
    by_subject =
        identity_make(IDENTITY_ECDSA, "iis1.example.com", "email:root@example.com", 30, &ca);
    identity_write(&ca, NULL, "ca");
    client = tls_client_new(identity_path("ca.pem"), true, &problem);
    servers = server_showing(&good);
    return 0;
}

static int tidy(void **state)
{
    (void)state;
    SSL_CTX_free(servers);
    tls_client_free(client);
    struct identity *made[] = {&ca,       &stranger_ca, &good,      &expired,
                               &stranger, &by_address,  &by_subject};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        identity_done(made[i]);
    identity_directory_remove();
    return 0;
}

static void believes_the_right_ones_only(void **state)
{
    (void)state;
    static const struct {
        const struct identity *shown;
        const char *name;
        const char *words; // "": accepted
    } cases[] = {
        {&good, "iis1.example.com", ""},
        {&good, "IIS1.example.com", ""},
        {&good, "a.farm.example.com", ""},
        {&good, "a.b.farm.example.com", "hostname mismatch"},
        {&good, "iis2.example.com", "hostname mismatch"},
        {&expired, "iis1.example.com", "certificate has expired"},
        {&stranger, "iis1.example.com", "unable to get local issuer certificate"},
        {&by_address, "10.0.0.11", ""},
        {&by_address, "fd00::11", ""},
        {&by_address, "10.0.0.12", "IP address mismatch"},
        {&by_address, "iis1.example.com", "hostname mismatch"},
        {&by_subject, "iis1.example.com",
         ""}, // old internal CAs name the server in the subject only
        {&by_subject, "iis2.example.com", "hostname mismatch"},
    };
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        struct stage stage;
        SSL_CTX *context = server_showing(cases[i / 2].shown);
        SSL_CTX_set_max_proto_version(context, i % 2 ? TLS1_2_VERSION : TLS1_3_VERSION);
        stage_connect(&stage, client, cases[i / 2].name, NULL, context);
        stage_run(&stage);
        if (strcmp(tls_channel_problem(stage.channel), cases[i / 2].words) != 0)
            fail_msg("case %zu: %s", i, tls_channel_problem(stage.channel));
        bool accepted = cases[i / 2].words[0] == '\0';
        assert_int_equal(stage.channel->is_open, accepted);
        assert_int_equal(stage.channel->end, accepted ? END_OK : END_SERVER_CERTIFICATE);
        assert_int_equal(stage.owner.is_broken, !accepted);
        stage_end(&stage);
        SSL_CTX_free(context);
    }
}

static void believes_anyone_when_told_to(void **state)
{
    (void)state;
    struct tls_problem problem;
    struct tls_client *trusting = tls_client_new(NULL, false, &problem);
    SSL_CTX *context = server_showing(&stranger);
    struct stage stage;
    stage_connect(&stage, trusting, "another.name", NULL, context);
    stage_run(&stage);
    assert_true(stage.channel->is_open);
    stage_end(&stage);
    SSL_CTX_free(context);
    tls_client_free(trusting);
}

static void talks(void **state)
{
    (void)state;
    uint8_t *pattern = pattern_new(1 << 20);
    static const size_t pieces[] = {1 << 20, 1000, 17};
    for (size_t i = 0; i < 3; i++) {
        size_t size = pieces[i] < 1000 ? 20000 : 1 << 20;
        struct stage stage;
        stage_connect(&stage, client, "iis1.example.com", NULL, servers);
        stage.cable.near.room_max = stage.cable.near.read_max = pieces[i];
        stage.owner.unsent = span_of(pattern, size); // before the handshake has begun
        stage_run(&stage);
        assert_true(stage.channel->is_open);
        assert_int_equal(stage.peer.got_size, size);
        assert_memory_equal(stage.peer.got, pattern, size);
        peer_write(&stage.peer, pattern, size);
        stage_run(&stage);
        assert_int_equal(stage.owner.got_size, size);
        assert_memory_equal(stage.owner.got, pattern, size);
        stage_end(&stage);
    }
    free(pattern);
}

// What a server says before our Finished arrives together with its own.
static void speak_early(struct stage *stage)
{
    uint8_t bytes[16];
    size_t size = 0;
    peer_carry(&stage->peer);
    SSL_read_early_data(stage->peer.ssl, bytes, sizeof bytes, &size);
    CHECK(SSL_write_early_data(stage->peer.ssl, "220 ready", 9, &size) == 1 && size == 9);
    peer_carry(&stage->peer);
}

static void read_once_open(struct channel *channel, unsigned ready)
{
    struct owner *owner = channel->owner;
    if (channel->is_open && (ready & CHANNEL_READ))
        owner_read(owner);
    channel_want(channel, channel->is_open ? CHANNEL_READ : CHANNEL_WRITE);
}

static void hears_a_server_that_speaks_first(void **state)
{
    (void)state;
    SSL_CTX *context = server_showing(&good);
    SSL_CTX_set_max_early_data(context, 1024);
    struct stage stage;
    stage_connect(&stage, client, "iis1.example.com", NULL, context);
    stage.channel->on_ready = read_once_open;
    channel_want(stage.channel, CHANNEL_WRITE);
    cable_ring(&stage.cable.near);
    speak_early(&stage);
    cable_ring(&stage.cable.near); // takes all there is: the cable will tell nothing more
    assert_true(stage.channel->is_open);
    assert_int_equal(stage.cable.near.start, stage.cable.near.end);
    assert_int_equal(stage.owner.got_size, 0);
    loop_turn(stage.loop, 0);
    assert_int_equal(stage.owner.got_size, 9);
    assert_memory_equal(stage.owner.got, "220 ready", 9);
    stage_end(&stage);
    SSL_CTX_free(context);
}

static void tells_the_server_the_name(void **state)
{
    (void)state;
    struct stage stage;
    stage_connect(&stage, client, "iis1.example.com", NULL, servers);
    stage_run(&stage);
    assert_string_equal(SSL_get_servername(stage.peer.ssl, TLSEXT_NAMETYPE_host_name),
                        "iis1.example.com");
    stage_end(&stage);
    stage_connect(&stage, client, "10.0.0.11", NULL, servers);
    stage_run(&stage);
    assert_null(SSL_get_servername(stage.peer.ssl, TLSEXT_NAMETYPE_host_name));
    stage_end(&stage);
}

static int choose_http_1_1(SSL *ssl, const unsigned char **ret_chosen, unsigned char *ret_size,
                           const unsigned char *offered, unsigned size, void *argument)
{
    (void)ssl, (void)argument;
    bool expected = span_equal(span_of(offered, size), SPAN("\x08http/1.1"));
    *ret_chosen = offered + 1;
    *ret_size = 8;
    return expected ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void offers_http_1_1_only(void **state)
{
    (void)state;
    SSL_CTX *context = server_showing(&good);
    SSL_CTX_set_alpn_select_cb(context, choose_http_1_1, NULL);
    struct stage stage;
    stage_connect(&stage, client, "iis1.example.com", NULL, context);
    stage_run(&stage);
    struct tls_facts facts;
    tls_channel_facts(stage.channel, &facts);
    assert_true(stage.channel->is_open);
    assert_false(facts.is_h2);
    stage_end(&stage);
    SSL_CTX_free(context);
}

static void knows_the_certificate_of_the_server(void **state)
{
    (void)state;
    struct tls_leaf shown;
    uint8_t expected[TLS_SHA256_BYTES];
    struct stage stage;
    stage_connect(&stage, client, "iis1.example.com", NULL, servers);
    assert_false(tls_channel_peer_leaf(stage.channel, &shown));
    stage_run(&stage);
    assert_true(tls_channel_peer_leaf(stage.channel, &shown));
    X509_digest(good.certificate, EVP_sha256(), expected, NULL);
    assert_memory_equal(shown.sha256, expected, sizeof expected);
    stage_end(&stage);
}

static void knows_nothing_of_other_channels(void **state)
{
    (void)state;
    struct cable cable;
    struct tls_facts facts;
    struct tls_leaf shown;
    cable_init(&cable, END_SERVER_RESET);
    tls_channel_facts(&cable.near.channel, &facts);
    assert_string_equal(facts.version, "");
    assert_string_equal(facts.cipher, "");
    assert_string_equal(tls_channel_problem(&cable.near.channel), "");
    assert_false(tls_channel_peer_leaf(&cable.near.channel, &shown));
    cable_done(&cable);
}

static void blames_the_server(void **state)
{
    (void)state;
    struct stage stage;
    // it does not speak TLS
    stage_connect(&stage, client, "iis1.example.com", NULL, servers);
    cable_ring(&stage.cable.near);
    cable_write(&stage.cable.far.channel, SPAN("HTTP/1.1 400 Bad Request\r\n\r\n"));
    cable_ring(&stage.cable.near);
    assert_int_equal(stage.channel->end, END_SERVER_TLS_FAILED);
    assert_string_equal(tls_channel_problem(stage.channel), "wrong version number");
    stage_end(&stage);
    // it goes away
    stage_connect(&stage, client, "iis1.example.com", NULL, servers);
    cable_ring(&stage.cable.near);
    cable_shut(&stage.cable.far.channel);
    cable_ring(&stage.cable.near);
    assert_int_equal(stage.channel->end, END_SERVER_TLS_FAILED);
    stage_end(&stage);
    // it resets
    stage_connect(&stage, client, "iis1.example.com", NULL, servers);
    cable_ring(&stage.cable.near);
    stage.cable.near.breaks = true;
    cable_ring(&stage.cable.near);
    assert_int_equal(stage.channel->end, END_SERVER_RESET);
    stage_end(&stage);
}

// A connection that never came about keeps its own reason.
static void passes_on_why_the_connection_failed(void **state)
{
    (void)state;
    struct stage stage;
    stage_begin(&stage, END_SERVER_RESET);
    stage.cable.near.channel.is_open = false;
    stage.channel =
        tls_connect(stage.loop, client, "iis1.example.com", NULL, &stage.cable.near.channel);
    owner_init(&stage.owner, stage.channel);
    peer_init(&stage.peer, servers, &stage.cable, true);
    stage.cable.near.channel.end = END_CONNECT_REFUSED;
    stage.cable.near.channel.on_ready(&stage.cable.near.channel, CHANNEL_WRITE);
    assert_int_equal(stage.owner.calls, 1);
    assert_true(stage.owner.is_broken);
    assert_int_equal(stage.channel->end, END_CONNECT_REFUSED);
    stage_end(&stage);
}

// ---- sessions

static bool resumes(struct tls_client *with, const char *name, struct tls_sessions *sessions,
                    SSL_CTX *context)
{
    struct stage stage;
    struct tls_facts facts;
    stage_connect(&stage, with, name, sessions, context);
    stage_run(&stage);
    CHECK(stage.channel->is_open);
    stage.owner.unsent = SPAN("GET");
    channel_want(stage.channel, CHANNEL_READ | CHANNEL_WRITE);
    stage_run(&stage);
    CHECK(stage.peer.got_size == 3);
    tls_channel_facts(stage.channel, &facts);
    stage_close(&stage, true); // links end as they may; that must not spoil the session
    stage_end(&stage);
    return facts.resumed;
}

static void resumes_sessions(void **state)
{
    (void)state;
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        SSL_CTX *context = server_showing(&good);
        SSL_CTX_set_max_proto_version(context, version);
        struct tls_sessions *sessions = tls_sessions_new();
        assert_false(resumes(client, "iis1.example.com", sessions, context));
        for (int i = 0; i < 5; i++)
            assert_true(resumes(client, "iis1.example.com", sessions, context));
        assert_false(resumes(client, "iis1.example.com", NULL, context));
        tls_sessions_free(sessions);
        SSL_CTX_free(context);
    }
}

static void resumes_several_links_by_one_session(void **state)
{
    (void)state;
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        SSL_CTX *context = server_showing(&good);
        SSL_CTX_set_max_proto_version(context, version);
        SSL_CTX_set_num_tickets(context, 1);
        struct tls_sessions *sessions = tls_sessions_new();
        assert_false(resumes(client, "iis1.example.com", sessions, context));
        struct stage stages[3];
        for (int i = 0; i < 3; i++)
            stage_connect(&stages[i], client, "iis1.example.com", sessions, context);
        for (int i = 0; i < 3; i++) {
            struct tls_facts facts;
            stage_run(&stages[i]);
            tls_channel_facts(stages[i].channel, &facts);
            assert_true(facts.resumed);
            stage_end(&stages[i]);
        }
        tls_sessions_free(sessions);
        SSL_CTX_free(context);
    }
}

static void never_resumes_under_other_rules(void **state)
{
    (void)state;
    struct tls_problem problem;
    struct tls_client *trusting = tls_client_new(NULL, false, &problem);
    struct tls_sessions *sessions = tls_sessions_new();
    assert_false(resumes(trusting, "iis1.example.com", sessions, servers));
    assert_true(resumes(trusting, "iis1.example.com", sessions, servers));
    // verification was switched on by a reload: the old session was never verified
    assert_false(resumes(client, "iis1.example.com", sessions, servers));
    assert_true(resumes(client, "iis1.example.com", sessions, servers));
    // the certificate was accepted for another name
    assert_false(resumes(client, "a.farm.example.com", sessions, servers));
    assert_true(resumes(client, "a.farm.example.com", sessions, servers));
    tls_sessions_free(sessions);
    tls_client_free(trusting);
}

// A link of the old rules that hears a late ticket must not plant it among the new ones.
static void refuses_late_sessions_of_old_links(void **state)
{
    (void)state;
    struct tls_problem problem;
    struct tls_client *trusting = tls_client_new(NULL, false, &problem);
    struct tls_sessions *sessions = tls_sessions_new();
    struct stage old;
    stage_connect(&old, trusting, "iis1.example.com", sessions, servers);
    stage_run(&old);
    assert_false(resumes(client, "iis1.example.com", sessions, servers)); // new rules from here on
    assert_int_equal(SSL_new_session_ticket(old.peer.ssl), 1);
    peer_write(&old.peer, "late", 4);
    stage_run(&old);
    assert_int_equal(old.owner.got_size, 4);
    stage_end(&old);
    struct stage stage;
    stage_connect(&stage, client, "iis1.example.com", sessions, servers);
    stage_run(&stage);
    struct tls_facts facts;
    tls_channel_facts(stage.channel, &facts);
    assert_true(facts.resumed); // by the session of the new rules
    stage_end(&stage);
    tls_sessions_free(sessions);
    tls_client_free(trusting);
}

static void outlives_the_owner_of_sessions(void **state)
{
    (void)state;
    struct tls_sessions *sessions = tls_sessions_new();
    struct stage stage;
    stage_connect(&stage, client, "iis1.example.com", sessions, servers);
    assert_null(tls_sessions_free(sessions)); // a reload took the pool away
    stage_run(&stage);                        // tickets arrive
    assert_true(stage.channel->is_open);
    stage_end(&stage);
}

static void goes_on_when_the_server_forgot(void **state)
{
    (void)state;
    struct tls_sessions *sessions = tls_sessions_new();
    SSL_CTX *restarted = server_showing(&good); // other ticket keys
    assert_false(resumes(client, "iis1.example.com", sessions, servers));
    assert_false(resumes(client, "iis1.example.com", sessions, restarted));
    assert_true(resumes(client, "iis1.example.com", sessions, restarted));
    tls_sessions_free(sessions);
    SSL_CTX_free(restarted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(believes_the_right_ones_only),
        cmocka_unit_test(believes_anyone_when_told_to),
        cmocka_unit_test(talks),
        cmocka_unit_test(hears_a_server_that_speaks_first),
        cmocka_unit_test(tells_the_server_the_name),
        cmocka_unit_test(offers_http_1_1_only),
        cmocka_unit_test(knows_the_certificate_of_the_server),
        cmocka_unit_test(knows_nothing_of_other_channels),
        cmocka_unit_test(blames_the_server),
        cmocka_unit_test(passes_on_why_the_connection_failed),
        cmocka_unit_test(resumes_sessions),
        cmocka_unit_test(resumes_several_links_by_one_session),
        cmocka_unit_test(never_resumes_under_other_rules),
        cmocka_unit_test(refuses_late_sessions_of_old_links),
        cmocka_unit_test(outlives_the_owner_of_sessions),
        cmocka_unit_test(goes_on_when_the_server_forgot),
    };
    return cmocka_run_group_tests_name("tls connect", tests, prepare, tidy);
}
