// SPDX-License-Identifier: Apache-2.0
// Composing the status. Names are those of the configuration, the log and the metrics.
#include "control/status.h"

#include <unistd.h>

#include "base/clock.h"
#include "control/metrics.h"
#include "control/notice.h"

static json_t *integer(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *since(uint64_t then_us)
{
    char text[STAMP_BYTES];
    return then_us ? json_string(stamp(text, loop_now_us() - then_us)) : json_null();
}

static json_t *address(const struct address *value)
{
    char text[ADDRESS_TEXT_MAX];
    size_t size = address_print(value, text);
    return json_stringn(text, size);
}

// ---- listeners and sites

static json_t *listeners(const struct supervisor *supervisor)
{
    json_t *list = json_array();
    const struct snapshot *snapshot = supervisor->service->snapshot;
    for (size_t i = 0; i < snapshot->listener_count; i++) {
        const struct listener_config *config = &snapshot->listeners[i];
        json_array_append_new(list,
                              json_pack("{ss,so,sb,ss?}", "bind", config->bind, "address",
                                        address(&supervisor->listening->addresses[i]), "tls",
                                        config->is_tls, "default_site", config->default_site));
    }
    return list;
}

static json_t *routes(const struct site_config *site)
{
    json_t *list = json_array();
    for (size_t i = 0; i < site->route_count; i++) {
        const struct route_config *route = &site->routes[i];
        const char *action = route->action == ROUTE_REDIRECT ? "redirect" : "forward";
        json_array_append_new(list, json_pack("{ss,ss}", "path", route->path, action, route->pool));
    }
    return list;
}

static json_t *sites(const struct snapshot *snapshot)
{
    json_t *list = json_array();
    for (size_t i = 0; i < snapshot->site_count; i++) {
        const struct site_config *site = &snapshot->sites[i];
        json_t *hosts = json_array();
        for (size_t h = 0; h < site->host_count; h++)
            json_array_append_new(hosts, json_string(site->hosts[h]));
        json_t *item = json_pack("{ss,so}", "name", site->name, "hosts", hosts);
        if (site->mode == SITE_PASSTHROUGH)
            json_object_set_new(item, "passthrough", json_string(site->passthrough));
        else
            json_object_set_new(item, "routes", routes(site));
        json_array_append_new(list, item);
    }
    return list;
}

// ---- pools and servers

static void add_health(json_t *item, const struct server *server)
{
    const struct server_health *health = &server->health;
    json_object_set_new(item, "verdict", json_string(verdict_word(health->run.verdict)));
    json_object_set_new(item, "since", since(health->changed_us));
    if (health->why != END_OK) {
        json_object_set_new(item, "why", json_string(end_word(health->why)));
        json_object_set_new(
            item, "detail",
            json_string(health->detail[0] ? health->detail : end_sentence(health->why)));
    }
    json_object_set_new(item, "checks_passed", integer(health->checks_passed));
    json_object_set_new(item, "checks_failed", integer(health->checks_failed));
    json_object_set_new(
        item, "avoided",
        json_boolean(atomic_load(&server->avoided_until) > loop_now_us() / US_PER_MS));
}

static json_t *server_item(const struct server *server, const struct server_config *config)
{
    struct server_tally tally;
    server_tally_sum(server, &tally);
    json_t *item = json_pack("{ss,so,si}", "name", server->name, "address",
                             address(&server->address), "weight", (int)config->weight);
    add_health(item, server);
    json_object_set_new(item, "links", integer(atomic_load(&server->links)));
    json_object_set_new(item, "links_opened", integer(tally.links_opened));
    json_object_set_new(item, "exchanges", integer(tally.exchanges));
    json_object_set_new(item, "connect_errors", integer(tally.connect_errors));
    json_object_set_new(item, "sent_bytes", integer(tally.bytes_to_server));
    json_object_set_new(item, "received_bytes", integer(tally.bytes_from_server));
    return item;
}

static json_t *pools(const struct service *service)
{
    static const char *const balances[] = {"round-robin", "least-connections", "source"};
    static const char *const checks[] = {"tcp", "tls", "http", "none"};
    json_t *list = json_array();
    for (size_t p = 0; p < service->snapshot->pool_count; p++) {
        const struct pool *pool = service->pools[p];
        const struct pool_config *config = pool->config;
        json_t *servers = json_array();
        for (size_t i = 0; i < pool->server_count; i++)
            json_array_append_new(servers, server_item(pool->servers[i], &config->servers[i]));
        json_array_append_new(list,
                              json_pack("{ss,ss,ss,sb,ss,so}", "name", config->name, "balance",
                                        balances[config->balance], "links",
                                        config->links == LINKS_SHARED ? "shared" : "dedicated",
                                        "tls", config->tls.enabled, "check",
                                        checks[config->health.kind], "servers", servers));
    }
    return list;
}

// ---- what was counted

static json_t *counts(const struct tally *tally)
{
    json_t *object = json_object();
    for (enum tally_id id = 0; id < TALLY_COUNT; id++)
        json_object_set_new(object, tally_name(id), integer(tally->counts[id]));
    return object;
}

static uint64_t of_all_legs(const struct tally *tally, enum login_mechanism scheme,
                            enum login_outcome outcome)
{
    uint64_t sum = 0;
    for (enum login_leg leg = 0; leg < LOGIN_LEGS; leg++)
        sum += tally->logins[scheme][leg][outcome];
    return sum;
}

static json_t *logins(const struct tally *tally)
{
    json_t *object = json_object();
    for (enum login_mechanism scheme = 0; scheme < LOGIN_MECHANISMS; scheme++) {
        json_t *outcomes = json_object();
        for (enum login_outcome outcome = 0; outcome < LOGIN_OUTCOMES; outcome++)
            json_object_set_new(outcomes, login_outcome_word(outcome),
                                integer(of_all_legs(tally, scheme, outcome)));
        json_object_set_new(object, login_mechanism_word(scheme), outcomes);
    }
    return object;
}

static json_t *reloads(const struct supervisor *supervisor)
{
    return json_pack("{sI,sI,so,sb}", "adopted", (json_int_t)supervisor->reloads, "refused",
                     (json_int_t)supervisor->reloads_failed, "last",
                     since(supervisor->last_reload_us), "last_was_refused",
                     supervisor->last_reload_was_refused);
}

json_t *status_compose(const struct supervisor *supervisor)
{
    struct metrics metrics;
    const struct service *service = supervisor->service;
    metrics_gather(supervisor, &metrics);
    json_t *status = json_pack("{ss,si,so,sI,ss,ss,si}", "version", HANDFAST_VERSION, "pid",
                               (int)getpid(), "started", since(supervisor->started_us), "uptime_s",
                               (json_int_t)((loop_now_us() - supervisor->started_us) / US_PER_S),
                               "config", supervisor->config_file, "state",
                               supervisor->is_draining ? "draining" : "serving", "workers",
                               (int)supervisor->worker_count);
    json_object_set_new(status, "clients", integer(metrics.gauges.clients));
    json_object_set_new(status, "exchanges", integer(metrics.gauges.exchanges));
    json_object_set_new(status, "pins", integer(metrics.gauges.pins));
    json_object_set_new(status, "links", integer(metrics.gauges.links));
    json_object_set_new(status, "descriptors", integer(metrics.descriptors));
    json_object_set_new(status, "descriptors_max", integer(metrics.descriptors_max));
    json_object_set_new(status, "reloads", reloads(supervisor));
    json_object_set_new(status, "listeners", listeners(supervisor));
    json_object_set_new(status, "sites", sites(service->snapshot));
    json_object_set_new(status, "pools", pools(service));
    json_object_set_new(status, "protection", protections_json(supervisor->protections));
    json_object_set_new(status, "counts", counts(&metrics.tally));
    json_object_set_new(status, "logins", logins(&metrics.tally));
    return status;
}
