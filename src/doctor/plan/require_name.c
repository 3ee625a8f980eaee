// SPDX-License-Identifier: Apache-2.0
// What must be true of names: DNS records, certificates, and that clients trust them with a login.
#include "doctor/plan/model.h"

// ---------------------------------------------------------------------------- DNS

static void require_record_here(struct plan *plan, const struct plan_name *name)
{
    const char *why =
        name->server
            ? "clients that were redirected to this name must come back to the load balancer, "
              "which passes them through; the server itself stays private"
            : "with a CNAME, Edge, Chrome and .NET ask for a ticket for the name it leads to";
    plan_require(plan, &(struct requirement){
                           .kind = PLAN_DNS,
                           .mark = PLAN_DOCUMENTED,
                           .scope = PLAN_OF_SITE,
                           .act = PLAN_POINT_HERE,
                           .owner = name->site->name,
                           .subject = name->host,
                           .what = plan_text(plan,
                                             "%s has A or AAAA records of the load balancer, and "
                                             "is no CNAME",
                                             name->host),
                           .why = why});
}

static void require_record_there(struct plan *plan, const struct plan_name *name)
{
    plan_require(plan, &(struct requirement){
                           .kind = PLAN_DNS,
                           .mark = PLAN_DOCUMENTED,
                           .scope = PLAN_OF_SERVER,
                           .act = PLAN_POINT_THERE,
                           .owner = name->server->name,
                           .subject = name->host,
                           .value = name->server->host,
                           .what = plan_text(plan,
                                             "%s has A or AAAA records of the server itself, "
                                             "and is no CNAME",
                                             name->host),
                           .why = "clients are redirected to it and connect without the load "
                                  "balancer; with a CNAME they ask for a ticket for the name it "
                                  "leads to"});
}

// A server that is reached by a name of its own which leads to us.
static void require_way_back(struct plan *plan, const struct plan_server *server)
{
    if (server->is_behind && strcmp(server->config->host, server->name) == 0)
        plan_require(plan,
                     &(struct requirement){
                         .kind = PLAN_DNS,
                         .mark = PLAN_CONCLUDED,
                         .scope = PLAN_OF_SERVER,
                         .owner = server->name,
                         .subject = server->name,
                         .what = plan_text(plan,
                                           "the configuration gives %s an address, or a name that "
                                           "clients do not use",
                                           server->name),
                         .why = "its own name leads to the load balancer, which would connect to "
                                "itself"});
}

void plan_require_dns(struct plan *plan)
{
    for (size_t i = 0; i < plan->name_count; i++) {
        const struct plan_name *name = &plan->names[i];
        if (name->is_address)
            continue;
        if (name->site)
            require_record_here(plan, name);
        else
            require_record_there(plan, name);
    }
    for (size_t i = 0; i < plan->server_count; i++)
        require_way_back(plan, &plan->servers[i]);
}

// ---------------------------------------------------------------------------- certificates

static bool is_listed(const char *names, const char *name)
{
    size_t size = strlen(name);
    for (const char *at = names; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strcspn(at, ",") == size && memcmp(at, name, size) == 0)
            return true;
    return false;
}

static const char *join(struct plan *plan, const char *names, const char *name)
{
    if (is_listed(names, name))
        return names;
    return *names ? plan_text(plan, "%s,%s", names, name) : name;
}

static const char *names_of_site(struct plan *plan, const struct site_config *site)
{
    const char *names = "";
    for (size_t i = 0; i < plan->name_count; i++)
        if (plan->names[i].site == site)
            names = join(plan, names, plan->names[i].host);
    for (size_t i = 0; plan->wish.is_same_certificate && i < plan->server_count; i++) {
        const struct plan_server *server = &plan->servers[i];
        for (size_t j = 0; server->forwarded_by == site && j < server->arrival_count; j++)
            if (!server->arrivals[j].is_login && server->arrivals[j].ways & PLAN_FORWARD_TLS)
                names = join(plan, names, server->arrivals[j].host);
    }
    return names;
}

static void require_site_certificate(struct plan *plan, const struct site_config *site)
{
    if (site->certificate_count == 0)
        return;
    bool is_passed = site->mode == SITE_PASSTHROUGH;
    const char *names = names_of_site(plan, site);
    plan_require(
        plan, &(struct requirement){
                  .kind = PLAN_CERTIFICATE,
                  .mark = PLAN_DOCUMENTED,
                  .scope = PLAN_OF_SITE,
                  .act = PLAN_ASK_CERTIFICATE,
                  .owner = site->name,
                  .subject = site->name,
                  .value = names,
                  .detail = site->certificates[0].chain,
                  .what = plan_text(plan, "the load balancer's certificate (%s) covers %s",
                                    site->certificates[0].chain, plan_spaced(plan, names)),
                  .why = is_passed ? "when a named server is down, the load balancer answers for "
                                     "it and redirects to one that is up"
                                   : "clients compare the name in their address bar with the "
                                     "subject alternative names, and with nothing else"});
}

