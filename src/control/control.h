// SPDX-License-Identifier: Apache-2.0
// The door of control: what runs beside the workers. The supervisor starts them, reloads, drains;
// the journal writes their log lines; probes, admin API and metrics live on the control thread's
// own loop.
#pragma once

#include "control/preflight.h"
#include "worker/worker.h"

// Serves the configuration until SIGTERM or SIGINT. The exit status: 0 after a drain, 1 when it
// could not start (it has said why on standard error).
int supervise(const char *config_file);
