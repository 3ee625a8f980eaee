// SPDX-License-Identifier: Apache-2.0
// Turns what looks saw into JSON that is always valid, and the subject into how to call an end.
// Bytes of others are bounded and cleaned here; tokens never get here.
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/text.h"
#include "doctor/look/look.h"
#include "wire/utf8.h"

enum { TEXT_MAX = 2048 };

bool look_has_time(const struct look_round *round, const struct look_end *end)
{
    return loop_now_us() < round->until_us && (!end || atomic_load(end->silences) == 0);
}

json_t *look_text_span(struct span text)
{
    char clean[TEXT_MAX];
    size_t size = utf8_from_bytes(text, clean, sizeof clean);
    json_t *string = json_stringn(clean, size);
    CHECK(string);
    return string;
}

json_t *look_text(const char *text)
{
    return look_text_span(span_text(text));
}

json_t *look_location(const char *location)
{
    size_t bare = strcspn(location, "?#");
    char *text = NULL;
    if (location[bare] == '\0')
        return look_text(location);
    CHECK(asprintf(&text, "%.*s%c\u2026", (int)bare, location, location[bare]) > 0);
    json_t *string = look_text(text);
    free(text);
    return string;
}

json_t *look_hex(struct span bytes)
{
    char digits[2 * 64];
    struct text text = text_over(digits, sizeof digits);
    text_add_hex(&text, span_first(bytes, 64));
    return look_text_span(text_span(&text));
}

// ---- answers

static const char *body_word(enum body_kind kind)
{
    switch (kind) {
    case BODY_LENGTH:
        return "length";
    case BODY_CHUNKED:
        return "chunked";
    case BODY_UNTIL_CLOSE:
        return "until close";
    default:
        return "none";
    }
}

static bool contains_nocase(struct span text, struct span part)
{
    for (; text.size >= part.size; text = span_after(text, 1)) {
        if (span_starts_with_nocase(text, part))
            return true;
    }
    return false;
}

// The pages of http.sys and IIS, and of the balancers people put before them.
const char *look_body_says(struct span body)
{
    static const struct {
        const char *part;
        const char *says;
    } known[] = {
        {"Request Header Too Long", "header too long"},
        {"Request Header Or Cookie Too Large", "header too long"},
        {"Request Header Fields Too Large", "header too long"},
        {"Size of a request header field exceeds", "header too long"},
        {"Request Too Long", "header too long"},
        {"Invalid Hostname", "invalid hostname"},
        {"403.4 ", "ssl required"},
        {"must be viewed over a secure", "ssl required"},
        {"SSL is required", "ssl required"},
        {"403.7 ", "client certificate required"},
        {"requires a client certificate", "client certificate required"},
        {"No required SSL certificate was sent", "client certificate required"},
        {"plain HTTP request was sent to HTTPS port", "plain http on a tls port"},
        {"speaking plain HTTP to an SSL-enabled", "plain http on a tls port"},
        {"sent to a port that speaks TLS", "plain http on a tls port"},
        {"sent an HTTP request to an HTTPS server", "plain http on a tls port"},
        {"Service Unavailable", "service unavailable"},
        {"Bad Gateway", "bad gateway"},
        {"Gateway Time", "gateway timeout"},
    };
    struct span front = span_first(body, 4096);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (contains_nocase(front, span_text(known[i].part)))
            return known[i].says;
    }
    return "";
}

static json_t *challenges_of(const struct call_answer *answer)
{
    json_t *challenges = json_array();
    for (size_t i = 0; i < answer->challenge_count; i++)
        json_array_append_new(
            challenges, json_pack("{s:o,s:b}", "scheme", look_text(answer->challenges[i].scheme),
                                  "has_token", answer->challenges[i].token != NULL));
    return challenges;
}

json_t *look_answer(const struct call_answer *answer)
{
    json_t *node =
        json_pack("{s:i,s:s,s:i,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "status", (int)answer->status, "end",
                  end_word(answer->end), "minor_version", (int)answer->minor_version, "reason",
                  look_text(answer->reason), "server", look_text(answer->server), "location",
                  look_location(answer->location), "persistent_auth",
                  look_text(answer->persistent_auth), "connection", look_text(answer->connection),
                  "alt_svc", look_text(answer->alt_svc), "via", look_text(answer->via));
    json_t *rest = json_pack("{s:o,s:i,s:b,s:s,s:I,s:s,s:f}", "challenges", challenges_of(answer),
                             "challenge_lines", (int)answer->challenge_lines, "is_persistent",
                             answer->is_persistent, "body", body_word(answer->body_kind),
                             "body_bytes", (json_int_t)answer->body_bytes, "body_says",
                             look_body_says(span_of(answer->body, answer->body_size)), "ms",
                             (double)answer->took_us / (double)US_PER_MS);
    CHECK(node && rest);
    if (answer->problem[0])
        json_object_set_new(node, "problem", look_text(answer->problem));
    if (answer->date_s)
        json_object_set_new(node, "date_s", json_integer(answer->date_s));
    json_object_update(node, rest);
    json_decref(rest);
    return node;
}

// ---- calling

struct call_wish look_wish(const struct look_round *round, const struct look_end *end)
{
    return (struct call_wish){
        .is_tls = end->is_tls,
        .server_name = round->subject->host,
        .alpn = "http/1.1",
        .ca_file = round->subject->ca_file,
        .patience_ms = round->subject->patience_ms,
        .until_us = round->end_us,
        .silences = end->silences,
    };
}

const char *look_host(const struct look_round *round, char out[LOOK_HOST_MAX])
{
    const struct subject *subject = round->subject;
    bool is_v6 = strchr(subject->host, ':') != NULL;
    int size = snprintf(out, LOOK_HOST_MAX, is_v6 ? "[%.255s]" : "%.255s", subject->host);
    if (subject->port != (subject->is_tls ? 443 : 80))
        snprintf(out + size, LOOK_HOST_MAX - (size_t)size, ":%u", subject->port);
    return out;
}
