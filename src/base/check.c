// SPDX-License-Identifier: Apache-2.0
// The end of a process whose own invariants no longer hold.
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

void check_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "handfast: internal error: %s does not hold (%s:%d)\n", condition, file, line);
    abort();
}
