// SPDX-License-Identifier: Apache-2.0
// One connection for a test: our channel and its owner at the near end of a cable, OpenSSL at the
// far end, a real loop.
#pragma once

#include "identity.h"
#include "peer.h"

struct stage {
    struct loop *loop;
    struct cable cable;
    struct channel *channel;
    struct owner owner;
    struct peer peer;
};

static inline void stage_begin(struct stage *stage, enum end end_reset)
{
    *stage = (struct stage){.loop = loop_new()};
    CHECK(stage->loop);
    cable_init(&stage->cable, end_reset);
}

// Our server and an OpenSSL client.
static inline void stage_accept(struct stage *stage, struct tls_server *server, SSL_CTX *context)
{
    stage_begin(stage, END_CLIENT_RESET);
    stage->channel = tls_accept(stage->loop, server, &stage->cable.near.channel);
    owner_init(&stage->owner, stage->channel);
    peer_init(&stage->peer, context, &stage->cable, false);
}

// Our client and an OpenSSL server.
static inline void stage_connect(struct stage *stage, struct tls_client *client, const char *name,
                                 struct tls_sessions *sessions, SSL_CTX *context)
{
    stage_begin(stage, END_SERVER_RESET);
    stage->channel = tls_connect(stage->loop, client, name, sessions, &stage->cable.near.channel);
    owner_init(&stage->owner, stage->channel);
    channel_want(stage->channel, CHANNEL_READ | CHANNEL_WRITE);
    peer_init(&stage->peer, context, &stage->cable, true);
}

// How far everything has come: when this no longer changes, nothing will.
static inline size_t stage_progress(const struct stage *stage)
{
    const struct cable *cable = &stage->cable;
    return stage->owner.calls + cable->near.moved + cable->far.moved + cable->near.has_shut +
           stage->peer.got_size + stage->peer.has_ended;
}

static inline void stage_round(struct stage *stage)
{
    peer_carry(&stage->peer);
    peer_read(&stage->peer);
    cable_ring(&stage->cable.near);
    loop_turn(stage->loop, 0);
}

// Until nothing happens any more. Wanting for ever what is always ready is a defect, so rounds are
// limited.
static inline void stage_run(struct stage *stage)
{
    unsigned quiet = 0;
    for (unsigned rounds = 0; quiet < 3; rounds++) {
        CHECK(rounds < 2000000);
        size_t before = stage_progress(stage);
        stage_round(stage);
        quiet = stage_progress(stage) == before ? quiet + 1 : 0;
    }
}

static inline void stage_close(struct stage *stage, bool abort)
{
    channel_close(stage->channel, abort);
    stage->channel = NULL;
    loop_turn(stage->loop, 0);
}

static inline void stage_end(struct stage *stage)
{
    if (stage->channel)
        stage_close(stage, false);
    CHECK(stage->cable.near.is_closed);
    CHECK(loop_live(stage->loop) == 0);
    loop_free(stage->loop);
    owner_done(&stage->owner);
    peer_done(&stage->peer);
    cable_done(&stage->cable);
}

// Bytes that are different everywhere, so that a byte lost, doubled or moved shows.
static inline uint8_t *pattern_new(size_t size)
{
    uint8_t *pattern = malloc(size);
    CHECK(pattern);
    uint32_t x = 12345;
    for (size_t i = 0; i < size; i++) {
        x = x * 1664525 + 1013904223;
        pattern[i] = (uint8_t)(x >> 24);
    }
    return pattern;
}
