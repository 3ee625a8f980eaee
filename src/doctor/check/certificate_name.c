// SPDX-License-Identifier: Apache-2.0
// The certificate does not cover the name of the URL.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_certificate_name(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *end;
    for (size_t i = 0; (end = view_end(facts, i)) != NULL; i++) {
        if (view_is_node(end) || !fact_is_false(end, "tls.certificate.covers_name"))
            continue;
        struct finding *finding = diagnosis_add(
            diagnosis, "certificate_name", WEIGHT_CAUSE, CONFIDENCE_SURE,
            "The certificate does not cover %s.", view_words(facts->root, "subject.host"));
        finding_place(finding, view_name(end));
        const json_t *names = fact(end, "tls.certificate.names");
        finding_evidence(finding, "it is for %s%s%s", view_words(names, "0"),
                         json_array_size(names) > 1 ? " and " : "", fact_text(names, "1"));
        if (json_array_size(names) > 2)
            finding_evidence(finding, "and %zu more names", json_array_size(names) - 2);
        finding_cause(finding, "Another site's certificate is shown, or the name was left out when "
                               "it was requested.");
        finding_remedy(finding, REMEDY_BALANCER,
                       "Show a certificate with the name among its subject alternative names; look "
                       "at the one that is shown:",
                       "openssl s_client -connect %s:%lld -servername %s </dev/null | openssl x509 "
                       "-noout -ext subjectAltName",
                       view_command_host(facts), fact_number(facts->root, "subject.port", 443),
                       view_command_host(facts));
    }
}
