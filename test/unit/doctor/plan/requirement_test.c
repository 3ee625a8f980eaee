// SPDX-License-Identifier: Apache-2.0
// What is required for which configuration: tables of configurations, each with requirements that
// must be in the plan and some that must not.
#include "stage.h"

// One expected or forbidden requirement; NULL and 0 match everything.
struct expected {
    enum plan_act act;
    const char *owner;
    const char *subject;
    const char *value;
    unsigned port;
    unsigned number;
};

struct example {
    const char *name;
    const char *yaml;
    struct plan_wish wish;
    struct expected required[12];
    struct expected absent[8];
};

static bool is_equal(const char *expected, const char *text)
{
    return !expected || strcmp(expected, text) == 0;
}

static bool is_match(const struct expected *expected, const struct requirement *requirement)
{
    return expected->act == requirement->act && is_equal(expected->owner, requirement->owner) &&
           is_equal(expected->subject, requirement->subject) &&
           is_equal(expected->value, requirement->value) &&
           (!expected->port || expected->port == requirement->port) &&
           (!expected->number || expected->number == requirement->number);
}

static size_t count(const struct plan *plan, const struct expected *expected)
{
    size_t found = 0;
    for (size_t i = 0; i < plan->requirement_count; i++)
        found += is_match(expected, &plan->requirements[i]);
    return found;
}

static const char *shown(const char *text)
{
    return text ? text : "*";
}

static void check(const struct example *example)
{
    struct planned planned = plan_of(example->yaml, &example->wish);
    for (size_t i = 0; i < COUNT(example->required) && example->required[i].act; i++) {
        const struct expected *expected = &example->required[i];
        if (count(planned.plan, expected) != 1)
            fail_msg("%s: %zu of act %d, %s, %s, %s", example->name, count(planned.plan, expected),
                     (int)expected->act, shown(expected->owner), shown(expected->subject),
                     shown(expected->value));
    }
    for (size_t i = 0; i < COUNT(example->absent) && example->absent[i].act; i++) {
        const struct expected *expected = &example->absent[i];
        if (count(planned.plan, expected) != 0)
            fail_msg("%s: there is act %d, %s, %s, %s", example->name, (int)expected->act,
                     shown(expected->owner), shown(expected->subject), shown(expected->value));
    }
    planned_done(&planned);
}

// ---------------------------------------------------------------------------- the three modes

#define PORTAL(rest)                                                                               \
    "sites:\n- {name: portal, hosts: [app.example.com], " CERTIFICATE ", " rest "}\n"
#define NODES(name, more)                                                                          \
    "- {name: " name ", " more " servers: [{name: n1.example.com, address: '10.0.0.1:443'}, "      \
    "{name: n2.example.com, address: '10.0.0.2:443'}]}\n"

