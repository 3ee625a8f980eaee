// SPDX-License-Identifier: Apache-2.0
// DNS records as a zone file has them (RFC 1035 section 5): A and AAAA, never CNAME.
#include <string.h>

#include "doctor/plan/document.h"

#define ZONE_TTL_S 300

static void print_record(const char *name, const char *address, FILE *out)
{
    quote_zone_name(out, name);
    fprintf(out, " %d IN %s ", ZONE_TTL_S, strchr(address, ':') ? "AAAA" : "A");
    quote_plain(out, address);
    fputc('\n', out);
}

static void print_here(const struct plan *plan, const struct requirement *record, FILE *out)
{
    for (size_t i = 0; i < plan->wish.address_count; i++)
        print_record(record->subject, plan->wish.addresses[i], out);
    if (plan->wish.address_count)
        return;
    fputs("; ", out);
    quote_zone_name(out, record->subject);
    fprintf(out, " %d IN A ADDRESS-OF-THE-LOAD-BALANCER (give --lb-address)\n", ZONE_TTL_S);
}

static void print_there(const struct requirement *record, FILE *out)
{
    if (plan_is_address(record->value)) {
        print_record(record->subject, record->value, out);
        return;
    }
    fputs("; ", out);
    quote_zone_name(out, record->subject);
    fprintf(out, " %d IN A ADDRESS-OF-", ZONE_TTL_S);
    quote_plain(out, record->value);
    fputc('\n', out);
}

void plan_print_zone(const struct plan *plan, const char *subject, FILE *out)
{
    print_origin(out, ";", plan,
                 "Records for the zones of these names; merge them, do not load "
                 "this file as a zone.");
    for (size_t i = 0; i < plan->requirement_count; i++) {
        const struct requirement *record = &plan->requirements[i];
        if (record->act != PLAN_POINT_HERE && record->act != PLAN_POINT_THERE)
            continue;
        print_reason(out, ";", "", record);
        if (record->act == PLAN_POINT_HERE)
            print_here(plan, record, out);
        else
            print_there(record, out);
    }
}
