// SPDX-License-Identifier: Apache-2.0
// Reads address literals with inet_pton, which knows every spelling the kernel knows.
#include "config/endpoint.h"

#include <arpa/inet.h>

static int family_of(const char *literal, uint8_t bytes[16])
{
    if (inet_pton(AF_INET, literal, bytes) == 1)
        return AF_INET;
    return inet_pton(AF_INET6, literal, bytes) == 1 ? AF_INET6 : 0;
}

static bool copy_literal(struct span text, char out[64])
{
    if (text.size >= 64 || span_find(text, 0) < text.size)
        return false;
    if (text.size)
        memcpy(out, text.data, text.size);
    out[text.size] = '\0';
    return true;
}

static const char *parse_address(struct span text, char ret_address[64])
{
    uint8_t bytes[16];
    if (span_equal(text, SPAN("*"))) {
        ret_address[0] = '\0';
        return NULL;
    }
    bool is_bracketed = text.size > 2 && text.data[0] == '[' && text.data[text.size - 1] == ']';
    if (is_bracketed)
        text = span_of(text.data + 1, text.size - 2);
    char literal[64];
    int family = copy_literal(text, literal) ? family_of(literal, bytes) : 0;
    if (family == 0)
        return "does not begin with an address of this machine or a star";
    if ((family == AF_INET6) != is_bracketed)
        return family == AF_INET6 ? "has an IPv6 address without brackets"
                                  : "has brackets around an IPv4 address";
    memcpy(ret_address, literal, sizeof literal);
    return NULL;
}

const char *endpoint_parse_bind(struct span text, struct endpoint *ret_endpoint)
{
    size_t colon = text.size;
    while (colon > 0 && text.data[colon - 1] != ':')
        colon--;
    uint64_t port;
    if (colon == 0 || (text.size && text.data[text.size - 1] == ']'))
        return "has no port";
    if (!span_to_u64(span_after(text, colon), &port) || port > 65535)
        return "has no port from 0 to 65535 after its last colon";
    struct endpoint endpoint = {.port = (unsigned)port};
    const char *why = parse_address(span_first(text, colon - 1), endpoint.address);
    if (!why)
        *ret_endpoint = endpoint;
    return why;
}

// The family of a bind's address, AF_INET6 and zeros for "".
static int read_bytes(const char *address, uint8_t ret_bytes[16])
{
    memset(ret_bytes, 0, 16);
    return *address ? family_of(address, ret_bytes) : AF_INET6;
}

bool endpoint_overlap(const char *a, const char *b)
{
    static const uint8_t zeros[16];
    uint8_t a_bytes[16];
    uint8_t b_bytes[16];
    int a_family = read_bytes(a, a_bytes);
    int b_family = read_bytes(b, b_bytes);
    bool is_every_a = memcmp(a_bytes, zeros, 16) == 0;
    bool is_every_b = memcmp(b_bytes, zeros, 16) == 0;
    if ((is_every_a && a_family == AF_INET6) || (is_every_b && b_family == AF_INET6))
        return true;
    return a_family == b_family && (is_every_a || is_every_b || memcmp(a_bytes, b_bytes, 16) == 0);
}

static bool has_host_bits(const uint8_t *bytes, unsigned size, uint64_t prefix)
{
    for (uint64_t bit = prefix; bit < size * 8; bit++)
        if (bytes[bit / 8] & (0x80 >> bit % 8))
            return true;
    return false;
}

const char *endpoint_check_network(struct span text)
{
    struct span rest = text;
    struct span address = span_cut(&rest, '/');
    char literal[64];
    uint8_t bytes[16];
    int family = copy_literal(address, literal) ? family_of(literal, bytes) : 0;
    if (family == 0)
        return "is not an address or network";
    unsigned size = family == AF_INET ? 4 : 16;
    if (address.size == text.size)
        return NULL;
    uint64_t prefix;
    if (!span_to_u64(rest, &prefix) || prefix > size * 8)
        return "has a prefix length that its family does not have";
    return has_host_bits(bytes, size, prefix) ? "has bits set behind its prefix length" : NULL;
}
