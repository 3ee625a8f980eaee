// SPDX-License-Identifier: Apache-2.0
// Our server channel against an OpenSSL client: handshakes cut into pieces of every size, big
// transfers over a cable that takes little at a time, goodbyes polite and otherwise, and clients
// that do not speak TLS.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stage.h"

static struct identity ca, ecdsa, rsa;
static struct tls_tickets *tickets;
static struct tls_server *server;
static SSL_CTX *clients; // TLS 1.2 and 1.3, trusts the CA

static int prepare(void **state)
{
    (void)state;
    struct tls_problem problem;
    identity_directory_make();
    ca = identity_make(IDENTITY_ECDSA, "Test CA", NULL, 30, NULL);
    ecdsa = identity_make(IDENTITY_ECDSA, "lb.example.com", "DNS:lb.example.com", 30, &ca);
    rsa = identity_make(IDENTITY_RSA, "lb.example.com", "DNS:lb.example.com", 30, &ca);
    identity_write(&ca, NULL, "ca");
    identity_write(&ecdsa, &ca, "ecdsa");
    identity_write(&rsa, &ca, "rsa");
    tickets = tls_tickets_new();
    server = tls_server_new(tickets, "portal");
    CHECK(tls_server_add(server, identity_path("ecdsa.pem"), identity_path("ecdsa.key"), NULL,
                         &problem));
    CHECK(
        tls_server_add(server, identity_path("rsa.pem"), identity_path("rsa.key"), NULL, &problem));
    clients = SSL_CTX_new(TLS_client_method());
    CHECK(SSL_CTX_load_verify_file(clients, identity_path("ca.pem")) == 1);
    SSL_CTX_set_verify(clients, SSL_VERIFY_PEER, NULL);
    return 0;
}

static int tidy(void **state)
{
    (void)state;
    SSL_CTX_free(clients);
    tls_server_free(server);
    tls_tickets_free(tickets);
    identity_done(&ca);
    identity_done(&ecdsa);
    identity_done(&rsa);
    identity_directory_remove();
    return 0;
}

// "ping" from the client, "pong" from us.
static void assert_talks(struct stage *stage)
{
    stage->owner.unsent = SPAN("pong");
    channel_want(stage->channel, CHANNEL_READ | CHANNEL_WRITE);
    peer_write(&stage->peer, "ping", 4);
    stage_run(stage);
    assert_int_equal(stage->owner.got_size, 4);
    assert_memory_equal(stage->owner.got, "ping", 4);
    assert_int_equal(stage->peer.got_size, 4);
    assert_memory_equal(stage->peer.got, "pong", 4);
    stage->owner.got_size = stage->peer.got_size = 0;
}

static void shakes_hands_with_both_versions(void **state)
{
    (void)state;
    static const struct {
        int version;
        const char *word;
    } cases[] = {{TLS1_2_VERSION, "TLSv1.2"}, {TLS1_3_VERSION, "TLSv1.3"}};
    for (size_t i = 0; i < 2; i++) {
        struct stage stage;
        struct tls_facts facts;
        stage_accept(&stage, server, clients);
        SSL_set_max_proto_version(stage.peer.ssl, cases[i].version);
        tls_channel_facts(stage.channel, &facts);
        assert_string_equal(facts.version, "");
        assert_false(stage.channel->is_open);
        stage_run(&stage);
        assert_true(stage.channel->is_open);
        assert_true(stage.owner.calls > 0); // the owner hears that it is open, before any byte
        tls_channel_facts(stage.channel, &facts);
        assert_string_equal(facts.version, cases[i].word);
        assert_string_equal(facts.cipher, SSL_get_cipher_name(stage.peer.ssl));
        assert_false(facts.resumed);
        assert_false(facts.is_h2);
        assert_string_equal(tls_channel_problem(stage.channel), "");
        assert_int_equal(channel_plain_fd(stage.channel), -1);
        assert_talks(&stage);
        assert_int_equal(SSL_get_negotiated_group(stage.peer.ssl), NID_X25519);
        stage_end(&stage);
    }
}

static void refuses_old_versions(void **state)
{
    (void)state;
    struct stage stage;
    stage_accept(&stage, server, clients);
    SSL_set_security_level(stage.peer.ssl, 0);
    SSL_set_min_proto_version(stage.peer.ssl, TLS1_VERSION);
    SSL_set_max_proto_version(stage.peer.ssl, TLS1_1_VERSION);
    stage_run(&stage);
    assert_true(stage.owner.is_broken);
    assert_int_equal(stage.channel->end, END_TLS_FAILED);
    assert_string_equal(tls_channel_problem(stage.channel), "unsupported protocol");
    assert_int_equal(ERR_GET_REASON(stage.peer.error), SSL_R_TLSV1_ALERT_PROTOCOL_VERSION);
    stage_end(&stage);
}

