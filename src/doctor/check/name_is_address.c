// SPDX-License-Identifier: Apache-2.0
// The URL has an address in place of a name.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_name_is_address(const struct facts *facts, struct diagnosis *diagnosis)
{
    if (!fact_bool(facts->root, "subject.host_is_address"))
        return;
    bool is_ntlm_good = view_succeeded(facts_front(facts), "ntlm.outcome");
    struct finding *finding = diagnosis_add(
        diagnosis, "name_is_address", is_ntlm_good ? WEIGHT_FAULT : WEIGHT_CAUSE, CONFIDENCE_SURE,
        "The URL has an address in place of a name: clients use NTLM, never Kerberos.");
    finding_evidence(finding, "%s", view_words(facts->root, "subject.url"));
    finding_cause(finding, "There is no service name for an address, and browsers do not send "
                           "credentials to one by themselves.");
    finding_remedy(finding, REMEDY_CLIENT, "Use the full name of the site.", NULL);
}
