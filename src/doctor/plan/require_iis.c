// SPDX-License-Identifier: Apache-2.0
// What must be set on the servers: identity, Windows authentication, Extended Protection by mode,
// bindings, and the limits of HTTP.sys.
#include "doctor/plan/model.h"
#include "wire/host.h"

#define HTTPSYS_FIELD_BYTES_MAX   65534u // of MaxFieldLength
#define HTTPSYS_REQUEST_BYTES_MAX 16777216u
#define IIS_TIMEOUT_S             120u // IIS's default connectionTimeout
#define TIMEOUT_MARGIN_S          5u

enum {
    SSL_SNI = 1,
    SSL_NO_HTTP2 = 4,
    SSL_NO_QUIC = 16,
};

static void require(struct plan *plan, const struct plan_server *server,
                    struct requirement requirement)
{
    requirement.scope = PLAN_OF_SERVER;
    requirement.owner = server->name;
    plan_require(plan, &requirement);
}

// ---------------------------------------------------------------------------- identity

static void require_identity(struct plan *plan, const struct plan_server *server)
{
    require(plan, server,
            (struct requirement){.kind = PLAN_IIS,
                                 .mark = PLAN_DOCUMENTED,
                                 .act = PLAN_HAVE_FEATURE,
                                 .subject = "Web-Windows-Auth",
                                 .what = "the role service Windows Authentication is installed",
                                 .why = "IIS offers neither Negotiate nor NTLM without it"});
    if (plan->is_account_managed)
        require(plan, server,
                (struct requirement){
                    .kind = PLAN_IIS,
                    .mark = PLAN_KNOWN,
                    .act = PLAN_INSTALL_ACCOUNT,
                    .subject = plan->account,
                    .what = plan_text(plan, "%s is installed on the server", plan->account),
                    .why = "the server then fetches the managed password"});
    require(plan, server,
            (struct requirement){
                .kind = PLAN_IIS,
                .mark = PLAN_DOCUMENTED,
                .act = PLAN_RUN_AS,
                .subject = plan->account,
                .what = plan_text(plan, "the application pool runs as %s", plan->account),
                .why = "the owner of the names must be the identity that opens the tickets, the "
                       "same on every server"});
}

// ---------------------------------------------------------------------------- authentication

static void require_switch(struct plan *plan, const struct plan_server *server, const char *section,
                           const char *setting, const char *what, const char *why)
{
    require(plan, server,
            (struct requirement){.kind = PLAN_IIS,
                                 .mark = PLAN_DOCUMENTED,
                                 .act = PLAN_SWITCH,
                                 .subject = plan_text(plan, "%s/%s", section, setting),
                                 .value = section,
                                 .detail = setting,
                                 .what = what,
                                 .why = why});
}

static void require_authentication(struct plan *plan, const struct plan_server *server)
{
    require_switch(plan, server, "windowsAuthentication", "enabled=True",
                   "Windows authentication is on", "it is off by default");
    require_switch(plan, server, "anonymousAuthentication", "enabled=False",
                   "anonymous authentication is off",
                   "IIS tries it first, and never asks anybody to log in where it succeeds");
    require_switch(plan, server, "windowsAuthentication", "useAppPoolCredentials=True",
                   "tickets are opened with the identity of the application pool",
                   "in kernel mode IIS opens tickets with the computer's key, but the names belong "
                   "to the service account: KRB_AP_ERR_MODIFIED otherwise");
    require(plan, server,
            (struct requirement){.kind = PLAN_IIS,
                                 .mark = PLAN_DOCUMENTED,
                                 .act = PLAN_ORDER_PROVIDERS,
                                 .subject = "providers",
                                 .value = "Negotiate,NTLM",
                                 .what = "the providers are Negotiate, then NTLM",
                                 .why = "their order is the order of the challenges, and some "
                                        "clients take the first one they can"});
}

// ---------------------------------------------------------------------------- Extended Protection

static bool needs_proxy_flag(const struct plan *plan, unsigned ways)
{
    bool is_other = ways & PLAN_FORWARD_TLS && !plan->wish.is_same_certificate;
    return is_other || ways & (PLAN_FORWARD_PLAIN | PLAN_CLEAR);
}

