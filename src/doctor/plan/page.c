// SPDX-License-Identifier: Apache-2.0
// The page: everything that is required, for people, with its reason and how sure it is.
#include <string.h>

#include "doctor/plan/document.h"

static const char *const headings[PLAN_KIND_COUNT] = {
    [PLAN_SPN] = "Service principal names",
    [PLAN_DNS] = "DNS",
    [PLAN_CERTIFICATE] = "Certificates",
    [PLAN_PROTECTION] = "Extended Protection",
    [PLAN_IIS] = "IIS",
    [PLAN_CLIENT] = "Clients",
    [PLAN_FIREWALL] = "Firewall",
    [PLAN_ACCOUNT] = "Account",
    [PLAN_KEYTAB] = "Keytab",
};

static void print_row(const struct requirement *requirement, FILE *out)
{
    fputs("| ", out);
    quote_markdown(out, requirement->what);
    fputs(" | ", out);
    quote_markdown(out, requirement->why);
    fprintf(out, " | %s |\n", plan_mark_word(requirement->mark));
}

// What is the same on every server stands on the page once.
static bool is_common(const struct requirement *requirement)
{
    switch (requirement->act) {
    case PLAN_HAVE_FEATURE:
    case PLAN_INSTALL_ACCOUNT:
    case PLAN_RUN_AS:
    case PLAN_SWITCH:
    case PLAN_ORDER_PROVIDERS:
    case PLAN_RAISE_LIMIT:
        return true;
    default:
        return false;
    }
}

static void print_common(const struct plan *plan, FILE *out)
{
    fputs("\n## Every server\n\n| must be true | because | how sure |\n|---|---|---|\n", out);
    for (size_t i = 0; plan->server_count && i < plan->requirement_count; i++) {
        const struct requirement *requirement = &plan->requirements[i];
        if (is_common(requirement) &&
            requirement_is_of(requirement, PLAN_OF_SERVER, plan->servers[0].name))
            print_row(requirement, out);
    }
}

static void print_kind(const struct plan *plan, enum plan_kind kind, enum plan_scope scope,
                       const char *owner, FILE *out)
{
    bool is_begun = false;
    for (size_t i = 0; i < plan->requirement_count; i++) {
        const struct requirement *requirement = &plan->requirements[i];
        if (requirement->kind != kind || !requirement_is_of(requirement, scope, owner) ||
            is_common(requirement))
            continue;
        if (!is_begun)
            fprintf(out, "\n### %s\n\n| must be true | because | how sure |\n|---|---|---|\n",
                    headings[kind]);
        is_begun = true;
        print_row(requirement, out);
    }
}

static void print_kinds(const struct plan *plan, enum plan_scope scope, const char *owner,
                        FILE *out)
{
    for (int kind = 0; kind < PLAN_KIND_COUNT; kind++)
        if (kind != PLAN_FIREWALL)
            print_kind(plan, (enum plan_kind)kind, scope, owner, out);
    fputs("\n### Firewall\n\n", out);
    plan_print_firewall_rows(plan, scope, owner, out);
}

// ---------------------------------------------------------------------------- sites

static void print_route(const struct plan *plan, const struct route_config *route, FILE *out)
{
    const struct pool_config *pool = &plan->snapshot->pools[route->pool_index];
    fprintf(out, "- %s ", route->action == ROUTE_REDIRECT ? "redirect" : "forward");
    quote_markdown_code(out, route->path);
    fputs(" to pool ", out);
    quote_markdown(out, pool->name);
    if (route->action == ROUTE_FORWARD)
        fputs(pool->tls.enabled ? ", over TLS" : ", as plain HTTP", out);
    fputc('\n', out);
}

static void print_modes(const struct plan *plan, const struct site_config *site, FILE *out)
{
    if (site->mode == SITE_PASSTHROUGH) {
        fputs("- passthrough to pool ", out);
        quote_markdown(out, plan->snapshot->pools[site->pool_index].name);
        fputc('\n', out);
    }
    for (size_t i = 0; i < site->route_count; i++)
        print_route(plan, &site->routes[i], out);
    if (plan_uses_clear(plan, site))
        fputs("- plain HTTP is served, not redirected\n", out);
}

static void print_site(const struct plan *plan, const struct site_config *site, FILE *out)
{
    fputs("\n## Site ", out);
    quote_markdown(out, site->name);
    fputs("\n\nNames: ", out);
    bool is_first = true;
    for (size_t i = 0; i < plan->name_count; i++) {
        if (plan->names[i].site != site)
            continue;
        fputs(is_first ? "" : ", ", out);
        quote_markdown_code(out, plan->names[i].host);
        is_first = false;
    }
    fputs("\n\n", out);
    print_modes(plan, site, out);
    print_kinds(plan, PLAN_OF_SITE, site->name, out);
}

// ---------------------------------------------------------------------------- the page

static void print_assumptions(const struct plan *plan, FILE *out)
{
    fputs("The domain is ", out);
    if (*plan->domain)
        quote_markdown_code(out, plan->domain);
    else
        fputs("not known (give --domain)", out);
    fprintf(out, "%s, and the servers run as ",
            plan->is_domain_assumed && *plan->domain
                ? " (assumed from the host names; --domain says otherwise)"
                : "");
    quote_markdown_code(out, plan->account);
    fprintf(out, "%s. ",
            plan->is_account_assumed ? " (assumed; --service-account says otherwise)" : "");
    fputs("Routes whose servers do no Windows authentication need none of what is said about it: "
          "the configuration does not tell.\n",
          out);
}

static void print_legend(FILE *out)
{
    fputs("\nHow sure: *documented*, in the vendor's documentation or source; *known*, from the "
          "standard or product documentation, not read again; *concluded* from documented facts; "
          "*uncertain*, disputed or untried: try it before you rely on it.\n",
          out);
}

static void print_documents(const struct plan *plan, FILE *out)
{
    fputs("\n## Documents\n\n`--out DIRECTORY` writes this page and these files, all of which may "
          "be run again at any time:\n\n",
          out);
    for (size_t i = 1; i < plan->document_count; i++)
        fprintf(out, "- `%s`\n", plan->documents[i].name);
}

void plan_print_page(const struct plan *plan, const char *subject, FILE *out)
{
    fputs("# What must be true outside Handfast\n\nMade by `handfast plan` from ", out);
    quote_markdown_code(out, plan->snapshot->file);
    fputs(".\n", out);
    print_assumptions(plan, out);
    print_legend(out);
    for (size_t i = 0; i < plan->snapshot->site_count; i++)
        print_site(plan, &plan->snapshot->sites[i], out);
    print_common(plan, out);
    for (size_t i = 0; i < plan->server_count; i++) {
        fputs("\n## Server ", out);
        quote_markdown(out, plan->servers[i].name);
        fputc('\n', out);
        print_kinds(plan, PLAN_OF_SERVER, plan->servers[i].name, out);
    }
    fputs("\n## Everywhere\n", out);
    print_kinds(plan, PLAN_OF_DOMAIN, "", out);
    fputs("\n## Keytab\n\n", out);
    plan_print_keytab_recipe(plan, out);
    print_documents(plan, out);
}
