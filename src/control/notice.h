// SPDX-License-Identifier: Apache-2.0
// What the process itself has to tell, as against its traffic: one line on standard error for
// people, and one line of JSON in the log beside those of the exchanges.
#pragma once

#include "control/supervisor.h"

// The verdict of a server has changed (probe_tell_fn; `owner` is the supervisor).
void notice_verdict(void *owner, const struct server *server, enum verdict before);

// A server's name leads to another address: one line each.
void notice_move(struct supervisor *supervisor, const struct server *before,
                 const struct server *after);

// A verdict of Extended Protection has changed: the line in the log.
void notice_protection(struct supervisor *supervisor, const struct protection_entry *entry,
                       enum protection before);

#define STAMP_BYTES 32
// "2024-05-06T07:08:09.123Z", now or `ago_us` microseconds ago. Returns `out`.
const char *stamp(char out[STAMP_BYTES], uint64_t ago_us);
