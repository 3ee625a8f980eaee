// SPDX-License-Identifier: Apache-2.0
// What DNS says of the names: there, no CNAME, and leading where they should. All questions are
// asked at once.
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "doctor/plan/check.h"
#include "io/io.h"

static bool is_asked(const struct requirement *requirement)
{
    return requirement->act == PLAN_POINT_HERE || requirement->act == PLAN_POINT_THERE;
}

static const char *print_address(struct plan *plan, const struct address *address)
{
    char text[ADDRESS_TEXT_MAX];
    address_print_host(address, text);
    return plan_text(plan, "%s", text);
}

static bool is_one_of(const struct address *address, const char *const *literals, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct address wanted;
        bool is_read = address_parse(literals[i], 0, &wanted);
        struct span a = address_bytes(address);
        if (is_read && span_equal(a, address_bytes(&wanted)))
            return true;
    }
    return false;
}

// The server whose own address it is, or NULL.
static const struct plan_server *server_at(const struct plan *plan, const struct address *address)
{
    for (size_t i = 0; i < plan->server_count; i++)
        if (is_one_of(address, (const char *const *)&plan->servers[i].config->host, 1))
            return &plan->servers[i];
    return NULL;
}

// Without --lb-address only what is certainly wrong is found.
static const char *find_fault_here(struct plan *plan, const struct address *address)
{
    const struct plan_server *server = server_at(plan, address);
    bool is_ours = is_one_of(address, plan->wish.addresses, plan->wish.address_count);
    if (is_ours || (!plan->wish.address_count && !server))
        return NULL;
    return plan_text(plan, "it leads to %s%s%s", print_address(plan, address),
                     server ? ", which is server " : ", which is not the load balancer",
                     server ? server->name : "");
}

static const char *find_fault_there(struct plan *plan, const char *literal,
                                    const struct address *address)
{
    struct address wanted;
    if (!address_parse(literal, 0, &wanted) || is_one_of(address, &literal, 1))
        return NULL; // a name: who knows its address
    return plan_text(plan, "it leads to %s and not to %s", print_address(plan, address), literal);
}

static const char *mend(struct plan *plan, const struct requirement *requirement)
{
    const char *address = requirement->act == PLAN_POINT_THERE ? requirement->value
                          : plan->wish.address_count           ? plan->wish.addresses[0]
                                                               : "ADDRESS-OF-THE-LOAD-BALANCER";
    return plan_text(plan, "have exactly these records: %s. IN %s %s", requirement->subject,
                     strchr(address, ':') ? "AAAA" : "A", address);
}

static void see_addresses(struct plan_checkup *checkup, size_t index,
                          const struct resolver_answer *answer)
{
    struct plan *plan = checkup->plan;
    const struct requirement *requirement = &plan->requirements[index];
    for (size_t i = 0; i < answer->count; i++) {
        const struct address *address = &answer->records[i].address;
        const char *fault = requirement->act == PLAN_POINT_HERE
                                ? find_fault_here(plan, address)
                                : find_fault_there(plan, requirement->value, address);
        if (fault)
            plan_see(checkup, index, PLAN_MISSING, fault, mend(plan, requirement));
    }
    plan_see(checkup, index, PLAN_TRUE, NULL, NULL);
}

static void see(struct plan_checkup *checkup, size_t index, const struct resolver_answer *answer)
{
    struct plan *plan = checkup->plan;
    const char *records = mend(plan, &plan->requirements[index]);
    if (answer->chain_count)
        plan_see(checkup, index, PLAN_MISSING,
                 plan_text(plan, "it is a CNAME of %s", answer->chain[0]), records);
    else if (answer->is_absent)
        plan_see(checkup, index, PLAN_MISSING, answer->problem, records);
    else if (*answer->problem)
        plan_see(checkup, index, PLAN_BLIND, plan_text(plan, "DNS: %s", answer->problem), NULL);
    else
        see_addresses(checkup, index, answer);
}

void plan_check_dns(struct plan_checkup *checkup)
{
    struct plan *plan = checkup->plan;
    struct resolver *resolver = resolver_new(checkup->glasses->dns_server);
    struct resolver_answer *answers = calloc(plan->requirement_count, sizeof *answers);
    CHECK(answers);
    for (size_t i = 0; resolver && i < plan->requirement_count; i++)
        if (is_asked(&plan->requirements[i]))
            resolver_ask_addresses(resolver, plan_tried_name(plan, plan->requirements[i].subject),
                                   &answers[i]);
    if (resolver)
        resolver_wait(resolver,
                      loop_now_us() + (uint64_t)checkup->glasses->patience_ms * US_PER_MS);
    for (size_t i = 0; i < plan->requirement_count; i++)
        if (is_asked(&plan->requirements[i]) && resolver)
            see(checkup, i, &answers[i]);
        else if (is_asked(&plan->requirements[i]))
            plan_see(checkup, i, PLAN_BLIND, "no name server can be asked", NULL);
    free(answers);
    resolver_free(resolver);
}
