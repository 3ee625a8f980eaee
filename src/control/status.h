// SPDX-License-Identifier: Apache-2.0
// The status of the process as JSON: everything the control thread knows by itself.
#pragma once

#include <jansson.h>

#include "control/supervisor.h"

// A new reference.
json_t *status_compose(const struct supervisor *supervisor);
