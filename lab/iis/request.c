// SPDX-License-Identifier: Apache-2.0
// See request.h. Reads what a correct client or proxy sends; framing it does not understand is
// refused rather than guessed, so that a proxy's mistake shows.
#include "request.h"

#include <string.h>

void request_done(struct request *r)
{
    buffer_done(&r->head);
}

static size_t find(struct span in, size_t from, const char *what)
{
    if (from >= in.len)
        return SIZE_MAX;
    const uint8_t *at = memmem(in.at + from, in.len - from, what, strlen(what));
    return at ? (size_t)(at - in.at) : SIZE_MAX;
}

static unsigned digit_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - (unsigned)'0';
    if (c >= 'a' && c <= 'f')
        return c - (unsigned)'a' + 10;
    return c >= 'A' && c <= 'F' ? c - (unsigned)'A' + 10 : 99;
}

static bool parse_number(struct span text, unsigned base, uint64_t *ret_number)
{
    uint64_t n = 0;
    if (text.len == 0 || text.len > 15)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = digit_value(text.at[i]);
        if (digit >= base)
            return false;
        n = n * base + digit;
    }
    *ret_number = n;
    return true;
}

static bool parse_request_line(struct request *r, struct span line)
{
    size_t first = find(line, 0, " ");
    if (first == SIZE_MAX || first == 0)
        return false;
    size_t second = find(line, first + 1, " ");
    if (second == SIZE_MAX || second == first + 1)
        return false;
    r->method = span_cut(line, 0, first);
    r->target = span_cut(line, first + 1, second - first - 1);
    struct span version = span_cut(line, second + 1, line.len);
    if (version.len != 8 || !span_starts(version, span_of("HTTP/1.")))
        return false;
    r->minor = version.at[7] == '0' ? 0 : 1;
    r->keep_alive = r->minor == 1;
    size_t query = find(r->target, 0, "?");
    r->path = span_cut(r->target, 0, query == SIZE_MAX ? r->target.len : query);
    return true;
}

// A comma-separated list holds this word.
static bool lists(struct span list, const char *word)
{
    for (size_t at = 0; at <= list.len;) {
        size_t comma = find(list, at, ",");
        size_t end = comma == SIZE_MAX ? list.len : comma;
        if (span_is_word(span_trim(span_cut(list, at, end - at)), word))
            return true;
        at = end + 1;
    }
    return false;
}

static bool take_field(struct request *r, struct span name, struct span value, unsigned *framings)
{
    if (span_is_word(name, "Content-Length")) {
        ++*framings;
        return parse_number(value, 10, &r->length);
    }
    if (span_is_word(name, "Transfer-Encoding")) {
        ++*framings;
        r->chunked = true;
        return span_is_word(value, "chunked");
    }
    if (span_is_word(name, "Connection")) {
        if (lists(value, "close"))
            r->keep_alive = false;
        else if (lists(value, "keep-alive"))
            r->keep_alive = true;
    } else if (span_is_word(name, "Authorization")) {
        r->authorization = value;
    } else if (span_is_word(name, "Upgrade")) {
        r->upgrade = value;
    } else if (span_is_word(name, "Host")) {
        r->host = value;
    } else if (span_is_word(name, "X-Forwarded-Proto")) {
        r->forwarded_proto = value;
    } else if (span_is_word(name, "Expect")) {
        r->expects_continue = span_is_word(value, "100-continue");
    }
    return true;
}

static bool parse_head(struct request *r)
{
    struct span head = buffer_span(&r->head);
    size_t at = find(head, 0, "\r\n");
    unsigned framings = 0;
    if (!parse_request_line(r, span_cut(head, 0, at)))
        return false;
    for (at += 2; at + 2 < head.len;) {
        size_t end = find(head, at, "\r\n");
        struct span line = span_cut(head, at, end - at);
        size_t colon = find(line, 0, ":");
        r->longest_line = line.len > r->longest_line ? line.len : r->longest_line;
        if (colon == SIZE_MAX || colon == 0)
            return false;
        struct span value = span_trim(span_cut(line, colon + 1, line.len));
        if (!take_field(r, span_cut(line, 0, colon), value, &framings))
            return false;
        at = end + 2;
    }
    return framings < 2;
}

