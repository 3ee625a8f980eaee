// SPDX-License-Identifier: Apache-2.0
// Socket addresses: from text, to text.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/span.h"

#define ADDRESS_TEXT_MAX 56 // "[v6]:port"

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
    socklen_t size; // 0: none
};

// An IPv4 or IPv6 literal; "" is every address of both families. False for anything else.
bool address_parse(const char *literal, unsigned port, struct address *ret_address);
// "1.2.3.4:80" or "[::1]:80"; IPv4 mapped into IPv6 prints as IPv4.
size_t address_print(const struct address *address, char out[ADDRESS_TEXT_MAX]);
// Without the port.
size_t address_print_host(const struct address *address, char out[ADDRESS_TEXT_MAX]);
unsigned address_port(const struct address *address);
// The 4 or 16 bytes that name the host (IPv4 mapped into IPv6 gives 4): what a hash by client uses.
struct span address_bytes(const struct address *address);
// Is it the address `network` names, or within the network "10.0.0.0/8", "fd00::/8"? False when
// that is neither.
bool address_within(const struct address *address, const char *network);
bool address_equal(const struct address *a, const struct address *b);
