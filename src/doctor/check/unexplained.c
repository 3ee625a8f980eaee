// SPDX-License-Identifier: Apache-2.0
// No login, and no other check says why: nobody may take silence for health.
// The one check that also reads what the others said; it stands last among those that find fault.
#include <string.h>

#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

// Faults that keep everybody out in some places, though they are no cause in most.
static bool keeps_out(const struct finding *finding)
{
    static const char *const ids[] = {
        "realm_mismatch",
        "kdc_unreachable",
        "name_is_address",
        "ntlm_refused",
        "challenges_merged",
        "keep_alive_off",
        "close_between_legs",
        "http10",
        "header_too_small",
        "answer_malformed",
        "node_differs",
        "balanced_per_request",
        "account_encryption_types",
    };
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        if (strcmp(finding->id, ids[i]) == 0)
            return finding->weight == WEIGHT_FAULT;
    return false;
}

// What others said already. Most faults break some clients only: none of them tells why nobody
// gets in.
struct said {
    bool is_cause; // of anything
    bool is_login; // a cause, or a fault that may keep everybody out who logs in
    bool is_fault; // or graver
};

static struct said read_said(const struct diagnosis *diagnosis)
{
    struct said said = {0};
    for (size_t i = 0; i < diagnosis->count; i++) {
        const struct finding *finding = &diagnosis->findings[i];
        said.is_cause |= finding->weight == WEIGHT_CAUSE;
        said.is_login |= finding->weight == WEIGHT_CAUSE || keeps_out(finding);
        said.is_fault |= finding->weight <= WEIGHT_FAULT;
    }
    return said;
}

static bool is_failed(const struct facts *facts, const json_t *end, const char *path)
{
    bool is_ours = fact_is(facts->root, "kerberos.client.error.name", "NO_CREDENTIALS");
    return view_failed(end, path) || (fact_is(end, path, "no ticket") && !is_ours);
}

// ---- nobody is asked to log in, and nobody gets in

// Where a redirect leads: to a page that asks for a login, or out of what we could see.
static bool leads_on(const json_t *front)
{
    const json_t *redirect = fact(front, "http.redirect");
    bool is_offered = fact_number(front, "http.first.status", 0) / 100 == 3 &&
                      *fact_text(redirect, "location") != '\0' && !fact_bool(redirect, "loops") &&
                      view_offers_windows(fact(redirect, "page"));
    return is_offered || view_leads_away(front);
}

static bool is_shut(const struct facts *facts, const json_t *front)
{
    const json_t *first = fact(front, "http.first");
    bool is_in = fact_is(front, "ntlm.outcome", "ok") || fact_is(front, "kerberos.outcome", "ok");
    return fact_is_known(first, "status") && !is_in && !view_offers_windows(first) &&
           !leads_on(front) && !view_is_of_one_node(facts, first);
}

// ---- what was seen

static void put_login(struct finding *finding, const json_t *end, const char *scheme,
                      const char *outcome, const json_t *answer)
{
    long long status = fact_number(answer, "status", 0);
    if (status != 0)
        finding_evidence(finding, "%s at %s: %s (%lld %s)", scheme, view_name(end), outcome, status,
                         fact_text(answer, "reason"));
    else if (*fact_text(answer, "end") != '\0')
        finding_evidence(finding, "%s at %s: %s (%s)", scheme, view_name(end), outcome,
                         view_words(answer, "end"));
    else if (*outcome != '\0')
        finding_evidence(finding, "%s at %s: %s", scheme, view_name(end), outcome);
}

static void put_kerberos(struct finding *finding, const struct facts *facts, const json_t *end)
{
    const json_t *ticket = view_ticket(facts, "host"), *error = fact(ticket, "error");
    if (fact_is_known(facts->root, "kerberos.client.error"))
        error = fact(facts->root, "kerberos.client.error");
    if (!fact_is(end, "kerberos.outcome", "no ticket"))
        put_login(finding, end, "Kerberos", fact_text(end, "kerberos.outcome"),
                  fact(end, "kerberos.answer"));
    else
        finding_evidence(finding, "Kerberos at %s: no ticket for %s: %s %s", view_name(end),
                         view_words(end, "kerberos.spn"), view_words(error, "name"),
                         view_words(error, "text"));
}

