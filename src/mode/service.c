// SPDX-License-Identifier: Apache-2.0
// A snapshot made ready to serve. Building is the first phase of a reload: it can fail and then
// nothing has changed.
#include "mode/mode.h"

#include <stdlib.h>

#include "base/check.h"

// The same snapshot again has the same certificates, whatever lies on the disk by now.
static bool load_site(struct service *service, size_t i, const struct service *previous,
                      struct tls_tickets *tickets, struct findings *findings)
{
    const struct site_config *site = &service->snapshot->sites[i];
    if (site->certificate_count == 0)
        return true;
    if (previous && previous->snapshot == service->snapshot) {
        service->tls[i] = tls_server_share(previous->tls[i]);
        return true;
    }
    service->tls[i] = tls_server_new(tickets, site->name);
    CHECK(service->tls[i]);
    for (size_t c = 0; c < site->certificate_count; c++) {
        const struct certificate_config *certificate = &site->certificates[c];
        struct tls_problem problem = {0};
        if (tls_server_add(service->tls[i], certificate->chain, certificate->key, NULL, &problem))
            continue;
        findings_add(findings, FINDING_ERROR, certificate->place, "certificates", NULL, NULL, "%s",
                     problem.text);
        return false;
    }
    return true;
}

static bool load_pool(struct service *service, size_t i, const struct service *previous,
                      const struct lookup *lookup, struct findings *findings)
{
    const struct pool_config *config = &service->snapshot->pools[i];
    const struct pool *old = NULL;
    for (size_t p = 0; previous && p < previous->snapshot->pool_count; p++)
        if (strcmp(previous->snapshot->pools[p].name, config->name) == 0)
            old = previous->pools[p];
    struct tls_problem problem = {0};
    service->pools[i] = pool_new(config, old, lookup, &problem);
    if (service->pools[i])
        return true;
    findings_add(findings, FINDING_ERROR, config->place, "pools", NULL, NULL, "%s", problem.text);
    return false;
}

struct service *service_new(struct snapshot *snapshot, const struct service *previous,
                            const struct lookup *lookup, struct tls_tickets *tickets,
                            struct findings *findings)
{
    struct service *service = calloc(1, sizeof *service);
    CHECK(service);
    atomic_init(&service->references, 1);
    service->snapshot = snapshot_ref(snapshot);
    service->tls = calloc(snapshot->site_count + 1, sizeof(struct tls_server *));
    service->pools = calloc(snapshot->pool_count + 1, sizeof(struct pool *));
    CHECK(service->tls && service->pools);
    bool is_ready = true;
    for (size_t i = 0; i < snapshot->site_count; i++)
        is_ready = load_site(service, i, previous, tickets, findings) && is_ready;
    for (size_t i = 0; i < snapshot->pool_count; i++)
        is_ready = load_pool(service, i, previous, lookup, findings) && is_ready;
    return is_ready ? service : service_unref(service);
}

struct service *service_ref(struct service *service)
{
    atomic_fetch_add(&service->references, 1);
    return service;
}

struct service *service_unref(struct service *service)
{
    if (!service || atomic_fetch_sub(&service->references, 1) != 1)
        return NULL;
    for (size_t i = 0; i < service->snapshot->site_count; i++)
        tls_server_free(service->tls[i]);
    for (size_t i = 0; i < service->snapshot->pool_count; i++)
        pool_free(service->pools[i]);
    free(service->tls);
    free(service->pools);
    snapshot_unref(service->snapshot);
    free(service);
    return NULL;
}
