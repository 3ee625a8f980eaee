// SPDX-License-Identifier: Apache-2.0
// Runs every check over the facts, takes out what a graver finding explains, and puts the rest in
// order. Looks at nothing itself.
#include <string.h>

#include "doctor/check/check.h"
#include "doctor/check/view.h"
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

// A lesser trouble at one node is no reason for a graver one at the front.
static bool reaches(const struct finding *cause, const struct finding *finding)
{
    bool is_front = finding->place != NULL && strcmp(finding->place, "front") == 0;
    bool is_elsewhere = cause->place != NULL && strcmp(cause->place, "front") != 0;
    return !is_front || !is_elsewhere || cause->weight <= finding->weight;
}

static bool has_cause(const struct diagnosis *diagnosis, const char *id,
                      const struct finding *finding)
{
    for (size_t i = 0; i < diagnosis->count; i++)
        if (strcmp(diagnosis->findings[i].id, id) == 0 && reaches(&diagnosis->findings[i], finding))
            return true;
    return false;
}

static bool is_explained(const struct diagnosis *diagnosis, const struct finding *finding)
{
    if (strcmp(finding->id, "healthy") == 0)
        return diagnosis_is_ill(diagnosis);
    for (size_t i = 0; i < sizeof explained / sizeof explained[0]; i++)
        if (strcmp(explained[i].consequence, finding->id) == 0 &&
            has_cause(diagnosis, explained[i].cause, finding))
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

bool doctor_is_elsewhere(const struct facts *facts)
{
    return view_is_elsewhere(facts);
}
