// SPDX-License-Identifier: Apache-2.0
// Intrusive doubly linked list. The member sits inside the object; an object that is on no list has
// a member that points at itself, so leaving a list twice is harmless.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next;
    struct list *previous;
};

// The object that contains `member`.
#define CONTAINER(pointer, type, member)                                                           \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

static inline void list_init(struct list *list)
{
    list->next = list;
    list->previous = list;
}

static inline bool list_is_empty(const struct list *list)
{
    return list->next == list;
}

static inline void list_leave(struct list *item)
{
    item->next->previous = item->previous;
    item->previous->next = item->next;
    list_init(item);
}

// Moves `item` to the end of `list`, out of whatever list it was on.
static inline void list_join(struct list *list, struct list *item)
{
    list_leave(item);
    item->previous = list->previous;
    item->next = list;
    list->previous->next = item;
    list->previous = item;
}

// Moves `item` to the front of `list`.
static inline void list_join_front(struct list *list, struct list *item)
{
    list_leave(item); // first, so that list->next is not the item itself
    list_join(list->next, item);
}

// The first item, or NULL.
static inline struct list *list_first(struct list *list)
{
    return list_is_empty(list) ? NULL : list->next;
}

// Visits every item; the current one may leave the list or be freed inside the body.
#define LIST_EACH(item, head)                                                                      \
    for (struct list *item = (head)->next, *item##_next = item->next; item != (head);              \
         item = item##_next, item##_next = item->next)
