// SPDX-License-Identifier: Apache-2.0
// Decodes base64 with or without its padding. Pure; every byte read is inside the text, every byte
// written inside the room given.
#include "wire/base64.h"

#define NOT_A_DIGIT 64u

static unsigned digit_of(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return (unsigned)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (unsigned)(c - 'a') + 26;
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0') + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : NOT_A_DIGIT;
}

static struct span without_padding(struct span text)
{
    for (int i = 0; i < 2 && text.size && text.data[text.size - 1] == '='; i++)
        text.size--;
    return text;
}

bool base64_decode(struct span text, uint8_t *out, size_t capacity, size_t *ret_written,
                   size_t *ret_total)
{
    struct span digits = without_padding(text);
    uint32_t bits = 0;
    unsigned bit_count = 0;
    size_t total = 0;

    if (digits.size % 4 == 1 || (digits.size == 0 && text.size > 0))
        return false;
    for (size_t i = 0; i < digits.size; i++) {
        unsigned digit = digit_of(digits.data[i]);
        if (digit == NOT_A_DIGIT)
            return false;
        bits = (bits << 6 | digit) & 0xffff;
        bit_count += 6;
        if (bit_count < 8)
            continue;
        bit_count -= 8;
        if (total < capacity)
            out[total] = (uint8_t)(bits >> bit_count);
        total++;
    }
    *ret_written = total < capacity ? total : capacity;
    *ret_total = total;
    return true;
}

void base64_encode(struct span bytes, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < bytes.size; i += 3, out += 4) {
        size_t left = bytes.size - i;
        uint32_t bits = (uint32_t)bytes.data[i] << 16;
        bits |= left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0;
        bits |= left > 2 ? bytes.data[i + 2] : 0;
        out[0] = digits[bits >> 18];
        out[1] = digits[bits >> 12 & 63];
        out[2] = left > 1 ? digits[bits >> 6 & 63] : '=';
        out[3] = left > 2 ? digits[bits & 63] : '=';
    }
}
