// SPDX-License-Identifier: Apache-2.0
// The door of route: which site has a host name, and which route of it a path. Pure: it reads a
// snapshot.
#pragma once

#include "config/config.h"
#include "route/way.h"
#include "wire/host.h"

// The site that serves `name` (lower case): an exact host before a wildcard. SIZE_MAX when there is
// none.
size_t route_site(const struct snapshot *snapshot, struct span name);

// The route of `site` with the longest path that covers `path` (as path_normalise gives it), on
// segment boundaries and without regard to case, as IIS reads paths: "/api/" and "/api" cover
// "/api", "/api/x" and "/API/x", not "/apix". NULL when there is none.
const struct route_config *route_find(const struct site_config *site, struct span path);

// The server of `pool` with that name, SIZE_MAX when there is none.
size_t route_named_server(const struct pool_config *pool, struct span name);
