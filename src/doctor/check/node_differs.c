// SPDX-License-Identifier: Apache-2.0
// The nodes do not answer alike.
#include <stdio.h>
#include <string.h>

#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

static void schemes_of(const json_t *end, char *out, size_t capacity)
{
    size_t size = (size_t)snprintf(out, capacity, "%lld", fact_number(end, "http.first.status", 0));
    const json_t *challenges = fact(end, "http.first.challenges");
    for (size_t i = 0; i < json_array_size(challenges) && size < capacity; i++)
        size += (size_t)snprintf(out + size, capacity - size, "%s%.20s", i == 0 ? " with " : ", ",
                                 view_words(json_array_get(challenges, i), "scheme"));
}

void check_node_differs(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *node, *other = NULL;
    char first[160] = "", here[160];
    for (size_t i = 0; (node = facts_node(facts, i)) != NULL; i++) {
        if (!view_answers(node))
            continue;
        schemes_of(node, here, sizeof here);
        if (other != NULL && strcmp(first, here) != 0)
            break;
        other = other == NULL ? node : other;
        snprintf(first, sizeof first, "%s", here);
    }
    if (node == NULL)
        return;
    struct finding *finding =
        diagnosis_add(diagnosis, "node_differs", WEIGHT_FAULT, CONFIDENCE_SURE,
                      "The nodes %s and %s answer the same request differently.", view_name(other),
                      view_name(node));
    finding_place(finding, view_name(node));
    finding_evidence(finding, "%s answers %s", view_name(other), first);
    finding_evidence(finding, "%s answers %s", view_name(node), here);
    finding_cause(finding, "Their sites are set up differently; who gets which is chance.");
    finding_remedy(finding, REMEDY_SERVER, "Compare on every node:",
                   REMEDY_APPCMD " list config \"SITE\" -section:system.webServer/security/"
                                 "authentication");
}