static const struct example examples[] = {
    {
        .name = "passthrough",
        .yaml = LISTENERS
        "sites: [{name: s, hosts: [app.example.com], passthrough: p}]\npools:\n" NODES("p", ""),
        .required = {{PLAN_HAVE_SPN, "s", "HTTP/app.example.com", "svc-web"},
                     {PLAN_HAVE_SPN, "s", "HTTP/app"},
                     {PLAN_POINT_HERE, "s", "app.example.com"},
                     {PLAN_ASK_CERTIFICATE, "n1.example.com", NULL, "app.example.com"},
                     {PLAN_ASK_CERTIFICATE, "n2.example.com", NULL, "app.example.com"},
                     {PLAN_PROTECT, "n1.example.com", "None", ""},
                     {PLAN_BIND, "n1.example.com", "app.example.com", "https", 443, 21},
                     {PLAN_PERMIT, "s", "clients", "the load balancer"},
                     {PLAN_PERMIT, "n1.example.com", "the load balancer", "n1.example.com"},
                     {PLAN_FORBID, "n1.example.com", "clients", "n1.example.com"},
                     {PLAN_SWITCH, "n2.example.com",
                      "windowsAuthentication/useAppPoolCredentials=True"},
                     {PLAN_TRUST, "s", "https://app.example.com"}},
        .absent = {{PLAN_HAVE_SPN, NULL, "HTTP/n1.example.com"},
                   {PLAN_ASK_CERTIFICATE, "s"},
                   {PLAN_POINT_HERE, NULL, "n1.example.com"},
                   {PLAN_LOG_FIELD},
                   {PLAN_RAISE_TIMEOUT},
                   {PLAN_STOP_REGISTRATION},
                   {PLAN_HAVE_READER}},
    },
    {
        .name = "forward over TLS",
        .yaml =
            LISTENERS PORTAL("routes: [{path: /, forward: p}]") "pools:\n" NODES("p", "tls: {},"),
        .required = {{PLAN_HAVE_SPN, "portal", "HTTP/app.example.com"},
                     {PLAN_ASK_CERTIFICATE, "portal", NULL, "app.example.com"},
                     {PLAN_ASK_CERTIFICATE, "n1.example.com", NULL, "n1.example.com"},
                     {PLAN_PROTECT, "n1.example.com", "Proxy", "HTTP/app.example.com"},
                     {PLAN_BIND, "n1.example.com", "app.example.com", "https", 443, 1},
                     {PLAN_BIND, "n1.example.com", "n1.example.com", "https", 443, 1},
                     {PLAN_RAISE_TIMEOUT, "n1.example.com", NULL, NULL, 0, 120},
                     {PLAN_RAISE_LIMIT, "n1.example.com", "MaxFieldLength", NULL, 0, 65534},
                     {PLAN_RAISE_LIMIT, "n1.example.com", "MaxRequestBytes", NULL, 0, 131072},
                     {PLAN_LOG_FIELD, "n2.example.com", "X-Forwarded-For"},
                     {PLAN_FORBID, "n2.example.com", "clients"}},
        .absent = {{PLAN_HAVE_SPN, NULL, "HTTP/n1.example.com"}, {PLAN_POINT_THERE}},
    },
    {
        .name = "forward over TLS with the same certificate",
        .yaml =
            LISTENERS PORTAL("routes: [{path: /, forward: p}]") "pools:\n" NODES("p", "tls: {},"),
        .wish = {.is_same_certificate = true},
        .required = {{PLAN_PROTECT, "n1.example.com", "None", ""},
                     {PLAN_ASK_CERTIFICATE, "portal", NULL,
                      "app.example.com,n1.example.com,n2.example.com"}},
        .absent = {{PLAN_ASK_CERTIFICATE, "n1.example.com"}, {PLAN_PROTECT, NULL, "Proxy"}},
    },
    {
        .name = "forward as plain HTTP",
        .yaml = LISTENERS PORTAL(
            "routes: [{path: /, forward: p}]") "pools: [{name: p, servers: [{name: n1.example.com, "
                                               "address: '10.0.0.1:8080'}]}]\n",
        .wish = {.is_same_certificate = true}, // changes nothing without TLS to the server
        .required = {{PLAN_PROTECT, "n1.example.com", "Proxy", "HTTP/app.example.com"},
                     {PLAN_BIND, "n1.example.com", "app.example.com", "http", 8080}},
        .absent = {{PLAN_ASK_CERTIFICATE, "n1.example.com"}, {PLAN_BIND, NULL, NULL, "https"}},
    },
    {
        .name = "plain HTTP is served",
        .yaml = LISTENERS PORTAL(
            "plain_http: serve, routes: [{path: /, forward: p}]") "pools: [{name: p, servers: "
                                                                  "[{name: n1.example.com, "
                                                                  "address: '10.0.0.1:80'}]}]\n",
        .required = {{PLAN_PROTECT, "n1.example.com", "Proxy,ProxyCohosting"},
                     {PLAN_TRUST, "portal", "http://app.example.com"},
                     {PLAN_TRUST, "portal", "https://app.example.com"}},
    },
    {
        .name = "redirect, and the names come back",
        .yaml = LISTENERS PORTAL(
            "routes: [{path: /, redirect: p}]") "- {name: back, hosts: [n1.example.com, "
                                                "n2.example.com], passthrough: "
                                                "p}\npools:\n" NODES("p", ""),
        .required = {{PLAN_POINT_HERE, "portal", "app.example.com"},
                     {PLAN_POINT_HERE, "back", "n1.example.com"},
                     {PLAN_HAVE_SPN, "back", "HTTP/n1.example.com"},
                     {PLAN_HAVE_SPN, "back", "HTTP/n1"},
                     {PLAN_ASK_CERTIFICATE, "n1.example.com", NULL, "n1.example.com"},
                     {PLAN_PROTECT, "n1.example.com", "None"},
                     {PLAN_FORBID, "n1.example.com", "clients", "n1.example.com"},
                     {PLAN_STOP_REGISTRATION, "n1.example.com", "n1.example.com"},
                     {PLAN_BIND, "n1.example.com", "n1.example.com", "https", 443, 21}},
        .absent = {{PLAN_HAVE_SPN, NULL, "HTTP/app.example.com"},
                   {PLAN_TRUST, NULL, "https://app.example.com"},
                   {PLAN_POINT_THERE},
                   {PLAN_BIND, "n1.example.com", "n2.example.com"},
                   {PLAN_PERMIT, "n1.example.com", "clients"}},
    },
    {
        .name = "redirect, and the names lead to the servers",
        .yaml =
            LISTENERS PORTAL("routes: [{path: /, redirect: p}]") "pools: [{name: p, servers: "
                                                                 "[{name: n1.example.com, address: "
                                                                 "'10.0.0.1:443', public: true, "
                                                                 "redirect_port: 8443}]}]\n",
        .required = {{PLAN_POINT_THERE, "n1.example.com", "n1.example.com", "10.0.0.1"},
                     {PLAN_HAVE_SPN, "n1.example.com", "HTTP/n1.example.com"},
                     {PLAN_HAVE_SPN, "n1.example.com", "HTTP/n1.example.com:8443"},
                     {PLAN_PERMIT, "n1.example.com", "clients", "n1.example.com"},
                     {PLAN_PROTECT, "n1.example.com", "None"},
                     {PLAN_BIND, "n1.example.com", "n1.example.com", "https", 8443, 21}},
        .absent = {{PLAN_FORBID, "n1.example.com", "clients"},
                   {PLAN_STOP_REGISTRATION},
                   {PLAN_PERMIT, NULL, "the load balancer", "n1.example.com"},
                   {PLAN_POINT_HERE, NULL, "n1.example.com"}},
    },
    {
        .name = "one server, passed through and forwarded to",
        .yaml = LISTENERS PORTAL(
            "routes: [{path: /, forward: f}]") "- {name: back, hosts: [n1.example.com], "
                                               "passthrough: p}\npools:\n" NODES("p", "")
                                                   NODES("f", "tls: {},"),
        .required = {{PLAN_PROTECT, "n1.example.com", "Proxy",
                      "HTTP/app.example.com,HTTP/n1.example.com"},
                     {PLAN_BIND, "n1.example.com", "n1.example.com", "https", 443, 21},
                     {PLAN_BIND, "n1.example.com", "app.example.com", "https", 443, 1}},
    },
    {
        .name = "a name without dots",
        .yaml = LISTENERS "sites: [{name: s, hosts: [app], " CERTIFICATE
                          ", routes: [{path: /, forward: p}]}]\n"
                          "pools:\n" NODES("p", "tls: {},"),
        .required = {{PLAN_PROTECT, "n1.example.com", "Proxy,AllowDotlessSpn", "HTTP/app"}},
    },
    {
        .name = "a port that is not 443",
        .yaml =
            "listeners: [{bind: '*:8443'}, {bind: '*:8444'}, {bind: '*:80'}]\n"
            "sites: [{name: s, hosts: [app.example.com], passthrough: p}]\npools:\n" NODES("p", ""),
        .required = {{PLAN_HAVE_SPN, "s", "HTTP/app.example.com"},
                     {PLAN_HAVE_SPN, "s", "HTTP/app.example.com:8443"},
                     {PLAN_HAVE_SPN, "s", "HTTP/app.example.com:8444"}},
        .absent = {{PLAN_HAVE_SPN, "s", "HTTP/app.example.com:80"}},
    },
    {
        .name = "a pattern and an address",
        .yaml = LISTENERS
        "sites: [{name: s, hosts: ['*.example.com', 10.1.1.1], passthrough: p}]\npools:\n" NODES(
            "p", ""),
        .required = {{PLAN_POINT_HERE, "s", "*.example.com"},
                     {PLAN_HAVE_SPN, "s", "HTTP/n1.example.com"},
                     {PLAN_POINT_HERE, "s", "n1.example.com"},
                     {PLAN_BIND, "n1.example.com", "*.example.com", "https", 443, 21},
                     {PLAN_STOP_REGISTRATION, "n2.example.com"}},
        .absent = {{PLAN_HAVE_SPN, NULL, "HTTP/*.example.com"},
                   {PLAN_HAVE_SPN, NULL, "HTTP/10.1.1.1"},
                   {PLAN_POINT_HERE, NULL, "10.1.1.1"},
                   {PLAN_BIND, NULL, "10.1.1.1"}},
    },
    {
        .name = "a managed account in a domain that is given",
        .yaml = LISTENERS
        "sites: [{name: s, hosts: [app.eu.example.com, www.example.org], passthrough: p}]\n"
        "pools:\n" NODES("p", ""),
        .wish = {.account = "web$", .domain = "EU.example.com"},
        .required = {{PLAN_HAVE_ACCOUNT, "", "web$"},
                     {PLAN_HAVE_AES, "", "web$"},
                     {PLAN_HAVE_READER, "", "n1$"},
                     {PLAN_HAVE_READER, "", "n2$"},
                     {PLAN_INSTALL_ACCOUNT, "n1.example.com", "web$"},
                     {PLAN_RUN_AS, "n2.example.com", "web$"},
                     {PLAN_HAVE_SPN, "s", "HTTP/app"},
                     {PLAN_HAVE_SPN, "s", "HTTP/www.example.org", "web$"}},
        .absent = {{PLAN_HAVE_SPN, NULL, "HTTP/www"}},
    },
    {
        .name = "a server that is called by its address",
        .yaml = LISTENERS "sites: [{name: s, hosts: [app.example.com], passthrough: p}]\n"
                          "pools: [{name: p, servers: [{name: 10.0.0.1, address: "
                          "'10.0.0.1:443'}]}]\n",
        .wish = {.account = "web$"},
        .required = {{PLAN_BIND, "10.0.0.1", "app.example.com", "https", 443, 21}},
        .absent = {{PLAN_HAVE_READER}},
    },
    {
        .name = "idle longer than IIS, another name on TLS, a health check with a name of its own",
        .yaml = LISTENERS "timeouts: {idle: 300s}\n" PORTAL(
            "routes: [{path: /, forward: p}]") "pools: [{name: p, tls: {name: farm.example.com}, "
                                               "health: {request: GET /healthz, host: "
                                               "probe.example.com}, servers: [{name: "
                                               "n1.example.com, address: '10.0.0.1:443'}]}]\n",
        .required = {{PLAN_RAISE_TIMEOUT, "n1.example.com", NULL, NULL, 0, 305},
                     {PLAN_ASK_CERTIFICATE, "n1.example.com", NULL,
                      "farm.example.com,probe.example.com"},
                     {PLAN_BIND, "n1.example.com", "farm.example.com", "https", 443, 1},
                     {PLAN_BIND, "n1.example.com", "probe.example.com", "https", 443, 1}},
        .absent = {{PLAN_BIND, NULL, "n1.example.com"}},
    },
};

