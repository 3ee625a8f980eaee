// SPDX-License-Identifier: Apache-2.0
// The directory was to be asked and could not be, or not to the end: what is said about service
// names and accounts then rests on the KDC alone.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

static void put_remedies(struct finding *finding, const struct facts *facts)
{
    const char *url = view_harmless(fact_text(facts->root, "subject.url"), "URL");
    const char *name = fact_text(facts->root, "kerberos.client.principal");
    if (view_has_account(facts))
        finding_remedy(finding, REMEDY_CLIENT,
                       "Name a domain controller; ports 389 and 3268 have to be open from here:",
                       "handfast doctor %s --as %s --ldap HOST", url,
                       view_harmless(name, "USER@REALM"));
    else
        finding_remedy(finding, REMEDY_CLIENT,
                       "Give an account to ask with, an ordinary one of the domain:",
                       "handfast doctor %s --as USER@REALM --ldap", url);
    finding_remedy(finding, REMEDY_DNS, "Which ones does DNS name?",
                   "nslookup -type=SRV _ldap._tcp.%s",
                   view_harmless(fact_text(facts->root, "kerberos.client.realm"), "REALM"));
}

void check_directory_not_asked(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *ldap = fact(facts->root, "ldap");
    const char *error = fact_text(ldap, "error"), *server = fact_text(ldap, "server");
    if (*error == '\0' || fact_is_false(facts->root, "subject.asked_ldap"))
        return;
    bool is_bound = *fact_text(ldap, "bound_as") != '\0';
    struct finding *finding = diagnosis_add(
        diagnosis, "directory_not_asked", WEIGHT_RISK, CONFIDENCE_SURE,
        "The directory %s: who holds the service names, and the state of those accounts, is not "
        "known%s.",
        is_bound ? "answered only in part" : "could not be asked", is_bound ? " for all" : "");
    finding_evidence(finding, "%s%s%s", server, *server != '\0' ? ": " : "", error);
    if (is_bound)
        finding_evidence(finding, "%zu names were asked about as %s", fact_count(ldap, "holders"),
                         fact_text(ldap, "bound_as"));
    finding_evidence(finding, "unchecked: service names held twice, by another account or by "
                              "nobody; delegation; encryption types; the age of passwords against "
                              "the version of the key");
    finding_cause(finding, "It was to be asked, with --ldap. What was found without it holds all "
                           "the same.");
    put_remedies(finding, facts);
}
