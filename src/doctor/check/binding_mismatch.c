// SPDX-License-Identifier: Apache-2.0
// Extended Protection refuses clients because another certificate is shown to them.
#include <string.h>

#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

static bool certificates_differ(const json_t *front, const json_t *node)
{
    const char *ours = fact_text(front, "tls.certificate.sha256");
    const char *theirs = fact_text(node, "tls.certificate.sha256");
    return *ours != '\0' && *theirs != '\0' && strcmp(ours, theirs) != 0;
}

static bool enforces(const json_t *end)
{
    return fact_is(end, "protection.P1", "refused") ||
           fact_is(end, "protection.kerberos.other", "refused");
}

// The proof: the node's certificate in the token opens the door that our own does not.
static enum confidence proof(const struct facts *facts, const json_t *front, bool *ret_is_there)
{
    const json_t *node;
    bool is_refused =
        fact_is(front, "protection.P0", "refused") ||
        (!fact_is_known(front, "protection.P0") && view_failed(front, "ntlm.outcome"));
    // where NTLM is let in with the binding, tickets are refused for something else
    bool is_refused_kerberos = !fact_is(front, "protection.P0", "ok") &&
                               fact_is(front, "protection.kerberos.bound", "refused") &&
                               fact_is(front, "protection.kerberos.unbound", "ok");
    *ret_is_there = is_refused && fact_is(front, "protection.P5", "ok");
    if (*ret_is_there)
        return CONFIDENCE_SURE;
    for (size_t i = 0; (node = facts_node(facts, i)) != NULL && !*ret_is_there; i++)
        *ret_is_there =
            (is_refused || is_refused_kerberos) && enforces(node) &&
            (view_succeeded(node, "ntlm.outcome") || fact_is(node, "protection.P0", "ok")) &&
            (certificates_differ(front, node) || fact_is_false(node, "is_tls"));
    if (*ret_is_there)
        return CONFIDENCE_LIKELY;
    // no node to compare with: what says nothing about the channel is accepted, the truth is not
    *ret_is_there =
        (fact_is(front, "protection.P0", "refused") && fact_is(front, "protection.P2", "ok")) ||
        is_refused_kerberos;
    return CONFIDENCE_LIKELY;
}

void check_binding_mismatch(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts), *node;
    bool is_there;
    enum confidence confidence = proof(facts, front, &is_there);
    if (!is_there)
        return;
    struct finding *finding = diagnosis_add(
        diagnosis, "binding_mismatch", WEIGHT_CAUSE, confidence,
        "Extended Protection refuses Windows clients: the certificate they see is not the one "
        "the nodes hold.");
    finding_place(finding, view_name(front));
    finding_evidence(finding, "bound to the certificate shown: %s; to that of %s: %s",
                     view_words(front, "protection.P0"),
                     view_words_or(front, "protection.P5_node", "a node"),
                     view_words_or(front, "protection.P5", "not tried"));
    if (fact_is_known(front, "protection.P2"))
        finding_evidence(finding, "saying nothing about the channel: %s",
                         view_words(front, "protection.P2"));
    for (size_t i = 0; (node = facts_node(facts, i)) != NULL; i++)
        if (certificates_differ(front, node))
            finding_evidence(finding, "SHA-256 of the certificate: %s %.16s…, %s %.16s…",
                             view_name(front), view_words(front, "tls.certificate.sha256"),
                             view_name(node), view_words(node, "tls.certificate.sha256"));
    finding_cause(finding, "TLS ends at the load balancer and begins anew behind it. IIS with "
                           "Extended Protection, or http.sys since January 2026 by default "
                           "(not established for every build), compares what the client saw.");
    remedy_bindings(finding, facts);
    finding_remedy(finding, REMEDY_SERVER,
                   "As a stop-gap only, where it began with an update: it "
                   "reopens relay attacks.",
                   "reg add HKLM\\System\\CurrentControlSet\\Services\\"
                   "HTTP\\Parameters /v DefaultAuthHardeningLevel /t REG_DWORD /d 0 /f");
}
