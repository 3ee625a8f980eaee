// SPDX-License-Identifier: Apache-2.0
// A ring of records and a small table of servers.
#include "mode/logbook.h"

#include <stdlib.h>
#include <xxhash.h>

#define FRAME_BYTES 112 // around a piece: seq, age, count, brackets

struct logbook_record {
    uint64_t seq;
    uint64_t like;  // 0: like no other
    uint64_t count; // of records in this one
    size_t size;
    char piece[];
};

// ---- records

static void drop(struct logbook *book, size_t at)
{
    if (!book->records[at])
        return;
    book->bytes -= book->records[at]->size;
    free(book->records[at]);
    book->records[at] = NULL;
}

static size_t slot_after(size_t at)
{
    return (at + 1) % LOGBOOK_RECORDS;
}

// Drops one and closes the gap.
static void take_out(struct logbook *book, size_t at)
{
    drop(book, at);
    for (; slot_after(at) != book->next; at = slot_after(at)) {
        book->records[at] = book->records[slot_after(at)];
        book->records[slot_after(at)] = NULL;
    }
    book->next = at;
}

// Takes out the record of that number; how many it stood for.
static uint64_t take_out_like(struct logbook *book, uint64_t like)
{
    for (size_t i = 0; like && i < LOGBOOK_RECORDS; i++) {
        const struct logbook_record *record = book->records[i];
        if (!record || record->like != like)
            continue;
        uint64_t count = record->count;
        take_out(book, i);
        return count;
    }
    return 0;
}

void logbook_add(struct logbook *book, struct span piece, uint64_t like, uint64_t now_us)
{
    uint64_t count = take_out_like(book, like) + 1;
    drop(book, book->next);
    struct logbook_record *record = malloc(sizeof *record + piece.size);
    if (!record)
        return;
    book->last_us = now_us > book->last_us ? now_us : book->last_us + 1;
    record->seq = book->last_us;
    record->like = like;
    record->count = count;
    record->size = piece.size;
    if (piece.size)
        memcpy(record->piece, piece.data, piece.size);
    book->bytes += piece.size;
    book->records[book->next] = record;
    book->next = slot_after(book->next);
}

void logbook_done(struct logbook *book)
{
    for (size_t i = 0; i < LOGBOOK_RECORDS; i++)
        drop(book, i);
}

static void add_record(struct json *json, const struct logbook_record *record, uint64_t now_us)
{
    json_put_open(json, NULL, '{');
    json_put_u64(json, "seq", record->seq);
    json_put_u64(json, "since_us_ago", now_us > record->seq ? now_us - record->seq : 0);
    if (record->count > 1)
        json_put_u64(json, "repeated", record->count);
    text_add_string(json->text, ",");
    text_add(json->text, span_of(record->piece, record->size));
    json_put_close(json, '}');
}

size_t logbook_describe(const struct logbook *book, struct json *json, uint64_t after,
                        uint64_t now_us)
{
    size_t left_out = 0;
    json_put_open(json, NULL, '[');
    for (size_t i = 1; i <= LOGBOOK_RECORDS; i++) {
        size_t at = (book->next + LOGBOOK_RECORDS - i) % LOGBOOK_RECORDS;
        if (!book->records[at] || book->records[at]->seq <= after)
            continue;
        struct json_mark mark = json_mark_set(json);
        add_record(json, book->records[at], now_us);
        left_out += !json_mark_keep(json, &mark);
    }
    json_put_close(json, ']');
    return left_out;
}

size_t logbook_bytes(const struct logbook *book)
{
    return book->bytes + LOGBOOK_RECORDS * FRAME_BYTES;
}

// ---- servers

uint64_t logbook_server_key(const char *pool, const char *server)
{
    uint64_t of_pool = XXH3_64bits(pool, strlen(pool));
    uint64_t key = XXH3_64bits_withSeed(server, strlen(server), of_pool);
    return key ? key : 1;
}

static uint64_t last_of(const struct logbook_server *server)
{
    uint64_t last_us = 0;
    for (size_t i = 0; i < BOUND_TO_COUNT; i++)
        last_us = server->accepted_us[i] > last_us ? server->accepted_us[i] : last_us;
    return last_us;
}

// Its row, or the one to be given up for it.
static struct logbook_server *row_of(struct logbook *book, uint64_t key)
{
    struct logbook_server *oldest = &book->servers[0];
    for (size_t i = 0; i < LOGBOOK_SERVERS; i++) {
        if (book->servers[i].key == key)
            return &book->servers[i];
        if (last_of(&book->servers[i]) < last_of(oldest))
            oldest = &book->servers[i];
    }
    return oldest;
}

void logbook_note_accepted(struct logbook *book, uint64_t key, enum bound_to bound, uint64_t now_us)
{
    struct logbook_server *row = row_of(book, key);
    if (row->key != key)
        *row = (struct logbook_server){.key = key};
    row->accepted_us[bound] = now_us;
}

unsigned logbook_accepted(const struct logbook *book, uint64_t key, uint64_t now_us)
{
    unsigned accepted = 0;
    for (size_t i = 0; i < LOGBOOK_SERVERS; i++) {
        const struct logbook_server *row = &book->servers[i];
        for (unsigned b = 0; row->key == key && b < BOUND_TO_COUNT; b++)
            if (row->accepted_us[b] && now_us - row->accepted_us[b] <= LOGBOOK_MEMORY_US)
                accepted |= 1u << b;
    }
    return accepted;
}
