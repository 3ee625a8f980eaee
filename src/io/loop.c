// SPDX-License-Identifier: Apache-2.0
// The loop: epoll for descriptors, a heap for timers, two queues for tasks. It allocates nothing
// per event and never frees what hangs on it; owners do, through loop_last.
#include "io/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"

#define EVENTS_PER_TURN 256

struct loop {
    int epoll;
    bool is_stopping;
    uint64_t time_ms;
    unsigned watches;
    struct epoll_event events[EVENTS_PER_TURN]; // of this turn
    int event_count;
    struct list changed; // watches whose interest the kernel does not know yet
    struct list soon;
    struct list last;
    struct timer **heap;
    uint32_t timer_count;
    uint32_t timer_capacity;
};

uint64_t loop_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * US_PER_S + (uint64_t)now.tv_nsec / 1000;
}

struct loop *loop_new(void)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (!loop)
        return NULL;
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll < 0) {
        free(loop);
        return NULL;
    }
    list_init(&loop->changed);
    list_init(&loop->soon);
    list_init(&loop->last);
    loop->time_ms = loop_now_us() / US_PER_MS;
    return loop;
}

struct loop *loop_free(struct loop *loop)
{
    if (loop) {
        close(loop->epoll);
        free(loop->heap);
        free(loop);
    }
    return NULL;
}

uint64_t loop_time_ms(const struct loop *loop)
{
    return loop->time_ms;
}

unsigned loop_live(const struct loop *loop)
{
    return loop->watches + loop->timer_count + !list_is_empty(&loop->soon) +
           !list_is_empty(&loop->last);
}

// ---- watches

void watch_init(struct watch *watch, int fd, watch_fn *on_ready)
{
    *watch = (struct watch){.fd = fd, .on_ready = on_ready};
    list_init(&watch->changed);
}

void loop_watch(struct loop *loop, struct watch *watch, uint32_t interest)
{
    CHECK(watch->fd >= 0);
    watch->interest = interest;
    if (watch->is_registered && watch->registered == interest)
        list_leave(&watch->changed);
    else
        list_join(&loop->changed, &watch->changed);
}

void loop_unwatch(struct loop *loop, struct watch *watch)
{
    if (watch->is_registered) {
        epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
        loop->watches--;
    }
    list_leave(&watch->changed);
    watch->is_registered = false;
}

int loop_release(struct loop *loop, struct watch *watch)
{
    int fd = watch->fd;
    loop_unwatch(loop, watch);
    watch->fd = -1;
    return fd;
}

void loop_close(struct loop *loop, struct watch *watch)
{
    if (watch->fd < 0)
        return;
    // closing the last descriptor of a file takes it out of epoll: no DEL needed
    if (watch->is_registered)
        loop->watches--;
    list_leave(&watch->changed);
    watch->is_registered = false;
    close(watch->fd);
    watch->fd = -1;
}

// False when the kernel has no memory for one more watch; the watch is tried again next turn.
static bool tell_of_one(struct loop *loop, struct watch *watch)
{
    struct epoll_event event = {.events = watch->interest, .data.ptr = watch};
    int operation = watch->is_registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(loop->epoll, operation, watch->fd, &event) != 0) {
        CHECK(errno == ENOMEM || errno == ENOSPC);
        return false;
    }
    loop->watches += !watch->is_registered;
    watch->is_registered = true;
    watch->registered = watch->interest;
    return true;
}

static void tell_kernel(struct loop *loop)
{
    struct list refused;
    list_init(&refused);
    while (!list_is_empty(&loop->changed)) {
        struct watch *watch = CONTAINER(loop->changed.next, struct watch, changed);
        list_leave(&watch->changed);
        if (!tell_of_one(loop, watch))
            list_join(&refused, &watch->changed);
    }
    while (!list_is_empty(&refused))
        list_join(&loop->changed, refused.next);
}

bool loop_is_silent(const struct loop *loop, const struct watch *watch)
{
    bool was_asked = watch->is_registered && watch->registered & EPOLLIN;
    if (!was_asked || loop->event_count == EVENTS_PER_TURN)
        return false;
    for (int i = 0; i < loop->event_count; i++)
        if (loop->events[i].data.ptr == watch)
            return false;
    return true;
}

// ---- timers: a binary heap ordered by queued_ms

static void heap_put(struct loop *loop, uint32_t at, struct timer *timer)
{
    loop->heap[at] = timer;
    timer->heap_at = at + 1;
}

static void heap_rise(struct loop *loop, uint32_t at)
{
    struct timer *timer = loop->heap[at];
    while (at > 0 && loop->heap[(at - 1) / 2]->queued_ms > timer->queued_ms) {
        heap_put(loop, at, loop->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    heap_put(loop, at, timer);
}

static void heap_sink(struct loop *loop, uint32_t at)
{
    struct timer *timer = loop->heap[at];
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= loop->timer_count)
            break;
        if (child + 1 < loop->timer_count &&
            loop->heap[child + 1]->queued_ms < loop->heap[child]->queued_ms)
            child++;
        if (loop->heap[child]->queued_ms >= timer->queued_ms)
            break;
        heap_put(loop, at, loop->heap[child]);
        at = child;
    }
    heap_put(loop, at, timer);
}

