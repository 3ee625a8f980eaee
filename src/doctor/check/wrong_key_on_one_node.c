// SPDX-License-Identifier: Apache-2.0
// Kerberos fails at one node and works at another.
#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

void check_wrong_key_on_one_node(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *good = view_node_that_works(facts, "kerberos.outcome");
    const json_t *bad = view_node_that_fails(facts, "kerberos.outcome");
    long long code = fact_number(bad, "kerberos.krb_error.code", 0);
    // without a word from the server a refusal points at the key; silence or an error page does not
    bool is_key =
        code == 41 || code == 31 || (code == 0 && fact_is(bad, "kerberos.outcome", "refused"));
    if (good == NULL || bad == NULL || !is_key)
        return;
    struct finding *finding = diagnosis_add(diagnosis, "wrong_key_on_one_node", WEIGHT_CAUSE,
                                            code != 0 ? CONFIDENCE_SURE : CONFIDENCE_LIKELY,
                                            "%s cannot open Kerberos tickets that %s opens.",
                                            view_name(bad), view_name(good));
    finding_place(finding, view_name(bad));
    finding_evidence(finding, "%s: %s%s; %s: ok", view_name(bad),
                     view_words(bad, "kerberos.outcome"),
                     code == 41   ? " with error 41 (KRB_AP_ERR_MODIFIED)"
                     : code == 31 ? " with error 31 (KRB_AP_ERR_BAD_INTEGRITY)"
                                  : "",
                     view_name(good));
    finding_cause(finding, "The application pool of that node runs as another account, or opens "
                           "tickets with the key of the computer.");
    finding_remedy(finding, REMEDY_SERVER, "Compare on every node:",
                   REMEDY_APPCMD " list apppool \"POOL\" /text:processModel.userName");
    finding_remedy(finding, REMEDY_SERVER, "Let it open tickets with that account:",
                   REMEDY_WINDOWS " /useAppPoolCredentials:\"True\" /commit:apphost");
}
