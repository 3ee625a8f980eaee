// SPDX-License-Identifier: Apache-2.0
// Looking which requirements are true already: what was seen of each of them, by DNS, by TLS and in
// the directory. Internal to plan. Reads only; a look never changes what it looks at.
#pragma once

#include "doctor/plan/model.h"

enum plan_state {
    PLAN_UNSEEN = 0, // nothing was looked at: it cannot be seen from here
    PLAN_TRUE,
    PLAN_MISSING,
    PLAN_BLIND, // it could not be looked at
};

// What was seen of one requirement.
struct plan_sight {
    enum plan_state state;
    const char *found; // in words; of PLAN_MISSING and PLAN_BLIND
    const char *mend;  // what to do or to type; may be NULL
};

struct plan_checkup {
    struct plan *plan; // its texts grow
    const struct plan_glasses *glasses;
    struct plan_sight *sights; // one for each requirement
};

// A requirement's state only gets worse: TRUE does not take back MISSING. `found` and `mend` may be
// NULL, and are kept by the plan.
void plan_see(struct plan_checkup *checkup, size_t requirement, enum plan_state state,
              const char *found, const char *mend);

void plan_check_dns(struct plan_checkup *checkup);
void plan_check_tls(struct plan_checkup *checkup);
void plan_check_directory(struct plan_checkup *checkup);

// A name to try where a pattern stands: nobody is called that, so only the pattern can answer.
const char *plan_tried_name(struct plan *plan, const char *host);
