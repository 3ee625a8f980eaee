// SPDX-License-Identifier: Apache-2.0
// Fuzzes the doctor's facts: whatever JSON is loaded, no check and no report crashes, and nothing
// reaches a terminal that could command it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "doctor/doctor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
    for (const char *at = text; at != NULL && *at != '\0'; at++)
        CHECK((unsigned char)*at >= 0x20 && *at != 0x7f);
}

static void check_finding(const struct finding *finding)
{
    check_text(finding->place);
    check_text(finding->what);
    check_text(finding->cause);
    for (size_t i = 0; i < finding->evidence_count; i++)
        check_text(finding->evidence[i]);
    for (size_t i = 0; i < finding->remedy_count; i++)
        check_text(finding->remedies[i].command);
}

static void print_all(const struct facts *facts, const struct diagnosis *diagnosis)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    CHECK(out != NULL);
    report_print(out, facts, diagnosis, true);
    CHECK(fclose(out) == 0);
    for (size_t i = 0; i < size; i++)
        CHECK((unsigned char)text[i] >= 0x20 || text[i] == '\n');
    free(text);
    out = open_memstream(&text, &size);
    CHECK(out != NULL);
    report_print_json(out, facts, diagnosis);
    CHECK(fclose(out) == 0);
    json_t *json = json_loads(text, 0, NULL);
    CHECK(json_is_array(fact(json, "findings")));
    json_decref(json);
    free(text);
}

static void judge(const struct facts *facts)
{
    struct diagnosis diagnosis;
    diagnosis_init(&diagnosis);
    doctor_judge(facts, &diagnosis);
    for (size_t i = 0; i < diagnosis.count; i++) {
        check_finding(&diagnosis.findings[i]);
        CHECK(i == 0 || diagnosis.findings[i - 1].weight <= diagnosis.findings[i].weight);
    }
    print_all(facts, &diagnosis);
    diagnosis_done(&diagnosis);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct facts facts;
    char problem[128];
    facts_init(&facts);
    if (facts_parse(&facts, span_of(data, size), problem, sizeof problem))
        judge(&facts);
    else
        CHECK(strlen(problem) > 0);
    facts_done(&facts);
    return 0;
}
