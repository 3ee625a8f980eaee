// SPDX-License-Identifier: Apache-2.0
// What the directory says: the account, its encryption types, and who holds each name, in the whole
// forest where there is a global catalog.
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "base/clock.h"
#include "doctor/check/view.h"
#include "doctor/directory.h"
#include "doctor/kerberos_client.h"
#include "doctor/plan/check.h"
#include "doctor/secret.h"
#include "wire/host.h"

enum {
    PORT_LDAP = 389,
    PORT_CATALOG = 3268,
    HOLDERS_MAX = 8,
};

// [MS-KILE] 2.2.7: the two AES types, and all types there are.
#define ETYPES_AES   0x18
#define ETYPES_ALL   0x1f
#define UAC_DISABLED 0x2 // of userAccountControl, [MS-ADTS] 2.2.16

static const char *const attributes[] = {"sAMAccountName", "objectClass", "userAccountControl",
                                         "msDS-SupportedEncryptionTypes", NULL};

struct census {
    struct plan_checkup *checkup;
    struct directory *domain;
    struct directory *catalog; // NULL: there is none
    const json_t *account;     // the entry of the service account; NULL: none
};

// ---------------------------------------------------------------------------- entries

static const char *value_of(const json_t *entry, const char *attribute)
{
    const char *value = json_string_value(json_array_get(json_object_get(entry, attribute), 0));
    return value ? value : "";
}

static bool is_of_class(const json_t *entry, const char *class)
{
    const json_t *classes = json_object_get(entry, "objectClass");
    for (size_t i = 0; i < json_array_size(classes); i++)
        if (strcasecmp(json_string_value(json_array_get(classes, i)), class) == 0)
            return true;
    return false;
}

// In the forest for names, in the domain for accounts. NULL with the problem: not known.
static json_t *search(struct directory *directory, const char *base, const char *attribute,
                      const char *value, struct directory_problem *ret_problem)
{
    char filter[1024];
    if (!directory_filter(attribute, value, filter, sizeof filter)) {
        snprintf(ret_problem->text, sizeof ret_problem->text, "the name is too long");
        return NULL;
    }
    return directory_search(directory, base, true, filter, attributes, HOLDERS_MAX, ret_problem);
}

static json_t *search_account(struct census *census, const char *name,
                              struct directory_problem *ret_problem)
{
    return search(census->domain, directory_base(census->domain), "sAMAccountName", name,
                  ret_problem);
}

static json_t *search_name(struct census *census, const char *spn,
                           struct directory_problem *ret_problem)
{
    if (census->catalog)
        return search(census->catalog, "", "servicePrincipalName", spn, ret_problem);
    return search(census->domain, directory_base(census->domain), "servicePrincipalName", spn,
                  ret_problem);
}

// ---------------------------------------------------------------------------- the account

static void see_account(struct census *census, size_t index)
{
    struct plan *plan = census->checkup->plan;
    bool is_managed = is_of_class(census->account, "msDS-GroupManagedServiceAccount");
    bool is_disabled =
        strtoul(value_of(census->account, "userAccountControl"), NULL, 10) & UAC_DISABLED;
    const char *found = !census->account ? "there is no such account"
                        : is_disabled    ? "the account is disabled"
                        : is_managed != plan->is_account_managed
                            ? (is_managed ? "it is a group managed service account"
                                          : "it is no group managed service account")
                            : NULL;
    plan_see(census->checkup, index, found ? PLAN_MISSING : PLAN_TRUE, found,
             census->account ? NULL : "active-directory.ps1 of --out makes it");
}

static void see_types(struct census *census, size_t index)
{
    struct plan *plan = census->checkup->plan;
    const char *said = value_of(census->account, "msDS-SupportedEncryptionTypes");
    bool is_aes = (strtoul(said, NULL, 10) & ETYPES_ALL) == ETYPES_AES;
    const char *found = census->account ? plan_text(plan, "msDS-SupportedEncryptionTypes is %s",
                                                    *said ? said : "not set")
                                        : "there is no such account";
    plan_see(census->checkup, index, census->account && is_aes ? PLAN_TRUE : PLAN_MISSING, found,
             plan_text(plan, "%s -Identity %s -KerberosEncryptionType AES128,AES256",
                       plan->is_account_managed ? "Set-ADServiceAccount" : "Set-ADUser",
                       plan->account));
}