enum request_result request_read(struct request *r, struct channel *c, struct buffer *in)
{
    struct buffer head = r->head;
    *r = (struct request){.head = head};
    buffer_clear(&r->head);
    while (in->len >= 2 && memcmp(in->at, "\r\n", 2) == 0)
        buffer_drop_front(in, 2);
    size_t searched = 0, end;
    while ((end = find(buffer_span(in), searched, "\r\n\r\n")) == SIZE_MAX) {
        if (in->len > REQUEST_HEAD_MAX)
            return REQUEST_MALFORMED;
        searched = in->len > 3 ? in->len - 3 : 0;
        if (!channel_read(c, in))
            return REQUEST_ENDED;
    }
    buffer_add(&r->head, in->at, end + 4);
    buffer_drop_front(in, end + 4);
    return parse_head(r) ? REQUEST_READ : REQUEST_MALFORMED;
}

bool request_has_body(const struct request *r)
{
    return r->chunked || r->length > 0;
}

// Moves `len` bytes of body out of `in`.
static bool take_bytes(struct channel *c, struct buffer *in, struct buffer *body, uint64_t len)
{
    if (body && len > REQUEST_BODY_MAX - body->len)
        return false;
    while (len > 0) {
        if (in->len == 0 && !channel_read(c, in))
            return false;
        size_t now = in->len < len ? in->len : (size_t)len;
        if (body)
            buffer_add(body, in->at, now);
        buffer_drop_front(in, now);
        len -= now;
    }
    return true;
}

// Takes one line, without its end, into `line`.
static bool take_line(struct channel *c, struct buffer *in, struct buffer *line)
{
    size_t end;
    while ((end = find(buffer_span(in), 0, "\r\n")) == SIZE_MAX)
        if (in->len > 8192 || !channel_read(c, in))
            return false;
    buffer_clear(line);
    buffer_add(line, in->at, end);
    buffer_drop_front(in, end + 2);
    return true;
}

static bool take_chunks(struct channel *c, struct buffer *in, struct buffer *body,
                        struct buffer *line)
{
    uint64_t size;
    do {
        if (!take_line(c, in, line))
            return false;
        struct span text = buffer_span(line);
        size_t extension = find(text, 0, ";");
        if (!parse_number(span_trim(span_cut(text, 0, extension)), 16, &size))
            return false;
        if (size > 0 && (!take_bytes(c, in, body, size) || !take_line(c, in, line) || line->len))
            return false;
    } while (size > 0);
    do
        if (!take_line(c, in, line))
            return false;
    while (line->len > 0);
    return true;
}

bool request_read_body(const struct request *r, struct channel *c, struct buffer *in,
                       struct buffer *body)
{
    if (!r->chunked)
        return take_bytes(c, in, body, r->length);
    struct buffer line = {0};
    bool ok = take_chunks(c, in, body, &line);
    buffer_done(&line);
    return ok;
}

uint64_t request_number(const struct request *r, const char *name, uint64_t otherwise)
{
    struct span query = span_cut(r->target, r->path.len + 1, r->target.len);
    struct span wanted = span_of(name);
    for (size_t at = 0; at < query.len;) {
        size_t amp = find(query, at, "&");
        struct span pair = span_cut(query, at, amp == SIZE_MAX ? query.len : amp - at);
        uint64_t number;
        if (span_starts(pair, wanted) && pair.len > wanted.len && pair.at[wanted.len] == '=' &&
            parse_number(span_cut(pair, wanted.len + 1, pair.len), 10, &number))
            return number;
        at += pair.len + 1;
    }
    return otherwise;
}
