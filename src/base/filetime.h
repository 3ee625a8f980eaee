// SPDX-License-Identifier: Apache-2.0
// FILETIME, the clock of Windows: ticks of 100 ns since 1601-01-01. Source: [MS-DTYP] 2.3.3.
#pragma once

#include <stdint.h>

#define FILETIME_PER_S       10000000ull
#define FILETIME_OF_1970_S   11644473600ull
#define FILETIME_NS_PER_TICK 100u

// From seconds since 1970 and the nanoseconds of that second.
static inline uint64_t filetime_of_unix(int64_t seconds, long nanoseconds)
{
    return ((uint64_t)seconds + FILETIME_OF_1970_S) * FILETIME_PER_S +
           (uint64_t)nanoseconds / FILETIME_NS_PER_TICK;
}

// Whole seconds since 1970; below 0 for what lies before.
static inline int64_t filetime_to_unix_s(uint64_t filetime)
{
    return (int64_t)(filetime / FILETIME_PER_S) - (int64_t)FILETIME_OF_1970_S;
}
