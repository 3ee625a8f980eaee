// SPDX-License-Identifier: Apache-2.0
// Letters out, answers back. An inquiry lives until its last answer has come, even when nobody
// waits for it any more, because the letters are parts of it.
#include "control/inquiry.h"

#include <stdlib.h>

#include "base/check.h"

#define ITEM_BYTES     512
#define ANSWER_MAX     ((size_t)1024 * 1024) // of one worker: a few milliseconds of its time
#define ANSWER_MINIMUM 4096

struct part {
    struct worker_question question;
    struct inquiry *inquiry;
    char *text; // NULL: the worker had no memory
    size_t size;
    size_t left_out;
};

struct inquiry {
    inquiry_describe_fn *describe;
    uint64_t after;
    inquiry_done_fn *done; // NULL: forgotten
    void *owner;
    unsigned awaited;
    unsigned part_count;
    struct task task; // for an inquiry that has nobody to ask
    struct part parts[];
};

static void add_answer(json_t *items, const struct part *part)
{
    json_t *array = part->text ? json_loadb(part->text, part->size, JSON_ALLOW_NUL, NULL) : NULL;
    if (array)
        json_array_extend(items, array);
    json_decref(array);
}

static void finish(struct inquiry *inquiry)
{
    json_t *items = json_array();
    uint64_t left_out = 0;
    for (unsigned i = 0; i < inquiry->part_count; i++) {
        add_answer(items, &inquiry->parts[i]);
        left_out += inquiry->parts[i].left_out;
        free(inquiry->parts[i].text);
    }
    if (inquiry->done)
        inquiry->done(inquiry->owner, items, left_out);
    else
        json_decref(items);
    free(inquiry);
}

static void on_answer(struct letter *letter)
{
    struct worker_question *question = CONTAINER(letter, struct worker_question, answer);
    struct part *part = CONTAINER(question, struct part, question);
    CHECK(part->inquiry->awaited > 0);
    if (--part->inquiry->awaited == 0)
        finish(part->inquiry);
}

// On the worker's thread.
static void describe(struct keeper *keeper, struct worker_question *question)
{
    struct part *part = CONTAINER(question, struct part, question);
    size_t capacity =
        ANSWER_MINIMUM + keeper->client_count * ITEM_BYTES + keeper_logins_bytes(keeper);
    capacity = capacity < ANSWER_MAX ? capacity : ANSWER_MAX;
    part->text = malloc(capacity);
    if (!part->text) {
        part->left_out = keeper->client_count; // at least
        return;
    }
    struct text text = text_over(part->text, capacity);
    struct json json = {&text, false};
    part->left_out = part->inquiry->describe(keeper, &json, part->inquiry->after);
    part->size = text.size;
}

static void ask(struct supervisor *supervisor, struct inquiry *inquiry, struct worker *worker)
{
    struct part *part = &inquiry->parts[inquiry->part_count++];
    part->inquiry = inquiry;
    part->question.box = &supervisor->mailbox;
    part->question.describe = describe;
    part->question.answer.open = on_answer;
    inquiry->awaited++;
    worker_ask(worker, &part->question);
}

static void on_nobody(struct task *task)
{
    finish(CONTAINER(task, struct inquiry, task));
}

struct inquiry *inquiry_new(struct supervisor *supervisor, inquiry_describe_fn *describe_fn,
                            uint64_t after, inquiry_done_fn *done, void *owner)
{
    struct inquiry *inquiry =
        calloc(1, sizeof *inquiry + supervisor->worker_count * sizeof(struct part));
    CHECK(inquiry);
    inquiry->describe = describe_fn;
    inquiry->after = after;
    inquiry->done = done;
    inquiry->owner = owner;
    task_init(&inquiry->task, on_nobody);
    for (unsigned i = 0; i < supervisor->worker_count; i++)
        if (!worker_has_ended(supervisor->workers[i]))
            ask(supervisor, inquiry, supervisor->workers[i]);
    if (inquiry->awaited == 0)
        loop_soon(supervisor->io.loop, &inquiry->task);
    return inquiry;
}

void inquiry_forget(struct inquiry *inquiry)
{
    inquiry->done = NULL;
}
