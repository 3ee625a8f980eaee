// SPDX-License-Identifier: Apache-2.0
// Feeds any bytes to the reader of the configuration. Covers snapshot_parse and everything below
// it: encoding, document, read, value, derive, the cross checks; and findings_print on what they
// say. What is accepted must hold together: every reference resolved, every list there.
#include <stdlib.h>

#include "base/check.h"
#include "config/config.h"

static void check_sites(const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->site_count; i++) {
        const struct site_config *site = &snapshot->sites[i];
        CHECK(site->name && site->host_count > 0 && site->hosts[0]);
        if (site->mode == SITE_PASSTHROUGH)
            CHECK(site->pool_index < snapshot->pool_count);
        else
            CHECK(site->route_count > 0);
        for (size_t j = 0; j < site->route_count; j++) {
            CHECK(site->routes[j].path[0] == '/');
            CHECK(site->routes[j].pool_index < snapshot->pool_count);
            CHECK(j == 0 || strlen(site->routes[j].path) <= strlen(site->routes[j - 1].path));
        }
    }
}

static void check_pools(const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->pool_count; i++) {
        const struct pool_config *pool = &snapshot->pools[i];
        CHECK(pool->name && pool->server_count > 0);
        CHECK(pool->health.kind != HEALTH_HTTP || (pool->health.method && pool->health.path));
        for (size_t j = 0; j < pool->server_count; j++) {
            const struct server_config *server = &pool->servers[j];
            CHECK(server->name && server->host && server->port > 0 && server->weight <= 256);
        }
    }
}

static void check_snapshot(const struct snapshot *snapshot)
{
    CHECK(snapshot->listener_count > 0 && snapshot->log);
    for (size_t i = 0; i < snapshot->listener_count; i++) {
        const struct listener_config *listener = &snapshot->listeners[i];
        CHECK(listener->address && listener->port <= 65535);
        CHECK(!listener->default_site || listener->site_index < snapshot->site_count);
    }
    check_sites(snapshot);
    check_pools(snapshot);
}

// libfyaml 0.7 loses its list of the pieces of a scalar when there are very many (each '' is one),
// 2 KiB for each that is read: corpus/config/pieces.yaml. What we lose is still seen.
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml.so";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct findings *findings = findings_new("fuzz.yaml");
    struct snapshot *snapshot = snapshot_parse("fuzz.yaml", span_of(data, size), findings);
    CHECK((snapshot != NULL) == (findings->errors == 0));
    if (snapshot)
        check_snapshot(snapshot);
    snapshot_unref(snapshot);
    char *printed = findings_print(findings);
    CHECK((printed[0] == '\0') == (findings->count == 0));
    free(printed);
    findings_free(findings);
    return 0;
}
