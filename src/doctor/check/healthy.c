// SPDX-License-Identifier: Apache-2.0
// What works.
#include "doctor/check/check.h"
#include "doctor/check/view.h"

// Nobody mixed up is proof where pages name whom they are for; elsewhere it is only that nothing
// was seen. One person beside nobody shows only whether nobody gets a page of that person.
static void put_isolation(struct finding *finding, const json_t *front)
{
    long long exchanges = fact_number(front, "isolation.exchanges", 0);
    long long accounts = fact_number(front, "isolation.accounts", 0);
    if (accounts < 1)
        finding_evidence(finding, "nobody was let in, so whether people are mixed up did not show");
    else if (accounts < 2)
        finding_evidence(finding,
                         "%lld exchanges of one person and of a client that never logs in, which "
                         "got no page of that person; whether two people are mixed up was not "
                         "measured: it takes a second account, --as USER@REALM",
                         exchanges);
    else if (fact_bool(front, "isolation.names_people"))
        finding_evidence(
            finding,
            "%lld exchanges of interleaved people, none mixed up: the pages name whom they are for",
            exchanges);
    else
        finding_evidence(
            finding,
            "%lld exchanges of interleaved people; the pages do not name whom they are "
            "for, so a mix-up would not have shown: look at a page that does",
            exchanges);
}

void check_healthy(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts);
    bool ntlm = view_succeeded(front, "ntlm.outcome");
    bool kerberos = view_succeeded(front, "kerberos.outcome");
    if (!ntlm && !kerberos && !view_offers_windows(fact(front, "http.first")))
        return;
    struct finding *finding =
        diagnosis_add(diagnosis, "healthy", WEIGHT_NOTE, CONFIDENCE_SURE, "%s",
                      ntlm && kerberos ? "Kerberos and NTLM both log in."
                      : kerberos       ? "Kerberos logs in."
                      : ntlm           ? "NTLM logs in."
                                       : "Windows authentication is offered.");
    finding_place(finding, view_name(front));
    if (kerberos)
        finding_evidence(finding, "Kerberos for %s, the server proved who it is: %s",
                         fact_text(front, "kerberos.spn"),
                         fact_is(front, "kerberos.mutual", "ok") ? "yes" : "no");
    if (fact_is_known(front, "ntlm.repeats.tries"))
        finding_evidence(finding, "NTLM: %lld of %lld logins succeed",
                         fact_number(front, "ntlm.repeats.ok", 0),
                         fact_number(front, "ntlm.repeats.tries", 0));
    if (fact_number(front, "isolation.wrong", -1) == 0 &&
        fact_number(front, "isolation.anonymous_answered", 0) == 0)
        put_isolation(finding, front);
}
