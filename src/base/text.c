// SPDX-License-Identifier: Apache-2.0
// Text and JSON into a fixed piece of memory. Never allocates, never fails: it cuts and says so.
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

#define ROOM_TO_CLOSE 8

void text_add(struct text *text, struct span piece)
{
    if (piece.size > text->capacity - text->size) {
        text->cut = true;
        return;
    }
    if (piece.size)
        memcpy(text->data + text->size, piece.data, piece.size);
    text->size += piece.size;
}

void text_add_string(struct text *text, const char *piece)
{
    text_add(text, span_text(piece));
}

void text_add_u64(struct text *text, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    text_add(text, span_of(digits + at, sizeof digits - at));
}

void text_add_hex(struct text *text, struct span bytes)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.size; i++) {
        char pair[2] = {digits[bytes.data[i] >> 4], digits[bytes.data[i] & 15]};
        text_add(text, span_of(pair, sizeof pair));
    }
}

void text_add_printf(struct text *text, const char *format, ...)
{
    size_t room = text->capacity - text->size;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text->data + text->size, room, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= room)
        text->cut = true;
    else
        text->size += (size_t)length;
}

static void add_key(struct json *json, const char *key)
{
    if (json->comma)
        text_add(json->text, SPAN(","));
    json->comma = true;
    if (!key)
        return;
    text_add(json->text, SPAN("\""));
    text_add_string(json->text, key);
    text_add(json->text, SPAN("\":"));
}

struct json_mark json_mark_set(const struct json *json)
{
    return (struct json_mark){*json, *json->text};
}

bool json_mark_keep(struct json *json, const struct json_mark *mark)
{
    if (!json->text->cut && json->text->capacity - json->text->size >= ROOM_TO_CLOSE)
        return true;
    *json->text = mark->text;
    *json = mark->json;
    return false;
}

void json_put_open(struct json *json, const char *key, char bracket)
{
    add_key(json, key);
    text_add(json->text, span_of(&bracket, 1));
    json->comma = false;
}

void json_put_close(struct json *json, char bracket)
{
    text_add(json->text, span_of(&bracket, 1));
    json->comma = true;
}

static size_t continuation_bytes(uint8_t c)
{
    if (c >= 0xc2 && c <= 0xdf)
        return 1;
    if (c >= 0xe0 && c <= 0xef)
        return 2;
    return c >= 0xf0 && c <= 0xf4 ? 3 : 0;
}

// Length of the valid UTF-8 sequence at the front (RFC 3629), 0 when there is none.
static size_t utf8_length(struct span s)
{
    uint8_t c = s.data[0];
    if (c < 0x80)
        return 1;
    size_t more = continuation_bytes(c);
    if (more == 0 || s.size < more + 1)
        return 0;
    for (size_t i = 1; i <= more; i++)
        if ((s.data[i] & 0xc0) != 0x80)
            return 0;
    if ((c == 0xe0 && s.data[1] < 0xa0) || (c == 0xed && s.data[1] > 0x9f) ||
        (c == 0xf0 && s.data[1] < 0x90) || (c == 0xf4 && s.data[1] > 0x8f))
        return 0;
    return more + 1;
}

static bool is_plain(uint8_t c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static size_t add_escaped(struct text *text, struct span rest)
{
    uint8_t c = rest.data[0];
    size_t length = utf8_length(rest);
    if (length == 0) {
        text_add(text, SPAN("\\ufffd"));
        return 1;
    }
    if (c == '"' || c == '\\')
        text_add_printf(text, "\\%c", c);
    else if (c < 0x20 || c == 0x7f)
        text_add_printf(text, "\\u%04x", c);
    else
        text_add(text, span_first(rest, length));
    return length;
}

void json_put_text(struct json *json, const char *key, struct span value)
{
    add_key(json, key);
    text_add(json->text, SPAN("\""));
    while (value.size) {
        size_t plain = 0;
        while (plain < value.size && is_plain(value.data[plain]))
            plain++;
        text_add(json->text, span_first(value, plain));
        value = span_after(value, plain);
        if (value.size)
            value = span_after(value, add_escaped(json->text, value));
    }
    text_add(json->text, SPAN("\""));
}

void json_put_string(struct json *json, const char *key, const char *value)
{
    json_put_text(json, key, span_text(value));
}

void json_put_u64(struct json *json, const char *key, uint64_t value)
{
    add_key(json, key);
    text_add_u64(json->text, value);
}

void json_put_i64(struct json *json, const char *key, int64_t value)
{
    add_key(json, key);
    text_add_printf(json->text, "%lld", (long long)value);
}

void json_put_milliseconds(struct json *json, const char *key, uint64_t value_us)
{
    add_key(json, key);
    text_add_u64(json->text, value_us / 1000);
    char fraction[4] = {'.', (char)('0' + value_us / 100 % 10), (char)('0' + value_us / 10 % 10),
                        (char)('0' + value_us % 10)};
    text_add(json->text, span_of(fraction, sizeof fraction));
}

void json_put_bool(struct json *json, const char *key, bool value)
{
    add_key(json, key);
    text_add_string(json->text, value ? "true" : "false");
}
