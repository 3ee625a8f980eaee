// SPDX-License-Identifier: Apache-2.0
// The site demands a client certificate, and the request came without one.
#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

// As the answer to a first request or to a login.
static const json_t *demand(const json_t *end)
{
    static const char *const paths[] = {"http.first", "ntlm.type1", "ntlm.type3",
                                        "kerberos.answer"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        if (fact_is(fact(end, paths[i]), "body_says", "client certificate required"))
            return fact(end, paths[i]);
    return NULL;
}

void check_client_certificate_required(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *end;
    for (size_t i = 0; (end = view_end(facts, i)) != NULL; i++) {
        const json_t *answer = demand(end);
        if (answer == NULL)
            continue;
        bool is_node = view_is_node(end);
        struct finding *finding = diagnosis_add(
            diagnosis, "client_certificate_required", is_node ? WEIGHT_FAULT : WEIGHT_CAUSE,
            CONFIDENCE_SURE, "The site demands a client certificate, and there is none.");
        finding_place(finding, view_name(end));
        finding_evidence(finding, "%lld %s; the page says: %s", fact_number(answer, "status", 0),
                         fact_text(answer, "reason"), view_words(answer, "body_says"));
        finding_cause(finding, "The site, or the load balancer before it, is set to require one "
                               "(403.7 of IIS, 400 of nginx). Where TLS ends at a load balancer, "
                               "that of a client never reaches the nodes.");
        finding_remedy(finding, REMEDY_SERVER, "If Windows authentication is meant to be enough:",
                       REMEDY_APPCMD " set config \"SITE\" -section:system.webServer/security/"
                                     "access /sslFlags:Ssl /commit:apphost");
        if (!is_node)
            finding_remedy(finding, REMEDY_BALANCER,
                           "If it is the load balancer that requires one; nginx, in the server:",
                           "ssl_verify_client off;");
        finding_remedy(finding, REMEDY_BALANCER,
                       "If certificates are needed, pass the connection through. Handfast, in the "
                       "site:",
                       "passthrough: POOL");
    }
}