// Who may read the password stands in a security descriptor, which is not looked at; a computer
// that is not there may not.
static void see_reader(struct census *census, size_t index)
{
    struct plan *plan = census->checkup->plan;
    const char *computer = plan->requirements[index].subject;
    struct directory_problem problem = {0};
    json_t *found = search_account(census, computer, &problem);
    if (!found)
        plan_see(census->checkup, index, PLAN_BLIND, plan_text(plan, "%s", problem.text), NULL);
    else if (json_array_size(found) == 0)
        plan_see(census->checkup, index, PLAN_MISSING,
                 plan_text(plan, "there is no computer account %s", computer), NULL);
    json_decref(found);
}

// ---------------------------------------------------------------------------- names

static const char *name_holders(struct plan *plan, const json_t *others)
{
    const char *names = "";
    for (size_t i = 0; i < json_array_size(others); i++) {
        const json_t *entry = json_array_get(others, i);
        names = plan_text(plan, "%s%s%s (%s)", names, *names ? ", " : "",
                          value_of(entry, "sAMAccountName"),
                          json_string_value(json_object_get(entry, "dn")));
    }
    return names;
}

// Who may write a name into the directory must not write commands of whoever mends it.
static const char *mend_name(struct plan *plan, const char *spn, const json_t *others, bool is_held)
{
    const char *commands = "";
    for (size_t i = 0; i < json_array_size(others); i++)
        commands = plan_text(
            plan, "%ssetspn -D %s %s; ", commands, spn,
            view_harmless(value_of(json_array_get(others, i), "sAMAccountName"), "ACCOUNT"));
    if (!is_held)
        return plan_text(plan, "%ssetspn -S %s %s", commands, spn, plan->account);
    return plan_text(plan, "%.*s", (int)strlen(commands) - 2, commands);
}

static void judge_name(struct census *census, size_t index, const json_t *holders)
{
    struct plan *plan = census->checkup->plan;
    const char *spn = plan->requirements[index].subject;
    json_t *others = json_array();
    CHECK(others);
    for (size_t i = 0; i < json_array_size(holders); i++) {
        json_t *entry = json_array_get(holders, i);
        if (strcasecmp(value_of(entry, "sAMAccountName"), plan->account) != 0)
            json_array_append(others, entry);
    }
    bool is_held = json_array_size(others) < json_array_size(holders);
    bool has_others = json_array_size(others) > 0;
    const char *found = !has_others ? "nobody has it"
                                    : plan_text(plan, "%s %s", name_holders(plan, others),
                                                is_held ? "has it too" : "has it");
    if (is_held && !has_others)
        plan_see(census->checkup, index, PLAN_TRUE, NULL, NULL);
    else
        plan_see(census->checkup, index, PLAN_MISSING, found,
                 mend_name(plan, spn, others, is_held));
    json_decref(others);
}

static void see_name(struct census *census, size_t index)
{
    struct plan *plan = census->checkup->plan;
    struct directory_problem problem = {0};
    json_t *holders = search_name(census, plan->requirements[index].subject, &problem);
    if (holders)
        judge_name(census, index, holders);
    else
        plan_see(census->checkup, index, PLAN_BLIND, plan_text(plan, "%s", problem.text), NULL);
    json_decref(holders);
}

static void see(struct census *census, size_t index)
{
    switch (census->checkup->plan->requirements[index].act) {
    case PLAN_HAVE_ACCOUNT:
        see_account(census, index);
        break;
    case PLAN_HAVE_AES:
        see_types(census, index);
        break;
    case PLAN_HAVE_READER:
        see_reader(census, index);
        break;
    case PLAN_HAVE_SPN:
        see_name(census, index);
        break;
    default:
        break;
    }
}

// ---------------------------------------------------------------------------- where and as whom

// The controller, its address, and what proves us to it.
struct access {
    struct host host;
    char name[HOST_NAME_MAX + 1];
    struct address address;
    struct kerberos_client *kerberos;
    char cache[128];
    char *password; // wiped in the end
    struct directory_wish wish;
    struct directory_problem problem;
};

static bool refuse(struct access *access, const char *why)
{
    snprintf(access->problem.text, sizeof access->problem.text, "%s", why);
    return false;
}

