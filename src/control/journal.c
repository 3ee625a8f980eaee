// SPDX-License-Identifier: Apache-2.0
// A queue of pages and the thread that writes them.
#include "control/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"

#define PAGES_MAX 256 // 16 MiB of lines waiting for a writer that does not keep up

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
    atomic_uint_fast64_t lost_lines;
};

static void write_all(int fd, const char *bytes, size_t size)
{
    while (size) {
        ssize_t written = write(fd, bytes, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return;
        bytes += written;
        size -= (size_t)written;
    }
}

static int open_target(const char *target)
{
    if (strcmp(target, "stdout") == 0)
        return STDOUT_FILENO;
    return open(target, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
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
        }
        if (!letter && next_fd < 0)
            return NULL;
        if (letter) {
            struct log_page *page = CONTAINER(letter, struct log_page, letter);
            write_all(journal->fd, page->bytes, page->size);
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

static uint64_t count_lines(const struct log_page *page)
{
    uint64_t lines = 0;
    for (size_t i = 0; i < page->size; i++)
        lines += page->bytes[i] == '\n';
    return lines;
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
        atomic_fetch_add(&journal->lost_lines, count_lines(page));
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

struct journal *journal_free(struct journal *journal)
{
    if (!journal)
        return NULL;
    pthread_mutex_lock(&journal->lock);
    journal->is_ending = true;
    pthread_cond_signal(&journal->changed);
    pthread_mutex_unlock(&journal->lock);
    pthread_join(journal->thread, NULL);
    close_target(journal->fd);
    close_target(journal->next_fd);
    pthread_mutex_destroy(&journal->lock);
    pthread_cond_destroy(&journal->changed);
    free(journal);
    return NULL;
}
