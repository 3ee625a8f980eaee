// SPDX-License-Identifier: Apache-2.0
// Looks: a look connects, shakes hands in full under the name that links ask for, notes the leaf
// certificate and hangs up. It believes any certificate, sends nothing and judges nothing. The set
// owns its looks; a look holds its server.
#include <stdlib.h>

#include "base/check.h"
#include "pool/pool.h"

#define POSTPONED_MS 20

struct look {
    struct list siblings;
    struct looks *looks;
    const struct pool *pool;
    struct server *server;
    const char *name;   // asked for
    struct timer timer; // running: the deadline; waiting: the next beginning
    struct channel *channel;
    struct task burial;
    bool is_once;
    bool is_running;
};

struct looks {
    struct io_thread *io;
    look_tell_fn *tell;
    void *owner;
    struct list all;
    size_t running;
    struct tls_client *any_certificate;
};

static const struct health_config *health_of(const struct look *look)
{
    return &look->pool->config->health;
}

static void set_timer(struct look *look, uint64_t wait_ms)
{
    struct loop *loop = look->looks->io->loop;
    loop_timer_set(loop, &look->timer, loop_time_ms(loop) + wait_ms);
}

static void hang_up(struct look *look)
{
    if (!look->is_running)
        return;
    look->is_running = false;
    look->looks->running--;
    loop_timer_clear(look->looks->io->loop, &look->timer);
    channel_close(look->channel, false);
    look->channel = NULL;
}

static void wait_for_next(struct look *look)
{
    if (!look->is_once)
        set_timer(look, health_of(look)->interval_ms);
}

static void conclude(struct look *look, enum end why, const char *problem)
{
    struct looks *looks = look->looks;
    struct tls_leaf leaf;
    bool is_news = true;
    if (why == END_OK && !tls_channel_peer_leaf(look->channel, &leaf))
        why = END_SERVER_TLS_FAILED;
    if (why == END_OK)
        is_news = server_note_leaf(look->server, look->name, &leaf) || look->is_once;
    hang_up(look);
    wait_for_next(look);
    if (is_news)
        looks->tell(looks->owner, look->server, why, problem);
}

static void on_ready(struct channel *channel, unsigned ready)
{
    struct look *look = channel->owner;
    if (channel->is_open)
        conclude(look, END_OK, "");
    else if (channel->end != END_OK)
        conclude(look, channel->end, tls_channel_problem(channel));
}

static struct status open_channel(struct look *look)
{
    struct loop *loop = look->looks->io->loop;
    struct channel *below;
    TRY(socket_channel_connect(loop, &look->server->address, &below));
    look->channel = tls_connect(loop, look->looks->any_certificate, look->name, NULL, below);
    if (look->channel)
        return OK;
    channel_close(below, true);
    return failed(END_OVERLOAD);
}

static void begin(struct look *look)
{
    struct looks *looks = look->looks;
    if (looks->running >= LOOKS_AT_ONCE_MAX) {
        set_timer(look, POSTPONED_MS);
        return;
    }
    struct status status = open_channel(look);
    if (!is_ok(status)) {
        wait_for_next(look);
        looks->tell(looks->owner, look->server, status.end, "");
        return;
    }
    look->is_running = true;
    looks->running++;
    look->channel->owner = look;
    look->channel->on_ready = on_ready;
    set_timer(look, health_of(look)->timeout_ms);
    channel_want(look->channel, CHANNEL_READ | CHANNEL_WRITE);
}

static void take_from_links(struct look *look)
{
    set_timer(look, health_of(look)->interval_ms);
    if (server_take_link_leaf(look->server))
        look->looks->tell(look->looks->owner, look->server, END_OK, "");
}

static void on_timer(struct timer *timer)
{
    struct look *look = CONTAINER(timer, struct look, timer);
    if (look->is_running)
        conclude(look, END_SERVER_TIMEOUT, "");
    else if (look->is_once)
        begin(look);
    else if (health_of(look)->kind == HEALTH_NONE)
        take_from_links(look);
    else if (atomic_load(&look->server->verdict) == VERDICT_DOWN)
        set_timer(look, health_of(look)->interval_ms);
    else
        begin(look);
}

// ---- which servers

static void bury(struct task *task)
{
    struct look *look = CONTAINER(task, struct look, burial);
    server_unref(look->server);
    free(look);
}

static void stop_all(struct looks *looks)
{
    while (!list_is_empty(&looks->all)) {
        struct look *look = CONTAINER(looks->all.next, struct look, siblings);
        hang_up(look);
        loop_timer_clear(looks->io->loop, &look->timer);
        list_leave(&look->siblings);
        loop_last(looks->io->loop, &look->burial);
    }
}

static struct look *add(struct looks *looks, const struct pool *pool, struct server *server,
                        const char *name)
{
    struct look *look = calloc(1, sizeof *look);
    CHECK(look);
    list_init(&look->siblings);
    timer_init(&look->timer, on_timer);
    task_init(&look->burial, bury);
    look->looks = looks;
    look->pool = pool;
    look->server = server_ref(server);
    look->name = name;
    list_join(&looks->all, &look->siblings);
    set_timer(look, 0);
    return look;
}

void looks_adopt(struct looks *looks, struct pool *const *pools, size_t pool_count)
{
    stop_all(looks);
    for (size_t p = 0; p < pool_count; p++) {
        const struct pool *pool = pools[p];
        enum health_kind kind = pool->config->health.kind;
        if (!pool->tls || kind == HEALTH_TLS || kind == HEALTH_HTTP)
            continue;
        for (size_t i = 0; i < pool->server_count; i++)
            add(looks, pool, pool->servers[i], pool_tls_name(pool, pool->servers[i]));
    }
}

void looks_ask(struct looks *looks, const struct pool *pool, struct server *server,
               const char *name)
{
    add(looks, pool, server, name)->is_once = true;
}

struct looks *looks_new(struct io_thread *io, look_tell_fn *tell, void *owner)
{
    struct looks *looks = calloc(1, sizeof *looks);
    if (!looks)
        return NULL;
    struct tls_problem problem;
    looks->io = io;
    looks->tell = tell;
    looks->owner = owner;
    list_init(&looks->all);
    looks->any_certificate = tls_client_new(NULL, false, &problem);
    return looks->any_certificate ? looks : looks_free(looks);
}

struct looks *looks_free(struct looks *looks)
{
    if (looks) {
        stop_all(looks);
        tls_client_free(looks->any_certificate);
    }
    free(looks);
    return NULL;
}
