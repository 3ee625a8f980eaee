// SPDX-License-Identifier: Apache-2.0
// A queue of pages and the thread that writes them. What cannot be written is counted, said once,
// and never mixed with what can: a torn line is closed before the next.
#include "control/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "control/supervisor.h"

#define PAGES_MAX 256 // 16 MiB of lines waiting for a writer that does not keep up
#define END_S     2   // how long the end waits for a reader that takes nothing

struct journal {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct letter *first;
    struct letter **last;
    unsigned waiting;
    bool is_ending;
    int fd;
    int next_fd; // what the writer shall go on with, or -1
    // the writer's own
    bool is_torn;    // the last line written is not whole
    bool is_failing; // and that has been said
    atomic_uint_fast64_t lost_lines;
};

static uint64_t count_lines(struct span text)
{
    uint64_t lines = 0;
    for (size_t i = 0; i < text.size; i++)
        lines += text.data[i] == '\n';
    return lines;
}

// Standard output may be shared with somebody who made it non-blocking.
static bool can_try_again(int fd)
{
    struct pollfd waits = {.fd = fd, .events = POLLOUT};
    if (errno == EAGAIN)
        return poll(&waits, 1, -1) >= 0 || errno == EINTR;
    return errno == EINTR;
}

// How much of `text` was written; less than all with errno.
static size_t write_all(int fd, struct span text)
{
    size_t done = 0;
    while (done < text.size) {
        ssize_t written = write(fd, text.data + done, text.size - done);
        if (written > 0)
            done += (size_t)written;
        else if (written == 0 || !can_try_again(fd))
            break;
    }
    return done;
}

static void note_lost(struct journal *journal, uint64_t lines)
{
    atomic_fetch_add(&journal->lost_lines, lines);
    if (!journal->is_failing)
        supervisor_say("log: lines are lost: %s", strerror(errno));
    journal->is_failing = true;
}

static void write_page(struct journal *journal, const struct log_page *page)
{
    struct span text = span_of(page->bytes, page->size);
    if (journal->is_torn && write_all(journal->fd, SPAN("\n")) == 0) {
        note_lost(journal, count_lines(text));
        return;
    }
    size_t done = write_all(journal->fd, text);
    journal->is_torn = done > 0 && page->bytes[done - 1] != '\n';
    if (done < text.size) {
        note_lost(journal, count_lines(span_after(text, done)));
        return;
    }
    if (journal->is_failing)
        supervisor_say("log: written again, %llu lines have been lost",
                       (unsigned long long)journal_lost_lines(journal));
    journal->is_failing = false;
}

static int open_target(const char *target)
{
    if (strcmp(target, "stdout") == 0)
        return STDOUT_FILENO;
    // opening a FIFO that nobody reads would block, and with it the start or a reload
    int fd = open(target, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0640);
    if (fd >= 0)
        fcntl(fd, F_SETFL, O_APPEND);
    return fd;
}

static void close_target(int fd)
{
    if (fd >= 0 && fd != STDOUT_FILENO)
        close(fd);
}

// The next page, or NULL when there is none and the writer shall look about; `ret_next_fd` is -1 or
// the new target.
static struct letter *wait_for_page(struct journal *journal, int *ret_next_fd)
{
    pthread_mutex_lock(&journal->lock);
    while (!journal->first && !journal->is_ending && journal->next_fd < 0)
        pthread_cond_wait(&journal->changed, &journal->lock);
    struct letter *page = journal->first;
    if (page) {
        journal->first = page->next;
        journal->waiting--;
        if (!journal->first)
            journal->last = &journal->first;
    }
    *ret_next_fd = journal->next_fd;
    journal->next_fd = -1;
    pthread_mutex_unlock(&journal->lock);
    return page;
}

static void *run(void *argument)
{
    struct journal *journal = argument;
    for (;;) {
        int next_fd;
        struct letter *letter = wait_for_page(journal, &next_fd);
        if (next_fd >= 0) {
            close_target(journal->fd);
            journal->fd = next_fd;
            journal->is_torn = false;
        }
        if (!letter && next_fd < 0)
            return NULL;
        if (letter) {
            struct log_page *page = CONTAINER(letter, struct log_page, letter);
            write_page(journal, page);
            free(page);
        }
    }
}

struct journal *journal_new(const char *target)
{
    struct journal *journal = calloc(1, sizeof *journal);
    CHECK(journal);
    journal->last = &journal->first;
    journal->next_fd = -1;
    journal->fd = open_target(target);
    if (journal->fd < 0) {
        free(journal);
        return NULL;
    }
    pthread_mutex_init(&journal->lock, NULL);
    pthread_cond_init(&journal->changed, NULL);
    CHECK(io_thread_start(&journal->thread, run, journal));
    return journal;
}

void journal_take(void *receiver, struct log_page *page)
{
    struct journal *journal = receiver;
    pthread_mutex_lock(&journal->lock);
    bool is_full = journal->waiting >= PAGES_MAX;
    if (!is_full) {
        page->letter.next = NULL;
        *journal->last = &page->letter;
        journal->last = &page->letter.next;
        journal->waiting++;
        pthread_cond_signal(&journal->changed);
    }
    pthread_mutex_unlock(&journal->lock);
    if (is_full) {
        atomic_fetch_add(&journal->lost_lines, count_lines(span_of(page->bytes, page->size)));
        free(page);
    }
}

bool journal_reopen(struct journal *journal, const char *target)
{
    int fd = open_target(target);
    if (fd < 0)
        return false;
    pthread_mutex_lock(&journal->lock);
    close_target(journal->next_fd); // asked for again before the writer came to it
    journal->next_fd = fd;
    pthread_cond_signal(&journal->changed);
    pthread_mutex_unlock(&journal->lock);
    return true;
}

uint64_t journal_lost_lines(const struct journal *journal)
{
    return atomic_load(&journal->lost_lines);
}

// False when a reader that takes nothing holds the writer up: the process ends without it.
static bool has_written_all(struct journal *journal)
{
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += END_S;
    return pthread_timedjoin_np(journal->thread, NULL, &deadline) == 0;
}

struct journal *journal_free(struct journal *journal)
{
    if (!journal)
        return NULL;
    pthread_mutex_lock(&journal->lock);
    journal->is_ending = true;
    pthread_cond_signal(&journal->changed);
    pthread_mutex_unlock(&journal->lock);
    if (!has_written_all(journal)) {
        supervisor_say("log: its reader takes nothing: the last lines are lost");
        return NULL; // the writer still has it
    }
    close_target(journal->fd);
    close_target(journal->next_fd);
    pthread_mutex_destroy(&journal->lock);
    pthread_cond_destroy(&journal->changed);
    free(journal);
    return NULL;
}
