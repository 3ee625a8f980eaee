// SPDX-License-Identifier: Apache-2.0
// The thread: its loop, its listeners, its keeper and its page of log lines. Everything in here but
// the atomics and the mailbox is touched by this thread only.
#include "worker/worker.h"

#include <stdlib.h>

#include "base/check.h"

#define LOG_FLUSH_MS 200

struct worker_listener {
    struct listener listener;
    struct worker *worker;
    size_t index;
};

struct worker {
    pthread_t thread;
    struct io_thread io;
    struct mailbox mailbox;
    struct keeper keeper;
    struct worker_listener *listeners;
    size_t listener_count;
    bool is_accepting;
    struct timer deadline;
    struct timer log_timer;
    struct log_page *page;
    worker_log_fn *log;
    void *log_receiver;
    _Atomic(uint64_t) gauges[4];
    atomic_bool has_ended;
};

struct order {
    struct letter letter;
    struct worker *worker;
    struct service *service;
    uint64_t deadline_ms;
};

// ---- the log

static void send_page(struct worker *worker)
{
    if (worker->page && worker->page->size) {
        worker->log(worker->log_receiver, worker->page);
        worker->page = NULL;
    }
    loop_timer_clear(worker->io.loop, &worker->log_timer);
}

static void on_log_timer(struct timer *timer)
{
    send_page(CONTAINER(timer, struct worker, log_timer));
}

static void add_line(struct keeper *keeper, struct span line)
{
    struct worker *worker = keeper->owner;
    if (worker->page && line.size > sizeof worker->page->bytes - worker->page->size)
        send_page(worker);
    if (!worker->page) {
        worker->page = malloc(sizeof *worker->page);
        if (!worker->page) {
            tally_one(&keeper->tally, TALLY_LOG_LINES_LOST);
            return;
        }
        worker->page->size = 0;
    }
    memcpy(worker->page->bytes + worker->page->size, line.data, line.size);
    worker->page->size += line.size;
    if (!worker->log_timer.deadline_ms)
        loop_timer_set(worker->io.loop, &worker->log_timer,
                       loop_time_ms(worker->io.loop) + LOG_FLUSH_MS);
}

// ---- mail

static void post(struct worker *worker, letter_fn *open, struct service *service,
                 uint64_t deadline_ms)
{
    struct order *order = calloc(1, sizeof *order);
    CHECK(order);
    order->letter.open = open;
    order->worker = worker;
    order->service = service;
    order->deadline_ms = deadline_ms;
    mailbox_post(&worker->mailbox, &order->letter);
}

static void open_adopt(struct letter *letter)
{
    struct order *order = CONTAINER(letter, struct order, letter);
    keeper_adopt(&order->worker->keeper, order->service);
    service_unref(order->service);
    free(order);
}

void worker_adopt(struct worker *worker, struct service *service)
{
    post(worker, open_adopt, service_ref(service), 0);
}

static void stop_accepting(struct worker *worker)
{
    if (!worker->is_accepting)
        return;
    worker->is_accepting = false;
    for (size_t i = 0; i < worker->listener_count; i++)
        listener_done(&worker->listeners[i].listener);
}

static void on_deadline(struct timer *timer)
{
    struct worker *worker = CONTAINER(timer, struct worker, deadline);
    keeper_close_all(&worker->keeper, END_DRAINED);
}

static void open_drain(struct letter *letter)
{
    struct order *order = CONTAINER(letter, struct order, letter);
    struct worker *worker = order->worker;
    stop_accepting(worker);
    keeper_drain(&worker->keeper);
    loop_timer_set(worker->io.loop, &worker->deadline, order->deadline_ms);
    free(order);
}

void worker_drain(struct worker *worker, uint64_t deadline_ms)
{
    post(worker, open_drain, NULL, deadline_ms);
}

static void open_question(struct letter *letter)
{
    struct worker_question *question = CONTAINER(letter, struct worker_question, letter);
    question->describe(&question->worker->keeper, question);
    mailbox_post(question->box, &question->answer);
}

void worker_ask(struct worker *worker, struct worker_question *question)
{
    question->worker = worker;
    question->letter.open = open_question;
    mailbox_post(&worker->mailbox, &question->letter);
}

// ---- the thread

