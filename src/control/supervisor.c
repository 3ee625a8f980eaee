// SPDX-License-Identifier: Apache-2.0
// The supervisor: opens the listeners, starts the workers, hears signals, and takes everything down
// again. It carries no traffic.
#include "control/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "control/admin.h"
#include "control/chores.h"
#include "control/moves.h"
#include "control/notice.h"

#define DESCRIPTORS_KEPT 64 // for files, pipes, mailboxes, admin
#define CHECK_MS         20

void supervisor_say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("handfast: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

void supervisor_show(struct findings *findings, char **ret_findings)
{
    if (!findings->count)
        return;
    char *text = findings_print(findings);
    fputs(text, stderr);
    if (ret_findings)
        *ret_findings = text;
    else
        free(text);
}

// ---- descriptors

static size_t raise_descriptor_limit(void)
{
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    return limit.rlim_cur;
}

// Every client may need a link, so it counts twice.
static size_t clients_at_most(const struct supervisor *supervisor)
{
    size_t limit = raise_descriptor_limit();
    size_t listeners = supervisor->service->snapshot->listener_count * supervisor->worker_count * 2;
    size_t servers = 0;
    for (size_t i = 0; i < supervisor->service->snapshot->pool_count; i++)
        servers += supervisor->service->pools[i]->server_count;
    size_t kept = DESCRIPTORS_KEPT + listeners + probes_descriptors(servers);
    size_t clients = limit > kept + 2 ? (limit - kept) / 2 : 1;
    supervisor_say("%zu descriptors: at most %zu clients, each with a link", limit, clients);
    return clients;
}

// ---- starting

static bool start_worker(struct supervisor *supervisor, unsigned index, size_t clients_max)
{
    struct worker_socket *sockets = listening_take(supervisor->listening, index);
    struct worker_setup setup = {
        .index = index,
        .count = supervisor->worker_count,
        .service = supervisor->service,
        .sockets = sockets,
        .turnstile = supervisor->turnstile,
        .clients_max = clients_max,
        .log = supervisor->journal ? journal_take : NULL,
        .log_receiver = supervisor->journal,
    };
    supervisor->workers[index] = worker_new(&setup);
    free(sockets);
    return supervisor->workers[index] != NULL;
}

static unsigned core_count(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 0 ? (unsigned)cores : 1;
}

static bool open_listeners(struct supervisor *supervisor)
{
    struct findings *findings = findings_new(supervisor->config_file);
    supervisor->listening = listening_new(supervisor->service->snapshot, supervisor->worker_count,
                                          NULL, NULL, findings);
    supervisor_show(findings, NULL);
    findings_free(findings);
    return supervisor->listening != NULL;
}

static bool start_workers(struct supervisor *supervisor)
{
    const struct snapshot *snapshot = supervisor->service->snapshot;
    supervisor->worker_count = snapshot->workers ? snapshot->workers : core_count();
    supervisor->workers = calloc(supervisor->worker_count, sizeof(struct worker *));
    supervisor->turnstile = turnstile_new();
    CHECK(supervisor->workers);
    size_t clients_max = clients_at_most(supervisor);
    if (!open_listeners(supervisor))
        return false;
    for (unsigned i = 0; i < supervisor->worker_count; i++)
        if (!start_worker(supervisor, i, clients_max))
            return false;
    return true;
}

static bool open_journal(struct supervisor *supervisor)
{
    const char *target = supervisor->service->snapshot->log;
    if (strcmp(target, "off") == 0)
        return true;
    supervisor->journal = journal_new(target);
    if (!supervisor->journal)
        supervisor_say("log %s: %s", target, strerror(errno));
    return supervisor->journal != NULL;
}

// Before the first client: a server that refuses is known to be down when it is first asked for.
static void start_probes(struct supervisor *supervisor)
{
    supervisor->protections = protections_new(supervisor);
    protections_adopt(supervisor->protections, supervisor->service);
    supervisor->probes = probes_new(&supervisor->io, notice_verdict, protections_shown, supervisor);
    CHECK(supervisor->probes);
    probes_adopt(supervisor->probes, supervisor->service->pools,
                 supervisor->service->snapshot->pool_count);
}

static void say_ready(const struct supervisor *supervisor)
{
    listening_say(supervisor->listening, supervisor->service->snapshot, NULL, "listening on");
    supervisor_say("ready: %u workers", supervisor->worker_count);
    sd_notify(0, "READY=1");
}

// ---- stopping

static void drain(struct supervisor *supervisor)
{
    if (supervisor->is_draining)
        return;
    supervisor->is_draining = true;
    uint64_t drain_ms = supervisor->service->snapshot->timeouts.drain_ms;
    supervisor_say("stopping: open exchanges have %llu ms", (unsigned long long)drain_ms);
    sd_notify(0, "STOPPING=1");
    for (unsigned i = 0; i < supervisor->worker_count; i++)
        worker_drain(supervisor->workers[i], loop_now_us() / US_PER_MS + drain_ms);
    loop_timer_set(supervisor->io.loop, &supervisor->check_timer,
                   loop_now_us() / US_PER_MS + CHECK_MS);
}

static void check_workers(struct timer *timer)
{
    struct supervisor *supervisor = CONTAINER(timer, struct supervisor, check_timer);
    for (unsigned i = 0; i < supervisor->worker_count; i++)
        if (!worker_has_ended(supervisor->workers[i])) {
            loop_timer_set(supervisor->io.loop, timer,
                           loop_time_ms(supervisor->io.loop) + CHECK_MS);
            return;
        }
    loop_stop(supervisor->io.loop);
}

// ---- signals

static void on_signal(struct watch *watch, uint32_t events)
{
    struct supervisor *supervisor = CONTAINER(watch, struct supervisor, signals);
    struct signalfd_siginfo info;
    while (read(watch->fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGHUP)
            reload(supervisor, NULL);
        else
            drain(supervisor);
    }
}

static void stop_at_once(int number)
{
    static const char said[] = "handfast: stopped before it served anybody\n";
    (void)!write(STDERR_FILENO, said, sizeof said - 1);
    _exit(0);
}

// While the first configuration is loaded, which may wait for names: there is nothing to drain yet,
// and a reload waits until there is something to reload.
static void await_signals(void)
{
    sigset_t reload;
    sigemptyset(&reload);
    sigaddset(&reload, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &reload, NULL);
    signal(SIGTERM, stop_at_once);
    signal(SIGINT, stop_at_once);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); // a log that may not grow is a log that cannot be written
}

