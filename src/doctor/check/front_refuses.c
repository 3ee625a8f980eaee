// SPDX-License-Identifier: Apache-2.0
// The load balancer refuses what its servers would ask a login for.
#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

// What is asked of a proxy, and what a page gives a reason of its own for, is not meant.
static bool is_refusal(const json_t *first)
{
    long long status = fact_number(first, "status", 0);
    return status >= 400 && status < 500 && status != 401 && status != 407 &&
           *fact_text(first, "body_says") == '\0';
}

static void explain_missing_route(struct finding *finding)
{
    finding_cause(finding, "It has no route for this name and path, or it asks the servers for "
                           "another path than it was asked for.");
    finding_remedy(finding, REMEDY_BALANCER,
                   "HAProxy, in the frontend:", "use_backend BACKEND if { path_beg /PATH }");
    finding_remedy(finding, REMEDY_BALANCER,
                   "Handfast, in the site of the name:", "routes: [{path: /PATH, forward: POOL}]");
}

static void explain_rule(struct finding *finding)
{
    finding_cause(finding, "One of its rules keeps out this address, name or path, or the request "
                           "seems an attack to it.");
    finding_remedy(finding, REMEDY_BALANCER, "HAProxy, the rules there are:",
                   "grep -nE 'deny|reject' /etc/haproxy/haproxy.cfg");
    finding_remedy(finding, REMEDY_BALANCER,
                   "nginx, the rules there are:", "nginx -T | grep -nE 'deny|allow|return 4'");
    finding_remedy(finding, REMEDY_BALANCER,
                   "A web application firewall, also one of a cloud, names the rule in its log.",
                   NULL);
    finding_remedy(finding, REMEDY_CLIENT,
                   "If only some networks are let in: ask again from one of those.", NULL);
}

void check_front_refuses(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts), *first = fact(front, "http.first");
    const json_t *offering = view_node_that_offers(facts);
    long long status = fact_number(first, "status", 0);
    if (offering == NULL || !is_refusal(first) || view_is_of_one_node(facts, first))
        return;
    struct finding *finding = diagnosis_add(
        diagnosis, "front_refuses", WEIGHT_CAUSE, CONFIDENCE_LIKELY,
        "The load balancer answers %lld where its servers would ask for a login.", status);
    finding_place(finding, view_name(front));
    finding_evidence(finding, "%lld %s, Server: %s", status, fact_text(first, "reason"),
                     view_words(first, "server"));
    finding_evidence(finding, "%s, reached directly, offers %s", view_name(offering),
                     view_words(offering, "http.first.challenges.0.scheme"));
    if (status == 404)
        explain_missing_route(finding);
    else
        explain_rule(finding);
}
