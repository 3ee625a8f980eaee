// SPDX-License-Identifier: Apache-2.0
// The head of an answer as the doctor reads it, in order or not, and where its Location leads:
// texts stay in their bounds and are clean, tokens have an owner, and a location that was read
// leads to itself when it is written out.
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "doctor/answer.h"
#include "doctor/location.h"
#include "wire/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_clean(const char *text, size_t capacity)
{
    char again[1024];
    CHECK(memchr(text, 0, capacity));
    size_t size = utf8_from_bytes(span_text(text), again, sizeof again);
    CHECK(span_equal(span_text(text), span_of(again, size)));
}

#define CHECK_CLEAN(text) check_clean(text, sizeof(text))

static void check_answer(const struct call_answer *answer)
{
    CHECK(answer->status == 0 || (answer->status >= 100 && answer->status <= 999));
    CHECK(answer->challenge_count <= CALL_CHALLENGES_MAX && answer->date_s >= 0);
    CHECK_CLEAN(answer->reason);
    CHECK_CLEAN(answer->server);
    CHECK_CLEAN(answer->location);
    CHECK_CLEAN(answer->persistent_auth);
    CHECK_CLEAN(answer->connection);
    CHECK_CLEAN(answer->alt_svc);
    CHECK_CLEAN(answer->via);
    for (size_t i = 0; i < answer->challenge_count; i++)
        CHECK_CLEAN(answer->challenges[i].scheme);
}

static void check_location(struct span text)
{
    static const struct location page = {
        .is_tls = true, .host = "lb.example.com", .port = 443, .target = "/app/page?a=1"};
    struct location to;
    struct location again;
    char written[HOST_NAME_MAX + LOCATION_TARGET_MAX + 32];
    if (!location_read(text, &page, &to))
        return;
    CHECK(to.target[0] && to.host[0] && to.port >= 1 && to.port <= 65535);
    CHECK(memchr(to.target, 0, sizeof to.target));
    bool is_v6 = strchr(to.host, ':') != NULL;
    snprintf(written, sizeof written, is_v6 ? "%s://[%s]:%u%s" : "%s://%s:%u%s",
             to.is_tls ? "https" : "http", to.host, to.port, to.target);
    if (to.target[0] != '/')
        return; // relative to a page that is no folder
    CHECK(location_read(span_text(written), &page, &again) && location_equal(&to, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct call_answer answer = {0};
    struct answer_framing framing;
    if (size == 0)
        return 0;
    struct span text = span_of(data + 1, size - 1);
    enum end end = answer_read_head(text, data[0] & 1, &answer, &framing);
    CHECK(end == END_OK || framing.kind == BODY_UNTIL_CLOSE);
    CHECK(end == END_OK || !answer.is_persistent);
    check_answer(&answer);
    check_location(span_text(answer.location));
    call_answer_done(&answer);
    answer = (struct call_answer){0};
    answer_read_remains(text, data[0] & 2 ? END_RESPONSE_BAD : END_SERVER_CLOSED, &answer);
    check_answer(&answer);
    answer_status(text);
    answer_date(text);
    check_location(text);
    return 0;
}
