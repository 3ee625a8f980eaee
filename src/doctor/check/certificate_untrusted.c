// SPDX-License-Identifier: Apache-2.0
// The certificate is not trusted on this machine.
// Only a risk: clients of the domain may trust an authority that this machine has never heard of.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_certificate_untrusted(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *end;
    long long now = fact_number(facts->root, "taken_s", 0);
    for (size_t i = 0; (end = view_end(facts, i)) != NULL; i++) {
        const json_t *certificate = fact(end, "tls.certificate");
        bool has_bad_date = fact_number(certificate, "not_after_s", now) < now ||
                            fact_number(certificate, "not_before_s", now) > now;
        if (view_is_node(end) || !fact_is_false(certificate, "is_trusted") || has_bad_date)
            continue;
        struct finding *finding = diagnosis_add(
            diagnosis, "certificate_untrusted", WEIGHT_RISK, CONFIDENCE_POSSIBLE,
            "This machine does not trust the certificate; clients that do not either refuse it.");
        finding_place(finding, view_name(end));
        finding_evidence(finding, "%s", view_words(certificate, "trust_problem"));
        finding_evidence(finding, "issued by %s", view_words(certificate, "issuer"));
        finding_cause(finding, "It is signed by itself or by an authority unknown here, or the "
                               "certificates between it and its root are not sent along.");
        finding_remedy(finding, REMEDY_BALANCER,
                       "Send the whole chain but the root; see what is "
                       "sent:",
                       "openssl s_client -connect %s:%lld -servername %s -showcerts",
                       view_command_host(facts), fact_number(facts->root, "subject.port", 443),
                       view_command_host(facts));
        finding_remedy(
            finding, REMEDY_CLIENT,
            "If it is an authority of your own, tell the doctor:", "handfast doctor %s --ca FILE",
            view_harmless(fact_text(facts->root, "subject.url"), "URL"));
    }
}
