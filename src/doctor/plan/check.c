// SPDX-License-Identifier: Apache-2.0
// `handfast plan --check`: all looks, one after the other, and what they found, printed.
#include "doctor/plan/check.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "doctor/plan/quote.h"

void plan_see(struct plan_checkup *checkup, size_t requirement, enum plan_state state,
              const char *found, const char *mend)
{
    struct plan_sight *sight = &checkup->sights[requirement];
    bool is_worse = state == PLAN_MISSING ? sight->state != PLAN_MISSING : state > sight->state;
    if (is_worse && sight->state != PLAN_MISSING)
        *sight = (struct plan_sight){state, found, mend};
}

const char *plan_tried_name(struct plan *plan, const char *host)
{
    return host[0] == '*' ? plan_text(plan, "handfast-plan-check%s", host + 1) : host;
}

static void print_sight(const struct requirement *requirement, const struct plan_sight *sight,
                        FILE *out)
{
    fputs(sight->state == PLAN_MISSING ? "missing: " : "could not look: ", out);
    quote_comment(out, requirement->what);
    fputc('\n', out);
    if (sight->found) {
        fputs("  found:   ", out);
        quote_comment(out, sight->found);
        fputc('\n', out);
    }
    if (sight->state == PLAN_MISSING) {
        fputs("  because: ", out);
        quote_comment(out, requirement->why);
        fputc('\n', out);
    }
    if (sight->mend) {
        fputs("  mend:    ", out);
        quote_comment(out, sight->mend);
        fputc('\n', out);
    }
}

static void print_state(const struct plan_checkup *checkup, enum plan_state state, FILE *out)
{
    for (size_t i = 0; i < checkup->plan->requirement_count; i++)
        if (checkup->sights[i].state == state)
            print_sight(&checkup->plan->requirements[i], &checkup->sights[i], out);
}

static size_t count(const struct plan_checkup *checkup, enum plan_state state)
{
    size_t found = 0;
    for (size_t i = 0; i < checkup->plan->requirement_count; i++)
        found += checkup->sights[i].state == state;
    return found;
}

enum plan_verdict plan_check(struct plan *plan, const struct plan_glasses *glasses, FILE *out)
{
    struct plan_checkup checkup = {.plan = plan, .glasses = glasses};
    checkup.sights = calloc(plan->requirement_count, sizeof *checkup.sights);
    CHECK(checkup.sights);
    plan_check_dns(&checkup);
    plan_check_tls(&checkup);
    plan_check_directory(&checkup);
    print_state(&checkup, PLAN_MISSING, out);
    print_state(&checkup, PLAN_BLIND, out);
    size_t missing = count(&checkup, PLAN_MISSING);
    size_t blind = count(&checkup, PLAN_BLIND);
    fprintf(out,
            "%zu true, %zu missing, %zu could not be looked at, %zu cannot be seen from here\n",
            count(&checkup, PLAN_TRUE), missing, blind, count(&checkup, PLAN_UNSEEN));
    free(checkup.sights);
    return missing ? PLAN_SOME_MISSING : blind ? PLAN_NOT_SEEN : PLAN_ALL_TRUE;
}
