// SPDX-License-Identifier: Apache-2.0
// Probes: a probe connects, shakes hands or asks as the health of its pool says, and writes nothing
// but its server's health and verdict. It is either waiting for its time or running towards a
// deadline (one timer serves both) and concludes exactly once per check. The set of probes owns
// each; a probe holds its server, so a verdict survives a reload that keeps the server.
#include <stdlib.h>

#include "base/check.h"
#include "pool/pool.h"

#define AT_ONCE_MAX                                                                                \
    512 // checks under way; the others wait a moment, so that they cannot eat the descriptors
#define POSTPONED_MS   20
#define LINE_BYTES_MAX (16 * 1024)
#define HEAD_BYTES_MAX (64 * 1024)

struct probe {
    struct list siblings;
    struct probes *probes;
    const struct pool *pool;
    struct server *server;
    struct timer timer;      // running: the check's deadline; waiting: its next beginning
    struct channel *channel; // NULL while waiting
    struct channel *socket;  // the one below TLS, or the same
    struct h1_session session;
    struct task burial;
    bool is_running;
    bool is_tls;
    bool is_asked; // the request was composed
    bool is_shown; // the certificate was looked at
};

struct probes {
    struct io_thread *io;
    probe_tell_fn *tell;
    probe_shown_fn *shown;
    void *owner;
    struct looks *looks; // at servers whose checks do not speak TLS
    struct list all;
    size_t running;
    uint64_t random;
    struct tls_client *any_certificate; // for handshakes in pools without TLS of their own
    struct response_head response;      // scratch of one step
};

static const struct health_config *health_of(const struct probe *probe)
{
    return &probe->pool->config->health;
}

static uint64_t now_ms(const struct probe *probe)
{
    return loop_time_ms(probe->probes->io->loop);
}

static void set_timer(struct probe *probe, uint64_t wait_ms)
{
    loop_timer_set(probe->probes->io->loop, &probe->timer, now_ms(probe) + wait_ms);
}

