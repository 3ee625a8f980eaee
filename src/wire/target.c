// SPDX-License-Identifier: Apache-2.0
// Request targets and paths. Reads what the client sent and rewrites nothing that is sent on.
#include "wire/target.h"

#include "wire/host.h"
#include "wire/octet.h"

static bool holds_target_bytes(struct span text)
{
    for (size_t i = 0; i < text.size; i++)
        if (!octet_is(text.data[i], OCTET_TARGET))
            return false;
    return true;
}

static bool is_escape(struct span text)
{
    return text.size >= 3 && octet_is(text.data[1], OCTET_HEX) && octet_is(text.data[2], OCTET_HEX);
}

static bool escapes_are_whole(struct span path)
{
    for (;;) {
        path = span_after(path, span_find(path, '%'));
        if (span_is_empty(path))
            return true;
        if (!is_escape(path))
            return false;
        path = span_after(path, 3);
    }
}

static bool origin_parse(struct span text, struct target *target)
{
    size_t question = span_find(text, '?');
    target->path = span_first(text, question);
    target->query = span_after(text, question);
    return escapes_are_whole(target->path);
}

static bool absolute_parse(struct span text, struct target *target)
{
    struct host host;
    size_t end = 0;
    target->form = TARGET_ABSOLUTE;
    target->is_https = span_starts_with_nocase(text, SPAN("https://"));
    if (!target->is_https && !span_starts_with_nocase(text, SPAN("http://")))
        return false;
    text = span_after(text, target->is_https ? 8 : 7);
    while (end < text.size && text.data[end] != '/' && text.data[end] != '?')
        end++;
    target->authority = span_first(text, end);
    if (!host_parse(target->authority, &host) || !origin_parse(span_after(text, end), target))
        return false;
    if (span_is_empty(target->path))
        target->path = SPAN("/");
    return true;
}

static bool authority_parse(struct span text, struct target *target)
{
    struct host host;
    target->form = TARGET_AUTHORITY;
    target->authority = text;
    return host_parse(text, &host) && host.port != 0;
}

bool target_parse(struct span text, bool is_connect, bool is_options, struct target *ret_target)
{
    struct target target = {.form = TARGET_ORIGIN};
    bool is_valid;
    if (span_is_empty(text) || !holds_target_bytes(text))
        return false;
    if (is_connect) {
        is_valid = authority_parse(text, &target);
    } else if (text.data[0] == '/') {
        is_valid = origin_parse(text, &target);
    } else if (is_options && span_equal(text, SPAN("*"))) {
        target.form = TARGET_ASTERISK;
        is_valid = true;
    } else {
        is_valid = absolute_parse(text, &target);
    }
    if (is_valid)
        *ret_target = target;
    return is_valid;
}

// The path being written: out[0] is '/', `segment` is where the current segment begins.
struct writer {
    uint8_t *out;
    size_t capacity;
    size_t size;
    size_t segment;
};

static bool writer_add(struct writer *writer, uint8_t c)
{
    if (writer->size == writer->capacity)
        return false;
    writer->out[writer->size++] = c;
    return true;
}

// Drops the segment before the current one; false at the root.
static bool climb(struct writer *writer)
{
    if (writer->segment == 1)
        return false;
    size_t at = writer->segment - 1;
    while (writer->out[at - 1] != '/')
        at--;
    writer->size = writer->segment = at;
    return true;
}

// Resolves the current segment when it is "." or "..".
static bool resolve_dots(struct writer *writer)
{
    struct span segment = span_of(writer->out + writer->segment, writer->size - writer->segment);
    if (span_equal(segment, SPAN(".."))) {
        return climb(writer);
    }
    if (span_equal(segment, SPAN(".")))
        writer->size = writer->segment;
    return true;
}

static bool end_segment(struct writer *writer)
{
    if (!resolve_dots(writer))
        return false;
    if (writer->size == writer->segment && writer->size > 0)
        return true;
    if (!writer_add(writer, '/'))
        return false;
    writer->segment = writer->size;
    return true;
}

// Takes one byte off the front of `path`, decoded; false for a broken escape and for a zero byte.
static bool take_decoded(struct span *path, uint8_t *ret_byte)
{
    uint8_t c = path->data[0];
    size_t taken = 1;
    if (c == '%') {
        if (!is_escape(*path))
            return false;
        c = (uint8_t)(octet_hex_value(path->data[1]) << 4 | octet_hex_value(path->data[2]));
        taken = 3;
    }
    *path = span_after(*path, taken);
    *ret_byte = c == '\\' ? '/' : c;
    return c != 0;
}

bool path_normalise(struct span path, uint8_t *out, size_t capacity, size_t *ret_size)
{
    struct writer writer = {.out = out, .capacity = capacity};
    while (!span_is_empty(path)) {
        uint8_t c = 0;
        if (!take_decoded(&path, &c))
            return false;
        if (writer.size == 0 && c != '/')
            return false;
        if (c == '/' ? !end_segment(&writer) : !writer_add(&writer, c))
            return false;
    }
    if (writer.size == 0 || !resolve_dots(&writer))
        return false;
    *ret_size = writer.size;
    return true;
}
