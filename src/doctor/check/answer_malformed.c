// SPDX-License-Identifier: Apache-2.0
// The first answer is not in order as HTTP. Some clients and load balancers bear it, others break
// off; so how grave it is depends on what becomes of logins.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

static bool gets_in(const json_t *end)
{
    return fact_is(end, "ntlm.outcome", "ok") || fact_is(end, "kerberos.outcome", "ok");
}

static bool is_refused_by_front(const struct facts *facts, const json_t *node)
{
    return view_is_node(node) && fact_number(facts_front(facts), "http.first.status", 0) == 502;
}

static void describe(struct finding *finding, const json_t *first, bool is_http)
{
    const char *problem = fact_text(first, "problem");
    if (*problem != '\0')
        finding_evidence(finding, "what is wrong: %s", problem);
    else
        finding_evidence(finding, "%s",
                         fact_is(first, "end", "response_framing")
                             ? "where its body ends can be read in two ways"
                             : "a line of its head is not valid");
    if (is_http)
        finding_evidence(finding, "the answer: %lld %s", fact_number(first, "status", 0),
                         fact_text(first, "reason"));
    finding_cause(finding, is_http ? "An application, a module of the server or the load balancer "
                                     "writes header lines without a rule; strict readers refuse "
                                     "such answers, because two could understand them differently."
                                   : "Another service listens on this port.");
}

static void put_remedies(struct finding *finding, bool is_http, bool is_node)
{
    const char *ports = "Which program listens on this port?";
    if (is_http) {
        finding_remedy(finding, REMEDY_SERVER,
                       "Find who adds that line, and mend or remove it; the site's own are:",
                       "Get-WebConfigurationProperty -PSPath 'IIS:\\Sites\\SITE' -Filter "
                       "system.webServer/httpProtocol/customHeaders -Name .");
        finding_remedy(finding, REMEDY_BALANCER, "It may add or rewrite header lines as well.",
                       NULL);
    } else if (is_node) {
        finding_remedy(finding, REMEDY_SERVER, ports, "netstat -abno");
    } else {
        finding_remedy(finding, REMEDY_BALANCER, ports, "ss -ltnp");
    }
}

void check_answer_malformed(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *end;
    for (size_t i = 0; (end = view_end(facts, i)) != NULL; i++) {
        const json_t *first = fact(end, "http.first");
        if (!view_is_malformed(first))
            continue;
        bool is_http = view_answers(end);
        bool is_cause = view_is_node(end) ? is_refused_by_front(facts, end) : !gets_in(end);
        struct finding *finding =
            diagnosis_add(diagnosis, "answer_malformed", is_cause ? WEIGHT_CAUSE : WEIGHT_FAULT,
                          is_http ? CONFIDENCE_LIKELY : CONFIDENCE_SURE, "%s",
                          is_http ? "The answer is not in order as HTTP: strict clients and load "
                                    "balancers refuse it."
                                  : "What answers here does not speak HTTP.");
        finding_place(finding, view_name(end));
        describe(finding, first, is_http);
        put_remedies(finding, is_http, view_is_node(end));
    }
}
