// SPDX-License-Identifier: Apache-2.0
// Units of time. The clock is read in io (once a turn); everything else is told what time it is.
#pragma once

#include <stdint.h>

#define US_PER_MS 1000ull
#define US_PER_S  1000000ull
#define MS_PER_S  1000ull
