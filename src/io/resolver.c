// SPDX-License-Identifier: Apache-2.0
// c-ares behind three questions and a wait. Answers are bounded copies of what came; the library's
// own lists are freed in the callback they were given to.
#include "io/resolver.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/time.h>

#include "base/check.h"
#include "base/clock.h"
#include "io/loop.h"

enum {
    TRY_MS = 1200,
    TRIES = 2,
};

struct resolver {
    ares_channel channel;
};

struct resolver *resolver_new(const char *server)
{
    struct resolver *resolver = calloc(1, sizeof *resolver);
    struct ares_options options = {
        .timeout = TRY_MS, .tries = TRIES, .lookups = (char *)(uintptr_t) "b"};
    int which = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | (server ? ARES_OPT_LOOKUPS : 0);
    if (!resolver || ares_init_options(&resolver->channel, &options, which) != ARES_SUCCESS) {
        free(resolver);
        return NULL;
    }
    if (server && ares_set_servers_ports_csv(resolver->channel, server) != ARES_SUCCESS)
        return resolver_free(resolver);
    return resolver;
}

struct resolver *resolver_free(struct resolver *resolver)
{
    if (resolver)
        ares_destroy(resolver->channel);
    free(resolver);
    return NULL;
}

// ---- answers

static const char *words_of(int status)
{
    switch (status) {
    case ARES_SUCCESS:
        return "";
    case ARES_ENOTFOUND:
        return "no such name";
    case ARES_ENODATA:
        return "no such record";
    case ARES_ETIMEOUT:
    case ARES_ECANCELLED:
    case ARES_EDESTRUCTION:
        return "timeout";
    case ARES_ECONNREFUSED:
        return "no name server answers";
    case ARES_ESERVFAIL:
        return "the name server failed";
    case ARES_EREFUSED:
        return "the name server refused";
    case ARES_EBADNAME:
        return "not a valid name";
    default:
        return "the name server's answer cannot be used";
    }
}

// True when there is something to read.
static bool begin(struct resolver_answer *answer, int status)
{
    answer->is_answered = true;
    answer->problem = words_of(status);
    answer->is_absent = status == ARES_ENOTFOUND || status == ARES_ENODATA;
    return status == ARES_SUCCESS;
}

static struct resolver_record *add_record(struct resolver_answer *answer)
{
    if (answer->count == RESOLVER_RECORDS_MAX)
        return NULL;
    struct resolver_record *record = &answer->records[answer->count++];
    *record = (struct resolver_record){0};
    return record;
}

static void add_address(struct resolver_answer *answer, const struct ares_addrinfo_node *node)
{
    struct resolver_record *record =
        node->ai_addrlen <= sizeof record->address.v6 ? add_record(answer) : NULL;
    if (!record)
        return;
    memcpy(&record->address.any, node->ai_addr, node->ai_addrlen);
    record->address.size = node->ai_addrlen;
}

static const char *alias_to(const struct ares_addrinfo_cname *cnames, const char *alias)
{
    for (const struct ares_addrinfo_cname *link = cnames; link; link = link->next) {
        if (link->alias && link->name && strcasecmp(link->alias, alias) == 0)
            return link->name;
    }
    return NULL;
}

static bool is_alias_of_none(const struct ares_addrinfo_cname *cnames, const char *name)
{
    for (const struct ares_addrinfo_cname *link = cnames; link; link = link->next) {
        if (link->name && strcasecmp(link->name, name) == 0)
            return false;
    }
    return true;
}

// The links come in any order, and twice where both families were asked. The chain begins at the
// alias that no link leads to.
static void follow_chain(struct resolver_answer *answer, const struct ares_addrinfo_cname *cnames)
{
    const char *name = NULL;
    for (const struct ares_addrinfo_cname *link = cnames; link && !name; link = link->next) {
        if (link->alias && is_alias_of_none(cnames, link->alias))
            name = link->alias;
    }
    while (name && answer->chain_count < RESOLVER_CHAIN_MAX) {
        name = alias_to(cnames, name);
        if (name)
            snprintf(answer->chain[answer->chain_count++], RESOLVER_NAME_MAX, "%s", name);
    }
}

static void on_addresses(void *context, int status, int timeouts, struct ares_addrinfo *found)
{
    (void)timeouts;
    struct resolver_answer *answer = context;
    if (begin(answer, status) && found) {
        follow_chain(answer, found->cnames);
        for (const struct ares_addrinfo_node *node = found->nodes; node; node = node->ai_next)
            add_address(answer, node);
    }
    ares_freeaddrinfo(found);
}

static void on_name(void *context, int status, int timeouts, struct hostent *host)
{
    (void)timeouts;
    struct resolver_answer *answer = context;
    struct resolver_record *record =
        begin(answer, status) && host && host->h_name ? add_record(answer) : NULL;
    if (record)
        snprintf(record->name, sizeof record->name, "%s", host->h_name);
}

static int by_priority(const void *a, const void *b)
{
    const struct resolver_record *one = a;
    const struct resolver_record *other = b;
    return one->priority < other->priority ? -1 : one->priority > other->priority;
}

