// SPDX-License-Identifier: Apache-2.0
// HTTP/2 as far as http.sys goes with Windows authentication: a 401 for the anonymous, and
// HTTP_1_1_REQUIRED for a request that carries Authorization.
#pragma once

#include "channel.h"

void http2_serve(struct channel *c, const struct settings *settings);