// The names tickets and logins may carry, as SPNs with commas; `ret_has_dotless` if one of them is
// a short name.
static const char *protected_spns(struct plan *plan, const struct plan_server *server,
                                  bool *ret_has_dotless)
{
    const char *spns = "";
    *ret_has_dotless = false;
    for (size_t i = 0; i < plan->requirement_count; i++) {
        const struct requirement *spn = &plan->requirements[i];
        if (spn->act != PLAN_HAVE_SPN)
            continue;
        struct span host = span_text(spn->subject + strlen("HTTP/"));
        host = span_first(host, span_find(host, ':'));
        for (size_t j = 0; j < server->arrival_count; j++) {
            const struct plan_arrival *arrival = &server->arrivals[j];
            if (!arrival->is_login || !host_matches(span_text(arrival->host), host))
                continue;
            spns = plan_text(plan, "%s%s%s", spns, *spns ? "," : "", spn->subject);
            *ret_has_dotless |= span_find(host, '.') == host.size;
            break;
        }
    }
    return spns;
}

static const char *why_protection(const struct plan *plan, unsigned ways)
{
    if (ways & PLAN_CLEAR)
        return "clients that speak plain HTTP to the load balancer have no channel to bind to: "
               "ProxyCohosting lets them in, Proxy the others, and the names are checked instead";
    if (!needs_proxy_flag(plan, ways))
        return "the client binds to the certificate the server shows, so the comparison is right; "
               "Allow refuses a wrong binding and lets in clients that send none (curl, and "
               "browsers on Linux), Require would refuse those";
    return "the client binds to the load balancer's certificate and not to the server's: without "
           "Proxy every Windows client is refused with 401; with Proxy the server wants any "
           "binding and a name out of its list";
}

// The list of names knows no wildcard either.
static void note_patterns(struct plan *plan, const struct plan_server *server)
{
    for (size_t i = 0; i < server->arrival_count; i++) {
        const char *host = server->arrivals[i].host;
        if (host[0] == '*' && server->arrivals[i].is_login)
            require(plan, server,
                    (struct requirement){
                        .kind = PLAN_PROTECTION,
                        .mark = PLAN_CONCLUDED,
                        .subject = host,
                        .what = plan_text(plan,
                                          "HTTP/NAME stands in that list for every NAME below %s "
                                          "that people use",
                                          host + 2),
                        .why = "with the flag Proxy the name is checked, and the list has no "
                               "wildcards"});
    }
}

static void require_protection(struct plan *plan, const struct plan_server *server)
{
    bool has_dotless;
    const char *spns = protected_spns(plan, server, &has_dotless);
    bool is_proxied = needs_proxy_flag(plan, server->ways);
    const char *flags = plan_text(plan, "%s%s%s", is_proxied ? "Proxy" : "None",
                                  server->ways & PLAN_CLEAR ? ",ProxyCohosting" : "",
                                  is_proxied && has_dotless ? ",AllowDotlessSpn" : "");
    require(plan, server,
            (struct requirement){
                .kind = PLAN_PROTECTION,
                .mark = PLAN_DOCUMENTED,
                .act = PLAN_PROTECT,
                .subject = flags,
                .value = is_proxied ? spns : "",
                .what = plan_text(plan, "Extended Protection: tokenChecking Allow, flags %s%s%s",
                                  flags, is_proxied ? ", names " : "",
                                  is_proxied ? plan_spaced(plan, spns) : ""),
                .why = why_protection(plan, server->ways)});
    if (!is_proxied)
        return;
    note_patterns(plan, server);
    require(plan, server,
            (struct requirement){
                .kind = PLAN_PROTECTION,
                .mark = PLAN_UNCERTAIN,
                .subject = "DefaultAuthHardeningLevel",
                .what = "do not rely on tokenChecking None here",
                .why = "since January 2026 HTTP.sys compares bindings by default "
                       "(DefaultAuthHardeningLevel 1), and whether None shields a site from that "
                       "is not established; event 4625 with status 0xC000035B is how it shows"});
}

static void note_protection(struct plan *plan, const struct site_config *site, const char *subject,
                            const char *what, const char *why, enum plan_mark mark)
{
    plan_require(plan, &(struct requirement){.kind = PLAN_PROTECTION,
                                             .mark = mark,
                                             .scope = PLAN_OF_SITE,
                                             .owner = site->name,
                                             .subject = subject,
                                             .what = what,
                                             .why = why});
}

