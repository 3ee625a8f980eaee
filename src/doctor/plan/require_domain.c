// SPDX-License-Identifier: Apache-2.0
// What the directory must hold: the one account all servers run as, and every service principal
// name a client can ask for, owned by it.
#include "doctor/plan/model.h"

// ---------------------------------------------------------------------------- the account

static void require_existence(struct plan *plan)
{
    bool is_managed = plan->is_account_managed;
    plan_require(
        plan,
        &(struct requirement){
            .kind = PLAN_ACCOUNT,
            .mark = PLAN_DOCUMENTED,
            .scope = PLAN_OF_DOMAIN,
            .act = PLAN_HAVE_ACCOUNT,
            .subject = plan->account,
            .what = plan_text(plan, "%s is %s, and the application pools of all servers run as it",
                              plan->account,
                              is_managed ? "a group managed service account" : "a domain account"),
            .why = "the KDC encrypts a ticket for the owner of the name that was asked for; every "
                   "server that may receive it must hold that owner's key, so all of them need "
                   "the same identity"});
}

static void require_reader(struct plan *plan, const char *server)
{
    bool is_unnamed = plan_is_address(server);
    const char *computer = is_unnamed ? plan_text(plan, "the computer at %s", server)
                                      : plan_text(plan, "%.*s$", (int)strcspn(server, "."), server);
    plan_require(
        plan,
        &(struct requirement){
            .kind = PLAN_ACCOUNT,
            .mark = is_unnamed ? PLAN_KNOWN : PLAN_UNCERTAIN,
            .scope = PLAN_OF_DOMAIN,
            .act = is_unnamed ? PLAN_READ : PLAN_HAVE_READER,
            .subject = computer,
            .what = plan_text(plan, "%s may retrieve the password of %s", computer, plan->account),
            .why = is_unnamed
                       ? "the server fetches the managed password itself; the configuration does "
                         "not say what its computer account is called"
                       : "the server fetches the managed password itself; that its computer "
                         "account is called like the first label of the server's name in the "
                         "configuration is assumed: correct it if not"});
}

static void require_readers(struct plan *plan)
{
    for (size_t i = 0; plan->is_account_managed && i < plan->server_count; i++)
        require_reader(plan, plan->servers[i].name);
}

void plan_require_account(struct plan *plan)
{
    require_existence(plan);
    require_readers(plan);
    plan_require(plan, &(struct requirement){
                           .kind = PLAN_ACCOUNT,
                           .mark = PLAN_DOCUMENTED,
                           .scope = PLAN_OF_DOMAIN,
                           .act = PLAN_HAVE_AES,
                           .subject = plan->account,
                           .what = plan_text(plan,
                                             "%s allows AES128 and AES256 and nothing else "
                                             "(msDS-SupportedEncryptionTypes 24)",
                                             plan->account),
                           .why = "domain controllers stop issuing RC4 tickets during 2026; an "
                                  "account whose password is older than the 2008 functional level "
                                  "has no AES keys until the password is set anew"});
}

// ---------------------------------------------------------------------------- names

static void require_spn(struct plan *plan, const struct plan_name *name, const char *spn,
                        const char *why, enum plan_mark mark)
{
    plan_require(
        plan, &(struct requirement){.kind = PLAN_SPN,
                                    .mark = mark,
                                    .scope = name->site ? PLAN_OF_SITE : PLAN_OF_SERVER,
                                    .act = PLAN_HAVE_SPN,
                                    .owner = name->site ? name->site->name : name->server->name,
                                    .subject = spn,
                                    .value = plan->account,
                                    .what = plan_text(plan, "%s belongs to %s and to nobody else",
                                                      spn, plan->account),
                                    .why = why});
}

static const char *why_name(const struct plan_name *name)
{
    if (name->server)
        return "clients ask for the name in their address bar, and here that is the server's own; "
               "without an entry of its own the HOST name of the computer account would stand in, "
               "whose key the application pool does not have";
    return "clients ask for the name in their address bar; unknown names make them fall back to "
           "NTLM, a second owner makes tickets that nobody can open";
}

static void require_port(struct plan *plan, const struct plan_name *name, unsigned port)
{
    if (port == 443 || port == 80)
        return;
    require_spn(plan, name, plan_text(plan, "HTTP/%s:%u", name->host, port),
                "on a port that is not the scheme's own, .NET clients put the port into the name, "
                "and so do Edge and Chrome with EnableAuthNegotiatePort; others leave it out",
                PLAN_DOCUMENTED);
}

static void require_ports(struct plan *plan, const struct plan_name *name)
{
    unsigned ports[64];
    if (!name->site) {
        unsigned port = name->server->redirect_port;
        require_port(plan, name, port ? port : name->server->port);
        return;
    }
    size_t count = plan_ports(plan, true, ports, 64);
    for (size_t i = 0; i < count; i++)
        require_port(plan, name, ports[i]);
    count = name->ways & PLAN_CLEAR ? plan_ports(plan, false, ports, 64) : 0;
    for (size_t i = 0; i < count; i++)
        require_port(plan, name, ports[i]);
}

static void require_note(struct plan *plan, const struct plan_name *name, const char *what,
                         const char *why)
{
    plan_require(plan,
                 &(struct requirement){.kind = PLAN_SPN,
                                       .mark = PLAN_KNOWN,
                                       .scope = name->site ? PLAN_OF_SITE : PLAN_OF_SERVER,
                                       .owner = name->site ? name->site->name : name->server->name,
                                       .subject = name->host,
                                       .what = what,
                                       .why = why});
}

static void require_spns(struct plan *plan, const struct plan_name *name)
{
    if (name->is_pattern) {
        require_note(plan, name,
                     plan_text(plan,
                               "HTTP/NAME belongs to %s for every NAME below %s that people "
                               "use: add each with setspn -S",
                               plan->account, name->host + 2),
                     "service principal names have no wildcards");
        return;
    }
    if (name->is_address) {
        require_note(plan, name,
                     plan_text(plan, "people who use the address %s get NTLM", name->host),
                     "clients ask for no Kerberos ticket for an address");
        return;
    }
    const char *short_name = plan_short_name(plan, name->host);
    require_spn(plan, name, plan_text(plan, "HTTP/%s", name->host), why_name(name),
                PLAN_DOCUMENTED);
    if (short_name)
        require_spn(plan, name, plan_text(plan, "HTTP/%s", short_name),
                    "some clients ask for the short name, and it must not have another owner",
                    PLAN_DOCUMENTED);
    require_ports(plan, name);
}

void plan_require_spns(struct plan *plan)
{
    for (size_t i = 0; i < plan->name_count; i++)
        if (plan->names[i].ways & PLAN_LOGIN)
            require_spns(plan, &plan->names[i]);
}
