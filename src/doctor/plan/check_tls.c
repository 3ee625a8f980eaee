// SPDX-License-Identifier: Apache-2.0
// What the servers show when one knocks: reachable, a certificate that covers the names, no HTTP/2
// where logins pass through. The load balancer's own certificates are read from their files.
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "doctor/call.h"
#include "doctor/plan/check.h"
#include "io/io.h"

// ---------------------------------------------------------------------------- our own

static const struct site_config *site_named(const struct plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->snapshot->site_count; i++)
        if (strcmp(plan->snapshot->sites[i].name, name) == 0)
            return &plan->snapshot->sites[i];
    return NULL;
}

static void see_file(struct plan_checkup *checkup, size_t index, const char *chain)
{
    struct plan *plan = checkup->plan;
    struct tls_certificate_facts facts;
    struct tls_problem problem;
    if (!tls_certificate_read(chain, &facts, &problem)) {
        plan_see(checkup, index, PLAN_BLIND, plan_text(plan, "%s", problem.text), NULL);
        return;
    }
    char host[RESOLVER_NAME_MAX];
    const char *names = plan->requirements[index].value;
    for (; plan_next_item(&names, host, sizeof host);)
        if (!tls_certificate_covers(chain, host))
            plan_see(checkup, index, PLAN_MISSING,
                     plan_text(plan, "%s covers %s, not %s", chain, facts.names, host),
                     "the file certificate-*.cnf of --out is a request for it");
    plan_see(checkup, index, PLAN_TRUE, NULL, NULL);
}

static void see_site(struct plan_checkup *checkup, size_t index)
{
    const struct site_config *site =
        site_named(checkup->plan, checkup->plan->requirements[index].owner);
    for (size_t i = 0; site && i < site->certificate_count; i++)
        see_file(checkup, index, site->certificates[i].chain);
}

// ---------------------------------------------------------------------------- servers

// One address of a server, and what is said about it.
struct knock {
    struct plan_checkup *checkup;
    const struct plan_server *server;
    struct address address; // the port is that of the arrival
    bool has_address;
};

static void set_port(struct address *address, unsigned port)
{
    if (address->any.sa_family == AF_INET6)
        address->v6.sin6_port = htons((uint16_t)port);
    else
        address->v4.sin_port = htons((uint16_t)port);
}

static void find_address(struct knock *knock)
{
    const struct plan_glasses *glasses = knock->checkup->glasses;
    const char *host = knock->server->config->host;
    knock->has_address = address_parse(host, 0, &knock->address);
    if (knock->has_address)
        return;
    struct resolver *resolver = resolver_new(glasses->dns_server);
    struct resolver_answer *answer = calloc(1, sizeof *answer);
    if (resolver && answer) {
        resolver_ask_addresses(resolver, host, answer);
        resolver_wait(resolver, loop_now_us() + (uint64_t)glasses->patience_ms * US_PER_MS);
        knock->has_address = answer->count > 0;
        knock->address = answer->records[0].address;
    }
    free(answer);
    resolver_free(resolver);
}

// Every requirement of this server with that kind and act.
static void see_all(struct knock *knock, enum plan_kind kind, enum plan_act act,
                    const char *subject, enum plan_state state, const char *found)
{
    const struct plan *plan = knock->checkup->plan;
    for (size_t i = 0; i < plan->requirement_count; i++) {
        const struct requirement *requirement = &plan->requirements[i];
        bool is_wanted = requirement->kind == kind && requirement->act == act &&
                         requirement->scope == PLAN_OF_SERVER &&
                         strcmp(requirement->owner, knock->server->name) == 0;
        if (is_wanted && (!subject || strcmp(requirement->subject, subject) == 0))
            plan_see(knock->checkup, i, state, found, NULL);
    }
}

static void see_reach(struct knock *knock, enum plan_state state, const char *found)
{
    see_all(knock, PLAN_FIREWALL, PLAN_PERMIT, "the load balancer", state, found);
}

static void see_certificate(struct knock *knock, enum plan_state state, const char *found)
{
    see_all(knock, PLAN_CERTIFICATE, PLAN_ASK_CERTIFICATE, NULL, state, found);
    see_all(knock, PLAN_CERTIFICATE, PLAN_READ, NULL, state, found);
}