static void test_examples(void **state)
{
    for (size_t i = 0; i < COUNT(examples); i++)
        check(&examples[i]);
}

// ---------------------------------------------------------------------------- properties of all

static void test_every_requirement_says_what_and_why(void **state)
{
    for (size_t i = 0; i < COUNT(examples); i++) {
        struct planned planned = plan_of(examples[i].yaml, &examples[i].wish);
        for (size_t j = 0; j < planned.plan->requirement_count; j++) {
            const struct requirement *requirement = &planned.plan->requirements[j];
            assert_true(strlen(requirement->what) > 5 && strlen(requirement->why) > 5);
            assert_true(requirement->what[strlen(requirement->what) - 1] != '.');
            assert_true(requirement->why[strlen(requirement->why) - 1] != '.');
            bool has_owner = requirement->owner[0] != '\0';
            assert_int_equal(has_owner, requirement->scope != PLAN_OF_DOMAIN);
        }
        planned_done(&planned);
    }
}

static const struct requirement *find_text(const struct plan *plan, const char *text)
{
    for (size_t i = 0; i < plan->requirement_count; i++)
        if (strstr(plan->requirements[i].what, text))
            return &plan->requirements[i];
    return NULL;
}

static void test_doubt_is_marked(void **state)
{
    struct planned planned = plan_of(examples[1].yaml, &examples[1].wish);
    const struct requirement *doubtful = find_text(planned.plan, "do not rely on tokenChecking");
    assert_non_null(doubtful);
    assert_int_equal(doubtful->mark, PLAN_UNCERTAIN);
    planned_done(&planned);
}