static void note_forwarding(struct plan *plan, const struct site_config *site, unsigned ways)
{
    if (ways & PLAN_FORWARD_TLS && plan->wish.is_same_certificate)
        note_protection(plan, site, "same",
                        "forwarded over TLS with the same certificate: passes "
                        "with flags None",
                        "only while both leaf certificates are the same bytes; a second one (RSA "
                        "beside ECDSA) or a default one must be the same, too",
                        PLAN_CONCLUDED);
    else if (ways & PLAN_FORWARD_TLS)
        note_protection(plan, site, "other",
                        "forwarded over TLS with another certificate: passes "
                        "only with the flag Proxy and the names listed",
                        "the client binds to the certificate it sees, which is not the server's",
                        PLAN_DOCUMENTED);
    if (ways & PLAN_FORWARD_PLAIN)
        note_protection(plan, site, "plain",
                        "forwarded as plain HTTP: passes with the flag Proxy "
                        "and the names listed",
                        "the server has no channel to compare with; flags None with Allow or "
                        "Require are expected to fail, which nobody has tried here",
                        PLAN_UNCERTAIN);
    if (ways & PLAN_CLEAR)
        note_protection(plan, site, "clear",
                        "served to plain HTTP: passes only with Proxy and "
                        "ProxyCohosting",
                        "those clients have no TLS to bind to; anybody on the way can read and "
                        "relay their logins",
                        PLAN_DOCUMENTED);
}

static void note_site(struct plan *plan, const struct site_config *site)
{
    unsigned ways = 0;
    for (size_t i = 0; i < plan->name_count; i++)
        if (plan->names[i].site == site)
            ways |= plan->names[i].ways;
    if (ways & PLAN_PASSTHROUGH)
        note_protection(plan, site, "passthrough", "passed through: passes with every setting",
                        "the client's TLS ends at the server, so both see the same certificate",
                        PLAN_DOCUMENTED);
    if (ways & PLAN_REDIRECT && !(ways & PLAN_LOGIN))
        note_protection(plan, site, "redirect", "redirected: nobody logs in under these names",
                        "the login happens at the name the client is sent to", PLAN_CONCLUDED);
    note_forwarding(plan, site, ways);
}

void plan_require_protection(struct plan *plan)
{
    for (size_t i = 0; i < plan->snapshot->site_count; i++)
        note_site(plan, &plan->snapshot->sites[i]);
    for (size_t i = 0; i < plan->server_count; i++)
        require_protection(plan, &plan->servers[i]);
}

// ---------------------------------------------------------------------------- bindings

static const char *why_binding(const struct plan_arrival *arrival)
{
    if (arrival->ways & (PLAN_PASSTHROUGH | PLAN_DIRECT))
        return "the client's TLS ends here: the binding chooses the certificate by name; without "
               "HTTP/2 and QUIC, because IIS does no Windows authentication over them and some "
               "clients do not turn back";
    if (arrival->is_login)
        return "requests arrive with the Host the client sent; where no binding matches, HTTP.sys "
               "answers 400 Invalid Hostname";
    return "the load balancer's own handshakes and health checks use this name";
}

static void require_binding(struct plan *plan, const struct plan_server *server,
                            const struct plan_arrival *arrival)
{
    if (plan_is_address(arrival->host))
        return; // Host headers with addresses are answered by a binding without a name
    bool is_plain = !(arrival->ways & (PLAN_FORWARD_TLS | PLAN_PASSTHROUGH | PLAN_DIRECT));
    bool is_met = arrival->ways & (PLAN_PASSTHROUGH | PLAN_DIRECT);
    const char *protocol = is_plain ? "http" : "https";
    unsigned flags = is_plain ? 0u : is_met ? SSL_SNI | SSL_NO_HTTP2 | SSL_NO_QUIC : SSL_SNI;
    require(plan, server,
            (struct requirement){
                .kind = PLAN_IIS,
                .mark = arrival->host[0] == '*' ? PLAN_KNOWN : PLAN_DOCUMENTED,
                .act = PLAN_BIND,
                .subject = arrival->host,
                .value = protocol,
                .port = arrival->port,
                .number = flags,
                .what = plan_text(plan, "a binding %s *:%u:%s%s", protocol, arrival->port,
                                  arrival->host,
                                  is_met     ? ", by SNI, without HTTP/2 and QUIC (sslFlags 21)"
                                  : is_plain ? ""
                                             : ", by SNI (sslFlags 1)"),
                .why = why_binding(arrival)});
}

static void require_bindings(struct plan *plan, const struct plan_server *server)
{
    for (size_t i = 0; i < server->arrival_count; i++)
        require_binding(plan, server, &server->arrivals[i]);
    if (!server->is_behind)
        return;
    require(
        plan, server,
        (struct requirement){
            .kind = PLAN_IIS,
            .mark = PLAN_CONCLUDED,
            .act = PLAN_STOP_REGISTRATION,
            .subject = server->name,
            .what = plan_text(plan, "the server does not register %s in DNS itself", server->name),
            .why = "the name leads to the load balancer; a server whose computer name it is "
                   "would add its own address beside it, and clients would find one or the "
                   "other. A name that is not the computer's avoids this, and keeps remote "
                   "administration by the computer's name"});
}

// ---------------------------------------------------------------------------- limits

