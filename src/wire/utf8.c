// SPDX-License-Identifier: Apache-2.0
// Turns names out of tokens into clean UTF-8. Pure; writes whole characters inside the room given.
#include "wire/utf8.h"

#define REPLACEMENT 0xfffdu

struct writer {
    char *out;
    size_t capacity;
    size_t size;
};

static bool is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

// Marks that turn the direction of writing, or end a line: with them a name looks like another one,
// or changes the text around it.
static bool is_layout(uint32_t c)
{
    return c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069);
}

static bool is_surrogate(uint32_t c)
{
    return c >= 0xd800 && c < 0xe000;
}

static size_t encode(uint32_t c, char bytes[4])
{
    if (c < 0x80) {
        bytes[0] = (char)c;
        return 1;
    }
    size_t count = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = count - 1; i > 0; i--) {
        bytes[i] = (char)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    bytes[0] = (char)(lead[count] | c);
    return count;
}

// False when the character does not fit any more.
static bool put(struct writer *writer, uint32_t c)
{
    char bytes[4];
    bool is_bad = is_control(c) || is_layout(c) || is_surrogate(c);
    size_t count = encode(is_bad ? REPLACEMENT : c, bytes);

    if (writer->capacity - writer->size < count)
        return false;
    memcpy(writer->out + writer->size, bytes, count);
    writer->size += count;
    return true;
}

static uint32_t unit_at(struct span bytes, size_t at)
{
    return (uint32_t)bytes.data[at] | (uint32_t)bytes.data[at + 1] << 8;
}

// The character at the front of `bytes`, and how many bytes it takes.
static uint32_t utf16le_front(struct span bytes, size_t *ret_bytes)
{
    *ret_bytes = bytes.size < 2 ? bytes.size : 2;
    if (bytes.size < 2)
        return REPLACEMENT;
    uint32_t high = unit_at(bytes, 0);
    if (high < 0xd800 || high >= 0xdc00 || bytes.size < 4)
        return high;
    uint32_t low = unit_at(bytes, 2);
    if (low < 0xdc00 || low >= 0xe000)
        return high; // alone: put() replaces it
    *ret_bytes = 4;
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

size_t utf8_from_utf16le(struct span bytes, char *out, size_t capacity)
{
    struct writer writer = {out, capacity, 0};
    size_t taken;

    for (; bytes.size > 0; bytes = span_after(bytes, taken))
        if (!put(&writer, utf16le_front(bytes, &taken)))
            break;
    return writer.size;
}

size_t utf8_from_oem(struct span bytes, char *out, size_t capacity)
{
    struct writer writer = {out, capacity, 0};

    for (size_t i = 0; i < bytes.size; i++)
        if (!put(&writer, bytes.data[i] < 0x80 ? bytes.data[i] : REPLACEMENT))
            break;
    return writer.size;
}

// The character at the front of `bytes`; in overlong forms and surrogates every byte is a bad one.
static uint32_t utf8_front(struct span bytes, size_t *ret_bytes)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t lead = bytes.data[0];
    size_t count = lead < 0x80 ? 1 : lead < 0xc0 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

    *ret_bytes = 1;
    if (count == 1)
        return lead;
    if (count == 0 || lead >= 0xf8 || bytes.size < count)
        return REPLACEMENT;
    uint32_t c = lead & (0x7fu >> count);
    for (size_t i = 1; i < count; i++) {
        if ((bytes.data[i] & 0xc0) != 0x80)
            return REPLACEMENT;
        c = c << 6 | (bytes.data[i] & 0x3fu);
    }
    if (c < smallest[count] || c > 0x10ffff || is_surrogate(c))
        return REPLACEMENT;
    *ret_bytes = count;
    return c;
}

size_t utf8_from_bytes(struct span bytes, char *out, size_t capacity)
{
    struct writer writer = {out, capacity, 0};
    size_t taken;

    for (; bytes.size > 0; bytes = span_after(bytes, taken))
        if (!put(&writer, utf8_front(bytes, &taken)))
            break;
    return writer.size;
}