static void test_a_server_must_not_be_reached_by_a_name_that_leads_here(void **state)
{
    static const char format[] =
        LISTENERS "sites: [{name: s, hosts: [n1.example.com], passthrough: p}]\n"
                  "pools: [{name: p, servers: [{name: n1.example.com, address: '%s:443'}]}]\n";
    static const char *const addresses[] = {"n1.example.com", "10.0.0.1", "n1-private.example.com"};
    for (size_t i = 0; i < COUNT(addresses); i++) {
        char yaml[512];
        snprintf(yaml, sizeof yaml, format, addresses[i]);
        struct planned planned = plan_of(yaml, &(struct plan_wish){0});
        const struct requirement *warned =
            find_text(planned.plan, "gives n1.example.com an address");
        assert_int_equal(warned != NULL, i == 0);
        planned_done(&planned);
    }
}

static void test_a_probed_path_that_must_not_ask_for_a_login(void **state)
{
    static const char format[] =
        LISTENERS "sites: [{name: s, hosts: [app.example.com], passthrough: p}]\n"
                  "pools: [{name: p, health: {request: GET /healthz%s}, servers: [{name: "
                  "n1.example.com, address: '10.0.0.1:443'}]}]\n";
    static const char *const expects[] = {", expect: [200]", ", expect: [200, 401]", ""};
    for (size_t i = 0; i < COUNT(expects); i++) {
        char yaml[512];
        snprintf(yaml, sizeof yaml, format, expects[i]);
        struct planned planned = plan_of(yaml, &(struct plan_wish){0});
        assert_int_equal(find_text(planned.plan, "/healthz answers without a login") != NULL,
                         i == 0);
        planned_done(&planned);
    }
}

