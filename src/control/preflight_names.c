// SPDX-License-Identifier: Apache-2.0
// Do the names resolve that servers are written as, and those that clients are redirected to? All
// are asked side by side, once.
#include <stdio.h>

#include "control/preflight.h"
#include "pool/pool.h"

static bool is_redirected_to(const struct snapshot *snapshot, size_t pool_index)
{
    for (size_t i = 0; i < snapshot->site_count; i++)
        for (size_t j = 0; j < snapshot->sites[i].route_count; j++) {
            const struct route_config *route = &snapshot->sites[i].routes[j];
            if (route->action == ROUTE_REDIRECT && route->pool_index == pool_index)
                return true;
        }
    return false;
}

static void check_server_name(const struct server_config *server, const char *path,
                              const struct lookup *lookup, struct findings *findings)
{
    const char *problem = NULL;
    enum lookup_result result = lookup_result(lookup, server->name, &problem);
    if (result == LOOKUP_ABSENT)
        findings_add(
            findings, FINDING_WARNING, server->place, path, NULL,
            server->is_public ? "add it to the DNS"
                              : "add it to the DNS, with the address of this load balancer",
            "clients are redirected to %s, which resolves nowhere: %s", server->name, problem);
    else if (result == LOOKUP_UNANSWERED)
        findings_add(findings, FINDING_WARNING, server->place, path, NULL,
                     "the name that clients are redirected to was not checked",
                     "the resolver of this machine does not answer for %s: %s", server->name,
                     problem);
}

// An address that is a name is looked up when the configuration is taken into use, which fails if
// it resolves nowhere.
static void check_server_address(const struct server_config *server, const char *path,
                                 const struct lookup *lookup, struct findings *findings)
{
    const char *problem = NULL;
    enum lookup_result result = lookup_result(lookup, server->host, &problem);
    if (result == LOOKUP_ABSENT || result == LOOKUP_UNANSWERED)
        findings_add(findings, result == LOOKUP_ABSENT ? FINDING_ERROR : FINDING_WARNING,
                     server->place, path, "an address, or a name that resolves",
                     "correct it, or add it to the DNS", "%s does not resolve: %s", server->host,
                     problem);
}

static struct lookup *look(const struct snapshot *snapshot)
{
    struct lookup *lookup = lookup_new();
    lookup_add_servers(lookup, snapshot);
    for (size_t i = 0; i < snapshot->pool_count; i++)
        for (size_t j = 0; j < snapshot->pools[i].server_count && is_redirected_to(snapshot, i);
             j++)
            lookup_add(lookup, snapshot->pools[i].servers[j].name);
    lookup_run(lookup);
    return lookup;
}

void preflight_names(const struct snapshot *snapshot, struct findings *findings)
{
    struct lookup *lookup = look(snapshot);
    for (size_t i = 0; i < snapshot->pool_count; i++) {
        const struct pool_config *pool = &snapshot->pools[i];
        bool is_target = is_redirected_to(snapshot, i);
        for (size_t j = 0; j < pool->server_count; j++) {
            char path[80];
            snprintf(path, sizeof path, "pools[%zu].servers[%zu].address", i, j);
            check_server_address(&pool->servers[j], path, lookup, findings);
            snprintf(path, sizeof path, "pools[%zu].servers[%zu].name", i, j);
            if (is_target)
                check_server_name(&pool->servers[j], path, lookup, findings);
        }
    }
    lookup_free(lookup);
}
