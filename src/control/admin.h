// SPDX-License-Identifier: Apache-2.0
// The admin API: HTTP and JSON on a Unix socket, and the metrics on a TCP address. It looks at the
// running process and never touches traffic.
#pragma once

#include "control/supervisor.h"

// Opens the doors the configuration asks for. NULL, having said why, when one cannot be opened.
struct admin *admin_new(struct supervisor *supervisor);
// Sends visitors away, closes the doors and removes the socket file.
struct admin *admin_free(struct admin *admin);
