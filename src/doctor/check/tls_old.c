// SPDX-License-Identifier: Apache-2.0
// No TLS version newer than 1.1 is offered.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_tls_old(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *end;
    for (size_t i = 0; (end = view_end(facts, i)) != NULL; i++) {
        bool is_old =
            fact_bool(end, "tls.versions.TLSv1.0") || fact_bool(end, "tls.versions.TLSv1.1");
        if (!is_old || !fact_is_false(end, "tls.versions.TLSv1.2") ||
            fact_bool(end, "tls.versions.TLSv1.3"))
            continue;
        struct finding *finding = diagnosis_add(
            diagnosis, "tls_old", view_is_node(end) ? WEIGHT_FAULT : WEIGHT_CAUSE, CONFIDENCE_SURE,
            "Only TLS 1.1 and older are offered; browsers and Windows of today refuse them.");
        finding_place(finding, view_name(end));
        finding_evidence(finding, "TLS 1.0: %s, TLS 1.1: %s, TLS 1.2: no, TLS 1.3: no",
                         fact_bool(end, "tls.versions.TLSv1.0") ? "yes" : "no",
                         fact_bool(end, "tls.versions.TLSv1.1") ? "yes" : "no");
        if (view_is_node(end))
            finding_remedy(
                finding, REMEDY_SERVER, "Switch TLS 1.2 on, then restart the machine:",
                "reg add \"HKLM\\SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\"
                "SCHANNEL\\Protocols\\TLS 1.2\\Server\" /v Enabled /t REG_DWORD /d 1 /f");
        else
            finding_remedy(finding, REMEDY_BALANCER,
                           "Offer TLS 1.2 and 1.3. HAProxy, on the bind "
                           "line:",
                           "ssl-min-ver TLSv1.2");
    }
}