static void shows_the_certificate_the_client_knows(void **state)
{
    (void)state;
    static const struct {
        const char *algorithms, *ciphers;
        int kind;
    } cases[] = {
        {"rsa_pss_rsae_sha256", "ECDHE-RSA-AES128-GCM-SHA256", EVP_PKEY_RSA},
        {"ecdsa_secp256r1_sha256", "ECDHE-ECDSA-AES128-GCM-SHA256", EVP_PKEY_EC},
    };
    for (size_t i = 0; i < 4; i++) {
        struct stage stage;
        stage_accept(&stage, server, clients);
        SSL_set1_sigalgs_list(stage.peer.ssl, cases[i / 2].algorithms);
        SSL_set_cipher_list(stage.peer.ssl, cases[i / 2].ciphers);
        SSL_set_max_proto_version(stage.peer.ssl, i % 2 ? TLS1_2_VERSION : TLS1_3_VERSION);
        // the CA's own signature, by ECDSA, must be acceptable too
        SSL_set_verify(stage.peer.ssl, SSL_VERIFY_NONE, NULL);
        stage_run(&stage);
        assert_true(stage.channel->is_open);
        X509 *shown = SSL_get0_peer_certificate(stage.peer.ssl);
        assert_int_equal(EVP_PKEY_get_base_id(X509_get0_pubkey(shown)), cases[i / 2].kind);
        // leaf and issuer
        assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(stage.peer.ssl)), 2);
        stage_end(&stage);
    }
}

static void chooses_the_suite(void **state)
{
    (void)state;
    static const struct {
        int version;
        const char *offered;
        const char *chosen; // NULL: none
    } cases[] = {
        {TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"},
        {TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"},
        // a client that puts ChaCha20 first has no AES in hardware
        {TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256",
         "TLS_CHACHA20_POLY1305_SHA256"},
        {TLS1_2_VERSION, "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256",
         "ECDHE-RSA-AES128-GCM-SHA256"},
        // Windows 8.1 and Server 2012 R2
        {TLS1_2_VERSION, "ECDHE-RSA-AES256-SHA384:ECDHE-RSA-AES128-SHA256:AES256-GCM-SHA384",
         "ECDHE-RSA-AES128-SHA256"},
        // no forward secrecy, SHA-1
        {TLS1_2_VERSION, "AES256-GCM-SHA384:AES128-SHA", NULL},
        {TLS1_2_VERSION, "ECDHE-RSA-AES128-SHA", NULL},
        {TLS1_2_VERSION, "DHE-RSA-AES128-GCM-SHA256", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stage stage;
        struct tls_facts facts;
        stage_accept(&stage, server, clients);
        SSL_set_max_proto_version(stage.peer.ssl, cases[i].version);
        if (cases[i].version == TLS1_3_VERSION)
            SSL_set_ciphersuites(stage.peer.ssl, cases[i].offered);
        else
            SSL_set_cipher_list(stage.peer.ssl, cases[i].offered);
        stage_run(&stage);
        tls_channel_facts(stage.channel, &facts);
        assert_string_equal(facts.cipher, cases[i].chosen ? cases[i].chosen : "");
        if (cases[i].chosen)
            assert_talks(&stage);
        else
            assert_string_equal(tls_channel_problem(stage.channel), "no shared cipher");
        stage_end(&stage);
    }
}

static void survives_every_fragmentation(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 2, 3, 5, 7, 64, 100, 1000, 1448};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
            struct stage stage;
            stage_accept(&stage, server, clients);
            SSL_set_max_proto_version(stage.peer.ssl, version);
            stage.cable.near.read_max = stage.cable.near.write_max = pieces[i];
            stage.cable.near.room_max = pieces[i];
            stage.cable.far.write_max = pieces[i];
            stage_run(&stage);
            assert_true(stage.channel->is_open);
            assert_talks(&stage);
            stage_end(&stage);
        }
    }
}

static void sends_a_flight_in_one_call(void **state)
{
    (void)state;
    struct stage stage;
    stage_accept(&stage, server, clients);
    stage_run(&stage);
    // ServerHello to Finished, then the tickets
    assert_int_equal(stage.cable.near.writes, 2);
    stage_end(&stage);
}

