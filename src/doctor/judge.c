// SPDX-License-Identifier: Apache-2.0
// Runs every check over the facts, takes out what a graver finding explains, and puts the rest in
// order. Looks at nothing itself.
#include <string.h>

#include "doctor/check/check.h"
#include "doctor/doctor.h"

struct row {
    void (*run)(const struct facts *, struct diagnosis *);
    int rank;
};

static const struct row rows[] = {
#define CHECK_ROW(id, rank, summary) {check_##id, rank},
#include "doctor/check/checks.tbl"
#undef CHECK_ROW
};

static const struct {
    const char *cause, *consequence;
} explained[] = {
#define EXPLAINS(cause, consequence) {#cause, #consequence},
#include "doctor/check/explains.tbl"
#undef EXPLAINS
};

static bool is_explained(const struct diagnosis *diagnosis, const struct finding *finding)
{
    if (strcmp(finding->id, "healthy") == 0)
        return diagnosis_is_ill(diagnosis);
    for (size_t i = 0; i < sizeof explained / sizeof explained[0]; i++)
        if (strcmp(explained[i].consequence, finding->id) == 0 &&
            diagnosis_find(diagnosis, explained[i].cause) != NULL)
            return true;
    return false;
}

// From the last to the first: causes stand first, so they are still there when asked for.
static void drop_explained(struct diagnosis *diagnosis)
{
    for (size_t i = diagnosis->count; i-- > 0;)
        if (is_explained(diagnosis, &diagnosis->findings[i]))
            diagnosis_drop(diagnosis, i);
}

void doctor_judge(const struct facts *facts, struct diagnosis *diagnosis)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t before = diagnosis->count;
        rows[i].run(facts, diagnosis);
        for (size_t j = before; j < diagnosis->count; j++)
            diagnosis->findings[j].rank = rows[i].rank;
    }
    drop_explained(diagnosis);
    diagnosis_sort(diagnosis);
}
