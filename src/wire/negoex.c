// SPDX-License-Identifier: Apache-2.0
// Reads NegoEx messages, one behind the other. Pure; every offset and length is compared with its
// message before it is used.
#include "wire/negoex.h"

#define TYPE_AT          8
#define HEADER_BYTES_AT  16
#define MESSAGE_BYTES_AT 20
#define HEADER_BYTES     40 // signature, type, sequence, two lengths, conversation
#define NEGO_SCHEMES_AT  80 // behind the header, random and version: offset, count
#define NEGO_BYTES       96
#define OTHER_SCHEME_AT  40
#define OTHER_BYTES      56 // the header and one GUID

static uint32_t u32_at(struct span s, size_t at)
{
    return (uint32_t)s.data[at] | (uint32_t)s.data[at + 1] << 8 | (uint32_t)s.data[at + 2] << 16 |
           (uint32_t)s.data[at + 3] << 24;
}

static bool is_nego(unsigned type)
{
    return type == NEGOEX_INITIATOR_NEGO || type == NEGOEX_ACCEPTOR_NEGO;
}

// A vector of GUIDs; empty when it lies outside.
static struct span schemes_of_nego(struct span message)
{
    size_t offset = u32_at(message, NEGO_SCHEMES_AT);
    size_t count = u32_at(message, NEGO_SCHEMES_AT + 4) & 0xffff;
    struct span behind = span_after(message, offset);
    if (offset > message.size || behind.size / NEGOEX_GUID_BYTES < count)
        return (struct span){0};
    return span_first(behind, count * NEGOEX_GUID_BYTES);
}

static bool has_nego(const struct negoex *negoex)
{
    for (size_t i = 0; i < negoex->type_count; i++)
        if (is_nego(negoex->types[i]))
            return true;
    return false;
}

static void take_message(struct span message, struct negoex *negoex)
{
    unsigned type = u32_at(message, TYPE_AT);
    bool is_first = negoex->type_count == 0;
    if (is_nego(type) && message.size >= NEGO_BYTES && !has_nego(negoex))
        negoex->schemes = schemes_of_nego(message);
    else if (!is_nego(type) && message.size >= OTHER_BYTES && is_first)
        negoex->schemes = span_first(span_after(message, OTHER_SCHEME_AT), NEGOEX_GUID_BYTES);
    if (negoex->type_count < NEGOEX_MESSAGES_MAX)
        negoex->types[negoex->type_count++] = (uint8_t)type;
}

// Cuts the message at the front off. False when there is none that holds what it says.
static bool cut_message(struct span *rest, struct span *ret_message)
{
    if (rest->size < HEADER_BYTES || !span_starts_with(*rest, SPAN("NEGOEXTS")))
        return false;
    size_t header = u32_at(*rest, HEADER_BYTES_AT);
    size_t size = u32_at(*rest, MESSAGE_BYTES_AT);
    if (header < HEADER_BYTES || size < header || size > rest->size ||
        u32_at(*rest, TYPE_AT) > NEGOEX_ALERT)
        return false;
    *ret_message = span_first(*rest, size);
    *rest = span_after(*rest, size);
    return true;
}

bool negoex_read(struct span token, struct negoex *ret_negoex)
{
    struct negoex negoex = {0};
    struct span message;

    if (!span_starts_with(token, SPAN("NEGOEXTS")))
        return false;
    while (cut_message(&token, &message))
        take_message(message, &negoex);
    negoex.is_whole = span_is_empty(token);
    *ret_negoex = negoex;
    return true;
}
