// SPDX-License-Identifier: Apache-2.0
// The mailbox: a stack that writers push onto and the reader takes whole and turns round; an
// eventfd wakes the reader.
#include "io/mail.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct letter *in_order(struct letter *newest)
{
    struct letter *first = NULL;
    while (newest) {
        struct letter *next = newest->next;
        newest->next = first;
        first = newest;
        newest = next;
    }
    return first;
}

static void open_all(struct watch *watch, uint32_t events)
{
    struct mailbox *box = CONTAINER(watch, struct mailbox, watch);
    uint64_t count;
    ssize_t ignored = read(watch->fd, &count, sizeof count);
    (void)ignored;
    struct letter *letter = in_order(atomic_exchange(&box->newest, NULL));
    while (letter) {
        struct letter *next = letter->next;
        letter->open(letter);
        letter = next;
    }
}

bool mailbox_init(struct mailbox *box, struct loop *loop)
{
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0)
        return false;
    box->loop = loop;
    atomic_init(&box->newest, NULL);
    watch_init(&box->watch, fd, open_all);
    loop_watch(loop, &box->watch, EPOLLIN);
    return true;
}

void mailbox_done(struct mailbox *box)
{
    loop_close(box->loop, &box->watch);
}

void mailbox_post(struct mailbox *box, struct letter *letter)
{
    struct letter *newest = atomic_load(&box->newest);
    do {
        letter->next = newest;
    } while (!atomic_compare_exchange_weak(&box->newest, &newest, letter));
    uint64_t one = 1;
    ssize_t ignored = write(box->watch.fd, &one, sizeof one);
    (void)ignored;
}
