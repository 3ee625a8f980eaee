// SPDX-License-Identifier: Apache-2.0
// Judges each way to each server anew when a configuration is adopted or a server shows another
// certificate, and compares with what was known. Owns its entries and nothing they point to.
#include "control/protection.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "control/notice.h"
#include "control/supervisor.h"

#define TELLING_S 600
#define TOLD_MAX  8 // changes of one entry in that time

struct protections {
    struct supervisor *supervisor;
    struct protection_entry *entries;
    size_t count;
    size_t capacity;
};

// ---- one entry

static void judge(struct protection_entry *entry)
{
    uint8_t front[TLS_LEAVES_MAX][TLS_SHA256_BYTES];
    for (size_t i = 0; i < entry->leaf_count; i++)
        memcpy(front[i], entry->leaves[i].sha256, TLS_SHA256_BYTES);
    struct protection_case judged = {
        .way = entry->kind,
        .client_is_tls = entry->client_is_tls,
        .server_is_tls = entry->pool->tls != NULL,
        .front = front,
        .front_count = entry->leaf_count,
        .server = entry->is_shown ? entry->shown.sha256 : NULL,
    };
    entry->verdict = protection_judge(&judged);
}

// What was shown for another name tells nothing about the one that links ask for now.
static void look_at_server(struct protection_entry *entry)
{
    const struct server_shown *shown = &entry->server->shown;
    entry->is_shown = entry->pool->tls && shown->name[0] &&
                      strcmp(shown->name, pool_tls_name(entry->pool, entry->server)) == 0;
    entry->shown = shown->leaf;
    judge(entry);
}

// ---- what is said of a change

const char *leaf_prefix(const struct tls_leaf *leaf, char out[SHA256_PREFIX_BYTES])
{
    struct text text = text_over(out, SHA256_PREFIX_BYTES - 1);
    text_add_hex(&text, span_of(leaf->sha256, SHA256_PREFIX_BYTES / 2));
    out[text.size] = '\0';
    return out;
}

const char *day_text(int64_t seconds, char out[DAY_BYTES])
{
    time_t at = (time_t)seconds;
    struct tm day;
    if (!gmtime_r(&at, &day) || strftime(out, DAY_BYTES, "%Y-%m-%d %H:%M UTC", &day) == 0)
        memcpy(out, "unknown", sizeof "unknown");
    return out;
}

static void add_leaf(struct text *text, const char *whose, const struct tls_leaf *leaf)
{
    char prefix[SHA256_PREFIX_BYTES];
    char day[DAY_BYTES];
    text_add_printf(text, "%s SHA-256 %s… (valid until %s)", whose, leaf_prefix(leaf, prefix),
                    day_text(leaf->not_after_s, day));
}

void protection_add_leaves(struct text *text, const struct tls_leaf *leaves, size_t count,
                           const struct tls_leaf *shown)
{
    for (size_t i = 0; i < count; i++)
        add_leaf(text, i ? " and" : "; the site shows", &leaves[i]);
    add_leaf(text, "; the server", shown);
}

static bool is_equal(const struct tls_leaf *a, const struct tls_leaf *b)
{
    return memcmp(a->sha256, b->sha256, TLS_SHA256_BYTES) == 0;
}

static const char *whose_doing(const struct protection_entry *entry,
                               const struct protection_entry *before)
{
    return is_equal(&entry->shown, &before->shown) ? "changed at the load balancer only"
                                                   : "changed at the server only";
}

// A pair that was equal and is no longer: somebody renewed on one side.
static void say_parted(struct text *text, const struct protection_entry *entry,
                       const struct protection_entry *before)
{
    text_add_printf(text,
                    "warning: the certificate of server %.200s of pool %.100s no longer equals "
                    "that of site %.100s: %s",
                    entry->server->name, entry->pool->config->name, entry->site->name,
                    whose_doing(entry, before));
}

static void say_other(struct text *text, const struct protection_entry *entry)
{
    bool is_worse =
        protection_outcome(entry->verdict, PROTECTION_SET_ENFORCED) != PROTECTION_PASSES;
    text_add_printf(text,
                    "%sExtended Protection from site %.100s to server %.200s of pool %.100s: %s",
                    is_worse ? "warning: " : "", entry->site->name, entry->server->name,
                    entry->pool->config->name, protection_sentence(entry->verdict));
}

static void say(const struct protection_entry *entry, const struct protection_entry *before)
{
    char memory[1536];
    struct text text = text_over(memory, sizeof memory);
    bool was_equal = before->verdict == PROTECTION_SAME || before->verdict == PROTECTION_PARTLY;
    if (was_equal && entry->verdict == PROTECTION_DIFFERENT)
        say_parted(&text, entry, before);
    else
        say_other(&text, entry);
    if (entry->is_shown && entry->leaf_count)
        protection_add_leaves(&text, entry->leaves, entry->leaf_count, &entry->shown);
    supervisor_say("%.*s", (int)text.size, memory);
}

// An address behind which several machines show different certificates changes with every check.
static bool may_tell(struct protection_entry *entry)
{
    uint64_t now_us = loop_now_us();
    if (now_us - entry->telling_since_us > TELLING_S * US_PER_S) {
        entry->telling_since_us = now_us;
        entry->told = 0;
    }
    if (++entry->told == TOLD_MAX)
        supervisor_say(
            "warning: the certificate of server %s of pool %s keeps changing: do several "
            "machines answer there? No more of it is said for a while",
            entry->server->name, entry->pool->config->name);
    return entry->told < TOLD_MAX;
}

