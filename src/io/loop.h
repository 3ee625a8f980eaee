// SPDX-License-Identifier: Apache-2.0
// One epoll loop, level-triggered with explicit interest: file descriptors, timers, tasks for the
// end of the turn. A loop and all that hangs on it belong to one thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct loop;
struct watch;
struct timer;
struct task;

typedef void watch_fn(struct watch *watch, uint32_t events);
typedef void timer_fn(struct timer *timer);
typedef void task_fn(struct task *task);

// A file descriptor and what we want to know of it (EPOLLIN, EPOLLOUT, EPOLLRDHUP). Embedded in its
// owner.
struct watch {
    int fd; // -1 when there is none
    uint32_t interest;
    uint32_t registered;
    bool is_registered;
    struct list changed;
    watch_fn *on_ready;
};

// A moment. Setting it later costs nothing: an early firing finds the new deadline and waits on.
struct timer {
    uint64_t deadline_ms; // 0: not set
    uint64_t queued_ms;
    uint32_t heap_at; // position + 1; 0: not queued
    timer_fn *on_due;
};

// Work for later in this turn (run until none is left) or for its very end (freeing).
struct task {
    struct list queue;
    task_fn *run;
};

struct loop *loop_new(void);
struct loop *loop_free(struct loop *loop);

void watch_init(struct watch *watch, int fd, watch_fn *on_ready);
// Changes the interest; the kernel is told once, at the end of the turn, and only if it differs.
void loop_watch(struct loop *loop, struct watch *watch, uint32_t interest);
// Hears nothing more of the descriptor, not even its errors, until the next loop_watch.
void loop_unwatch(struct loop *loop, struct watch *watch);
// True when nothing could be read of the descriptor as this turn began: the kernel was asked, and
// no event of this turn, served or not, is about it.
bool loop_is_silent(const struct loop *loop, const struct watch *watch);
// Forgets the descriptor and closes it. Events of this turn that are still queued for it are
// dropped.
void loop_close(struct loop *loop, struct watch *watch);
// Forgets the descriptor without closing it; returns it.
int loop_release(struct loop *loop, struct watch *watch);

void timer_init(struct timer *timer, timer_fn *on_due);
void loop_timer_set(struct loop *loop, struct timer *timer, uint64_t deadline_ms);
void loop_timer_clear(struct loop *loop, struct timer *timer);

void task_init(struct task *task, task_fn *run);
// Before the loop sleeps again.
void loop_soon(struct loop *loop, struct task *task);
// After everything else in this turn: the place to free objects others may still be looking at.
void loop_last(struct loop *loop, struct task *task);
void loop_task_cancel(struct task *task);

// The time at the start of this turn; loop_now_us asks the clock.
uint64_t loop_time_ms(const struct loop *loop);
uint64_t loop_now_us(void);

// One pass: sleep until something is ready (at most `timeout_ms`, -1: no limit), serve it, run the
// tasks. The number of events served.
int loop_turn(struct loop *loop, int timeout_ms);
// How many events this turn serves.
unsigned loop_turn_events(const struct loop *loop);
// Turns until loop_stop.
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
// How many timers, watches and tasks hang on it: zero when everything was taken down.
unsigned loop_live(const struct loop *loop);
