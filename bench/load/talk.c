// SPDX-License-Identifier: Apache-2.0
//
// Requests made and answers checked; see talk.h. An answer that is not exactly the expected one is
// bad: a proxy must not win by doing less.

#include "talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char ECHO_TEXT[TALK_ECHO_BYTES + 1] =
    "E123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

size_t talk_request(enum talk_kind kind, uint64_t size, const char *host, const char *path,
                    char *ret_text, size_t room)
{
    unsigned long long count = size;
    int used = 0;

    if (kind == TALK_ECHO)
        used = snprintf(ret_text, room, "%s", ECHO_TEXT);
    else if (kind == TALK_PULL)
        used = snprintf(ret_text, room, "S%-15llu", count);
    else if (kind == TALK_FETCH && size == 0)
        used = snprintf(ret_text, room,
                        "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench-load\r\n"
                        "Accept: */*\r\n\r\n",
                        path, host);
    else if (kind == TALK_FETCH)
        used = snprintf(ret_text, room,
                        "POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench-load\r\n"
                        "Accept: */*\r\nContent-Length: %llu\r\n\r\n",
                        path, host, count);
    return used < 0 ? 0 : (size_t)used;
}

void talk_begin(struct talk *talk, enum talk_kind kind, uint64_t size)
{
    talk->kind = kind;
    talk->in_body = kind != TALK_FETCH;
    talk->head_used = 0;
    talk->left = kind == TALK_ECHO ? TALK_ECHO_BYTES : size;
}

bool talk_only_counts(const struct talk *talk)
{
    return talk->kind != TALK_ECHO && talk->in_body && talk->left > 0;
}

enum talk_state talk_skip(struct talk *talk, size_t size)
{
    if (size > talk->left)
        return TALK_BAD;
    talk->left -= size;
    return talk->left == 0 ? TALK_FINISHED : TALK_MORE;
}

static enum talk_state take_head(struct talk *talk, const char *bytes, size_t size)
{
    size_t before = talk->head_used;
    size_t take = size < TALK_HEAD_BYTES - 1 - before ? size : TALK_HEAD_BYTES - 1 - before;
    const char *end, *length;
    size_t of_body;

    memcpy(talk->head + before, bytes, take);
    talk->head_used += take;
    talk->head[talk->head_used] = '\0';
    end = strstr(talk->head, "\r\n\r\n");
    if (end == NULL)
        return take == size ? TALK_MORE : TALK_BAD;
    length = strcasestr(talk->head, "\r\nContent-Length:");
    if (strncmp(talk->head, "HTTP/1.1 200 ", 13) != 0 || length == NULL || length > end)
        return TALK_BAD;
    if (strcasestr(talk->head, "\r\nConnection: close") != NULL)
        return TALK_BAD;
    talk->in_body = true;
    talk->left = strtoull(length + 17, NULL, 10);
    of_body = size - ((size_t)(end + 4 - talk->head) - before);
    return talk_skip(talk, of_body);
}

enum talk_state talk_take(struct talk *talk, const char *bytes, size_t size)
{
    if (!talk->in_body)
        return take_head(talk, bytes, size);
    if (talk->kind == TALK_ECHO) {
        if (size > talk->left || memcmp(bytes, ECHO_TEXT + TALK_ECHO_BYTES - talk->left, size) != 0)
            return TALK_BAD;
    }
    return talk_skip(talk, size);
}