static void agrees_on_http_1_1(void **state)
{
    (void)state;
    static const uint8_t browser[] = "\x02h2\x08http/1.1";
    static const uint8_t strange[] = "\x02h2\x04spdy";
    struct stage stage;
    stage_accept(&stage, server, clients);
    SSL_set_alpn_protos(stage.peer.ssl, browser, sizeof browser - 1);
    stage_run(&stage);
    const unsigned char *chosen;
    unsigned size;
    SSL_get0_alpn_selected(stage.peer.ssl, &chosen, &size);
    assert_true(span_equal(span_of(chosen, size), SPAN("http/1.1")));
    stage_end(&stage);

    stage_accept(&stage, server, clients);
    SSL_set_alpn_protos(stage.peer.ssl, strange, sizeof strange - 1);
    stage_run(&stage);
    assert_int_equal(stage.channel->end, END_TLS_FAILED);
    assert_int_equal(ERR_GET_REASON(stage.peer.error),
                     SSL_AD_REASON_OFFSET + SSL_AD_NO_APPLICATION_PROTOCOL);
    stage_end(&stage);
}

// The context was chosen by the caller; what the client calls us does not matter here.
static void does_not_judge_names(void **state)
{
    (void)state;
    struct stage stage;
    stage_accept(&stage, server, clients);
    SSL_set_tlsext_host_name(stage.peer.ssl, "someone.else.example");
    stage_run(&stage);
    assert_true(stage.channel->is_open);
    assert_talks(&stage);
    stage_end(&stage);
}

static void does_not_renegotiate(void **state)
{
    (void)state;
    struct stage stage;
    stage_accept(&stage, server, clients);
    SSL_set_max_proto_version(stage.peer.ssl, TLS1_2_VERSION);
    stage_run(&stage);
    assert_int_equal(SSL_renegotiate(stage.peer.ssl), 1);
    SSL_do_handshake(stage.peer.ssl);
    stage_run(&stage);
    assert_int_not_equal(stage.peer.error, 0); // the client gives up when it hears no_renegotiation
    stage_end(&stage);
}

// ---- much data

