// SPDX-License-Identifier: Apache-2.0
// The realm is not the one that knows the service or the account.
#include <string.h>
#include <strings.h>

#include "doctor/check/check.h"
#include "doctor/check/view.h"

static const json_t *mismatch(const json_t *error)
{
    long long code = fact_number(error, "code", 0);
    // 28 PATH_NOT_ACCEPTED, 36 BADMATCH, 68 WRONG_REALM
    return code == 28 || code == 36 || code == 68 ? error : NULL;
}

// There is no way from our realm to the one that the name of the host is mapped to: the KDC does
// not know the other realm's, or nobody answers for it although somebody answered for ours.
static const json_t *no_way(const struct facts *facts)
{
    const json_t *error = fact(view_ticket(facts, "host"), "error");
    bool has_tgt = json_is_object(fact(facts->root, "kerberos.client.tgt"));
    bool is_foreign = strstr(fact_text(error, "text"), "krbtgt/") != NULL ||
                      fact_is(error, "name", "KDC_UNREACHABLE") ||
                      fact_is(error, "name", "REALM_UNKNOWN") ||
                      strstr(fact_text(error, "text"), "for realm") != NULL;
    return has_tgt && is_foreign ? error : NULL;
}

// krb5.conf sends clients of this machine elsewhere than where the KDC knows the service.
static void check_map(const struct facts *facts, struct diagnosis *diagnosis)
{
    const char *mapped = fact_text(facts->root, "kerberos.host_realm");
    const char *realm = fact_text(facts->root, "kerberos.client.realm");
    if (*mapped == '\0' || *realm == '\0' || strcasecmp(mapped, realm) == 0 ||
        !fact_bool(view_ticket(facts, "host"), "ok"))
        return;
    struct finding *finding = diagnosis_add(
        diagnosis, "realm_mismatch", WEIGHT_FAULT, CONFIDENCE_LIKELY,
        "krb5.conf of this machine looks for %s in the realm %s, but it is known in %s.",
        view_words(facts->root, "subject.host"), mapped, realm);
    finding_evidence(finding, "the KDC of %s has a ticket for HTTP/%s", realm,
                     view_words(facts->root, "subject.host"));
    finding_cause(finding, "curl, browsers and others on this machine ask for a ticket in the "
                           "other realm; Windows does not read this file.");
    finding_remedy(finding, REMEDY_CLIENT,
                   "In the section [domain_realm] of /etc/krb5.conf:", "%s = %s",
                   view_command_host(facts), view_harmless(realm, "REALM"));
}

void check_realm_mismatch(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts);
    const json_t *error = mismatch(fact(facts->root, "kerberos.client.error"));
    if (error == NULL)
        error = mismatch(fact(view_ticket(facts, "host"), "error"));
    if (error == NULL)
        error = mismatch(fact(front, "kerberos.krb_error"));
    if (error == NULL)
        error = no_way(facts);
    if (error == NULL) {
        check_map(facts, diagnosis);
        return;
    }
    struct finding *finding =
        diagnosis_add(diagnosis, "realm_mismatch", WEIGHT_CAUSE, CONFIDENCE_LIKELY,
                      "Kerberos looks for the account or the service in the wrong realm.");
    finding_evidence(finding, "error %lld %s: %s", fact_number(error, "code", 0),
                     view_words(error, "name"), view_words(error, "text"));
    finding_evidence(finding, "the account's realm is %s, the host %s",
                     view_words(facts->root, "kerberos.client.realm"),
                     view_words(facts->root, "subject.host"));
    finding_cause(finding, "The account lives in another domain, the name of the host is mapped to "
                           "another realm, or a trust between them is missing.");
    finding_remedy(finding, REMEDY_CLIENT,
                   "On Linux, in the section [domain_realm] of "
                   "/etc/krb5.conf:",
                   "%s = REALM", view_command_host(facts));
    finding_remedy(finding, REMEDY_DOMAIN, "On Windows, trusts and the names routed over them:",
                   "netdom query trust; Get-ADTrust -Filter *");
}