// `before`: as it was. That all is well when it is first looked at is no news.
static void tell_change(const struct protections *protections, struct protection_entry *entry,
                        const struct protection_entry *before)
{
    enum protection verdict = entry->verdict;
    if (verdict == before->verdict || !may_tell(entry))
        return;
    if (verdict != PROTECTION_UNKNOWN &&
        !(verdict == PROTECTION_SAME && before->verdict == PROTECTION_UNKNOWN))
        say(entry, before);
    notice_protection(protections->supervisor, entry, before->verdict);
}

// ---- all entries

static struct protection_entry *add(struct protections *protections)
{
    if (protections->count == protections->capacity) {
        protections->capacity = protections->capacity ? 2 * protections->capacity : 16;
        protections->entries =
            reallocarray(protections->entries, protections->capacity, sizeof *protections->entries);
        CHECK(protections->entries);
    }
    return &protections->entries[protections->count++];
}

struct visit {
    struct protections *fresh;
    const struct service *service;
};

static void add_way(void *owner, const struct way *way)
{
    struct visit *visit = owner;
    const struct service *service = visit->service;
    const struct tls_server *tls = service->tls[way->site_index];
    const struct pool *pool = service->pools[way->pool_index];
    for (size_t i = 0; i < pool->server_count; i++) {
        struct protection_entry *entry = add(visit->fresh);
        *entry = (struct protection_entry){
            .site = &service->snapshot->sites[way->site_index],
            .pool = pool,
            .server = pool->servers[i],
            .kind = way->kind,
            .client_is_tls = way->client_is_tls,
        };
        if (tls && way->kind == PROTECTION_WAY_FORWARD && way->client_is_tls)
            entry->leaf_count = tls_server_leaves(tls, &entry->leaves);
        look_at_server(entry);
    }
}

static const struct protection_entry *find(const struct protections *protections,
                                           const struct protection_entry *like)
{
    for (size_t i = 0; i < protections->count; i++) {
        const struct protection_entry *entry = &protections->entries[i];
        if (entry->kind == like->kind && entry->client_is_tls == like->client_is_tls &&
            strcmp(entry->server->name, like->server->name) == 0 &&
            strcmp(entry->pool->config->name, like->pool->config->name) == 0 &&
            strcmp(entry->site->name, like->site->name) == 0)
            return entry;
    }
    return NULL;
}

void protections_adopt(struct protections *protections, const struct service *service)
{
    struct protections fresh = {.supervisor = protections->supervisor};
    struct visit visit = {&fresh, service};
    ways_each(service->snapshot, add_way, &visit);
    for (size_t i = 0; i < fresh.count; i++) {
        struct protection_entry *entry = &fresh.entries[i];
        const struct protection_entry *before = find(protections, entry);
        if (!before)
            continue;
        entry->telling_since_us = before->telling_since_us;
        entry->told = before->told;
        tell_change(&fresh, entry, before);
    }
    free(protections->entries);
    *protections = fresh;
}

void protections_shown(void *owner, const struct server *server)
{
    struct supervisor *supervisor = owner;
    struct protections *protections = supervisor->protections;
    for (size_t i = 0; i < protections->count; i++) {
        struct protection_entry *entry = &protections->entries[i];
        if (entry->server != server)
            continue;
        struct protection_entry before = *entry;
        look_at_server(entry);
        tell_change(protections, entry, &before);
    }
}

size_t protections_entries(const struct protections *protections,
                           const struct protection_entry **ret_entries)
{
    *ret_entries = protections->entries;
    return protections->count;
}

struct protections *protections_new(struct supervisor *supervisor)
{
    struct protections *protections = calloc(1, sizeof *protections);
    CHECK(protections);
    protections->supervisor = supervisor;
    return protections;
}

struct protections *protections_free(struct protections *protections)
{
    if (protections)
        free(protections->entries);
    free(protections);
    return NULL;
}

// ---- for the status

static json_t *leaf_item(const struct tls_leaf *leaf)
{
    char digits[2 * TLS_SHA256_BYTES + 1] = "";
    char day[DAY_BYTES];
    struct text text = text_over(digits, sizeof digits - 1);
    text_add_hex(&text, span_of(leaf->sha256, TLS_SHA256_BYTES));
    return json_pack("{ss,ss,ss}", "sha256", digits, "expires", day_text(leaf->not_after_s, day),
                     "key", leaf->is_ecdsa ? "ECDSA" : "RSA");
}

static json_t *outcomes(enum protection verdict)
{
    json_t *object = json_object();
    for (enum protection_setting setting = 0; setting < PROTECTION_SETTINGS; setting++)
        json_object_set_new(
            object, protection_setting_word(setting),
            json_string(protection_outcome_word(protection_outcome(verdict, setting))));
    return object;
}

static json_t *entry_item(const struct protection_entry *entry)
{
    json_t *leaves = json_array();
    for (size_t i = 0; i < entry->leaf_count; i++)
        json_array_append_new(leaves, leaf_item(&entry->leaves[i]));
    json_t *item = json_pack(
        "{ss,ss,ss,ss,ss,ss,ss,ss,so,so}", "site", entry->site->name, "mode", way_word(entry->kind),
        "client", entry->client_is_tls ? "tls" : "plain", "pool", entry->pool->config->name,
        "server", entry->server->name, "verdict", protection_word(entry->verdict), "sentence",
        protection_sentence(entry->verdict), "advice", protection_advice(entry->verdict), "where",
        outcomes(entry->verdict), "site_certificates", leaves);
    if (entry->is_shown)
        json_object_set_new(item, "server_certificate", leaf_item(&entry->shown));
    return item;
}

json_t *protections_json(const struct protections *protections)
{
    json_t *list = json_array();
    for (size_t i = 0; i < protections->count; i++)
        json_array_append_new(list, entry_item(&protections->entries[i]));
    return list;
}