static void carries_much_both_ways(void **state)
{
    (void)state;
    enum { MUCH = 3 << 20 };
    static const size_t rooms[] = {CABLE_BYTES, 100000, 16384, 4000, 333};
    uint8_t *pattern = pattern_new(MUCH);
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
        size_t size = rooms[i] < 1000 ? MUCH / 16 : MUCH;
        struct stage stage;
        stage_accept(&stage, server, clients);
        stage.cable.near.room_max = rooms[i];
        stage.cable.near.read_max = stage.cable.far.write_max = rooms[i];
        stage.owner.unsent = span_of(pattern, size);
        channel_want(stage.channel, CHANNEL_READ | CHANNEL_WRITE);
        stage_run(&stage);
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

// The records of one write leave in one send, so that they wake the reader once.
static void sends_records_together(void **state)
{
    (void)state;
    enum { RECORD = 16384, RUN = 16 * RECORD };
    static const struct {
        size_t size, room, writes;
    } cases[] = {
        {1, CABLE_BYTES, 1},           {RECORD, CABLE_BYTES, 1},  {RECORD + 1, CABLE_BYTES, 1},
        {RUN, CABLE_BYTES, 1},         {RUN + 1, CABLE_BYTES, 2}, {4 * RECORD, 0, 1},
        {4 * RECORD, RECORD + 100, 1}, {RUN + 1, RUN, 1}, // blocked: more would only be kept here
    };
    uint8_t *pattern = pattern_new(RUN + 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stage stage;
        stage_accept(&stage, server, clients);
        stage_run(&stage);
        struct cable_end *near = &stage.cable.near;
        near->room_max = cases[i].room;
        size_t writes = near->writes;
        channel_write(stage.channel, span_of(pattern, cases[i].size));
        assert_int_equal(near->writes - writes, cases[i].writes);
        stage_end(&stage);
    }
    free(pattern);
}

// Of records that leave together none counts as sent when the sending fails.
static void breaks_with_the_records_it_gathered(void **state)
{
    (void)state;
    enum { MUCH = 100000 };
    uint8_t *pattern = pattern_new(MUCH);
    struct stage stage;
    stage_accept(&stage, server, clients);
    stage_run(&stage);
    stage.cable.near.breaks = true;
    struct moved moved = channel_write(stage.channel, span_of(pattern, MUCH));
    assert_int_equal(moved.outcome, CHANNEL_BROKEN);
    assert_int_equal(moved.bytes, 0);
    assert_int_not_equal(stage.channel->end, END_OK);
    stage_end(&stage);
    free(pattern);
}

// Writers may come back with fewer bytes than they offered before, or with the same bytes
// elsewhere.
static void takes_any_retry(void **state)
{
    (void)state;
    enum { MUCH = 200000 };
    uint8_t *pattern = pattern_new(MUCH);
    struct stage stage;
    stage_accept(&stage, server, clients);
    stage_run(&stage);
    stage.cable.near.room_max = 5000;
    size_t sent = 0;
    for (unsigned step = 0; sent < MUCH; step++) {
        size_t offer = step % 3 == 0 ? 40000 : step % 3 == 1 ? 1 : 777;
        offer = offer < MUCH - sent ? offer : MUCH - sent;
        uint8_t *copy = malloc(offer);
        memcpy(copy, pattern + sent, offer);
        struct moved moved = channel_write(stage.channel, span_of(copy, offer));
        free(copy);
        assert_true(moved.outcome == CHANNEL_MOVED || moved.outcome == CHANNEL_BLOCKED);
        assert_true(moved.bytes <= offer);
        sent += moved.bytes;
        if (moved.outcome == CHANNEL_BLOCKED)
            stage_round(&stage);
    }
    stage_run(&stage);
    assert_int_equal(stage.peer.got_size, MUCH);
    assert_memory_equal(stage.peer.got, pattern, MUCH);
    stage_end(&stage);
    free(pattern);
}

static void a_blocked_write_never_claims_everything(void **state)
{
    (void)state;
    struct stage stage;
    stage_accept(&stage, server, clients);
    stage_run(&stage);
    stage.cable.near.room_max = 10;
    struct moved moved = channel_write(stage.channel, SPAN("a whole record does not fit"));
    assert_int_equal(moved.outcome, CHANNEL_MOVED);
    assert_int_equal(moved.bytes, sizeof "a whole record does not fit" - 2);
    assert_int_equal(channel_write(stage.channel, SPAN("t")).outcome, CHANNEL_BLOCKED);
    stage.cable.near.room_max = CABLE_BYTES;
    moved = channel_write(stage.channel, SPAN("t"));
    assert_int_equal(moved.bytes, 1);
    stage_run(&stage);
    assert_int_equal(stage.peer.got_size, sizeof "a whole record does not fit" - 1);
    assert_memory_equal(stage.peer.got, "a whole record does not fit", stage.peer.got_size);
    stage_end(&stage);
}

static void tells_of_decoded_bytes(void **state)
{
    (void)state;
    static const size_t maxima[] = {1, 10, 999, 16383};
    uint8_t *pattern = pattern_new(50000);
    for (size_t i = 0; i < sizeof maxima / sizeof *maxima; i++) {
        struct stage stage;
        stage_accept(&stage, server, clients);
        stage_run(&stage);
        stage.owner.read_max = maxima[i]; // one call per on_ready, less than a record
        peer_write(&stage.peer, pattern, 50000);
        stage_run(&stage);
        assert_int_equal(stage.owner.got_size, 50000);
        assert_memory_equal(stage.owner.got, pattern, 50000);
        assert_false(stage.channel->has_pending);
        stage_end(&stage);
    }
    free(pattern);
}

static void wakes_a_reader_that_paused(void **state)
{
    (void)state;
    struct stage stage;
    stage_accept(&stage, server, clients);
    stage_run(&stage);
    stage.owner.read_max = 100;
    uint8_t record[1000] = {1};
    peer_write(&stage.peer, record, sizeof record);
    peer_carry(&stage.peer);
    cable_ring(&stage.cable.near); // reads 100 of the record
    assert_int_equal(stage.owner.got_size, 100);
    assert_true(stage.channel->has_pending);
    stage.owner.holds = true;
    channel_want(stage.channel, CHANNEL_NOTHING);
    stage_run(&stage);
    assert_int_equal(stage.owner.got_size, 100); // nobody is woken who wants nothing
    stage.owner.holds = false;
    channel_want(stage.channel, CHANNEL_READ);
    stage_run(&stage);
    assert_int_equal(stage.owner.got_size, 1000);
    stage_end(&stage);
}

static void reads_many_small_records_at_once(void **state)
{
    (void)state;
    struct stage stage;
    stage_accept(&stage, server, clients);
    stage_run(&stage);
    for (int i = 0; i < 50; i++)
        peer_write(&stage.peer, "0123456789", 10);
    while (BIO_pending(SSL_get_wbio(stage.peer.ssl)) > 0)
        peer_carry(&stage.peer);
    size_t reads = stage.cable.near.reads;
    cable_ring(&stage.cable.near);
    assert_int_equal(stage.owner.reads, 1);
    assert_int_equal(stage.owner.got_size, 500);
    assert_int_equal(stage.cable.near.reads - reads, 1); // one system call for all of them
    stage_end(&stage);
}

static void respects_a_small_fragment_length(void **state)
{
    (void)state;
    struct stage stage;
    uint8_t *pattern = pattern_new(20000);
    stage_accept(&stage, server, clients);
    SSL_set_tlsext_max_fragment_length(stage.peer.ssl, TLSEXT_max_fragment_length_512);
    stage_run(&stage);
    stage.owner.unsent = span_of(pattern, 20000);
    channel_want(stage.channel, CHANNEL_READ | CHANNEL_WRITE);
    stage_run(&stage);
    assert_int_equal(stage.peer.got_size, 20000);
    assert_memory_equal(stage.peer.got, pattern, 20000);
    stage_end(&stage);
    free(pattern);
}

static void answers_key_updates_while_blocked(void **state)
{
    (void)state;
    enum { MUCH = 300000 };
    uint8_t *pattern = pattern_new(MUCH);
    struct stage stage;
    stage_accept(&stage, server, clients);
    stage_run(&stage);
    stage.cable.near.room_max = 3000;
    stage.owner.unsent = span_of(pattern, MUCH);
    channel_want(stage.channel, CHANNEL_READ | CHANNEL_WRITE);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(SSL_key_update(stage.peer.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        peer_write(&stage.peer, "ping", 4);
        stage_round(&stage);
        stage_round(&stage);
    }
    stage_run(&stage);
    assert_int_equal(stage.owner.got_size, 80);
    assert_int_equal(stage.peer.got_size, MUCH);
    assert_memory_equal(stage.peer.got, pattern, MUCH);
    stage_end(&stage);
    free(pattern);
}

// One who asks for answers and never reads them must not grow our memory without end.
static void ends_a_client_that_floods(void **state)
{
    (void)state;
    struct stage stage;
    stage_accept(&stage, server, clients);
    stage_run(&stage);
    stage.cable.near.room_max = 0;
    for (int i = 0; i < 100000 && !stage.owner.is_broken; i++) {
        SSL_key_update(stage.peer.ssl, SSL_KEY_UPDATE_REQUESTED);
        peer_write(&stage.peer, "x", 1);
        peer_carry(&stage.peer);
        cable_ring(&stage.cable.near);
    }
    assert_true(stage.owner.is_broken);
    assert_int_equal(stage.channel->end, END_CLIENT_RESET);
    stage_end(&stage);
}

// ---- ends

static void hears_close_notify(void **state)
{
    (void)state;
    struct stage stage;
    stage_accept(&stage, server, clients);
    stage_run(&stage);
    peer_write(&stage.peer, "last words", 10);
    SSL_shutdown(stage.peer.ssl);
    stage_run(&stage);
    assert_int_equal(stage.owner.got_size, 10);
    assert_true(stage.owner.has_ended);
    assert_false(stage.channel->is_cut);
    assert_int_equal(stage.channel->end, END_OK);
    // the other direction goes on
    struct moved moved = channel_write(stage.channel, SPAN("and mine"));
    assert_int_equal(moved.outcome, CHANNEL_MOVED);
    stage_end(&stage);
}

static void sends_close_notify(void **state)
{
    (void)state;
    for (int closes = 0; closes < 2; closes++) {
        struct stage stage;
        stage_accept(&stage, server, clients);
        stage_run(&stage);
        channel_write(stage.channel, SPAN("bye"));
        if (closes)
            stage_close(&stage, false);
        else
            channel_shut(stage.channel);
        assert_true(stage.cable.near.has_shut);
        peer_carry(&stage.peer);
        peer_read(&stage.peer);
        assert_int_equal(stage.peer.got_size, 3);
        assert_true(SSL_get_shutdown(stage.peer.ssl) & SSL_RECEIVED_SHUTDOWN);
        if (!closes) {
            peer_write(&stage.peer, "heard", 5); // reading goes on
            stage_run(&stage);
            assert_int_equal(stage.owner.got_size, 5);
        }
        stage_end(&stage);
    }
}

// Whoever reads us must see that what we passed on was cut.
static void ends_cut_without_close_notify(void **state)
{
    (void)state;
    for (int closes = 0; closes < 2; closes++) {
        struct stage stage;
        stage_accept(&stage, server, clients);
        stage_run(&stage);
        channel_write(stage.channel, SPAN("half"));
        stage.channel->ends_cut = true;
        if (closes)
            stage_close(&stage, false);
        else
            channel_shut(stage.channel);
        assert_true(stage.cable.near.has_shut);
        peer_carry(&stage.peer);
        peer_read(&stage.peer);
        assert_int_equal(stage.peer.got_size, 4);
        assert_false(SSL_get_shutdown(stage.peer.ssl) & SSL_RECEIVED_SHUTDOWN);
        stage_end(&stage);
    }
}

// FIN must not overtake what was written before.
static void shuts_only_after_all_is_sent(void **state)
{
    (void)state;
    struct stage stage;
    stage_accept(&stage, server, clients);
    stage_run(&stage);
    stage.cable.near.room_max = 5;
    channel_shut(stage.channel);
    assert_false(stage.cable.near.has_shut);
    stage_run(&stage);
    assert_true(stage.cable.near.has_shut);
    assert_true(SSL_get_shutdown(stage.peer.ssl) & SSL_RECEIVED_SHUTDOWN);
    stage_end(&stage);
}

static void hears_an_end_without_close_notify(void **state)
{
    (void)state;
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct stage stage;
        stage_accept(&stage, server, clients);
        SSL_set_max_proto_version(stage.peer.ssl, version);
        stage_run(&stage);
        peer_write(&stage.peer, "cut", 3);
        peer_carry(&stage.peer);
        cable_shut(&stage.cable.far.channel);
        stage_run(&stage);
        assert_int_equal(stage.owner.got_size, 3);
        assert_true(stage.owner.has_ended);
        assert_true(stage.channel->is_cut);
        assert_int_equal(stage.channel->end, END_OK);
        // a half-closed client still gets its answer, and our goodbye
        struct moved moved = channel_write(stage.channel, SPAN("answer"));
        assert_int_equal(moved.bytes, 6);
        size_t writes = stage.cable.near.writes;
        stage_close(&stage, false);
        assert_int_equal(stage.cable.near.writes - writes, 1);
        stage_end(&stage);
    }
}

static void says_nothing_to_one_who_left(void **state)
{
    (void)state;
    struct stage stage;
    stage_accept(&stage, server, clients);
    stage_run(&stage);
    cable_shut(&stage.cable.far.channel);
    stage_run(&stage);
    assert_true(stage.channel->is_cut);
    size_t writes = stage.cable.near.writes;
    stage_close(&stage, false);
    assert_int_equal(stage.cable.near.writes, writes);
    stage_end(&stage);
}

// Who said goodbye is answered, unless its socket is closed too; a half-close that waits for our
// end is told where it is.
static void answers_a_goodbye(void **state)
{
    (void)state;
    static const struct {
        bool closes, we_shut;
        size_t goodbyes;
    } cases[] = {{false, false, 1}, {true, false, 0}, {true, true, 1}, {false, true, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stage stage;
        stage_accept(&stage, server, clients);
        stage_run(&stage);
        assert_int_equal(SSL_shutdown(stage.peer.ssl), 0);
        peer_carry(&stage.peer);
        if (cases[i].closes)
            cable_shut(&stage.cable.far.channel);
        stage_run(&stage);
        assert_true(stage.owner.has_ended);
        assert_false(stage.channel->is_cut);
        size_t writes = stage.cable.near.writes;
        if (cases[i].we_shut)
            channel_shut(stage.channel);
        stage_close(&stage, false);
        assert_int_equal(stage.cable.near.writes - writes, cases[i].goodbyes);
        stage_end(&stage);
    }
}

// Below is asked once in each call, and not again for the sake of the record that is not there.
static void wastes_no_reads(void **state)
{
    (void)state;
    struct stage stage;
    stage_accept(&stage, server, clients);
    stage_run(&stage);
    assert_int_equal(stage.cable.near.reads, 3); // ClientHello, Finished, the owner's first
    peer_write(&stage.peer, "request", 7);
    stage_run(&stage);
    assert_int_equal(stage.owner.got_size, 7);
    assert_int_equal(stage.cable.near.reads, 4);
    stage_end(&stage);
}

// Whoever reads without being told to wants to know whether something is there now.
static void asks_anew_in_each_call(void **state)
{
    (void)state;
    struct stage stage;
    uint8_t byte;
    stage_accept(&stage, server, clients);
    stage_run(&stage);
    assert_int_equal(channel_read(stage.channel, &byte, 1).outcome, CHANNEL_BLOCKED);
    peer_write(&stage.peer, "x", 1);
    peer_carry(&stage.peer);
    assert_int_equal(channel_read(stage.channel, &byte, 1).outcome, CHANNEL_MOVED);
    assert_int_equal(byte, 'x');
    stage_end(&stage);
}

static void hears_a_reset(void **state)
{
    (void)state;
    for (int early = 0; early < 2; early++) {
        struct stage stage;
        stage_accept(&stage, server, clients);
        if (!early)
            stage_run(&stage);
        stage.cable.near.breaks = true;
        stage_run(&stage);
        assert_true(stage.owner.is_broken);
        assert_int_equal(stage.channel->end, END_CLIENT_RESET);
        struct moved moved = channel_write(stage.channel, SPAN("too late"));
        assert_int_equal(moved.outcome, CHANNEL_BROKEN);
        uint8_t byte;
        assert_int_equal(channel_read(stage.channel, &byte, 1).outcome, CHANNEL_BROKEN);
        stage_close(&stage, true);
        assert_true(stage.cable.near.was_aborted);
        stage_end(&stage);
    }
}

static void fails_when_the_client_leaves_early(void **state)
{
    (void)state;
    struct stage stage;
    stage_accept(&stage, server, clients);
    stage.cable.far.write_max = 50;
    peer_read(&stage.peer);
    peer_carry(&stage.peer); // a piece of the ClientHello
    cable_shut(&stage.cable.far.channel);
    stage_run(&stage);
    assert_int_equal(stage.channel->end, END_TLS_FAILED);
    assert_string_equal(tls_channel_problem(stage.channel),
                        "the other side closed the connection during the handshake");
    stage_end(&stage);
}

static void refuses_what_is_not_tls(void **state)
{
    (void)state;
    static const struct {
        struct span bytes;
        const char *words;
        bool has_alert; // who does not speak TLS at all gets none
    } cases[] = {
        {SPAN("GET / HTTP/1.1\r\nHost: lb.example.com\r\n\r\n"), "http request", false},
        {SPAN("SSH-2.0-OpenSSH_9.2\r\n"), "wrong version number", false},
        {SPAN("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"), "length too short", true},
        {SPAN("\x16\x03\x01\xff\xff\x01\x00\x00\x01\x00"), "packet length too long", true},
        {SPAN("\x17\x03\x03\x00\x01\x00"), "unexpected message", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stage stage;
        stage_accept(&stage, server, clients);
        cable_write(&stage.cable.far.channel, cases[i].bytes);
        cable_ring(&stage.cable.near);
        assert_true(stage.owner.is_broken);
        assert_int_equal(stage.channel->end, END_TLS_FAILED);
        if (!strstr(tls_channel_problem(stage.channel), cases[i].words))
            fail_msg("case %zu: %s", i, tls_channel_problem(stage.channel));
        assert_int_equal(stage.cable.far.end > 0, cases[i].has_alert);
        if (cases[i].has_alert) {
            assert_int_equal(stage.cable.far.inbox[0], 0x15); // alert,
            assert_int_equal(stage.cable.far.inbox[5], 2);    // fatal
        }
        assert_int_equal(ERR_peek_error(),
                         0); // nothing is left for the next connection to stumble over
        stage_end(&stage);
    }
}

static void fails_on_a_damaged_record(void **state)
{
    (void)state;
    struct stage stage;
    stage_accept(&stage, server, clients);
    stage_run(&stage);
    peer_write(&stage.peer, "good", 4);
    peer_carry(&stage.peer);
    peer_write(&stage.peer, "damaged", 7);
    peer_carry(&stage.peer);
    stage.cable.near.inbox[stage.cable.near.end - 1] ^= 1;
    cable_ring(&stage.cable.near);
    assert_int_equal(stage.owner.got_size, 4); // what came before counts
    stage_run(&stage);
    assert_int_equal(stage.owner.got_size, 4);
    assert_true(stage.owner.is_broken);
    assert_int_equal(stage.channel->end, END_TLS_FAILED);
    assert_string_equal(tls_channel_problem(stage.channel), "decryption failed or bad record mac");
    assert_int_equal(ERR_GET_REASON(stage.peer.error), SSL_R_SSLV3_ALERT_BAD_RECORD_MAC);
    stage_end(&stage);
}

static void tells_what_the_client_did_not_like(void **state)
{
    (void)state;
    SSL_CTX *strangers = SSL_CTX_new(TLS_client_method()); // trust nobody
    SSL_CTX_set_verify(strangers, SSL_VERIFY_PEER, NULL);
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct stage stage;
        stage_accept(&stage, server, strangers);
        SSL_set_max_proto_version(stage.peer.ssl, version);
        stage_run(&stage);
        assert_int_equal(stage.channel->end, END_TLS_FAILED);
        assert_string_equal(tls_channel_problem(stage.channel),
                            "the other side sent the alert: unknown CA");
        stage_end(&stage);
    }
    SSL_CTX_free(strangers);
}

static void connections_do_not_share_errors(void **state)
{
    (void)state;
    struct stage good, bad;
    stage_accept(&good, server, clients);
    stage_run(&good);
    stage_accept(&bad, server, clients);
    cable_write(&bad.cable.far.channel, SPAN("GET / HTTP/1.1\r\n\r\n"));
    cable_ring(&bad.cable.near);
    assert_int_equal(bad.channel->end, END_TLS_FAILED);
    ERR_raise(ERR_LIB_SSL, ERR_R_INTERNAL_ERROR); // and one left by somebody careless
    assert_talks(&good);
    assert_int_equal(good.channel->end, END_OK);
    stage_end(&bad);
    stage_end(&good);
}

static void knows_the_alert_for_unknown_names(void **state)
{
    (void)state;
    struct stage stage;
    stage_accept(&stage, server, clients);
    peer_read(&stage.peer);
    peer_carry(&stage.peer);
    cable_write(&stage.cable.near.channel, tls_alert_unrecognized_name());
    peer_carry(&stage.peer);
    peer_read(&stage.peer);
    assert_int_equal(ERR_GET_REASON(stage.peer.error), SSL_R_TLSV1_UNRECOGNIZED_NAME);
    stage_end(&stage);
}

static void a_client_shows_no_certificate(void **state)
{
    (void)state;
    struct stage stage;
    struct tls_leaf shown;
    stage_accept(&stage, server, clients);
    stage_run(&stage);
    assert_false(tls_channel_peer_leaf(stage.channel, &shown));
    stage_end(&stage);
}

static void outlives_its_context(void **state)
{
    (void)state;
    struct tls_problem problem;
    struct tls_tickets *own_tickets = tls_tickets_new();
    struct tls_server *own = tls_server_new(own_tickets, "reloaded");
    assert_true(tls_server_add(own, identity_path("ecdsa.pem"), identity_path("ecdsa.key"), NULL,
                               &problem));
    struct stage stage;
    stage_accept(&stage, own, clients);
    tls_server_free(own); // a reload took the site away
    tls_tickets_free(own_tickets);
    stage_run(&stage);
    assert_true(stage.channel->is_open);
    assert_talks(&stage);
    stage_end(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shakes_hands_with_both_versions),
        cmocka_unit_test(refuses_old_versions),
        cmocka_unit_test(shows_the_certificate_the_client_knows),
        cmocka_unit_test(chooses_the_suite),
        cmocka_unit_test(survives_every_fragmentation),
        cmocka_unit_test(sends_a_flight_in_one_call),
        cmocka_unit_test(agrees_on_http_1_1),
        cmocka_unit_test(does_not_judge_names),
        cmocka_unit_test(does_not_renegotiate),
        cmocka_unit_test(carries_much_both_ways),
        cmocka_unit_test(sends_records_together),
        cmocka_unit_test(breaks_with_the_records_it_gathered),
        cmocka_unit_test(takes_any_retry),
        cmocka_unit_test(a_blocked_write_never_claims_everything),
        cmocka_unit_test(tells_of_decoded_bytes),
        cmocka_unit_test(wakes_a_reader_that_paused),
        cmocka_unit_test(reads_many_small_records_at_once),
        cmocka_unit_test(respects_a_small_fragment_length),
        cmocka_unit_test(answers_key_updates_while_blocked),
        cmocka_unit_test(ends_a_client_that_floods),
        cmocka_unit_test(hears_close_notify),
        cmocka_unit_test(sends_close_notify),
        cmocka_unit_test(ends_cut_without_close_notify),
        cmocka_unit_test(shuts_only_after_all_is_sent),
        cmocka_unit_test(hears_an_end_without_close_notify),
        cmocka_unit_test(says_nothing_to_one_who_left),
        cmocka_unit_test(answers_a_goodbye),
        cmocka_unit_test(wastes_no_reads),
        cmocka_unit_test(asks_anew_in_each_call),
        cmocka_unit_test(hears_a_reset),
        cmocka_unit_test(fails_when_the_client_leaves_early),
        cmocka_unit_test(refuses_what_is_not_tls),
        cmocka_unit_test(fails_on_a_damaged_record),
        cmocka_unit_test(tells_what_the_client_did_not_like),
        cmocka_unit_test(connections_do_not_share_errors),
        cmocka_unit_test(knows_the_alert_for_unknown_names),
        cmocka_unit_test(a_client_shows_no_certificate),
        cmocka_unit_test(outlives_its_context),
    };
    return cmocka_run_group_tests_name("tls accept", tests, prepare, tidy);
}
