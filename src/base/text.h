// SPDX-License-Identifier: Apache-2.0
// Bounded text building into memory the caller owns: plain pieces, numbers and JSON. What does not
// fit is left out and remembered in `cut`, so the writer checks once at the end.
#pragma once

#include "base/span.h"

struct text {
    char *data;
    size_t capacity;
    size_t size;
    bool cut; // something did not fit
};

static inline struct text text_over(char *data, size_t capacity)
{
    return (struct text){data, capacity, 0, false};
}

static inline struct span text_span(const struct text *text)
{
    return span_of(text->data, text->size);
}

void text_add(struct text *text, struct span piece);
void text_add_string(struct text *text, const char *piece);
void text_add_u64(struct text *text, uint64_t value);
// Two digits in lower case for each byte.
void text_add_hex(struct text *text, struct span bytes);
void text_add_printf(struct text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// One JSON object or array at a time: keys must be plain ASCII words of ours; values are escaped.
// Bytes that are not valid UTF-8 become U+FFFD, so a line is always valid JSON.
struct json {
    struct text *text;
    bool comma;
};

// Where an item began that may not fit: then it is taken back whole.
struct json_mark {
    struct json json;
    struct text text;
};

struct json_mark json_mark_set(const struct json *json);
// True when all since the mark fits, with room for the brackets that close what is open; otherwise
// nothing of it is left.
bool json_mark_keep(struct json *json, const struct json_mark *mark);

void json_put_open(struct json *json, const char *key, char bracket);
void json_put_close(struct json *json, char bracket);
void json_put_text(struct json *json, const char *key, struct span value);
void json_put_string(struct json *json, const char *key, const char *value);
void json_put_u64(struct json *json, const char *key, uint64_t value);
void json_put_i64(struct json *json, const char *key, int64_t value);
// microseconds printed as milliseconds with three decimals
void json_put_milliseconds(struct json *json, const char *key, uint64_t value_us);
void json_put_bool(struct json *json, const char *key, bool value);
