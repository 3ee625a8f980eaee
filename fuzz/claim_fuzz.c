// SPDX-License-Identifier: Apache-2.0
// Names of header fields: what is a claim in one spelling is one in every other that a server may
// take for it.
#include "base/check.h"
#include "wire/claim.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t spelt_otherwise(uint8_t c)
{
    if (c >= 'a' && c <= 'z')
        return (uint8_t)(c - 'a' + 'A');
    if (c >= 'A' && c <= 'Z')
        return ascii_lower(c);
    return c == '-' ? '_' : c == '_' ? '-' : c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t other[64];
    struct span name = span_first(span_of(data, size), sizeof other);
    for (size_t i = 0; i < name.size; i++)
        other[i] = spelt_otherwise(name.data[i]);
    struct span twin = span_of(other, name.size);
    CHECK(claim_is(name) == claim_is(twin));
    CHECK(claim_shows_proxy(name) == claim_shows_proxy(twin));
    return 0;
}
