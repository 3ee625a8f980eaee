// SPDX-License-Identifier: Apache-2.0
// Names out of tokens, as UTF-8 that people and log readers can bear: what is not valid text, and
// every control character, marks of direction among them, becomes U+FFFD. Nothing is terminated by
// a zero. Sources: [MS-NLMP] 2.2 (UTF-16LE or the OEM code page), RFC 4120 section 5.2.1
// (GeneralString).
#pragma once

#include "base/span.h"

// Each writes at most `capacity` bytes to `out`, whole characters only, and answers how many it
// wrote. An odd last byte is one bad character.
size_t utf8_from_utf16le(struct span bytes, char *out, size_t capacity);
// The OEM code page is unknown here: ASCII stays, every other byte becomes U+FFFD.
size_t utf8_from_oem(struct span bytes, char *out, size_t capacity);
// Text that should be UTF-8 already.
size_t utf8_from_bytes(struct span bytes, char *out, size_t capacity);
