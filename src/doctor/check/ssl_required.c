// SPDX-License-Identifier: Apache-2.0
// The site demands TLS, but is reached in clear.
#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

void check_ssl_required(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *end;
    for (size_t i = 0; (end = view_end(facts, i)) != NULL; i++) {
        if (!fact_is(end, "http.first.body_says", "ssl required"))
            continue;
        bool is_node = view_is_node(end);
        // a node asked in clear says so rightly
        if (is_node && fact_is_false(end, "is_tls"))
            continue;
        struct finding *finding = diagnosis_add(
            diagnosis, "ssl_required", WEIGHT_CAUSE, is_node ? CONFIDENCE_LIKELY : CONFIDENCE_SURE,
            "The site demands TLS (403.4), and requests reach it in clear.");
        finding_place(finding, view_name(end));
        finding_evidence(finding, "%lld %s over https", fact_number(end, "http.first.status", 0),
                         fact_text(end, "http.first.reason"));
        finding_cause(finding, "The load balancer ends TLS and speaks plain HTTP to the nodes.");
        finding_remedy(finding, REMEDY_BALANCER,
                       "Speak TLS to the nodes. HAProxy, on each server "
                       "line:",
                       "ssl verify required ca-file CA.pem sni str(%s)", view_command_host(facts));
        finding_remedy(finding, REMEDY_BALANCER,
                       "nginx, in the location:", "proxy_pass https://POOL;");
        finding_remedy(finding, REMEDY_BALANCER, "Handfast, in the pool:", "tls: {}");
        finding_remedy(finding, REMEDY_SERVER,
                       "Or let the site be reached in clear by the load "
                       "balancer alone:",
                       REMEDY_APPCMD " set config \"SITE\" -section:system."
                                     "webServer/security/access /sslFlags:None /commit:apphost");
    }
}
