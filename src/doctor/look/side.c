// SPDX-License-Identifier: Apache-2.0
// Questions of one look that do not depend on each other are asked side by side: a server that
// takes its time then costs the time of one. Who asks decides how many at once are no burden.
#include <pthread.h>

#include "base/check.h"
#include "doctor/look/look.h"

struct question {
    void (*ask)(void *context, size_t index);
    void *context;
    size_t index;
    pthread_t thread;
    bool is_running;
};

static void *run(void *argument)
{
    struct question *question = argument;
    question->ask(question->context, question->index);
    return NULL;
}

void look_side_by_side(size_t from, size_t until, void (*ask)(void *context, size_t index),
                       void *context)
{
    struct question questions[LOOK_SIDES_MAX];
    CHECK(from <= until && until - from <= LOOK_SIDES_MAX);
    for (size_t i = 0; i < until - from; i++) {
        questions[i] = (struct question){.ask = ask, .context = context, .index = from + i};
        questions[i].is_running =
            pthread_create(&questions[i].thread, NULL, run, &questions[i]) == 0;
    }
    for (size_t i = 0; i < until - from; i++) {
        if (questions[i].is_running)
            pthread_join(questions[i].thread, NULL);
        else
            run(&questions[i]);
    }
}
