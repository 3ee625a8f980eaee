// SPDX-License-Identifier: Apache-2.0
// Methods that Windows applications need are refused.
#include <stdio.h>
#include <string.h>

#include "doctor/check/check.h"
#include "doctor/check/view.h"

static size_t list(const struct facts *facts, char *out, size_t capacity)
{
    const json_t *front = facts_front(facts), *node = facts_node(facts, 0);
    size_t count = 0, size = 0;
    const char *method;
    json_t *value;
    *out = '\0';
    json_object_foreach((json_t *)fact(front, "http.methods"), method, value)
    {
        long long status = json_is_integer(value) ? json_integer_value(value) : -1;
        char path[64];
        snprintf(path, sizeof path, "http.methods.%.40s", method);
        long long there = fact_number(node, path, -1);
        bool is_refused =
            status == 0 || status == 400 || status == 403 || status == 405 || status == 501;
        bool needs_it =
            strncmp(method, "RPC_", 4) == 0 || strncmp(method, "RDG_", 4) == 0 || there == 401;
        if (!is_refused || !needs_it || there == status)
            continue;
        count++;
        if (size < capacity)
            size += (size_t)snprintf(out + size, capacity - size, "%s%.40s: %lld",
                                     size == 0 ? "" : ", ", method, status);
    }
    return count;
}

void check_methods_refused(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts);
    char text[512];
    if (fact_number(front, "http.first.status", 0) != 401 || list(facts, text, sizeof text) == 0)
        return;
    bool is_known = fact_is_known(facts_node(facts, 0), "http.methods");
    struct finding *finding = diagnosis_add(
        diagnosis, "methods_refused", WEIGHT_RISK, is_known ? CONFIDENCE_SURE : CONFIDENCE_POSSIBLE,
        "Some methods are refused before anybody is asked to log in: Remote Desktop "
        "Gateway, Outlook Anywhere or WebDAV cannot work here.");
    finding_place(finding, view_name(front));
    finding_evidence(finding, "%s", text);
    if (is_known)
        finding_evidence(finding, "%s, reached directly, does not refuse them",
                         view_name(facts_node(facts, 0)));
    finding_remedy(finding, REMEDY_BALANCER,
                   "Allow every method towards these names, without "
                   "buffering bodies; nginx and firewalls for web applications often list a few. "
                   "HAProxy: remove lines such as",
                   "http-request deny unless METH_GET or METH_POST");
}
