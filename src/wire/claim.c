// SPDX-License-Identifier: Apache-2.0
// Compares names as a server may that has them as variables: without regard to case, '_' like '-'.
#include "wire/claim.h"

static bool reads_as(struct span name, const char *known)
{
    size_t size = strlen(known);
    if (name.size != size)
        return false;
    for (size_t i = 0; i < size; i++) {
        uint8_t c = name.data[i] == '_' ? '-' : ascii_lower(name.data[i]);
        if (c != (uint8_t)known[i])
            return false;
    }
    return true;
}

static bool begins_as(struct span name, const char *family)
{
    return reads_as(span_first(name, strlen(family)), family);
}

bool claim_is(struct span name)
{
    switch (span_is_empty(name) ? 0 : ascii_lower(name.data[0])) {
    case 'f':
        return reads_as(name, "forwarded") || reads_as(name, "front-end-https");
    case 'x':
        return begins_as(name, "x-forwarded-") || begins_as(name, "x-arr-") ||
               reads_as(name, "x-original-url") || reads_as(name, "x-rewrite-url");
    default:
        return false;
    }
}

bool claim_shows_proxy(struct span name)
{
    return reads_as(name, "via") || reads_as(name, "forwarded") ||
           reads_as(name, "x-forwarded-for");
}