static void heap_remove(struct loop *loop, struct timer *timer)
{
    uint32_t at = timer->heap_at - 1;
    timer->heap_at = 0;
    struct timer *moved = loop->heap[--loop->timer_count];
    if (moved == timer)
        return;
    heap_put(loop, at, moved);
    heap_rise(loop, at);
    heap_sink(loop, moved->heap_at - 1);
}

static void heap_add(struct loop *loop, struct timer *timer)
{
    if (loop->timer_count == loop->timer_capacity) {
        uint32_t capacity = loop->timer_capacity ? loop->timer_capacity * 2 : 64;
        struct timer **heap = realloc(loop->heap, capacity * sizeof(struct timer *));
        CHECK(heap);
        loop->heap = heap;
        loop->timer_capacity = capacity;
    }
    timer->queued_ms = timer->deadline_ms;
    loop->heap[loop->timer_count] = timer;
    heap_rise(loop, loop->timer_count++);
}

void timer_init(struct timer *timer, timer_fn *on_due)
{
    *timer = (struct timer){.on_due = on_due};
}

void loop_timer_set(struct loop *loop, struct timer *timer, uint64_t deadline_ms)
{
    timer->deadline_ms = deadline_ms;
    if (timer->heap_at && timer->queued_ms <= deadline_ms)
        return; // fires early, finds the later deadline and is queued again
    if (timer->heap_at)
        heap_remove(loop, timer);
    heap_add(loop, timer);
}

void loop_timer_clear(struct loop *loop, struct timer *timer)
{
    timer->deadline_ms = 0;
    if (timer->heap_at)
        heap_remove(loop, timer);
}

static void run_timers(struct loop *loop)
{
    while (loop->timer_count && loop->heap[0]->queued_ms <= loop->time_ms) {
        struct timer *timer = loop->heap[0];
        heap_remove(loop, timer);
        if (timer->deadline_ms > loop->time_ms) {
            heap_add(loop, timer);
            continue;
        }
        timer->deadline_ms = 0;
        timer->on_due(timer);
    }
}

static int sleep_ms(const struct loop *loop, int timeout_ms)
{
    if (!list_is_empty(&loop->soon))
        return 0;
    if (!loop->timer_count)
        return timeout_ms;
    uint64_t due = loop->heap[0]->queued_ms;
    uint64_t wait = due > loop->time_ms ? due - loop->time_ms : 0;
    if (timeout_ms >= 0 && wait > (uint64_t)timeout_ms)
        return timeout_ms;
    return wait > 60000 ? 60000 : (int)wait;
}

// ---- tasks

void task_init(struct task *task, task_fn *run)
{
    task->run = run;
    list_init(&task->queue);
}

void loop_soon(struct loop *loop, struct task *task)
{
    list_join(&loop->soon, &task->queue);
}

void loop_last(struct loop *loop, struct task *task)
{
    list_join(&loop->last, &task->queue);
}

void loop_task_cancel(struct task *task)
{
    list_leave(&task->queue);
}

// Runs what was queued when it began; what a task queues again waits for the next turn, which will
// not sleep.
static void run_tasks(struct list *queue)
{
    struct list batch;
    list_init(&batch);
    while (!list_is_empty(queue))
        list_join(&batch, queue->next);
    while (!list_is_empty(&batch)) {
        struct task *task = CONTAINER(batch.next, struct task, queue);
        list_leave(&task->queue);
        task->run(task);
    }
}

// ---- the turn

int loop_turn(struct loop *loop, int timeout_ms)
{
    tell_kernel(loop);
    int count = epoll_wait(loop->epoll, loop->events, EVENTS_PER_TURN, sleep_ms(loop, timeout_ms));
    CHECK(count >= 0 || errno == EINTR);
    loop->time_ms = loop_now_us() / US_PER_MS;
    loop->event_count = count < 0 ? 0 : count;
    for (int i = 0; i < loop->event_count; i++) {
        struct watch *watch = loop->events[i].data.ptr;
        if (watch->fd >= 0)
            watch->on_ready(watch, loop->events[i].events);
    }
    run_timers(loop);
    run_tasks(&loop->soon);
    run_tasks(&loop->last);
    return count < 0 ? 0 : count;
}

unsigned loop_turn_events(const struct loop *loop)
{
    return (unsigned)loop->event_count;
}

void loop_run(struct loop *loop)
{
    loop->is_stopping = false;
    while (!loop->is_stopping)
        loop_turn(loop, -1);
}

void loop_stop(struct loop *loop)
{
    loop->is_stopping = true;
}