static void compare_site(struct knock *knock, const struct tls_dialogue_certificate *shown)
{
    const struct site_config *site = knock->server->forwarded_by;
    struct tls_certificate_facts facts;
    struct tls_problem problem;
    if (!knock->checkup->plan->wish.is_same_certificate || !site || !site->certificate_count ||
        !tls_certificate_read(site->certificates[0].chain, &facts, &problem))
        return;
    if (memcmp(facts.sha256, shown->facts.sha256, sizeof facts.sha256) != 0)
        see_certificate(knock, PLAN_MISSING,
                        plan_text(knock->checkup->plan, "it is not the certificate in %s",
                                  site->certificates[0].chain));
}

static void judge_call(struct knock *knock, const struct plan_arrival *arrival, const char *name,
                       const struct call *call)
{
    struct plan *plan = knock->checkup->plan;
    struct tls_dialogue_certificate shown;
    struct tls_dialogue_facts facts;
    call_certificate(call, &shown);
    call_tls(call, &facts);
    bool is_met = arrival->ways & (PLAN_PASSTHROUGH | PLAN_DIRECT);
    see_certificate(
        knock, shown.covers_name ? PLAN_TRUE : PLAN_MISSING,
        plan_text(plan, "asked for %s it shows a certificate for %s", name, shown.facts.names));
    compare_site(knock, &shown);
    if (is_met && strcmp(facts.alpn, "h2") == 0)
        see_all(knock, PLAN_IIS, PLAN_BIND, arrival->host, PLAN_MISSING,
                "the server offers HTTP/2 for this name");
}

static void knock_at(struct knock *knock, const struct plan_arrival *arrival)
{
    struct plan *plan = knock->checkup->plan;
    bool is_tls = !(arrival->ways & PLAN_FORWARD_PLAIN) ||
                  arrival->ways & (PLAN_FORWARD_TLS | PLAN_PASSTHROUGH | PLAN_DIRECT);
    const char *name = plan_tried_name(plan, arrival->host);
    const struct call_wish wish = {.is_tls = is_tls,
                                   .server_name = name,
                                   .alpn = "h2,http/1.1",
                                   .patience_ms = knock->checkup->glasses->patience_ms};
    struct call *call = NULL;
    struct call_problem problem = {0};
    set_port(&knock->address, arrival->port);
    struct status status = call_open(&knock->address, &wish, &call, &problem);
    char address[ADDRESS_TEXT_MAX];
    address_print(&knock->address, address);
    const char *found = plan_text(plan, "%s: %s", address, problem.text);
    bool is_closed = status.end == END_CONNECT_REFUSED || status.end == END_CONNECT_TIMEOUT ||
                     status.end == END_CONNECT_FAILED;
    see_reach(knock, is_closed ? PLAN_MISSING : PLAN_TRUE, found);
    if (is_tls && is_ok(status))
        judge_call(knock, arrival, name, call);
    else if (is_tls)
        see_certificate(knock, is_closed ? PLAN_BLIND : PLAN_MISSING, found);
    call_close(call);
}

// The names the certificate must cover: forwarded requests come by our own name for the server.
static bool is_shown(const struct plan_arrival *arrival)
{
    bool is_ours = arrival->ways & PLAN_FORWARD_TLS && !arrival->is_login;
    return is_ours || arrival->ways & (PLAN_FORWARD_PLAIN | PLAN_PASSTHROUGH | PLAN_DIRECT);
}

static void see_server(struct plan_checkup *checkup, const struct plan_server *server)
{
    struct knock knock = {.checkup = checkup, .server = server};
    find_address(&knock);
    if (!knock.has_address) {
        const char *found = plan_text(checkup->plan, "%s has no address", server->config->host);
        see_reach(&knock, PLAN_BLIND, found);
        see_certificate(&knock, PLAN_BLIND, found);
        return;
    }
    for (size_t i = 0; i < server->arrival_count; i++)
        if (is_shown(&server->arrivals[i]))
            knock_at(&knock, &server->arrivals[i]);
}

void plan_check_tls(struct plan_checkup *checkup)
{
    const struct plan *plan = checkup->plan;
    for (size_t i = 0; i < plan->requirement_count; i++)
        if (plan->requirements[i].act == PLAN_ASK_CERTIFICATE &&
            plan->requirements[i].scope == PLAN_OF_SITE)
            see_site(checkup, i);
    for (size_t i = 0; i < plan->server_count; i++)
        see_server(checkup, &plan->servers[i]);
}
