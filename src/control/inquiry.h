// SPDX-License-Identifier: Apache-2.0
// An inquiry asks every worker for a piece of JSON by mail and puts the answers together when the
// last has come.
#pragma once

#include <jansson.h>

#include "control/supervisor.h"

struct inquiry;

// Runs on the worker's thread: writes one JSON array, returns how many items did not fit. `after`
// as it was given.
typedef size_t inquiry_describe_fn(struct keeper *keeper, struct json *json, uint64_t after);
// Runs on the control thread. `items` is the caller's from here on; `left_out` items did not fit.
typedef void inquiry_done_fn(void *owner, json_t *items, uint64_t left_out);

// `after`: for those that describe only what is younger. `done` comes later, once, unless it is
// forgotten.
struct inquiry *inquiry_new(struct supervisor *supervisor, inquiry_describe_fn *describe,
                            uint64_t after, inquiry_done_fn *done, void *owner);
// Nobody waits for it any more.
void inquiry_forget(struct inquiry *inquiry);
