// SPDX-License-Identifier: Apache-2.0
// Who may reach which port of whom: the point in which passthrough, forward and redirect differ.
#include "doctor/plan/model.h"

static void require(struct plan *plan, enum plan_scope scope, const char *owner, enum plan_act act,
                    const char *from, const char *to, const char *ports, const char *why)
{
    plan_require(
        plan, &(struct requirement){.kind = PLAN_FIREWALL,
                                    .mark = PLAN_CONCLUDED,
                                    .scope = scope,
                                    .act = act,
                                    .owner = owner,
                                    .subject = from,
                                    .value = to,
                                    .detail = ports,
                                    .what = plan_text(plan, "%s may %sreach %s on %s", from,
                                                      act == PLAN_FORBID ? "not " : "", to, ports),
                                    .why = why});
}

static const char *listener_ports(struct plan *plan)
{
    const char *list = "";
    unsigned ports[64];
    for (int is_tls = 1; is_tls >= 0; is_tls--) {
        size_t count = plan_ports(plan, is_tls, ports, 64);
        for (size_t i = 0; i < count; i++)
            list = plan_text(plan, "%s%s%u/tcp", list, *list ? ", " : "", ports[i]);
    }
    return list;
}

static void require_site(struct plan *plan, const struct site_config *site, const char *ports)
{
    require(plan, PLAN_OF_SITE, site->name, PLAN_PERMIT, "clients", "the load balancer", ports,
            "the names of its sites lead there");
}

static bool is_first_of_port(const struct plan_server *server, size_t index, unsigned ways)
{
    for (size_t i = 0; i < index; i++)
        if (server->arrivals[i].port == server->arrivals[index].port &&
            server->arrivals[i].ways & ways)
            return false;
    return true;
}

// Ports of the server that are used in one of these ways.
static const char *ports_of(struct plan *plan, const struct plan_server *server, unsigned ways)
{
    const char *list = "";
    for (size_t i = 0; i < server->arrival_count; i++)
        if (server->arrivals[i].ways & ways && is_first_of_port(server, i, ways))
            list = plan_text(plan, "%s%s%u/tcp", list, *list ? ", " : "", server->arrivals[i].port);
    return list;
}

// The ports of a web server that somebody may have left open, and those it listens on for us.
static const char *ports_to_close(struct plan *plan, const struct plan_server *server,
                                  unsigned ways)
{
    const char *list = "443/tcp, 80/tcp";
    for (size_t i = 0; i < server->arrival_count; i++) {
        const struct plan_arrival *arrival = &server->arrivals[i];
        if (arrival->port != 443 && arrival->port != 80 && arrival->ways & ways &&
            is_first_of_port(server, i, ways))
            list = plan_text(plan, "%s, %u/tcp", list, arrival->port);
    }
    return plan_text(plan, "%s and 443/udp", list);
}

static void require_server(struct plan *plan, const struct plan_server *server)
{
    unsigned ours = PLAN_FORWARD_TLS | PLAN_FORWARD_PLAIN | PLAN_PASSTHROUGH;
    if (server->ways & ours)
        require(plan, PLAN_OF_SERVER, server->name, PLAN_PERMIT, "the load balancer", server->name,
                ports_of(plan, server, ours), "it forwards, passes through and checks");
    if (server->ways & PLAN_DIRECT)
        require(plan, PLAN_OF_SERVER, server->name, PLAN_PERMIT, "clients", server->name,
                ports_of(plan, server, PLAN_DIRECT),
                "they are redirected to its name, which no site of the load balancer passes "
                "through; give the name to a site with passthrough and this can be closed");
    else
        require(plan, PLAN_OF_SERVER, server->name, PLAN_FORBID, "clients", server->name,
                ports_to_close(plan, server, ours),
                server->is_behind
                    ? "its name leads to the load balancer, so nobody needs a way around it"
                    : "only the load balancer speaks to it");
    require(plan, PLAN_OF_SERVER, server->name, PLAN_PERMIT, server->name, "the domain controllers",
            "53, 88, 389, 464 (tcp and udp), 135/tcp, 445/tcp, 3268/tcp, 49152-65535/tcp, 123/udp",
            "it opens Kerberos tickets and has NTLM logins verified over its secure channel");
}

void plan_require_firewall(struct plan *plan)
{
    const char *ports = listener_ports(plan);
    for (size_t i = 0; i < plan->snapshot->site_count; i++)
        require_site(plan, &plan->snapshot->sites[i], ports);
    for (size_t i = 0; i < plan->server_count; i++)
        require_server(plan, &plan->servers[i]);
    require(plan, PLAN_OF_DOMAIN, "", PLAN_PERMIT, "clients", "the domain controllers",
            "53 and 88 (tcp and udp)",
            "they fetch tickets themselves; without port 88 they have NTLM at most");
    require(
        plan, PLAN_OF_DOMAIN, "", PLAN_PERMIT, "the load balancer", "the domain controllers",
        "53 and 88 (tcp and udp), 389/tcp, 636/tcp, 3268/tcp",
        "only for names in the configuration, and for handfast doctor and plan --check; carrying "
        "other people's logins needs none of it");
    require(plan, PLAN_OF_DOMAIN, "", PLAN_FORBID, "clients", "the load balancer", "443/udp",
            "nothing listens there; closed, no client waits for QUIC");
}
