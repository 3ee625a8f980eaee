// SPDX-License-Identifier: Apache-2.0
// TLS is spoken where HTTP in clear was asked for: the URL, or the address of a node, says http://.
#include <stdio.h>

#include "doctor/check/check.h"
#include "doctor/check/view.h"

static bool is_tls_there(const json_t *end)
{
    const json_t *speaks = fact(end, "http.speaks_tls");
    if (json_is_boolean(speaks))
        return json_is_true(speaks);
    return fact_is(end, "http.first.body_says", "plain http on a tls port");
}

static void put_evidence(struct finding *finding, const json_t *end)
{
    long long status = fact_number(end, "http.first.status", 0);
    const char *what =
        fact_bool(end, "http.speaks_tls") ? "a TLS handshake succeeds there" : "the page says so";
    if (status != 0)
        finding_evidence(finding, "a request in clear is answered with %lld, %s", status, what);
    else
        finding_evidence(finding, "a request in clear is not answered, %s", what);
}

static void put_remedy(const struct facts *facts, struct finding *finding, const json_t *end)
{
    char url[512];
    if (view_is_node(end)) {
        finding_remedy(finding, REMEDY_CLIENT,
                       "Name the node with https:// in front:", "--direct %s=https://%s",
                       view_harmless(fact_text(end, "name"), "NODE"),
                       view_harmless(fact_text(end, "address"), "ADDRESS"));
        return;
    }
    long long port = fact_number(facts->root, "subject.port", 443);
    snprintf(url, sizeof url, "https://%s:%lld%.200s", view_command_host(facts), port,
             fact_text(facts->root, "subject.target"));
    finding_remedy(finding, REMEDY_CLIENT,
                   "Ask for the same with https:// in front:", "handfast doctor %s",
                   view_harmless(url, "URL"));
}

void check_tls_on_plain_port(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *end;
    for (size_t i = 0; (end = view_end(facts, i)) != NULL; i++) {
        long long status = fact_number(end, "http.first.status", -1);
        bool is_doubtful = status == 0 || status == 400 || status == 497;
        if (!fact_is_false(end, "is_tls") || !is_doubtful || !is_tls_there(end))
            continue;
        struct finding *finding = diagnosis_add(
            diagnosis, "tls_on_plain_port", view_is_node(end) ? WEIGHT_FAULT : WEIGHT_CAUSE,
            fact_bool(end, "http.speaks_tls") ? CONFIDENCE_SURE : CONFIDENCE_LIKELY,
            "%s speaks TLS, and was asked in clear (http://).", view_place(end));
        finding_place(finding, view_name(end));
        put_evidence(finding, end);
        put_remedy(facts, finding, end);
    }
}