// splitmix64: enough to keep checks from falling into step.
static uint64_t next_random(struct probes *probes)
{
    uint64_t z = probes->random += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

// ---- the end of a check

static void hang_up(struct probe *probe, bool abort)
{
    if (!probe->is_running)
        return;
    probe->is_running = false;
    probe->probes->running--;
    if (!probe->channel)
        return;
    h1_done(&probe->session);
    channel_close(probe->channel, abort);
    probe->channel = NULL;
}

static void note_failure(struct server_health *health, enum end why, const char *detail)
{
    struct text text = text_over(health->detail, sizeof health->detail);
    text_add_printf(&text, "%s", detail);
    health->why = why;
}

// `why` is END_OK for a check that was passed.
static void conclude(struct probe *probe, enum end why, const char *detail)
{
    struct server_health *health = &probe->server->health;
    const struct health_config *config = health_of(probe);
    enum verdict before = health->run.verdict;
    bool has_passed = why == END_OK;
    bool has_changed = verdict_note(&health->run, has_passed, config->rise, config->fall);
    *(has_passed ? &health->checks_passed : &health->checks_failed) += 1;
    if (!has_passed)
        note_failure(health, why, detail);
    else if (health->run.verdict == VERDICT_UP)
        note_failure(health, END_OK, "");
    hang_up(probe, !has_passed);
    set_timer(probe, verdict_wait_ms(config->interval_ms, next_random(probe->probes)));
    if (!has_changed)
        return;
    health->changed_us = loop_now_us();
    *(health->run.verdict == VERDICT_UP ? &health->rises : &health->falls) += 1;
    atomic_store(&probe->server->verdict, health->run.verdict);
    probe->probes->tell(probe->probes->owner, probe->server, before);
}

static void conclude_broken(struct probe *probe)
{
    enum end end = probe->channel->end;
    conclude(probe, end != END_OK ? end : END_SERVER_RESET,
             probe->is_tls ? tls_channel_problem(probe->channel) : "");
}

// ---- HTTP

static void put_request(struct probe *probe)
{
    char memory[4096];
    struct text text = text_over(memory, sizeof memory);
    const struct health_config *health = health_of(probe);
    const char *host = health->host ? health->host : probe->server->name;
    text_add_printf(&text,
                    "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: handfast/" HANDFAST_VERSION
                    " (health check)\r\n"
                    "Accept: */*\r\nConnection: close\r\n\r\n",
                    health->method, health->path, host);
    probe->is_asked = !text.cut && is_ok(h1_put(&probe->session, text_span(&text)));
}

static enum end response_end(enum end end)
{
    return end == END_HEADER_TOO_BIG || end == END_HEAD_TOO_BIG ? END_RESPONSE_TOO_BIG
                                                                : END_RESPONSE_BAD;
}

static void judge(struct probe *probe, const struct response_head *head)
{
    if (verdict_accepts(health_of(probe), head)) {
        conclude(probe, END_OK, "");
        return;
    }
    char memory[64] = "";
    struct text text = text_over(memory, sizeof memory);
    text_add_printf(&text, "status %u", head->status);
    if (head->status == 401 && health_of(probe)->expect_count == 0)
        text_add_string(&text, " without a scheme");
    memory[text.size] = '\0';
    conclude(probe, END_HEALTH_STATUS, memory);
}

// Looks for the answer's head. True when there may be another behind it (an interim answer was
// skipped).
static bool look_for_answer(struct probe *probe)
{
    struct h1_session *session = &probe->session;
    struct response_head *response = &probe->probes->response;
    const struct head_limits limits = {LINE_BYTES_MAX, HEAD_BYTES_MAX};
    struct span head;
    struct parse parse = h1_look_head(session, &limits, &head);
    if (parse.state == PARSE_BAD) {
        conclude(probe, response_end(parse.end), "");
        return false;
    }
    if (parse.state == PARSE_MORE) {
        if (session->is_broken)
            conclude_broken(probe);
        else if (session->is_ended)
            conclude(probe, END_SERVER_CLOSED, "");
        else
            h1_want(session, HEAD_BYTES_MAX + IO_BLOCK_BYTES);
        return false;
    }
    struct status status =
        h1_response_parse(head, strcmp(health_of(probe)->method, "HEAD") == 0, false, response);
    if (!is_ok(status)) {
        conclude(probe, status.end, "");
        return false;
    }
    bool is_interim = response->status < 200 && response->status != 101;
    if (is_interim)
        h1_take_head(session, head.size, BODY_NONE, 0);
    else
        judge(probe, response);
    return is_interim;
}

static void run_http(struct probe *probe)
{
    struct h1_session *session = &probe->session;
    if (!probe->is_asked)
        put_request(probe);
    h1_flush(session);
    h1_fill(session, HEAD_BYTES_MAX + IO_BLOCK_BYTES);
    while (look_for_answer(probe))
        ;
}

// ---- the way of a check

// Links would be shown the same certificate: the same name is asked for.
static void note_leaf(struct probe *probe)
{
    const struct pool *pool = probe->pool;
    struct tls_leaf leaf;
    probe->is_shown = true;
    if (pool->tls && tls_channel_peer_leaf(probe->channel, &leaf) &&
        server_note_leaf(probe->server, pool_tls_name(pool, probe->server), &leaf))
        probe->probes->shown(probe->probes->owner, probe->server);
}

static void on_ready(struct channel *channel, unsigned ready)
{
    struct probe *probe = channel->owner;
    if (channel->is_open && !probe->is_shown)
        note_leaf(probe);
    bool is_http = health_of(probe)->kind == HEALTH_HTTP;
    if (ready & CHANNEL_WRITE)
        probe->session.is_write_blocked = false; // the next write will tell
    if (channel->is_open && is_http)
        run_http(probe); // what the server said before a reset counts
    else if (channel->end != END_OK)
        conclude_broken(probe);
    else if (channel->is_open)
        conclude(probe, END_OK, "");
}

static struct channel *with_tls(struct probe *probe, struct channel *below)
{
    struct tls_client *client =
        probe->pool->tls ? probe->pool->tls : probe->probes->any_certificate;
    const char *name = pool_tls_name(probe->pool, probe->server);
    return client ? tls_connect(probe->probes->io->loop, client, name, NULL, below) : NULL;
}

static struct status open_channel(struct probe *probe)
{
    struct channel *below;
    TRY(socket_channel_connect(probe->probes->io->loop, &probe->server->address, &below));
    enum health_kind kind = health_of(probe)->kind;
    probe->is_tls = kind == HEALTH_TLS || (kind == HEALTH_HTTP && probe->pool->tls);
    probe->socket = below;
    probe->channel = probe->is_tls ? with_tls(probe, below) : below;
    if (probe->channel)
        return OK;
    channel_close(below, true);
    return failed(END_OVERLOAD);
}

static void begin(struct probe *probe)
{
    if (probe->probes->running >= AT_ONCE_MAX) {
        set_timer(probe, POSTPONED_MS);
        return;
    }
    struct status status = open_channel(probe);
    if (status.end == END_FILE_LIMIT ||
        status.end == END_OVERLOAD) { // our want, not the server's fault
        set_timer(probe, health_of(probe)->interval_ms);
        return;
    }
    probe->is_running = true;
    probe->probes->running++;
    if (!is_ok(status)) {
        conclude(probe, status.end, "");
        return;
    }
    probe->is_asked = probe->is_shown = false;
    probe->channel->owner = probe;
    probe->channel->on_ready = on_ready;
    h1_init(&probe->session, probe->probes->io, probe->channel);
    set_timer(probe, health_of(probe)->timeout_ms);
    channel_want(probe->channel, CHANNEL_READ | CHANNEL_WRITE);
}

static void on_too_late(struct probe *probe)
{
    if (probe->channel->is_open)
        conclude(probe, END_SERVER_TIMEOUT, "");
    else if (probe->socket->is_open)
        conclude(probe, END_SERVER_TLS_FAILED, "it did not come to an end in time");
    else
        conclude(probe, END_CONNECT_TIMEOUT, "");
}

static void on_timer(struct timer *timer)
{
    struct probe *probe = CONTAINER(timer, struct probe, timer);
    if (probe->is_running)
        on_too_late(probe);
    else
        begin(probe);
}

// ---- which servers

static void bury(struct task *task)
{
    struct probe *probe = CONTAINER(task, struct probe, burial);
    server_unref(probe->server);
    free(probe);
}

static void probe_stop(struct probe *probe)
{
    hang_up(probe, true);
    loop_timer_clear(probe->probes->io->loop, &probe->timer);
    list_leave(&probe->siblings);
    loop_last(probe->probes->io->loop, &probe->burial);
}

static struct probe *probe_new(struct probes *probes, struct server *server)
{
    struct probe *probe = calloc(1, sizeof *probe);
    CHECK(probe);
    list_init(&probe->siblings);
    timer_init(&probe->timer, on_timer);
    task_init(&probe->burial, bury);
    probe->probes = probes;
    probe->server = server_ref(server);
    return probe;
}

static struct probe *find(struct list *list, const struct server *server)
{
    LIST_EACH (item, list) {
        struct probe *probe = CONTAINER(item, struct probe, siblings);
        if (probe->server == server)
            return probe;
    }
    return NULL;
}

static void restart(struct probe *probe)
{
    bool was_waiting = !probe->is_running && probe->timer.deadline_ms;
    uint64_t latest_ms = now_ms(probe) + health_of(probe)->interval_ms;
    hang_up(probe, true);
    if (!was_waiting)
        begin(probe);
    else if (probe->timer.deadline_ms > latest_ms)
        loop_timer_set(probe->probes->io->loop, &probe->timer, latest_ms);
}

static void adopt_server(struct probes *probes, struct list *known, const struct pool *pool,
                         struct server *server)
{
    struct probe *probe = find(known, server);
    if (pool->config->health.kind == HEALTH_NONE) {
        server->health.run = (struct verdict_run){0};
        atomic_store(&server->verdict, VERDICT_UNTRIED);
        return;
    }
    if (!probe)
        probe = probe_new(probes, server);
    list_join(&probes->all, &probe->siblings);
    probe->pool = pool;
    restart(probe);
}

static void stop_all(struct list *list)
{
    while (!list_is_empty(list))
        probe_stop(CONTAINER(list->next, struct probe, siblings));
}

void probes_adopt(struct probes *probes, struct pool *const *pools, size_t pool_count)
{
    struct list known;
    list_init(&known);
    while (!list_is_empty(&probes->all))
        list_join(&known, probes->all.next);
    for (size_t p = 0; p < pool_count; p++)
        for (size_t i = 0; i < pools[p]->server_count; i++)
            adopt_server(probes, &known, pools[p], pools[p]->servers[i]);
    stop_all(&known);
    looks_adopt(probes->looks, pools, pool_count);
}

static void on_look(void *owner, struct server *server, enum end why, const char *problem)
{
    struct probes *probes = owner;
    if (why == END_OK) // whether the server is well is for its checks to say
        probes->shown(probes->owner, server);
}

struct probes *probes_new(struct io_thread *io, probe_tell_fn *tell, probe_shown_fn *shown,
                          void *owner)
{
    struct probes *probes = calloc(1, sizeof *probes);
    if (!probes)
        return NULL;
    struct tls_problem problem;
    probes->io = io;
    probes->tell = tell;
    probes->shown = shown;
    probes->owner = owner;
    probes->random = loop_now_us() ^ (uintptr_t)probes;
    probes->any_certificate = tls_client_new(NULL, false, &problem);
    probes->looks = looks_new(io, on_look, probes);
    list_init(&probes->all);
    return probes->looks ? probes : probes_free(probes);
}

struct probes *probes_free(struct probes *probes)
{
    if (probes) {
        stop_all(&probes->all);
        looks_free(probes->looks);
        tls_client_free(probes->any_certificate);
    }
    free(probes);
    return NULL;
}

size_t probes_descriptors(size_t server_count)
{
    size_t checks = server_count < AT_ONCE_MAX ? server_count : AT_ONCE_MAX;
    size_t looks = server_count < LOOKS_AT_ONCE_MAX ? server_count : LOOKS_AT_ONCE_MAX;
    return checks + looks;
}