static void require_limit(struct plan *plan, const struct plan_server *server, const char *value,
                          uint64_t bytes, unsigned most)
{
    unsigned number = bytes < most ? (unsigned)bytes : most;
    require(plan, server,
            (struct requirement){
                .kind = PLAN_IIS,
                .mark = PLAN_DOCUMENTED,
                .act = PLAN_RAISE_LIMIT,
                .subject = value,
                .number = number,
                .what = plan_text(plan, "HTTP.sys %s is at least %u", value, number),
                .why = "a ticket of somebody in many groups takes up to 64 000 bytes in one header "
                       "line; the default of 16 384 answers those people, and only those, with 400 "
                       "Request Header too long"});
}

static void require_limits(struct plan *plan, const struct plan_server *server)
{
    const struct snapshot *snapshot = plan->snapshot;
    require_limit(plan, server, "MaxFieldLength", snapshot->limits.header_line_bytes,
                  HTTPSYS_FIELD_BYTES_MAX);
    require_limit(plan, server, "MaxRequestBytes", snapshot->limits.header_bytes,
                  HTTPSYS_REQUEST_BYTES_MAX);
    if (!(server->ways & (PLAN_FORWARD_TLS | PLAN_FORWARD_PLAIN)))
        return;
    uint64_t idle_s = (snapshot->timeouts.idle_ms + 999) / 1000;
    bool is_default = idle_s + TIMEOUT_MARGIN_S <= IIS_TIMEOUT_S;
    unsigned least_s = is_default ? IIS_TIMEOUT_S : (unsigned)idle_s + TIMEOUT_MARGIN_S;
    require(plan, server,
            (struct requirement){
                .kind = PLAN_IIS,
                .mark = PLAN_DOCUMENTED,
                .act = PLAN_RAISE_TIMEOUT,
                .subject = "connectionTimeout",
                .number = least_s,
                .what = plan_text(plan, "connectionTimeout is at least %u s", least_s),
                .why = plan_text(plan,
                                 "the load balancer lets a client idle for %llu s (timeouts.idle); "
                                 "if IIS closed first, a request could meet a connection that is "
                                 "going away, and a login would be lost with it",
                                 (unsigned long long)idle_s)});
    require(plan, server,
            (struct requirement){
                .kind = PLAN_IIS,
                .mark = PLAN_DOCUMENTED,
                .act = PLAN_LOG_FIELD,
                .subject = "X-Forwarded-For",
                .what = "the log has a field for X-Forwarded-For",
                .why = "the address in c-ip is the load balancer's; that of the client stands in "
                       "this header"});
}

static void note_address(struct plan *plan, const struct plan_server *server)
{
    if (server->ways & PLAN_PASSTHROUGH)
        require(plan, server,
                (struct requirement){
                    .kind = PLAN_IIS,
                    .mark = PLAN_UNCERTAIN,
                    .subject = "c-ip",
                    .what = "for connections that are passed through, the log shows the load "
                            "balancer's address; the client's stands in the load balancer's log",
                    .why = "nothing can be added to a connection that is passed through, and no "
                           "version of IIS is known to read the PROXY protocol"});
}

static bool accepts_challenge(const struct health_config *health)
{
    for (size_t i = 0; i < health->expect_count; i++)
        if (health->expect[i] == 401)
            return true;
    return health->expect_count == 0;
}

static void require_probed_path(struct plan *plan, const struct pool_config *pool)
{
    if (pool->health.kind != HEALTH_HTTP || accepts_challenge(&pool->health))
        return;
    for (size_t i = 0; i < plan->server_count; i++)
        for (size_t j = 0; j < pool->server_count; j++)
            if (strcmp(plan->servers[i].name, pool->servers[j].name) == 0)
                require(plan, &plan->servers[i],
                        (struct requirement){
                            .kind = PLAN_IIS,
                            .mark = PLAN_CONCLUDED,
                            .subject = pool->health.path,
                            .what = plan_text(plan,
                                              "%s answers without a login: anonymous "
                                              "authentication is on for that path alone",
                                              pool->health.path),
                            .why = "the health check of this pool sends no credentials, and its "
                                   "expect has no 401"});
}

void plan_require_iis(struct plan *plan)
{
    for (size_t i = 0; i < plan->snapshot->pool_count; i++)
        require_probed_path(plan, &plan->snapshot->pools[i]);
    for (size_t i = 0; i < plan->server_count; i++) {
        const struct plan_server *server = &plan->servers[i];
        require_identity(plan, server);
        require_authentication(plan, server);
        require_bindings(plan, server);
        require_limits(plan, server);
        note_address(plan, server);
    }
}