static void put_page(struct finding *finding, const json_t *end)
{
    const json_t *first = fact(end, "http.first");
    const char *says = fact_text(first, "body_says");
    finding_evidence(finding, "without credentials: %lld %s, %zu challenges (%s)%s%s",
                     fact_number(first, "status", 0), fact_text(first, "reason"),
                     fact_count(first, "challenges"), view_words(first, "end"),
                     *says != '\0' ? "; the page says: " : "", says);
}

// What failed stands first.
static void put_end(struct finding *finding, const struct facts *facts, const json_t *end)
{
    const json_t *type3 = fact(end, "ntlm.type3");
    bool is_kerberos = is_failed(facts, end, "kerberos.outcome");
    bool is_tried = is_kerberos || is_failed(facts, end, "ntlm.outcome");
    if (!is_tried)
        put_page(finding, end);
    if (is_kerberos)
        put_kerberos(finding, facts, end);
    put_login(finding, end, "NTLM", fact_text(end, "ntlm.outcome"),
              type3 != NULL ? type3 : fact(end, "ntlm.type1"));
    if (!is_kerberos)
        put_kerberos(finding, facts, end);
    if (is_tried)
        put_page(finding, end);
}

// What is let in behind it narrows it down to what lies between.
static void put_node(struct finding *finding, const struct facts *facts, const char *scheme,
                     const char *path)
{
    const json_t *node = view_node_that_works(facts, path);
    if (node != NULL)
        finding_evidence(finding, "%s at %s, reached directly: ok", scheme, view_name(node));
}

static void put_remedies(struct finding *finding, bool is_ticket)
{
    if (is_ticket)
        finding_remedy(finding, REMEDY_DOMAIN,
                       "The domain controllers log each request for a ticket that they refuse:",
                       "Get-WinEvent -FilterHashtable @{LogName='Security'; Id=4768,4769} "
                       "-MaxEvents 20");
    finding_remedy(finding, REMEDY_SERVER,
                   "The log of the site has the status, its substatus and the reason as a number "
                   "of Windows; what never got to a site is in the log of http.sys:",
                   "Get-Content C:\\Windows\\System32\\LogFiles\\HTTPERR\\httperr*.log -Tail 20");
    finding_remedy(finding, REMEDY_BALANCER,
                   "Its log says which server answered, or that it answered itself.", NULL);
}

static void say(const struct facts *facts, struct diagnosis *diagnosis, const json_t *end,
                enum weight weight, const char *what)
{
    struct finding *finding =
        diagnosis_add(diagnosis, "unexplained", weight, CONFIDENCE_POSSIBLE, "%s", what);
    finding_place(finding, view_name(end));
    put_end(finding, facts, end);
    if (!view_is_node(end) && is_failed(facts, end, "ntlm.outcome"))
        put_node(finding, facts, "NTLM", "ntlm.outcome");
    if (!view_is_node(end) && is_failed(facts, end, "kerberos.outcome"))
        put_node(finding, facts, "Kerberos", "kerberos.outcome");
    put_remedies(finding, fact_is(end, "kerberos.outcome", "no ticket"));
}

static void judge_end(const struct facts *facts, struct diagnosis *diagnosis, const json_t *end,
                      const struct said *said)
{
    bool ntlm = is_failed(facts, end, "ntlm.outcome") && !view_is_kerberos_only(facts);
    bool kerberos = is_failed(facts, end, "kerberos.outcome");
    bool is_in = fact_is(end, "ntlm.outcome", "ok") || fact_is(end, "kerberos.outcome", "ok");
    bool is_front = !view_is_node(end), is_out = is_front && !is_in;
    if (is_front && is_shut(facts, end)) {
        if (!said->is_cause)
            say(facts, diagnosis, end, WEIGHT_CAUSE,
                "No login is asked for and nobody gets in; no other check knows why.");
    } else if ((ntlm || kerberos) && !(is_out ? said->is_login : said->is_fault)) {
        say(facts, diagnosis, end, is_out ? WEIGHT_CAUSE : WEIGHT_FAULT,
            ntlm && kerberos ? "Logins fail; no other check knows why."
            : kerberos       ? "Logins by Kerberos fail; no other check knows why."
                             : "Logins by NTLM fail; no other check knows why.");
    }
}

void check_unexplained(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *node, *front = facts_front(facts);
    const struct said said = read_said(diagnosis);
    if (front != NULL)
        judge_end(facts, diagnosis, front, &said);
    for (size_t i = 0; (node = facts_node(facts, i)) != NULL; i++)
        judge_end(facts, diagnosis, node, &said);
}
