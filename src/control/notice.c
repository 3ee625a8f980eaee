// SPDX-License-Identifier: Apache-2.0
// Lines of the control thread. They are rare, so each has a page of its own on the way to the
// journal.
#include "control/notice.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

const char *stamp(char out[STAMP_BYTES], uint64_t ago_us)
{
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t us = (uint64_t)now.tv_sec * US_PER_S + (uint64_t)now.tv_nsec / 1000 - ago_us;
    time_t seconds = (time_t)(us / US_PER_S);
    gmtime_r(&seconds, &utc);
    size_t size = strftime(out, STAMP_BYTES, "%Y-%m-%dT%H:%M:%S", &utc);
    struct text text = {out, STAMP_BYTES, size, false};
    text_add_printf(&text, ".%03uZ", (unsigned)(us % US_PER_S / US_PER_MS));
    return out;
}

// A line being written.
struct notice {
    struct supervisor *supervisor;
    struct log_page *page;
    struct text text;
    struct json json;
};

// False without a log or without memory; standard error has said it.
static bool begin(struct notice *notice, struct supervisor *supervisor, const char *what)
{
    char now[STAMP_BYTES];
    struct json *json = &notice->json;
    struct log_page *page = supervisor->journal ? malloc(sizeof *page) : NULL;
    if (!page)
        return false;
    notice->supervisor = supervisor;
    notice->page = page;
    notice->text = text_over(page->bytes, sizeof page->bytes);
    *json = (struct json){&notice->text, false};
    json_put_open(json, NULL, '{');
    json_put_string(json, "time", stamp(now, 0));
    json_put_string(json, "what", what);
    return true;
}

static void finish(struct notice *notice)
{
    json_put_close(&notice->json, '}');
    text_add_string(&notice->text, "\n");
    notice->page->size = notice->text.size;
    journal_take(notice->supervisor->journal, notice->page);
}

static void write_line(struct supervisor *supervisor, const struct server *server,
                       enum verdict before)
{
    struct notice notice;
    char address[ADDRESS_TEXT_MAX];
    const struct server_health *health = &server->health;
    if (!begin(&notice, supervisor, "server"))
        return;
    struct json *json = &notice.json;
    json_put_string(json, "pool", server->pool_name);
    json_put_string(json, "server", server->name);
    json_put_text(json, "address", span_of(address, address_print(&server->address, address)));
    json_put_string(json, "verdict", verdict_word(health->run.verdict));
    json_put_string(json, "before", verdict_word(before));
    json_put_u64(json, "checks", health->run.passed + health->run.failed);
    if (health->why != END_OK)
        json_put_string(json, "why", end_word(health->why));
    if (health->detail[0])
        json_put_string(json, "detail", health->detail);
    finish(&notice);
}

void notice_move(struct supervisor *supervisor, const struct server *before,
                 const struct server *after)
{
    struct notice notice;
    struct json *json = &notice.json;
    char from[ADDRESS_TEXT_MAX + 1] = "";
    char to[ADDRESS_TEXT_MAX + 1] = "";
    from[address_print(&before->address, from)] = '\0';
    to[address_print(&after->address, to)] = '\0';
    supervisor_say("server %s of pool %s has moved from %s to %s", after->name, after->pool_name,
                   from, to);
    if (!begin(&notice, supervisor, "move"))
        return;
    json_put_string(json, "pool", after->pool_name);
    json_put_string(json, "server", after->name);
    json_put_string(json, "address", to);
    json_put_string(json, "before", from);
    finish(&notice);
}

void notice_protection(struct supervisor *supervisor, const struct protection_entry *entry,
                       enum protection before)
{
    struct notice notice;
    struct json *json = &notice.json;
    char day[DAY_BYTES];
    char prefix[SHA256_PREFIX_BYTES];
    if (!begin(&notice, supervisor, "protection"))
        return;
    json_put_string(json, "site", entry->site->name);
    json_put_string(json, "client_speaks", entry->client_is_tls ? "tls" : "plain");
    json_put_string(json, "pool", entry->pool->config->name);
    json_put_string(json, "server", entry->server->name);
    json_put_string(json, "verdict", protection_word(entry->verdict));
    json_put_string(json, "before", protection_word(before));
    if (entry->leaf_count) {
        json_put_string(json, "site_sha256", leaf_prefix(&entry->leaves[0], prefix));
        json_put_string(json, "site_expires", day_text(entry->leaves[0].not_after_s, day));
    }
    if (entry->is_shown) {
        json_put_string(json, "server_sha256", leaf_prefix(&entry->shown, prefix));
        json_put_string(json, "server_expires", day_text(entry->shown.not_after_s, day));
    }
    finish(&notice);
}

void notice_verdict(void *owner, const struct server *server, enum verdict before)
{
    struct supervisor *supervisor = owner;
    const struct server_health *health = &server->health;
    const char *verdict = verdict_word(health->run.verdict);
    if (health->why == END_OK)
        supervisor_say("server %s of pool %s is %s", server->name, server->pool_name, verdict);
    else
        supervisor_say("server %s of pool %s is %s: %s%s%s", server->name, server->pool_name,
                       verdict, end_sentence(health->why), health->detail[0] ? ": " : "",
                       health->detail);
    write_line(supervisor, server, before);
}
