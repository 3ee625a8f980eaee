// SPDX-License-Identifier: Apache-2.0
// Socket addresses in text and bytes. Never asks a name server.
#include "io/address.h"

#include <arpa/inet.h>
#include <stdio.h>

bool address_parse(const char *literal, unsigned port, struct address *ret_address)
{
    struct address address = {0};
    if (*literal == '\0') {
        address.v6 =
            (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
        address.size = sizeof address.v6;
    } else if (inet_pton(AF_INET, literal, &address.v4.sin_addr) == 1) {
        address.v4.sin_family = AF_INET;
        address.v4.sin_port = htons((uint16_t)port);
        address.size = sizeof address.v4;
    } else if (inet_pton(AF_INET6, literal, &address.v6.sin6_addr) == 1) {
        address.v6.sin6_family = AF_INET6;
        address.v6.sin6_port = htons((uint16_t)port);
        address.size = sizeof address.v6;
    } else {
        return false;
    }
    *ret_address = address;
    return true;
}

static bool is_mapped(const struct address *address)
{
    return address->any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&address->v6.sin6_addr);
}

struct span address_bytes(const struct address *address)
{
    if (address->any.sa_family == AF_INET)
        return span_of(&address->v4.sin_addr, 4);
    if (address->any.sa_family != AF_INET6)
        return (struct span){0};
    struct span bytes = span_of(&address->v6.sin6_addr, 16);
    return is_mapped(address) ? span_after(bytes, 12) : bytes;
}

size_t address_print_host(const struct address *address, char out[ADDRESS_TEXT_MAX])
{
    struct span bytes = address_bytes(address);
    out[0] = '\0';
    if (bytes.size)
        inet_ntop(bytes.size == 4 ? AF_INET : AF_INET6, bytes.data, out, ADDRESS_TEXT_MAX);
    return strlen(out);
}

unsigned address_port(const struct address *address)
{
    if (address->any.sa_family == AF_INET)
        return ntohs(address->v4.sin_port);
    return address->any.sa_family == AF_INET6 ? ntohs(address->v6.sin6_port) : 0;
}

size_t address_print(const struct address *address, char out[ADDRESS_TEXT_MAX])
{
    char host[ADDRESS_TEXT_MAX];
    address_print_host(address, host);
    const char *form = strchr(host, ':') ? "[%.45s]:%u" : "%.45s:%u";
    int length = snprintf(out, ADDRESS_TEXT_MAX, form, host, address_port(address));
    return length < 0 ? 0 : (size_t)length;
}

static bool same_bits(struct span a, struct span b, unsigned bits)
{
    size_t whole = bits / 8;
    if (a.size != b.size || bits > a.size * 8 || memcmp(a.data, b.data, whole) != 0)
        return false;
    unsigned rest = bits % 8;
    return rest == 0 || (a.data[whole] ^ b.data[whole]) >> (8 - rest) == 0;
}

bool address_within(const struct address *address, const char *network)
{
    struct span length = span_text(network);
    struct span literal = span_cut(&length, '/');
    char text[ADDRESS_TEXT_MAX];
    struct address base;
    if (literal.size >= sizeof text)
        return false;
    memcpy(text, literal.data, literal.size);
    text[literal.size] = '\0';
    if (literal.size == 0 || !address_parse(text, 0, &base))
        return false;
    uint64_t bits = address_bytes(&base).size * 8;
    bool has_length = literal.size < strlen(network);
    if (has_length && !span_to_u64(length, &bits))
        return false;
    return bits <= 128 && same_bits(address_bytes(address), address_bytes(&base), (unsigned)bits);
}

bool address_equal(const struct address *a, const struct address *b)
{
    return address_port(a) == address_port(b) && span_equal(address_bytes(a), address_bytes(b));
}
