// SPDX-License-Identifier: Apache-2.0
// A plan from a few lines of YAML, for the tests of plans.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "doctor/plan/model.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define LISTENERS   "listeners: [{bind: '*:443'}, {bind: '*:80'}]\n"
#define CERTIFICATE "certificates: [{chain: c.pem, key: c.key}]"

struct planned {
    struct snapshot *snapshot;
    struct plan *plan;
};

static inline struct planned plan_of(const char *yaml, const struct plan_wish *wish)
{
    struct findings *findings = findings_new("test.yaml");
    struct planned planned = {snapshot_parse("/etc/handfast/test.yaml", span_text(yaml), findings)};
    if (!planned.snapshot)
        fail_msg("%s", findings_print(findings));
    findings_free(findings);
    planned.plan = plan_new(planned.snapshot, wish);
    return planned;
}

static inline void planned_done(struct planned *planned)
{
    plan_free(planned->plan);
    snapshot_unref(planned->snapshot);
}
