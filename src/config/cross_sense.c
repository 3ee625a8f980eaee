// SPDX-License-Identifier: Apache-2.0
// What is allowed but hardly meant: warnings, each with its reason.
#include "config/load.h"

void cross_sense(struct load *load)
{
    (void)load;
}
