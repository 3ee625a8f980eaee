// SPDX-License-Identifier: Apache-2.0
// Addresses of this machine to listen on, and networks of proxies to trust. Literals only: no name
// is looked up. Internal to config.
#pragma once

#include "base/span.h"

struct endpoint {
    char address[64]; // "" for every address, both families; else an IPv4 or IPv6 literal
    unsigned port;
};

// "*:443", "10.0.0.1:80", "[::1]:8443". NULL and `ret_endpoint`, or what is wrong with the text.
const char *endpoint_parse_bind(struct span text, struct endpoint *ret_endpoint);

// Would sockets listening on one port of both get in each other's way? Both as `address` above;
// every IPv6 address stands for every IPv4 address, too.
bool endpoint_overlap(const char *a, const char *b);

// "10.0.0.1", "10.0.0.0/8", "fd00::/8". NULL, or what is wrong with the text.
const char *endpoint_check_network(struct span text);