static void on_service(void *context, int status, int timeouts, unsigned char *bytes, int size)
{
    (void)timeouts;
    struct resolver_answer *answer = context;
    struct ares_srv_reply *services = NULL;
    if (status == ARES_SUCCESS)
        status = ares_parse_srv_reply(bytes, size, &services);
    if (!begin(answer, status))
        return;
    for (const struct ares_srv_reply *service = services; service; service = service->next) {
        struct resolver_record *record = add_record(answer);
        if (!record)
            break;
        snprintf(record->name, sizeof record->name, "%s", service->host);
        record->port = service->port;
        record->priority = service->priority;
        record->weight = service->weight;
    }
    ares_free_data(services);
    qsort(answer->records, answer->count, sizeof *answer->records, by_priority);
}

// ---- questions

void resolver_ask_addresses(struct resolver *resolver, const char *name,
                            struct resolver_answer *answer)
{
    resolver_ask_family(resolver, name, AF_UNSPEC, answer);
}

void resolver_ask_family(struct resolver *resolver, const char *name, int family,
                         struct resolver_answer *answer)
{
    struct ares_addrinfo_hints hints = {.ai_family = family, .ai_socktype = SOCK_STREAM};
    *answer = (struct resolver_answer){.problem = "timeout"};
    ares_getaddrinfo(resolver->channel, name, NULL, &hints, on_addresses, answer);
}

void resolver_ask_name(struct resolver *resolver, const struct address *address,
                       struct resolver_answer *answer)
{
    struct span bytes = address_bytes(address);
    *answer = (struct resolver_answer){.problem = "timeout"};
    ares_gethostbyaddr(resolver->channel, bytes.data, (int)bytes.size,
                       bytes.size == 4 ? AF_INET : AF_INET6, on_name, answer);
}

void resolver_ask_service(struct resolver *resolver, const char *name,
                          struct resolver_answer *answer)
{
    *answer = (struct resolver_answer){.problem = "timeout"};
    ares_query(resolver->channel, name, ns_c_in, ns_t_srv, on_service, answer);
}

// ---- waiting

static nfds_t sockets_of(struct resolver *resolver, struct pollfd watched[ARES_GETSOCK_MAXNUM])
{
    ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
    // as ARES_GETSOCK_READABLE and _WRITABLE have it, which shift a signed 1 into the sign
    unsigned set = (unsigned)ares_getsock(resolver->channel, sockets, ARES_GETSOCK_MAXNUM);
    nfds_t count = 0;
    for (int i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
        bool is_read = set >> i & 1u;
        bool is_written = set >> (i + ARES_GETSOCK_MAXNUM) & 1u;
        short events = (short)((is_read ? POLLIN : 0) | (is_written ? POLLOUT : 0));
        if (events)
            watched[count++] = (struct pollfd){.fd = sockets[i], .events = events};
    }
    return count;
}

static int left_ms(struct resolver *resolver, uint64_t left_us)
{
    struct timeval most = {.tv_sec = (time_t)(left_us / US_PER_S),
                           .tv_usec = (suseconds_t)(left_us % US_PER_S)};
    struct timeval own;
    const struct timeval *next = ares_timeout(resolver->channel, &most, &own);
    return (int)(next->tv_sec * (time_t)MS_PER_S + next->tv_usec / 1000) + 1;
}

void resolver_wait(struct resolver *resolver, uint64_t deadline_us)
{
    for (;;) {
        struct pollfd watched[ARES_GETSOCK_MAXNUM];
        nfds_t count = sockets_of(resolver, watched);
        uint64_t now_us = loop_now_us();
        if (count == 0)
            break;
        if (now_us >= deadline_us)
            break;
        int ready = poll(watched, count, left_ms(resolver, deadline_us - now_us));
        if (ready <= 0)
            ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
        for (nfds_t i = 0; i < count && ready > 0; i++) {
            bool can_read = watched[i].revents & (POLLIN | POLLERR | POLLHUP);
            bool can_write = watched[i].revents & POLLOUT;
            ares_process_fd(resolver->channel, can_read ? watched[i].fd : ARES_SOCKET_BAD,
                            can_write ? watched[i].fd : ARES_SOCKET_BAD);
        }
    }
    ares_cancel(resolver->channel);
}

bool resolver_find(const char *server, const char *host, unsigned port, uint64_t deadline_us,
                   struct address *ret_address)
{
    char text[ADDRESS_TEXT_MAX];
    if (address_parse(host, port, ret_address))
        return true;
    struct resolver *resolver = resolver_new(server);
    struct resolver_answer *answer = calloc(1, sizeof *answer);
    CHECK(answer);
    if (resolver) {
        resolver_ask_addresses(resolver, host, answer);
        resolver_wait(resolver, deadline_us);
    }
    bool is_found = answer->count && address_print_host(&answer->records[0].address, text) &&
                    address_parse(text, port, ret_address);
    resolver_free(resolver);
    free(answer);
    return is_found;
}
