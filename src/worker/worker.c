// SPDX-License-Identifier: Apache-2.0
// The thread: its loop, its listeners, its keeper and its page of log lines. Everything in here but
// the atomics and the mailbox is touched by this thread only.
#include "worker/worker.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"

#define LOG_FLUSH_MS 200

// Lives on after it has stopped listening, for as long as clients that came in by it.
struct worker_listener {
    struct list siblings;
    struct worker *worker;
    struct listener listener;
    struct entrance entrance;
    char *bind; // with nth: which one it is
    unsigned nth;
    bool is_listening;
};

struct worker {
    pthread_t thread;
    struct io_thread io;
    struct mailbox mailbox;
    struct keeper keeper;
    struct list listeners;
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
    struct worker_socket *sockets;
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

// ---- listeners

static void on_accept(struct listener *listener, int fd, const struct address *address)
{
    struct worker_listener *own = CONTAINER(listener, struct worker_listener, listener);
    entry_accept(&own->worker->keeper, &own->entrance, fd, address);
}

static void listen_on(struct worker *worker, const struct listener_config *config,
                      struct worker_socket socket)
{
    struct worker_listener *own = calloc(1, sizeof *own);
    CHECK(own);
    list_init(&own->siblings);
    list_join(&worker->listeners, &own->siblings);
    own->worker = worker;
    own->bind = strdup(config->bind);
    CHECK(own->bind);
    own->nth = config->nth;
    own->entrance.turnstile = socket.turnstile;
    own->is_listening = true;
    listener_init(&own->listener, worker->io.loop, socket.fd, on_accept);
}

static void stop_listening(struct worker_listener *own)
{
    if (own->is_listening)
        listener_done(&own->listener); // takes its queue
    own->is_listening = false;
}

static void forget(struct worker_listener *own)
{
    list_leave(&own->siblings);
    turnstile_unref(own->entrance.turnstile);
    free(own->bind);
    free(own);
}

// Before the service is adopted: what waits in the queue of a listener that goes is still served.
static void stop_what_goes(struct worker *worker, const struct snapshot *snapshot)
{
    LIST_EACH (item, &worker->listeners) {
        struct worker_listener *own = CONTAINER(item, struct worker_listener, siblings);
        if (snapshot_listener(snapshot, own->bind, own->nth) == SIZE_MAX)
            stop_listening(own);
        if (!own->is_listening && own->entrance.clients == 0)
            forget(own);
    }
}

static void give_up(struct worker_socket socket)
{
    close(socket.fd);
    turnstile_unref(socket.turnstile);
}

// After it is adopted: entrances count in the newest snapshot.
static void start_what_comes(struct worker *worker, const struct snapshot *snapshot,
                             const struct worker_socket *sockets)
{
    for (size_t i = 0; sockets && i < snapshot->listener_count; i++)
        if (sockets[i].fd >= 0 && worker->is_accepting)
            listen_on(worker, &snapshot->listeners[i], sockets[i]);
        else if (sockets[i].fd >= 0)
            give_up(sockets[i]);
    LIST_EACH (item, &worker->listeners) {
        struct worker_listener *own = CONTAINER(item, struct worker_listener, siblings);
        own->entrance.index = snapshot_listener(snapshot, own->bind, own->nth);
    }
}

static void adopt(struct worker *worker, struct service *service,
                  const struct worker_socket *sockets)
{
    stop_what_goes(worker, service->snapshot);
    CHECK(keeper_adopt(&worker->keeper, service));
    start_what_comes(worker, service->snapshot, sockets);
}

static void stop_accepting(struct worker *worker)
{
    worker->is_accepting = false;
    LIST_EACH (item, &worker->listeners)
        stop_listening(CONTAINER(item, struct worker_listener, siblings));
}

// ---- mail

static struct order *order_new(struct worker *worker, letter_fn *open)
{
    struct order *order = calloc(1, sizeof *order);
    CHECK(order);
    order->letter.open = open;
    order->worker = worker;
    return order;
}

static void open_adopt(struct letter *letter)
{
    struct order *order = CONTAINER(letter, struct order, letter);
    adopt(order->worker, order->service, order->sockets);
    service_unref(order->service);
    free(order->sockets);
    free(order);
}

void worker_adopt(struct worker *worker, struct service *service, struct worker_socket *sockets)
{
    struct order *order = order_new(worker, open_adopt);
    order->service = service_ref(service);
    order->sockets = sockets;
    mailbox_post(&worker->mailbox, &order->letter);
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
    struct order *order = order_new(worker, open_drain);
    order->deadline_ms = deadline_ms;
    mailbox_post(&worker->mailbox, &order->letter);
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

struct worker *worker_new(const struct worker_setup *setup)
{
    struct worker *worker = calloc(1, sizeof *worker);
    if (!worker || !io_thread_init(&worker->io) || !mailbox_init(&worker->mailbox, worker->io.loop))
        return NULL; // the process cannot serve and ends
    keeper_init(&worker->keeper, &worker->io, setup->index, setup->count);
    worker->keeper.owner = worker;
    worker->keeper.log = setup->log ? add_line : NULL;
    worker->keeper.turnstile = setup->turnstile;
    worker->keeper.clients_max = setup->clients_max;
    worker->log = setup->log;
    worker->log_receiver = setup->log_receiver;
    timer_init(&worker->deadline, on_deadline);
    timer_init(&worker->log_timer, on_log_timer);
    list_init(&worker->listeners);
    worker->is_accepting = true;
    adopt(worker, setup->service, setup->sockets);
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
    LIST_EACH (item, &worker->listeners)
        forget(CONTAINER(item, struct worker_listener, siblings));
    free(worker);
    return NULL;
}