static bool choose_host(const struct plan_checkup *checkup, struct resolver *resolver,
                        struct resolver_answer *answer, struct access *access)
{
    const struct plan_glasses *glasses = checkup->glasses;
    const char *said = glasses->ldap_server;
    if (!said && *checkup->plan->domain) {
        const char *service = plan_text(checkup->plan, "_ldap._tcp.%s", checkup->plan->domain);
        resolver_ask_service(resolver, service, answer);
        resolver_wait(resolver, loop_now_us() + (uint64_t)glasses->patience_ms * US_PER_MS);
        said = answer->count ? answer->records[0].name : NULL;
    }
    if (!said || !host_parse(span_text(said), &access->host))
        return refuse(access, "no domain controller is known: DNS names none for the domain "
                              "(--domain), and --ldap was not given");
    snprintf(access->name, sizeof access->name, "%.*s", SPAN_PRINT(host_name(&access->host)));
    return true;
}

static bool find_host(const struct plan_checkup *checkup, struct access *access)
{
    struct resolver *resolver = resolver_new(checkup->glasses->dns_server);
    struct resolver_answer *answer = calloc(1, sizeof *answer);
    CHECK(answer);
    bool is_found = resolver ? choose_host(checkup, resolver, answer, access)
                             : refuse(access, "no name server can be asked");
    free(answer);
    resolver_free(resolver);
    if (!is_found)
        return false;
    uint64_t until_us = loop_now_us() + (uint64_t)checkup->glasses->patience_ms * US_PER_MS;
    return resolver_find(checkup->glasses->dns_server, access->name, PORT_LDAP, until_us,
                         &access->address) ||
           refuse(access, "the domain controller has no address");
}

static bool find_proof(const struct plan_glasses *glasses, struct access *access)
{
    static const struct account ambient = {.proof = PROOF_CCACHE, .user = "", .realm = ""};
    struct kerberos_problem problem = {0};
    access->wish = (struct directory_wish){.host = access->name,
                                           .user = glasses->user,
                                           .ca_file = glasses->ca_file,
                                           .patience_ms = glasses->patience_ms};
    if (glasses->user) {
        access->password = secret_read_file(glasses->password_file);
        access->wish.password = access->password;
        return access->password || refuse(access, "the password cannot be read");
    }
    access->kerberos = kerberos_client_new(&ambient, &problem);
    bool has_cache = access->kerberos &&
                     kerberos_client_cache(access->kerberos, access->cache, sizeof access->cache);
    if (!has_cache)
        return refuse(access, "there is no Kerberos ticket (kinit), and no --as");
    access->wish.cache = access->cache;
    return true;
}

static struct directory *open_at(struct access *access, unsigned port)
{
    struct address address = access->address;
    if (address.any.sa_family == AF_INET6)
        address.v6.sin6_port = htons((uint16_t)port);
    else
        address.v4.sin_port = htons((uint16_t)port);
    access->wish.address = &address;
    struct directory *directory = directory_open(&access->wish, &access->problem);
    access->wish.address = NULL;
    return directory;
}

// ---------------------------------------------------------------------------- the whole

static bool is_asked(const struct requirement *requirement)
{
    return requirement->act == PLAN_HAVE_ACCOUNT || requirement->act == PLAN_HAVE_AES ||
           requirement->act == PLAN_HAVE_SPN;
}

static void see_nothing(struct plan_checkup *checkup, const char *why)
{
    for (size_t i = 0; i < checkup->plan->requirement_count; i++)
        if (is_asked(&checkup->plan->requirements[i]))
            plan_see(checkup, i, PLAN_BLIND, why, NULL);
}

static void see_everything(struct census *census)
{
    struct plan *plan = census->checkup->plan;
    struct directory_problem problem = {0};
    json_t *accounts = search_account(census, plan->account, &problem);
    census->account = json_array_get(accounts, 0);
    if (accounts)
        for (size_t i = 0; i < plan->requirement_count; i++)
            see(census, i);
    else
        see_nothing(census->checkup, plan_text(plan, "%s", problem.text));
    json_decref(accounts);
}

void plan_check_directory(struct plan_checkup *checkup)
{
    struct access *access = calloc(1, sizeof *access);
    CHECK(access);
    struct census census = {.checkup = checkup};
    bool is_ready = find_host(checkup, access) && find_proof(checkup->glasses, access);
    if (is_ready)
        census.domain = open_at(access, access->host.port ? access->host.port : PORT_LDAP);
    if (census.domain && !access->host.port)
        census.catalog = open_at(access, PORT_CATALOG);
    if (census.domain)
        see_everything(&census);
    else
        see_nothing(checkup, plan_text(checkup->plan, "%s", access->problem.text));
    directory_close(census.catalog);
    directory_close(census.domain);
    kerberos_client_free(access->kerberos);
    secret_free(access->password);
    free(access);
}
