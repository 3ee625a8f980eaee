// SPDX-License-Identifier: Apache-2.0
// What an idle connection costs: the bytes OpenSSL holds for our side of it, counted by its own
// allocator. Record buffers (two of 16 KiB) must be gone, also after tickets and key updates.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stage.h"

enum { IDLE_BYTES_MAX = 15000, STAGES = 4 };

// ---- counting

struct block {
    size_t size;
    size_t is_ours; // a full word, so that what follows is aligned
};

static bool ours; // our side runs, not the peer's
static size_t live_bytes;

static void *count_malloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    struct block *block = malloc(sizeof *block + size);
    if (!block)
        return NULL;
    *block = (struct block){size, ours};
    live_bytes += ours ? size : 0;
    return block + 1;
}

static void count_free(void *data, const char *file, int line)
{
    (void)file, (void)line;
    if (!data)
        return;
    struct block *block = (struct block *)data - 1;
    live_bytes -= block->is_ours ? block->size : 0;
    free(block);
}

static void *count_realloc(void *data, size_t size, const char *file, int line)
{
    void *grown = count_malloc(size, file, line);
    if (data && grown) {
        size_t old = ((struct block *)data - 1)->size;
        memcpy(grown, data, old < size ? old : size);
        count_free(data, file, line);
    }
    return grown;
}

// ---- connections

static struct identity ca, leaf;
static struct tls_tickets *tickets;
static struct tls_server *server;
static struct tls_client *client;
static SSL_CTX *clients, *servers;

static int prepare(void **state)
{
    (void)state;
    struct tls_problem problem;
    identity_directory_make();
    ca = identity_make(IDENTITY_ECDSA, "Test CA", NULL, 30, NULL);
    leaf = identity_make(IDENTITY_ECDSA, "iis1", "DNS:iis1.example.com", 30, &ca);
    identity_write(&ca, NULL, "ca");
    identity_write(&leaf, &ca, "leaf");
    tickets = tls_tickets_new();
    server = tls_server_new(tickets, "portal");
    CHECK(tls_server_add(server, identity_path("leaf.pem"), identity_path("leaf.key"), NULL,
                         &problem));
    client = tls_client_new(identity_path("ca.pem"), true, &problem);
    clients = SSL_CTX_new(TLS_client_method());
    servers = SSL_CTX_new(TLS_server_method());
    CHECK(client && SSL_CTX_use_certificate(servers, leaf.certificate) == 1);
    CHECK(SSL_CTX_use_PrivateKey(servers, leaf.key) == 1);
    return 0;
}

static int tidy(void **state)
{
    (void)state;
    SSL_CTX_free(servers);
    SSL_CTX_free(clients);
    tls_client_free(client);
    tls_server_free(server);
    tls_tickets_free(tickets);
    identity_done(&leaf);
    identity_done(&ca);
    identity_directory_remove();
    return 0;
}

static void run(struct stage *stage)
{
    for (unsigned quiet = 0; quiet < 3;) {
        size_t before = stage_progress(stage);
        peer_carry(&stage->peer);
        peer_read(&stage->peer);
        ours = true;
        cable_ring(&stage->cable.near);
        loop_turn(stage->loop, 0);
        ours = false;
        quiet = stage_progress(stage) == before ? quiet + 1 : 0;
    }
}

static void begin(struct stage *stage, struct tls_sessions *sessions, bool accepts, int version)
{
    stage_begin(stage, END_CLIENT_RESET);
    peer_init(&stage->peer, accepts ? clients : servers, &stage->cable, !accepts);
    SSL_set_max_proto_version(stage->peer.ssl, version);
    ours = true;
    stage->channel = accepts ? tls_accept(stage->loop, server, &stage->cable.near.channel)
                             : tls_connect(stage->loop, client, "iis1.example.com", sessions,
                                           &stage->cable.near.channel);
    ours = false;
    owner_init(&stage->owner, stage->channel);
    channel_want(stage->channel, CHANNEL_READ | CHANNEL_WRITE);
}

// A request or its answer goes each way.
static void converse(struct stage *stage)
{
    run(stage);
    CHECK(stage->channel->is_open);
    stage->owner.unsent = SPAN("ping");
    channel_want(stage->channel, CHANNEL_READ | CHANNEL_WRITE);
    peer_write(&stage->peer, "pong", 4);
    run(stage);
    CHECK(stage->owner.got_size >= 4 && stage->peer.got_size >= 4);
}

static void assert_idle_is_small(bool accepts, int version, bool updates)
{
    struct tls_sessions *sessions = tls_sessions_new();
    struct stage first, stages[STAGES];
    begin(&first, sessions, accepts, version); // what is allocated once, and a session to resume
    converse(&first);
    size_t before = live_bytes;
    for (int i = 0; i < STAGES; i++) {
        begin(&stages[i], sessions, accepts, version);
        converse(&stages[i]);
        if (updates) {
            CHECK(SSL_key_update(stages[i].peer.ssl, SSL_KEY_UPDATE_REQUESTED) == 1);
            peer_write(&stages[i].peer, "more", 4);
            run(&stages[i]);
        }
    }
    size_t each = (live_bytes - before) / STAGES;
    if (each > IDLE_BYTES_MAX)
        fail_msg("%zu bytes for each idle connection", each);
    assert_true(each > 1000); // or nothing was counted
    for (int i = 0; i < STAGES; i++)
        stage_end(&stages[i]);
    stage_end(&first);
    tls_sessions_free(sessions);
}

static void clients_are_small(void **state)
{
    (void)state;
    assert_idle_is_small(true, TLS1_3_VERSION, false);
    assert_idle_is_small(true, TLS1_2_VERSION, false);
}

static void resumed_links_are_small(void **state)
{
    (void)state;
    assert_idle_is_small(false, TLS1_3_VERSION, false);
    assert_idle_is_small(false, TLS1_2_VERSION, false);
}

static void stay_small_after_key_updates(void **state)
{
    (void)state;
    assert_idle_is_small(true, TLS1_3_VERSION, true);
    assert_idle_is_small(false, TLS1_3_VERSION, true);
}

int main(void)
{
    CHECK(CRYPTO_set_mem_functions(count_malloc, count_realloc, count_free) == 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clients_are_small),
        cmocka_unit_test(resumed_links_are_small),
        cmocka_unit_test(stay_small_after_key_updates),
    };
    return cmocka_run_group_tests_name("tls memory", tests, prepare, tidy);
}