static bool hear_signals(struct supervisor *supervisor)
{
    sigset_t heard;
    sigemptyset(&heard);
    sigaddset(&heard, SIGHUP);
    sigaddset(&heard, SIGTERM);
    sigaddset(&heard, SIGINT);
    pthread_sigmask(SIG_BLOCK, &heard, NULL);
    int fd = signalfd(-1, &heard, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0)
        return false;
    watch_init(&supervisor->signals, fd, on_signal);
    loop_watch(supervisor->io.loop, &supervisor->signals, EPOLLIN);
    return true;
}

static void take_down(struct supervisor *supervisor)
{
    // what is asked for from here on would reach what is gone, or was never there
    loop_close(supervisor->io.loop, &supervisor->signals);
    // it may wait for a look under way, and while it does the admin socket still asks workers
    supervisor->moves = moves_free(supervisor->moves);
    for (unsigned i = 0; supervisor->workers && i < supervisor->worker_count; i++) {
        if (!supervisor->workers[i])
            continue;
        if (!worker_has_ended(supervisor->workers[i])) // the start has failed
            worker_drain(supervisor->workers[i], loop_now_us() / US_PER_MS);
        supervisor->workers[i] = worker_join(supervisor->workers[i]);
    }
    admin_free(supervisor->admin);
    probes_free(supervisor->probes);
    protections_free(supervisor->protections);
    loop_turn(supervisor->io.loop, 0); // answers that came too late, and what was to be freed
    chores_free(supervisor->chores);
    journal_free(supervisor->journal);
    service_unref(supervisor->service);
    tls_tickets_free(supervisor->tickets);
    mailbox_done(&supervisor->mailbox);
    io_thread_done(&supervisor->io);
    free(supervisor->workers);
    listening_free(supervisor->listening);
    turnstile_unref(supervisor->turnstile);
}

static bool prepare(struct supervisor *supervisor)
{
    supervisor->started_us = loop_now_us();
    timer_init(&supervisor->check_timer, check_workers);
    CHECK(io_thread_init(&supervisor->io) &&
          mailbox_init(&supervisor->mailbox, supervisor->io.loop));
    watch_init(&supervisor->signals, -1, on_signal);
    await_signals();
    supervisor->tickets = tls_tickets_new();
    supervisor->service = reload_first(supervisor);
    CHECK(hear_signals(supervisor));
    if (!supervisor->service || !open_journal(supervisor))
        return false;
    supervisor->admin = admin_new(supervisor);
    return supervisor->admin != NULL;
}

int supervise(const char *config_file)
{
    struct supervisor supervisor = {.config_file = config_file};
    bool is_started = prepare(&supervisor) && start_workers(&supervisor);
    if (is_started) {
        start_probes(&supervisor);
        supervisor.chores = chores_new(&supervisor);
        supervisor.moves = moves_new(&supervisor);
        say_ready(&supervisor);
        loop_run(supervisor.io.loop);
    }
    take_down(&supervisor);
    if (is_started)
        supervisor_say("stopped: no client, link or exchange is left");
    return is_started ? 0 : 1;
}
