// SPDX-License-Identifier: Apache-2.0
// Computes what the file says indirectly: defaults that depend on other options, the parts of
// addresses, the action of a route. Tolerates members that are missing because their values were
// refused.
#include <stdlib.h>

#include "config/endpoint.h"
#include "config/load.h"
#include "config/snapshot.h"
#include "wire/host.h"

static unsigned count_same_bind(const struct listener_config *first,
                                const struct listener_config *listener)
{
    unsigned count = 0;
    for (; first < listener; first++)
        count += first->bind && strcmp(first->bind, listener->bind) == 0;
    return count;
}

static void derive_listener(struct load *load, struct listener_config *listener)
{
    struct endpoint endpoint;
    listener->site_index = SIZE_MAX;
    if (!listener->bind || endpoint_parse_bind(span_text(listener->bind), &endpoint))
        return;
    listener->nth = count_same_bind(load->snapshot->listeners, listener);
    listener->address = snapshot_text(load->snapshot, span_text(endpoint.address));
    listener->port = endpoint.port;
    if (!load_is_written(load, &listener->is_tls) || load_is_refused(load, &listener->is_tls))
        listener->is_tls = listener->port != 80;
}

static void derive_metrics(struct snapshot *snapshot)
{
    struct endpoint endpoint;
    if (!snapshot->metrics || endpoint_parse_bind(span_text(snapshot->metrics), &endpoint))
        return;
    snapshot->metrics_address = snapshot_text(snapshot, span_text(endpoint.address));
    snapshot->metrics_port = endpoint.port;
}

static struct place place_of(struct load *load, const void *member)
{
    const struct mark *mark = marks_find(&load->marks, member);
    return mark ? mark->place : (struct place){0};
}

// For what is found out about them after loading.
static void derive_places(struct load *load)
{
    struct snapshot *snapshot = load->snapshot;
    snapshot->log_place = place_of(load, &snapshot->log);
    snapshot->admin_place = place_of(load, &snapshot->admin);
    snapshot->metrics_place = place_of(load, &snapshot->metrics);
}

static void derive_route(struct route_config *route)
{
    route->action = route->redirect && !route->forward ? ROUTE_REDIRECT : ROUTE_FORWARD;
    route->pool = route->action == ROUTE_REDIRECT ? route->redirect : route->forward;
    route->pool_index = SIZE_MAX;
}

static void derive_site(struct load *load, struct site_config *site)
{
    bool has_passthrough = load_is_written(load, &site->passthrough);
    site->mode = has_passthrough ? SITE_PASSTHROUGH : SITE_HTTP;
    site->pool_index = SIZE_MAX;
    for (size_t i = 0; i < site->route_count; i++)
        derive_route(&site->routes[i]);
    for (size_t i = 0; i < site->certificate_count; i++)
        if (!load_is_written(load, &site->certificates[i].key))
            site->certificates[i].key = site->certificates[i].chain;
}

static void derive_server(struct load *load, struct server_config *server)
{
    struct host host;
    if (!server->address || !host_parse(span_text(server->address), &host))
        return;
    server->host = snapshot_text(load->snapshot, host_name(&host));
    server->port = host.port;
}

static void derive_health(struct load *load, struct health_config *health, bool has_tls)
{
    bool has_request = load_is_written(load, &health->request);
    if (!load_is_written(load, &health->kind) || load_is_refused(load, &health->kind))
        health->kind = has_request ? HEALTH_HTTP : has_tls ? HEALTH_TLS : HEALTH_TCP;
    if (health->kind != HEALTH_HTTP)
        return;
    struct span path = health->request ? span_text(health->request) : SPAN("GET /");
    struct span method = span_cut(&path, ' ');
    health->method = snapshot_text(load->snapshot, method);
    health->path = snapshot_text(load->snapshot, path);
}

static void derive_pool(struct load *load, struct pool_config *pool)
{
    pool->tls.enabled = load_is_written(load, &pool->tls);
    derive_health(load, &pool->health, pool->tls.enabled);
    for (size_t i = 0; i < pool->server_count; i++)
        derive_server(load, &pool->servers[i]);
}

void derive_all(struct load *load)
{
    struct snapshot *snapshot = load->snapshot;
    derive_places(load);
    derive_metrics(snapshot);
    for (size_t i = 0; i < snapshot->listener_count; i++)
        derive_listener(load, &snapshot->listeners[i]);
    for (size_t i = 0; i < snapshot->site_count; i++)
        derive_site(load, &snapshot->sites[i]);
    for (size_t i = 0; i < snapshot->pool_count; i++)
        derive_pool(load, &snapshot->pools[i]);
}

static int compare_routes(const void *a, const void *b)
{
    const struct route_config *left = a;
    const struct route_config *right = b;
    size_t left_size = strlen(left->path);
    size_t right_size = strlen(right->path);
    if (left_size != right_size)
        return left_size > right_size ? -1 : 1;
    return strcmp(left->path, right->path);
}

void derive_order(struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->site_count; i++) {
        struct site_config *site = &snapshot->sites[i];
        if (site->route_count)
            qsort(site->routes, site->route_count, sizeof *site->routes, compare_routes);
    }
}
