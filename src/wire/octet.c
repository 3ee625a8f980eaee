// SPDX-License-Identifier: Apache-2.0
// The table behind octet.h. Bytes that are not listed (controls, DEL) belong to no class.
#include "wire/octet.h"

#define VISIBLE (OCTET_TARGET | OCTET_VALUE)
#define TCHAR   (VISIBLE | OCTET_TOKEN)

const uint8_t octet_classes[256] = {
    ['\t'] = OCTET_VALUE,
    [' '] = OCTET_VALUE,
    ['!'] = TCHAR,
    ['"'] = VISIBLE,
    ['#'] = TCHAR & ~OCTET_TARGET,
    ['$' ... '\''] = TCHAR,
    ['(' ... ')'] = VISIBLE,
    ['*' ... '+'] = TCHAR,
    [','] = VISIBLE,
    ['-'] = TCHAR | OCTET_NAME,
    ['.'] = TCHAR,
    ['/'] = VISIBLE,
    ['0' ... '9'] = TCHAR | OCTET_NAME | OCTET_HEX,
    [':' ... '@'] = VISIBLE,
    ['A' ... 'F'] = TCHAR | OCTET_NAME | OCTET_HEX,
    ['G' ... 'Z'] = TCHAR | OCTET_NAME,
    ['[' ... ']'] = VISIBLE,
    ['^'] = TCHAR,
    ['_'] = TCHAR | OCTET_NAME,
    ['`'] = TCHAR,
    ['a' ... 'f'] = TCHAR | OCTET_NAME | OCTET_HEX,
    ['g' ... 'z'] = TCHAR | OCTET_NAME,
    ['{'] = VISIBLE,
    ['|'] = TCHAR,
    ['}'] = VISIBLE,
    ['~'] = TCHAR,
    [0x80 ... 0xff] = OCTET_VALUE,
};
