// SPDX-License-Identifier: Apache-2.0
// Host names looked up together: all are asked, then one wait runs them side by side. Belongs to
// one thread at a time; never used on a worker, because it waits.
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "pool/pool.h"

// The families are asked apart: otherwise an answer for one hides that the other went unanswered.
enum { FAMILY_V4, FAMILY_V6, FAMILY_COUNT };

static const int families[FAMILY_COUNT] = {AF_INET, AF_INET6};

struct name {
    char *host;
    struct resolver_answer answers[FAMILY_COUNT];
};

struct lookup {
    struct name **all;
    size_t count;
};

struct lookup *lookup_new(void)
{
    struct lookup *lookup = calloc(1, sizeof *lookup);
    CHECK(lookup);
    return lookup;
}

struct lookup *lookup_free(struct lookup *lookup)
{
    if (!lookup)
        return NULL;
    for (size_t i = 0; i < lookup->count; i++) {
        free(lookup->all[i]->host);
        free(lookup->all[i]);
    }
    free(lookup->all);
    free(lookup);
    return NULL;
}

static struct name *find(const struct lookup *lookup, const char *host)
{
    for (size_t i = 0; i < lookup->count; i++)
        if (strcmp(lookup->all[i]->host, host) == 0)
            return lookup->all[i];
    return NULL;
}

void lookup_add(struct lookup *lookup, const char *host)
{
    struct address literal;
    if (address_parse(host, 0, &literal) || find(lookup, host))
        return;
    struct name **all = realloc(lookup->all, (lookup->count + 1) * sizeof(struct name *));
    CHECK(all);
    lookup->all = all;
    struct name *name = calloc(1, sizeof *name);
    CHECK(name);
    name->host = strdup(host);
    CHECK(name->host);
    lookup->all[lookup->count++] = name;
}

void lookup_add_servers(struct lookup *lookup, const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->pool_count; i++)
        for (size_t j = 0; j < snapshot->pools[i].server_count; j++)
            lookup_add(lookup, snapshot->pools[i].servers[j].host);
}

void lookup_run(struct lookup *lookup)
{
    if (lookup->count == 0)
        return;
    struct resolver *resolver = resolver_new(NULL);
    CHECK(resolver); // without a server of our own choosing there is nothing it could refuse
    for (size_t i = 0; i < lookup->count; i++)
        for (size_t f = 0; f < FAMILY_COUNT; f++)
            resolver_ask_family(resolver, lookup->all[i]->host, families[f],
                                &lookup->all[i]->answers[f]);
    resolver_wait(resolver, loop_now_us() + LOOKUP_PATIENCE_S * US_PER_S);
    resolver_free(resolver);
}

size_t lookup_count(const struct lookup *lookup)
{
    return lookup->count;
}

enum lookup_result lookup_result(const struct lookup *lookup, const char *host,
                                 const char **ret_problem)
{
    const struct name *name = lookup ? find(lookup, host) : NULL;
    if (!name)
        return LOOKUP_NOT_ASKED;
    const struct resolver_answer *v4 = &name->answers[FAMILY_V4];
    const struct resolver_answer *v6 = &name->answers[FAMILY_V6];
    if (v4->count || v6->count)
        return LOOKUP_FOUND;
    *ret_problem = v4->is_absent ? v6->problem : v4->problem;
    return v4->is_absent && v6->is_absent ? LOOKUP_ABSENT : LOOKUP_UNANSWERED;
}

static void set_port(struct address *address, unsigned port)
{
    if (address->any.sa_family == AF_INET)
        address->v4.sin_port = htons((uint16_t)port);
    else
        address->v6.sin6_port = htons((uint16_t)port);
}

// Nothing is known to be wrong with an address whose family went unanswered.
static bool is_still_good(const struct name *name, const struct address *kept, unsigned port)
{
    const struct resolver_answer *answer =
        &name->answers[kept->any.sa_family == AF_INET ? FAMILY_V4 : FAMILY_V6];
    for (size_t i = 0; i < answer->count; i++) {
        struct address address = answer->records[i].address;
        set_port(&address, port);
        if (address_equal(kept, &address))
            return true;
    }
    return answer->count == 0 && !answer->is_absent;
}

bool lookup_address(const struct lookup *lookup, const struct server_config *config,
                    const struct address *kept, struct address *ret_address)
{
    if (address_parse(config->host, config->port, ret_address))
        return true;
    const struct name *name = lookup ? find(lookup, config->host) : NULL;
    const struct resolver_answer *answer = name ? &name->answers[FAMILY_V4] : NULL;
    if (answer && answer->count == 0)
        answer = &name->answers[FAMILY_V6];
    bool is_found = answer && answer->count > 0;
    if (kept && (!is_found || is_still_good(name, kept, config->port))) {
        *ret_address = *kept;
        return true;
    }
    if (!is_found)
        return false;
    *ret_address = answer->records[0].address;
    set_port(ret_address, config->port);
    return true;
}
