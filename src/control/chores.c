// SPDX-License-Identifier: Apache-2.0
// Two timers. Alive means more than that this thread runs: every worker must have answered a letter
// since the last time.
#include "control/chores.h"

#include <stdlib.h>
#include <systemd/sd-daemon.h>

#include "base/check.h"
#include "base/clock.h"

#define PAUSE_S 900

// A letter to one worker and back.
struct pulse {
    struct worker_question question;
    struct chores *chores;
};

struct chores {
    struct supervisor *supervisor;
    struct timer rotate;
    struct timer watchdog;
    uint64_t watchdog_us; // 0: nobody watches
    unsigned awaited;     // pulses that have not come back
    struct pulse pulses[];
};

static void again(struct chores *chores, struct timer *timer, uint64_t wait_ms)
{
    struct loop *loop = chores->supervisor->io.loop;
    loop_timer_set(loop, timer, loop_time_ms(loop) + wait_ms);
}

static void on_rotate(struct timer *timer)
{
    struct chores *chores = CONTAINER(timer, struct chores, rotate);
    if (!tls_tickets_rotate(chores->supervisor->tickets))
        supervisor_say("no randomness for new ticket keys: the old ones stay");
    again(chores, timer, TLS_TICKET_ROTATE_S * MS_PER_S);
}

// ---- the watchdog

static void describe_nothing(struct keeper *keeper, struct worker_question *question)
{
}

static void on_answer(struct letter *letter)
{
    struct worker_question *question = CONTAINER(letter, struct worker_question, answer);
    struct chores *chores = CONTAINER(question, struct pulse, question)->chores;
    CHECK(chores->awaited > 0);
    if (--chores->awaited == 0)
        sd_notify(0, "WATCHDOG=1");
}

static void feel_pulse(struct chores *chores, unsigned i)
{
    struct pulse *pulse = &chores->pulses[i];
    *pulse = (struct pulse){.chores = chores};
    pulse->question.box = &chores->supervisor->mailbox;
    pulse->question.describe = describe_nothing;
    pulse->question.answer.open = on_answer;
    chores->awaited++;
    worker_ask(chores->supervisor->workers[i], &pulse->question);
}

// While a worker owes an answer nothing is said, and in the end the service manager starts the
// process anew.
static void on_watchdog(struct timer *timer)
{
    struct chores *chores = CONTAINER(timer, struct chores, watchdog);
    const struct supervisor *supervisor = chores->supervisor;
    bool is_due = chores->awaited == 0;
    for (unsigned i = 0; is_due && i < supervisor->worker_count; i++) {
        const struct worker *worker = supervisor->workers[i];
        if (worker && !worker_has_ended(worker)) // none is left while everything is taken down
            feel_pulse(chores, i);
    }
    again(chores, timer, chores->watchdog_us / 3 / US_PER_MS + 1);
}

static void ask_for_patience(const struct chores *chores, uint64_t us)
{
    if (chores->watchdog_us)
        sd_notifyf(0, "WATCHDOG=1\nWATCHDOG_USEC=%llu", (unsigned long long)us);
}

void chores_pause(const struct chores *chores)
{
    ask_for_patience(chores, PAUSE_S * US_PER_S);
}

void chores_resume(const struct chores *chores)
{
    ask_for_patience(chores, chores->watchdog_us);
}

struct chores *chores_new(struct supervisor *supervisor)
{
    struct chores *chores =
        calloc(1, sizeof *chores + supervisor->worker_count * sizeof(struct pulse));
    CHECK(chores);
    chores->supervisor = supervisor;
    timer_init(&chores->rotate, on_rotate);
    timer_init(&chores->watchdog, on_watchdog);
    again(chores, &chores->rotate, TLS_TICKET_ROTATE_S * MS_PER_S);
    if (sd_watchdog_enabled(0, &chores->watchdog_us) > 0) {
        again(chores, &chores->watchdog, 0);
    }
    return chores;
}

struct chores *chores_free(struct chores *chores)
{
    if (!chores)
        return NULL;
    CHECK(chores->awaited == 0);
    loop_timer_clear(chores->supervisor->io.loop, &chores->rotate);
    loop_timer_clear(chores->supervisor->io.loop, &chores->watchdog);
    free(chores);
    return NULL;
}