static bool needs_certificate(const struct plan_arrival *arrival)
{
    bool is_shown = arrival->ways & (PLAN_PASSTHROUGH | PLAN_DIRECT);
    return is_shown || (arrival->ways & PLAN_FORWARD_TLS && !arrival->is_login);
}

static const char *why_server(const struct plan_server *server)
{
    if (server->ways & (PLAN_PASSTHROUGH | PLAN_DIRECT))
        return "clients see this certificate: their TLS ends at the server";
    return "the load balancer verifies it by this name";
}

static void require_server_certificate(struct plan *plan, const struct plan_server *server)
{
    const char *names = "";
    for (size_t i = 0; i < server->arrival_count; i++)
        if (needs_certificate(&server->arrivals[i]))
            names = join(plan, names, server->arrivals[i].host);
    bool is_shared = plan->wish.is_same_certificate && server->ways & PLAN_FORWARD_TLS;
    if (*names)
        plan_require(
            plan, &(struct requirement){.kind = PLAN_CERTIFICATE,
                                        .mark = PLAN_DOCUMENTED,
                                        .scope = PLAN_OF_SERVER,
                                        .act = is_shared ? PLAN_READ : PLAN_ASK_CERTIFICATE,
                                        .owner = server->name,
                                        .subject = server->name,
                                        .value = names,
                                        .what = plan_text(plan, "the certificate on %s covers %s",
                                                          server->name, plan_spaced(plan, names)),
                                        .why = why_server(server)});
    if (is_shared)
        plan_require(
            plan, &(struct requirement){
                      .kind = PLAN_CERTIFICATE,
                      .mark = PLAN_CONCLUDED,
                      .scope = PLAN_OF_SERVER,
                      .owner = server->name,
                      .subject = server->name,
                      .what = plan_text(plan,
                                        "%s shows the same certificate as site %s, byte for byte, "
                                        "and both are renewed at the same time",
                                        server->name, server->forwarded_by->name),
                      .why = "clients bind their login to a hash of the certificate they see; a "
                             "new one with the same key has another hash"});
}

void plan_require_certificates(struct plan *plan)
{
    for (size_t i = 0; i < plan->snapshot->site_count; i++)
        require_site_certificate(plan, &plan->snapshot->sites[i]);
    for (size_t i = 0; i < plan->server_count; i++)
        require_server_certificate(plan, &plan->servers[i]);
}

// ---------------------------------------------------------------------------- clients

static void require_trust(struct plan *plan, const struct plan_name *name, const char *scheme)
{
    bool is_v6 = name->is_address && strchr(name->host, ':');
    const char *url = plan_text(plan, is_v6 ? "%s://[%s]" : "%s://%s", scheme, name->host);
    plan_require(plan,
                 &(struct requirement){
                     .kind = PLAN_CLIENT,
                     .mark = PLAN_DOCUMENTED,
                     .scope = name->site ? PLAN_OF_SITE : PLAN_OF_SERVER,
                     .act = PLAN_TRUST,
                     .owner = name->site ? name->site->name : name->server->name,
                     .subject = url,
                     .value = name->host,
                     .what = plan_text(plan,
                                       "browsers may log in to %s without asking: zone "
                                       "Intranet, AuthServerAllowlist, Firefox",
                                       url),
                     .why = "a name with dots counts as Internet until it is mapped; the browser "
                            "then sends nothing, or asks for a password"});
}

void plan_require_clients(struct plan *plan)
{
    for (size_t i = 0; i < plan->name_count; i++)
        if (plan->names[i].ways & PLAN_LOGIN)
            require_trust(plan, &plan->names[i], "https");
    for (size_t i = 0; i < plan->name_count; i++)
        if (plan->names[i].ways & PLAN_LOGIN && plan->names[i].ways & PLAN_CLEAR)
            require_trust(plan, &plan->names[i], "http");
    plan_require(plan, &(struct requirement){
                           .kind = PLAN_CLIENT,
                           .mark = PLAN_DOCUMENTED,
                           .scope = PLAN_OF_DOMAIN,
                           .what = "DisableAuthNegotiateCnameLookup stays unset while every name "
                                   "has an A or AAAA record",
                           .why = "with it Edge and Chrome ask for the typed name although DNS "
                                  "holds a CNAME; other clients have no such switch, so mend DNS"});
}
