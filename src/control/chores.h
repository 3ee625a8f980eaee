// SPDX-License-Identifier: Apache-2.0
// What comes round by itself: new keys for session tickets, and telling the service manager that we
// are alive.
#pragma once

#include "control/supervisor.h"

// Begins. The watchdog only when the service manager asks for it (WATCHDOG_USEC).
struct chores *chores_new(struct supervisor *supervisor);
// Around work that may hold up this thread for long (looking up names in a reload): it shall not be
// taken for dead.
void chores_pause(const struct chores *chores);
void chores_resume(const struct chores *chores);
// The workers must have ended and their last answers been read.
struct chores *chores_free(struct chores *chores);