// ---------------------------------------------------------------------------- the domain, the wish

static void test_the_domain_is_what_names_have_in_common(void **state)
{
    static const struct {
        const char *hosts;
        const char *domain;
    } cases[] = {
        {"app.example.com", "example.com"},
        {"app.eu.example.com, www.example.com", "example.com"},
        {"app.eu.example.com, www.eu.example.com", "eu.example.com"},
        {"app.myexample.com, www.example.com", ""},
        {"app.example.com, www.example.org", ""},
        {"app", ""},
        {"'*.example.com', 10.0.0.1", "example.com"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char yaml[512];
        snprintf(yaml, sizeof yaml,
                 LISTENERS "sites: [{name: s, hosts: [%s], passthrough: p}]\n"
                           "pools: [{name: p, servers: [{name: n1, address: '10.0.0.1:443'}]}]\n",
                 cases[i].hosts);
        struct planned planned = plan_of(yaml, &(struct plan_wish){0});
        assert_string_equal(planned.plan->domain, cases[i].domain);
        planned_done(&planned);
    }
}

static void test_wishes_that_are_refused(void **state)
{
    static const struct plan_wish refused[] = {
        {.domain = "contoso"},
        {.domain = "contoso.com; Remove-Item"},
        {.domain = "10.0.0.1"},
        {.domain = "contoso.com:88"},
        {.domain = ""},
        {.account = ""},
        {.account = "$"},
        {.account = "CONTOSO\\svc-web"},
        {.account = "svc'web"},
        {.account = "svc web"},
        {.account = "svc$web"},
        {.account = "a-name-longer-than-20"},
        {.account = "sixteen-letters-$"},
        {.addresses = {"lb.contoso.com"}, .address_count = 1},
        {.addresses = {"10.0.0.5", "10.0.0.5:443"}, .address_count = 2},
        {.addresses = {"10.0.0.5\nx IN A 1.2.3.4"}, .address_count = 1},
        {.addresses = {""}, .address_count = 1},
    };
    for (size_t i = 0; i < COUNT(refused); i++)
        if (!plan_wish_problem(&refused[i]))
            fail_msg("wish %zu is accepted", i);
    const struct plan_wish fine = {.domain = "contoso.com",
                                   .account = "svc-web$",
                                   .addresses = {"10.0.0.5", "fd00::5"},
                                   .address_count = 2};
    assert_null(plan_wish_problem(&fine));
    assert_null(plan_wish_problem(&(struct plan_wish){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_every_requirement_says_what_and_why),
        cmocka_unit_test(test_doubt_is_marked),
        cmocka_unit_test(test_a_server_must_not_be_reached_by_a_name_that_leads_here),
        cmocka_unit_test(test_a_probed_path_that_must_not_ask_for_a_login),
        cmocka_unit_test(test_the_domain_is_what_names_have_in_common),
        cmocka_unit_test(test_wishes_that_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
