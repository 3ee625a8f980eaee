// SPDX-License-Identifier: Apache-2.0
// Windows authentication is not offered.
#include <string.h>
#include <strings.h>

#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

// A word of its own in a path: "Login" and "login.aspx" are the segments meant, "authors" is none.
static bool is_login_segment(const char *segment, size_t size)
{
    static const char *const words[] = {"login", "logon", "signin", "sign-in",
                                        "saml",  "saml2", "oauth",  "oauth2"};
    const char *dot = memchr(segment, '.', size);
    size_t length = dot != NULL ? (size_t)(dot - segment) : size;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strlen(words[i]) == length && strncasecmp(segment, words[i], length) == 0)
            return true;
    return false;
}

static bool is_login_page(const json_t *end)
{
    const char *at = fact_text(end, "http.redirect.location"), *authority = strstr(at, "://");
    if (authority != NULL && authority < at + strcspn(at, "/?#"))
        at = authority + 3 + strcspn(authority + 3, "/?#"); // a name is no path
    while (*at != '\0' && *at != '?' && *at != '#') {
        size_t size = strcspn(at, "/?#");
        if (is_login_segment(at, size))
            return true;
        at += size + (at[size] == '/');
    }
    return false;
}

static void say(struct diagnosis *diagnosis, const json_t *end, bool is_all)
{
    const json_t *first = fact(end, "http.first");
    long long status = fact_number(first, "status", 0);
    struct finding *finding = diagnosis_add(
        diagnosis, "windows_auth_off", is_all ? WEIGHT_CAUSE : WEIGHT_FAULT,
        status == 401 ? CONFIDENCE_SURE : CONFIDENCE_LIKELY,
        "Windows authentication is not offered%s.", is_all ? "" : " by this node, but by others");
    finding_place(finding, view_name(end));
    if (status == 401)
        finding_evidence(finding, "the 401 offers only %s%s%s",
                         view_words(first, "challenges.0.scheme"),
                         fact_count(first, "challenges") > 1 ? " and " : "",
                         view_words(first, "challenges.1.scheme"));
    else
        finding_evidence(finding, "%lld to %s", status, view_words(end, "http.redirect.location"));
    finding_cause(finding, status == 401
                               ? "It is switched off for this path, or its role service "
                                 "is not installed."
                               : "The application logs people in with a page of its own.");
    finding_remedy(finding, REMEDY_SERVER,
                   "Install it if it is missing:", "Install-WindowsFeature Web-Windows-Auth");
    finding_remedy(finding, REMEDY_SERVER,
                   "Switch it on:", REMEDY_WINDOWS " /enabled:\"True\" /commit:apphost");
}

static bool is_off(const json_t *end)
{
    const json_t *first = fact(end, "http.first");
    long long status = fact_number(first, "status", 0);
    if (status == 401)
        return fact_count(first, "challenges") > 0 && !view_offers_windows(first);
    return status >= 301 && status <= 303 && is_login_page(end) &&
           !view_offers_windows(fact(end, "http.redirect.page"));
}

void check_windows_auth_off(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts), *node;
    bool is_offered =
        view_offers_windows(fact(front, "http.first")) || view_node_that_offers(facts) != NULL;
    if (!is_offered && is_off(front))
        say(diagnosis, front, true);
    for (size_t i = 0; is_offered && (node = facts_node(facts, i)) != NULL; i++)
        if (is_off(node))
            say(diagnosis, node, false);
}