static void on_accept(struct listener *listener, int fd, const struct address *address)
{
    struct worker_listener *own = CONTAINER(listener, struct worker_listener, listener);
    entry_accept(&own->worker->keeper, own->index, fd, address);
}

static uint64_t links_of(const struct keeper *keeper)
{
    uint64_t links = 0;
    for (const struct list *item = keeper->sides.next; item != &keeper->sides; item = item->next) {
        const struct service_side *side = CONTAINER(item, const struct service_side, siblings);
        for (size_t i = 0; i < side->service->snapshot->pool_count; i++)
            links += side->pools[i].link_count;
    }
    return links;
}

static void publish(struct worker *worker)
{
    const struct keeper *keeper = &worker->keeper;
    const uint64_t values[4] = {keeper->client_count, keeper->exchange_count, keeper->pin_count,
                                links_of(keeper)};
    for (size_t i = 0; i < 4; i++)
        atomic_store_explicit(&worker->gauges[i], values[i], memory_order_relaxed);
}

static bool goes_on(const struct worker *worker)
{
    return worker->is_accepting || worker->keeper.client_count > 0;
}

static void *run(void *argument)
{
    struct worker *worker = argument;
    while (goes_on(worker)) {
        loop_turn(worker->io.loop, -1);
        publish(worker);
    }
    loop_timer_clear(worker->io.loop, &worker->deadline);
    send_page(worker);
    atomic_store(&worker->has_ended, true);
    return NULL;
}

// ---- life

static bool listen_on_all(struct worker *worker, const struct worker_setup *setup)
{
    const struct snapshot *snapshot = setup->service->snapshot;
    worker->listeners = calloc(snapshot->listener_count + 1, sizeof *worker->listeners);
    worker->keeper.listener_clients = calloc(snapshot->listener_count + 1, sizeof(size_t));
    if (!worker->listeners || !worker->keeper.listener_clients)
        return false;
    for (size_t i = 0; i < snapshot->listener_count; i++) {
        struct worker_listener *own = &worker->listeners[i];
        own->worker = worker;
        own->index = i;
        if (!listener_init(&own->listener, worker->io.loop, setup->listener_fds[i], on_accept))
            return false;
        worker->listener_count++;
    }
    worker->is_accepting = true;
    return true;
}

struct worker *worker_new(const struct worker_setup *setup)
{
    struct worker *worker = calloc(1, sizeof *worker);
    if (!worker || !io_thread_init(&worker->io) || !mailbox_init(&worker->mailbox, worker->io.loop))
        return NULL; // the process cannot serve and ends
    keeper_init(&worker->keeper, &worker->io, setup->index, setup->count);
    worker->keeper.owner = worker;
    worker->keeper.log = setup->log ? add_line : NULL;
    worker->keeper.clients_max = setup->clients_max;
    worker->log = setup->log;
    worker->log_receiver = setup->log_receiver;
    timer_init(&worker->deadline, on_deadline);
    timer_init(&worker->log_timer, on_log_timer);
    if (!keeper_adopt(&worker->keeper, setup->service) || !listen_on_all(worker, setup))
        return NULL;
    return io_thread_start(&worker->thread, run, worker) ? worker : NULL;
}

const struct tally *worker_tally(const struct worker *worker)
{
    return &worker->keeper.tally;
}

void worker_gauges(const struct worker *worker, struct worker_gauges *ret_gauges)
{
    uint64_t values[4];
    for (size_t i = 0; i < 4; i++)
        values[i] = atomic_load_explicit(&worker->gauges[i], memory_order_relaxed);
    *ret_gauges = (struct worker_gauges){values[0], values[1], values[2], values[3]};
}

bool worker_has_ended(const struct worker *worker)
{
    return atomic_load(&worker->has_ended);
}

struct worker *worker_join(struct worker *worker)
{
    pthread_join(worker->thread, NULL);
    loop_turn(worker->io.loop, 0); // letters that came last, and what was to be freed
    keeper_done(&worker->keeper);
    mailbox_done(&worker->mailbox);
    loop_turn(worker->io.loop, 0);
    CHECK(loop_live(worker->io.loop) == 0);
    io_thread_done(&worker->io);
    free(worker->listeners);
    free(worker);
    return NULL;
}
