// SPDX-License-Identifier: Apache-2.0
// The load balancer shows another certificate than the nodes.
#include <string.h>

#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

static const char *level(const struct facts *facts)
{
    const json_t *end;
    for (size_t i = 0; (end = view_end(facts, i)) != NULL; i++) {
        if (fact_is(end, "protection.P1", "refused"))
            return "it is enforced here";
        if (fact_is(end, "protection.P1", "ok"))
            return fact_is(end, "protection.P4", "refused") ? "proxy" : "off";
    }
    return "";
}

void check_certificate_differs(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts), *node;
    const char *ours = fact_text(front, "tls.certificate.sha256"), *measured = level(facts);
    for (size_t i = 0; (node = facts_node(facts, i)) != NULL; i++) {
        const char *theirs = fact_text(node, "tls.certificate.sha256");
        if (*ours == '\0' || *theirs == '\0' || strcmp(ours, theirs) == 0)
            continue;
        bool is_proxy = strcmp(measured, "proxy") == 0, is_off = strcmp(measured, "off") == 0;
        struct finding *finding = diagnosis_add(
            diagnosis, "certificate_differs", is_proxy ? WEIGHT_NOTE : WEIGHT_RISK,
            *measured != '\0' && !is_off ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE,
            "The load balancer shows another certificate than the nodes: %s",
            is_proxy ? "the flag Proxy of Extended Protection allows it."
            : is_off ? "Extended Protection is off now; once it is switched on, logins fail."
                     : "where Extended Protection is on, logins from Windows fail.");
        finding_place(finding, view_name(front));
        finding_evidence(finding, "SHA-256: %s %.16s…, %s %.16s…", view_name(front), ours,
                         view_name(node), theirs);
        if (*measured == '\0')
            finding_evidence(finding, "whether it is on was not measured: that takes an account");
        finding_cause(finding,
                      "http.sys compares by default since January 2026 where IIS leaves it "
                      "open (not established for every build).");
        if (!is_proxy)
            remedy_bindings(finding, facts);
        return;
    }
}
