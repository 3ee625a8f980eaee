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

bool notice_begin(struct notice *notice, struct supervisor *supervisor, const char *what)
{
    char now[STAMP_BYTES];
    struct log_page *page = supervisor->journal ? malloc(sizeof *page) : NULL;
    if (!page)
        return false; // standard error has said it
    notice->supervisor = supervisor;
    notice->page = page;
    notice->text = text_over(page->bytes, sizeof page->bytes);
    notice->json = (struct json){&notice->text, false};
    json_put_open(&notice->json, NULL, '{');
    json_put_string(&notice->json, "time", stamp(now, 0));
    json_put_string(&notice->json, "what", what);
    return true;
}

void notice_end(struct notice *notice)
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
    if (!notice_begin(&notice, supervisor, "server"))
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
    notice_end(&notice);
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
