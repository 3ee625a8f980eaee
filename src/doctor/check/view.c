// SPDX-License-Identifier: Apache-2.0
// Answers what several checks ask. Borrowed texts point into the facts and live as long as they.
#include "doctor/check/view.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

const json_t *view_end(const struct facts *facts, size_t index)
{
    return json_array_get(fact(facts->root, "ends"), index);
}

const char *view_name(const json_t *end)
{
    const char *name = fact_text(end, "name");
    if (*name != '\0')
        return name;
    return view_is_node(end) ? "a node" : "front";
}

const char *view_place(const json_t *end)
{
    const char *address = fact_text(end, "address");
    return *address != '\0' ? address : view_name(end);
}

bool view_is_node(const json_t *end)
{
    return fact_bool(end, "is_node");
}

const char *view_host(const struct facts *facts)
{
    return fact_text(facts->root, "subject.host");
}

bool view_has_account(const struct facts *facts)
{
    return fact_count(facts->root, "subject.accounts") > 0;
}

const char *view_account(const struct facts *facts)
{
    const char *principal = fact_text(facts->root, "kerberos.client.principal");
    return *principal != '\0' ? principal : view_words(facts->root, "subject.accounts.0.name");
}

bool view_answers(const json_t *end)
{
    return fact_number(end, "http.first.status", 0) != 0;
}

bool view_is_malformed(const json_t *answer)
{
    return fact_is(answer, "end", "response_bad") || fact_is(answer, "end", "response_framing");
}

bool view_offers(const json_t *answer, const char *scheme)
{
    return fact_find(answer, "challenges", "scheme", scheme) != NULL;
}

bool view_offers_windows(const json_t *answer)
{
    return view_offers(answer, "NTLM") || view_offers(answer, "Negotiate") ||
           view_offers(answer, "Nego2") || view_offers(answer, "Kerberos");
}

bool view_leads_away(const json_t *front)
{
    const json_t *redirect = fact(front, "http.redirect");
    return fact_number(front, "http.first.status", 0) / 100 == 3 &&
           *fact_text(redirect, "location") != '\0' && !fact_bool(redirect, "loops") &&
           !fact_is_known(redirect, "page");
}

bool view_is_elsewhere(const struct facts *facts)
{
    const json_t *node;
    for (size_t i = 0; (node = facts_node(facts, i)) != NULL; i++)
        if (view_offers_windows(fact(node, "http.first")))
            return false;
    return view_leads_away(facts_front(facts));
}

const char *view_words_or(const json_t *from, const char *path, const char *otherwise)
{
    const char *text = fact_text(from, path);
    return *text != '\0' ? text : otherwise;
}

const char *view_words(const json_t *from, const char *path)
{
    return view_words_or(from, path, "(not known)");
}

bool view_failed(const json_t *end, const char *path)
{
    static const char *const words[] = {"refused",  "no challenge", "closed",
                                        "rejected", "failed",       "no answer"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (fact_is(end, path, words[i]))
            return true;
    return false;
}

bool view_succeeded(const json_t *end, const char *path)
{
    return fact_is(end, path, "ok") || fact_is(end, path, "forbidden");
}

const json_t *view_node_that_offers(const struct facts *facts)
{
    const json_t *node;
    for (size_t i = 0; (node = facts_node(facts, i)) != NULL; i++)
        if (view_offers_windows(fact(node, "http.first")))
            return node;
    return NULL;
}

bool view_is_of_one_node(const struct facts *facts, const json_t *first)
{
    long long status = fact_number(first, "status", -1);
    const json_t *node;
    for (size_t i = 0; (node = facts_node(facts, i)) != NULL; i++) {
        const json_t *own = fact(node, "http.first");
        if (!view_offers_windows(own) && fact_number(own, "status", 0) == status)
            return view_node_that_offers(facts) != NULL;
    }
    return false;
}

const json_t *view_node_where(const struct facts *facts, const char *path, const char *text)
{
    const json_t *node;
    for (size_t i = 0; (node = facts_node(facts, i)) != NULL; i++)
        if (fact_is(node, path, text))
            return node;
    return NULL;
}

const json_t *view_node_that_works(const struct facts *facts, const char *path)
{
    const json_t *node;
    for (size_t i = 0; (node = facts_node(facts, i)) != NULL; i++)
        if (view_succeeded(node, path))
            return node;
    return NULL;
}

const json_t *view_node_that_fails(const struct facts *facts, const char *path)
{
    const json_t *node;
    for (size_t i = 0; (node = facts_node(facts, i)) != NULL; i++)
        if (view_answers(node) && view_failed(node, path))
            return node;
    return NULL;
}

bool view_is_kerberos_only(const struct facts *facts)
{
    const json_t *front = facts_front(facts);
    return view_succeeded(front, "kerberos.outcome") &&
           !view_offers(fact(front, "http.first"), "NTLM") &&
           !view_succeeded(front, "ntlm.outcome") &&
           view_node_that_works(facts, "ntlm.outcome") == NULL;
}

size_t view_node_count(const struct facts *facts)
{
    size_t count = 0;
    while (facts_node(facts, count) != NULL)
        count++;
    return count;
}

const json_t *view_ticket(const struct facts *facts, const char *asked)
{
    return fact_find(facts->root, "kerberos.tickets", "asked", asked);
}

const json_t *view_holders(const struct facts *facts, const char *service, const char *host)
{
    char spn[320];
    snprintf(spn, sizeof spn, "%s/%s", service, host);
    return fact(fact_find(facts->root, "ldap.holders", "spn", spn), "accounts");
}

bool view_password_is_right(const struct facts *facts)
{
    return fact_is(facts->root, "subject.accounts.0.proof", "password") &&
           json_is_object(fact(facts->root, "kerberos.client.tgt"));
}

// One '$' may end it, as the names of computer accounts do.
static bool is_harmless(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    size_t size = strlen(text);
    if (size == 0 || size > 255 || strchr(letters, text[0]) == NULL)
        return false;
    size_t good = 0;
    while (good < size && (strchr(letters, text[good]) != NULL || strchr(".-:/@_", text[good])))
        good++;
    return good == size || (good == size - 1 && text[good] == '$');
}

const char *view_harmless(const char *text, const char *placeholder)
{
    return is_harmless(text) ? text : placeholder;
}

const char *view_redirect_url(const json_t *front, char out[VIEW_URL_MAX])
{
    const char *location = fact_text(front, "http.redirect.location");
    int size = (int)strcspn(location, "?#");
    bool is_absolute =
        strncasecmp(location, "http://", 7) == 0 || strncasecmp(location, "https://", 8) == 0;
    if (size >= VIEW_URL_MAX || !is_absolute)
        return "URL";
    snprintf(out, VIEW_URL_MAX, "%.*s", size, location);
    return view_harmless(out, "URL");
}

const char *view_domain(const struct facts *facts)
{
    const json_t *end;
    for (size_t i = 0; (end = view_end(facts, i)) != NULL; i++)
        if (is_harmless(fact_text(end, "ntlm.server.domain")))
            return fact_text(end, "ntlm.server.domain");
    return "DOMAIN";
}

const char *view_service_account(const struct facts *facts)
{
    const json_t *holders = view_holders(facts, "HTTP", view_host(facts));
    return view_harmless(fact_text(holders, "0.name"), "ACCOUNT");
}

const char *view_command_host(const struct facts *facts)
{
    return view_harmless(view_host(facts), "HOST");
}
