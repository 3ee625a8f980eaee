// SPDX-License-Identifier: Apache-2.0
// Walks DER element by element. Pure; a length is compared with what is left before it is used.
#include "wire/der.h"

#define LENGTH_BYTES_MAX 4

// Reads the length that follows the tag; `ret_header_bytes` counts tag and length together.
static bool length_of(struct span bytes, size_t *ret_length, size_t *ret_header_bytes)
{
    if (bytes.size < 2)
        return false;
    uint8_t first = bytes.data[1];
    if (first < 0x80) {
        *ret_length = first;
        *ret_header_bytes = 2;
        return true;
    }
    size_t count = first & 0x7f;
    if (count == 0 || count > LENGTH_BYTES_MAX || bytes.size - 2 < count)
        return false;
    size_t length = 0;
    for (size_t i = 0; i < count; i++)
        length = length << 8 | bytes.data[2 + i];
    *ret_length = length;
    *ret_header_bytes = 2 + count;
    return true;
}

bool der_next(struct der *der, unsigned *ret_tag, struct der *ret_content)
{
    size_t length;
    size_t header_bytes;

    if (!length_of(der->rest, &length, &header_bytes))
        return false;
    unsigned tag = der->rest.data[0];
    if ((tag & 0x1f) == 0x1f) // a tag of several bytes: no message read here has one
        return false;
    struct span content = span_after(der->rest, header_bytes);
    bool is_short = length > content.size;
    if (is_short && !der->is_cut)
        return false;
    *ret_tag = tag;
    *ret_content = der_over(span_first(content, length), is_short);
    der->rest = span_after(content, length);
    return true;
}

bool der_take(struct der *der, unsigned tag, struct der *ret_content)
{
    unsigned found;
    return der_is_at(der, tag) && der_next(der, &found, ret_content);
}

bool der_take_integer(struct der *der, unsigned tag, int64_t *ret_value)
{
    struct der content;
    struct der ahead = *der;

    if (!der_take(&ahead, tag, &content) || content.is_cut)
        return false;
    struct span bytes = content.rest;
    if (bytes.size == 0 || bytes.size > sizeof(int64_t))
        return false;
    uint64_t value = bytes.data[0] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = 0; i < bytes.size; i++)
        value = value << 8 | bytes.data[i];
    *ret_value = (int64_t)value;
    *der = ahead;
    return true;
}

bool der_take_in(struct der *der, unsigned n, unsigned tag, struct der *ret_content)
{
    struct der field;
    struct der ahead = *der;

    if (!der_take(&ahead, DER_CONTEXT(n), &field) || !der_take(&field, tag, ret_content))
        return false;
    *der = ahead;
    return true;
}

bool der_take_integer_in(struct der *der, unsigned n, unsigned tag, int64_t *ret_value)
{
    struct der field;
    struct der ahead = *der;

    if (!der_take(&ahead, DER_CONTEXT(n), &field) || !der_take_integer(&field, tag, ret_value))
        return false;
    *der = ahead;
    return true;
}

bool der_seek(struct der *der, unsigned tag)
{
    unsigned found;
    struct der content;

    while (!der_is_at(der, tag))
        if (!der_next(der, &found, &content))
            return false;
    return true;
}
