// SPDX-License-Identifier: Apache-2.0
// See bytes.h. Nothing here knows a protocol.
#include "bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct span span_of(const char *text)
{
    return (struct span){(const uint8_t *)text, strlen(text)};
}

struct span span_cut(struct span whole, size_t from, size_t len)
{
    if (from > whole.len)
        return (struct span){whole.at, 0};
    if (len > whole.len - from)
        len = whole.len - from;
    return (struct span){whole.at + from, len};
}

bool span_is(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool span_is_word(struct span a, const char *word)
{
    struct span b = span_of(word);
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.at[i]) != lower(b.at[i]))
            return false;
    return true;
}

bool span_starts(struct span a, struct span prefix)
{
    return a.len >= prefix.len && span_is(span_cut(a, 0, prefix.len), prefix);
}

struct span span_trim(struct span a)
{
    while (a.len > 0 && (a.at[0] == ' ' || a.at[0] == '\t')) {
        a.at++;
        a.len--;
    }
    while (a.len > 0 && (a.at[a.len - 1] == ' ' || a.at[a.len - 1] == '\t'))
        a.len--;
    return a;
}

void buffer_done(struct buffer *b)
{
    free(b->at);
    *b = (struct buffer){0};
}

void buffer_clear(struct buffer *b)
{
    b->len = 0;
}

void buffer_reserve(struct buffer *b, size_t more)
{
    if (b->room - b->len >= more)
        return;
    size_t room = b->room ? b->room : 256;
    while (room - b->len < more)
        room *= 2;
    uint8_t *at = realloc(b->at, room);
    if (!at) {
        fputs("handfast-iis: out of memory\n", stderr);
        abort();
    }
    b->at = at;
    b->room = room;
}

void buffer_add(struct buffer *b, const void *at, size_t len)
{
    if (len == 0)
        return;
    buffer_reserve(b, len);
    memcpy(b->at + b->len, at, len);
    b->len += len;
}

void buffer_add_span(struct buffer *b, struct span s)
{
    buffer_add(b, s.at, s.len);
}

void buffer_add_text(struct buffer *b, const char *text)
{
    buffer_add(b, text, strlen(text));
}

void buffer_add_format(struct buffer *b, const char *format, ...)
{
    char small[1024];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    if (len <= 0)
        return;
    if ((size_t)len < sizeof small) {
        buffer_add(b, small, (size_t)len);
        return;
    }
    buffer_reserve(b, (size_t)len + 1);
    va_start(args, format);
    vsnprintf((char *)b->at + b->len, (size_t)len + 1, format, args);
    va_end(args);
    b->len += (size_t)len;
}

static void add_le(struct buffer *b, uint64_t value, size_t bytes)
{
    uint8_t out[8];
    for (size_t i = 0; i < bytes; i++)
        out[i] = (uint8_t)(value >> (8 * i));
    buffer_add(b, out, bytes);
}

void buffer_add_u16le(struct buffer *b, uint16_t value)
{
    add_le(b, value, 2);
}

void buffer_add_u32le(struct buffer *b, uint32_t value)
{
    add_le(b, value, 4);
}

void buffer_add_u64le(struct buffer *b, uint64_t value)
{
    add_le(b, value, 8);
}

void buffer_add_base64(struct buffer *b, struct span s)
{
    static const char letter[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < s.len; i += 3) {
        size_t n = s.len - i < 3 ? s.len - i : 3;
        uint32_t v = (uint32_t)s.at[i] << 16;
        if (n > 1)
            v |= (uint32_t)s.at[i + 1] << 8;
        if (n > 2)
            v |= s.at[i + 2];
        char out[4] = {letter[v >> 18], letter[v >> 12 & 63], '=', '='};
        if (n > 1)
            out[2] = letter[v >> 6 & 63];
        if (n > 2)
            out[3] = letter[v & 63];
        buffer_add(b, out, 4);
    }
}

static int base64_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : -1;
}

bool buffer_add_unbase64(struct buffer *b, struct span text)
{
    size_t before = b->len;
    for (int pad = 0; pad < 2 && text.len > 0 && text.at[text.len - 1] == '='; pad++)
        text.len--;
    uint32_t v = 0;
    unsigned bits = 0;
    for (size_t i = 0; i < text.len; i++) {
        int six = base64_value(text.at[i]);
        if (six < 0) {
            b->len = before;
            return false;
        }
        v = v << 6 | (uint32_t)six;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            uint8_t out = (uint8_t)(v >> bits);
            buffer_add(b, &out, 1);
        }
    }
    return true;
}

void buffer_drop_front(struct buffer *b, size_t len)
{
    if (len < b->len)
        memmove(b->at, b->at + len, b->len - len);
    b->len = len < b->len ? b->len - len : 0;
}

struct span buffer_span(const struct buffer *b)
{
    return (struct span){b->at, b->len};
}

uint16_t bytes_u16le(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

uint32_t bytes_u32le(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}
