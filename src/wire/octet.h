// SPDX-License-Identifier: Apache-2.0
// Classes of bytes in HTTP and in host names, as one table of flags, so that a reader asks once per
// byte. Sources: RFC 9110 sections 5.5 and 5.6.2, RFC 3986, RFC 1123.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define OCTET_TOKEN  0x01 // tchar
#define OCTET_TARGET 0x02 // may stand in a request target: visible ASCII without '#'
#define OCTET_VALUE  0x04 // may stand in a field value: tab, space, visible ASCII, 0x80 to 0xff
#define OCTET_HEX    0x08
#define OCTET_NAME   0x10 // letters, digits, '-', '_'

extern const uint8_t octet_classes[256];

static inline bool octet_is(uint8_t octet, unsigned classes)
{
    return (octet_classes[octet] & classes) != 0;
}

// The value of a hex digit; only for OCTET_HEX.
static inline unsigned octet_hex_value(uint8_t octet)
{
    return octet <= '9' ? octet - (unsigned)'0' : (octet | 0x20u) - (unsigned)'a' + 10;
}
