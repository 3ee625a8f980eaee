// SPDX-License-Identifier: Apache-2.0
// The tickets, the keytab or the password that the doctor was given cannot be used.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_no_credentials(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *error = fact(facts->root, "kerberos.client.error");
    if (!fact_is(error, "name", "NO_CREDENTIALS"))
        return;
    bool is_keytab = fact_is(facts->root, "subject.accounts.0.proof", "keytab");
    bool is_cache = fact_is(facts->root, "subject.accounts.0.proof", "ccache");
    struct finding *finding =
        diagnosis_add(diagnosis, "no_credentials", WEIGHT_FAULT, CONFIDENCE_SURE,
                      "The doctor found %s: Kerberos was not tried.",
                      is_keytab  ? "no key for its account in the keytab that it was given"
                      : is_cache ? "no usable tickets where it was told to take them"
                                 : "no credentials to use");
    finding_evidence(finding, "%s", view_words(error, "text"));
    finding_cause(finding, "The file is not there, cannot be read, belongs to somebody else or "
                           "holds nothing for this account. It says nothing about the site.");
    if (is_keytab)
        finding_remedy(finding, REMEDY_CLIENT, "Which keys are in it?", "klist -ket FILE");
    else
        finding_remedy(finding, REMEDY_CLIENT,
                       "Get tickets, then see which there are:", "kinit %s && klist",
                       view_harmless(fact_text(facts->root, "subject.accounts.0.name"), "USER"));
}
