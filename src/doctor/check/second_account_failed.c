// SPDX-License-Identifier: Apache-2.0
// An account beside the first one cannot log in, so whether people are mixed up was not measured.
// Said of the account, not of the site: where the first one fails as well, that is said elsewhere.
#include <stdio.h>

#include "doctor/check/check.h"
#include "doctor/check/view.h"

// What the KDC says of an account, and not of its own state or of clocks.
static const char *words_of(const json_t *error)
{
    static const struct {
        int code;
        const char *words;
    } known[] = {
        {1, "it has expired"},
        {6, "the domain does not know it"},
        {18, "it is locked, disabled or outside its logon hours"},
        {23, "its password has expired"},
        {24, "the password or keytab that was given for it is wrong"},
        {31, "the password or keytab that was given for it is wrong"},
    };
    long long code = fact_number(error, "code", 0);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].code == code)
            return known[i].words;
    return fact_is(error, "name", "NO_CREDENTIALS") ? "it has no tickets and no key to use" : NULL;
}

static bool is_another(const struct facts *facts)
{
    return !fact_is_false(facts->root, "kerberos.accounts.1.is_another");
}

// Why it is not among those who were let in; NULL: it is not known that it is not.
static const char *reason(const struct facts *facts, const json_t *front)
{
    const json_t *error = fact(facts->root, "kerberos.accounts.1.error");
    bool is_first_in = fact_number(front, "isolation.people.0.let_in", 0) > 0;
    if (!is_another(facts))
        return "is the first one, written in another way";
    if (words_of(error) != NULL)
        return words_of(error);
    if (!is_first_in)
        return NULL;
    if (fact_is(front, "isolation.people.1.outcome", "forbidden"))
        return "it may not see the page";
    if (fact_number(front, "isolation.people.1.logins", 0) > 0)
        return "the server does not let it in";
    return *fact_text(error, "text") != '\0' ? fact_text(error, "text")
                                             : "there is no way to log in that both accounts have";
}

static bool was_refused_by_kdc(const struct facts *facts)
{
    return fact_number(facts->root, "kerberos.accounts.1.error.code", -1) > 0;
}

// As it is typed.
static const char *name_account(const json_t *account, char *out, size_t capacity)
{
    const char *name = view_words(account, "name"), *realm = fact_text(account, "realm");
    const char *domain = fact_text(account, "ntlm_domain");
    if (*realm != '\0')
        snprintf(out, capacity, "%.100s@%.100s", name, realm);
    else
        snprintf(out, capacity, "%.100s%s%.100s", domain, *domain != '\0' ? "\\" : "", name);
    return out;
}

static void put_kdc(struct finding *finding, const struct facts *facts)
{
    const json_t *account = fact(facts->root, "kerberos.accounts.1");
    const char *name = view_words(account, "error.name"), *text = view_words(account, "error.text");
    if (was_refused_by_kdc(facts))
        finding_evidence(finding, "KDC error %lld %s: %s", fact_number(account, "error.code", 0),
                         name, text);
    else if (fact_is_known(account, "error.name"))
        finding_evidence(finding, "Kerberos: %s, %s", name, text);
    if (!is_another(facts))
        finding_evidence(finding, "the KDC calls both %s", view_words(account, "principal"));
}

static void put_exchanges(struct finding *finding, const struct facts *facts, const json_t *front)
{
    const json_t *person = fact(front, "isolation.people.1");
    bool has_password = fact_is(facts->root, "subject.accounts.1.proof", "password");
    if (fact_number(person, "logins", 0) > 0)
        finding_evidence(finding, "%lld logins of it at %s, and %lld let in: %s",
                         fact_number(person, "logins", 0), view_name(front),
                         fact_number(person, "let_in", 0), view_words(person, "outcome"));
    else if (has_password && was_refused_by_kdc(facts))
        finding_evidence(finding, "its password was sent to no server after that: it would only "
                                  "count towards a lockout");
    if (fact_is_known(front, "isolation.accounts"))
        finding_evidence(finding, "%lld of 2 accounts took part in the exchanges that show it",
                         fact_number(front, "isolation.accounts", 0));
}

static void put_remedies(struct finding *finding, const struct facts *facts)
{
    const char *first = fact_text(facts->root, "kerberos.client.principal");
    const char *second = fact_text(facts->root, "subject.accounts.1.name");
    finding_remedy(finding, REMEDY_CLIENT, "Look again, with a second account that can log in:",
                   "handfast doctor %s --as %s --as USER@REALM",
                   view_harmless(fact_text(facts->root, "subject.url"), "URL"),
                   view_harmless(first, "USER@REALM"));
    if (is_another(facts))
        finding_remedy(finding, REMEDY_DOMAIN, "Or see what is wrong with this one:",
                       "Get-ADUser %s -Properties LockedOut,Enabled,badPwdCount,PasswordExpired",
                       view_harmless(second, "ACCOUNT"));
}

void check_second_account_failed(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts);
    const json_t *account = fact(facts->root, "subject.accounts.1");
    const char *why = reason(facts, front);
    char name[240], kdc[100] = "";
    if (account == NULL || why == NULL || fact_number(front, "isolation.accounts", 0) >= 2)
        return;
    if (was_refused_by_kdc(facts))
        snprintf(kdc, sizeof kdc, " (the KDC says %.60s)",
                 fact_text(facts->root, "kerberos.accounts.1.error.name"));
    struct finding *finding = diagnosis_add(
        diagnosis, "second_account_failed", WEIGHT_FAULT, CONFIDENCE_SURE,
        "The second account, %s, %s%.200s%s. Whether people are mixed up was not measured.",
        name_account(account, name, sizeof name), is_another(facts) ? "could not log in: " : "",
        why, kdc);
    finding_cause(finding, "Only two people who log in side by side show whether one is served as "
                           "the other. It says nothing about the site.");
    put_kdc(finding, facts);
    put_exchanges(finding, facts, front);
    put_remedies(finding, facts);
}
