// SPDX-License-Identifier: Apache-2.0
// `handfast status`: the running process at a glance: its state, its listeners and sites, and how
// each server is doing.
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cmd/ask.h"
#include "cmd/command.h"
#include "cmd/table.h"

static void print_process(const json_t *status)
{
    const json_t *reloads = json_object_get(status, "reloads");
    printf("handfast %s, pid %lld, %s since %s, %lld workers\n", ask_text(status, "version"),
           (long long)ask_number(status, "pid"), ask_text(status, "state"),
           ask_text(status, "started"), (long long)ask_number(status, "workers"));
    printf("clients %lld, exchanges %lld, pins %lld, links %lld, descriptors %lld of %lld\n",
           (long long)ask_number(status, "clients"), (long long)ask_number(status, "exchanges"),
           (long long)ask_number(status, "pins"), (long long)ask_number(status, "links"),
           (long long)ask_number(status, "descriptors"),
           (long long)ask_number(status, "descriptors_max"));
    printf("configuration %s: %lld reloads, %lld refused%s\n", ask_text(status, "config"),
           (long long)ask_number(reloads, "adopted"), (long long)ask_number(reloads, "refused"),
           json_is_true(json_object_get(reloads, "last_was_refused")) ? ", the last one too" : "");
}

static void print_listeners(const json_t *status)
{
    static const char *const heads[] = {"listener", "address", "speaks", NULL};
    struct table *table = table_new(heads);
    size_t i;
    json_t *listener;
    json_array_foreach(json_object_get(status, "listeners"), i, listener)
    {
        table_add(table, ask_text(listener, "bind"));
        table_add(table, ask_text(listener, "address"));
        table_add(table, json_is_true(json_object_get(listener, "tls")) ? "TLS" : "plain HTTP");
    }
    table_print(table);
}

static void add_way(struct table *table, const json_t *site, const json_t *route)
{
    const char *forward = ask_text(route, "forward");
    table_add(table, ask_text(site, "name"));
    table_add(table, ask_text(route, "path"));
    table_add(table, *forward ? "forward" : "redirect");
    table_add(table, *forward ? forward : ask_text(route, "redirect"));
}

static void print_sites(const json_t *status)
{
    static const char *const heads[] = {"site", "path", "mode", "pool", NULL};
    struct table *table = table_new(heads);
    size_t i;
    size_t r;
    json_t *site;
    json_t *route;
    json_array_foreach(json_object_get(status, "sites"), i, site)
    {
        const char *passthrough = ask_text(site, "passthrough");
        json_array_foreach(json_object_get(site, "routes"), r, route) add_way(table, site, route);
        if (!*passthrough)
            continue;
        table_add(table, ask_text(site, "name"));
        table_add(table, "");
        table_add(table, "passthrough");
        table_add(table, passthrough);
    }
    table_print(table);
}

static void add_server(struct table *table, const json_t *pool, const json_t *server)
{
    char memory[256];
    struct text why = text_over(memory, sizeof memory - 1);
    bool is_avoided = json_is_true(json_object_get(server, "avoided"));
    table_add(table, ask_text(pool, "name"));
    table_add(table, ask_text(server, "name"));
    table_add(table, ask_text(server, "address"));
    table_add(table, ask_text(server, "verdict"));
    table_add(table, ask_text(server, "since"));
    table_add_number(table, ask_number(server, "links"));
    table_add_number(table, ask_number(server, "exchanges"));
    table_add_number(table, ask_number(server, "connect_errors"));
    text_add_string(&why, ask_text(server, "why"));
    if (*ask_text(server, "detail"))
        text_add_printf(&why, ": %s", ask_text(server, "detail"));
    if (is_avoided)
        text_add_string(&why, why.size ? "; avoided after connect errors"
                                       : "avoided after connect errors");
    memory[why.size] = '\0';
    table_add(table, memory);
}

static void print_servers(const json_t *status)
{
    static const char *const heads[] = {"pool",   "server",     "address", "verdict", "since",
                                        ">links", ">exchanges", ">errors", "why",     NULL};
    struct table *table = table_new(heads);
    size_t p;
    size_t i;
    json_t *pool;
    json_t *server;
    json_array_foreach(json_object_get(status, "pools"), p, pool)
        json_array_foreach(json_object_get(pool, "servers"), i, server)
            add_server(table, pool, server);
    table_print(table);
}

// ---- Extended Protection

// Of two servers of one way.
static bool says_the_same(const json_t *a, const json_t *b)
{
    static const char *const keys[] = {"site", "mode", "client", "pool", "verdict"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (strcmp(ask_text(a, keys[i]), ask_text(b, keys[i])) != 0)
            return false;
    return true;
}

// The servers of which the same is said from item `i` on; the index after the last.
static size_t join_servers(const json_t *items, size_t i, struct text *servers)
{
    const json_t *first = json_array_get(items, i);
    const json_t *item = first;
    do {
        text_add_printf(servers, "%s%s", item == first ? "" : ", ", ask_text(item, "server"));
        item = json_array_get(items, ++i);
    } while (item && says_the_same(first, item));
    return i;
}

static void print_protection(const json_t *status)
{
    static const char *const heads[] = {
        "site", "client", "mode", "pool", "servers", "Extended Protection", "meaning", NULL};
    const json_t *items = json_object_get(status, "protection");
    struct table *table = table_new(heads);
    for (size_t i = 0; i < json_array_size(items);) {
        char memory[512];
        struct text servers = text_over(memory, sizeof memory - 1);
        const json_t *item = json_array_get(items, i);
        i = join_servers(items, i, &servers);
        memory[servers.size] = '\0';
        table_add(table, ask_text(item, "site"));
        table_add(table, ask_text(item, "client"));
        table_add(table, ask_text(item, "mode"));
        table_add(table, ask_text(item, "pool"));
        table_add(table, memory);
        table_add(table, ask_text(item, "verdict"));
        table_add(table, ask_text(item, "sentence"));
    }
    table_print(table);
}

static void print_status(const json_t *status)
{
    print_process(status);
    puts("");
    print_listeners(status);
    puts("");
    print_sites(status);
    puts("");
    print_servers(status);
    puts("");
    print_protection(status);
}

int status_main(int argc, char **argv)
{
    return ask_and_print(argc, argv, "status",
                         "Shows the running process: listeners, sites, pools and servers.",
                         print_status);
}
