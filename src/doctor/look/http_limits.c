// SPDX-License-Identifier: Apache-2.0
// Where the way to the server ends: how large a header line may be, and how long a connection may
// be idle.
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "doctor/look/look.h"

enum {
    LINE_MAX_BYTES = 65000,
    IDLE_MAX_S = 130, // IIS closes after 120 s
};

// The status that a request with one header line of that size gets; 0: none. The line looks like a
// ticket and is none: nobody's account sees a failed login.
static unsigned ask_with_line(const struct look_round *round, const struct look_end *end,
                              char *filler, size_t bytes, bool *ret_is_reached)
{
    char host[LOOK_HOST_MAX];
    struct call_wish wish = look_wish(round, end);
    struct call *call = NULL;
    *ret_is_reached = is_ok(call_open(&end->address, &wish, &call, NULL));
    if (!*ret_is_reached)
        return 0;
    struct call_answer answer;
    struct call_request request = {
        .target = round->subject->target, .host = look_host(round, host), .authorization = filler};
    size_t size = bytes - (sizeof "Authorization: " - 1);
    char cut = filler[size];
    filler[size] = '\0';
    call_ask(call, &request, &answer);
    filler[size] = cut;
    unsigned status = answer.status;
    call_answer_done(&answer);
    call_close(call);
    return status;
}

static char *make_filler(void)
{
    char *filler = malloc(LINE_MAX_BYTES + 1);
    CHECK(filler);
    memset(filler, 'A', LINE_MAX_BYTES);
    memcpy(filler, "Negotiate ", 10);
    filler[LINE_MAX_BYTES] = '\0';
    return filler;
}

// What is answered as the smallest one is has passed, and so has what gets a page or is asked to
// log in: behind a balancer not every server answers alike.
static bool has_passed(unsigned status, unsigned usual)
{
    return status == usual || status / 100 == 2 || status == 401;
}

// After two that did not pass, larger ones will not.
json_t *look_http_limits(const struct look_round *round, const struct look_end *end)
{
    static const size_t sizes[] = {1000,  4000,  7900,  8400,  12000, 15900,
                                   16600, 24000, 32600, 48000, 64800};
    json_t *limits = json_array();
    char *filler = make_filler();
    unsigned usual = 0;
    size_t passed = 0;
    unsigned refused = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes && refused < 2; i++) {
        bool is_reached = false;
        unsigned status = look_has_time(round, end)
                              ? ask_with_line(round, end, filler, sizes[i], &is_reached)
                              : 0;
        if (!is_reached || (i == 0 && status == 0))
            break;
        usual = i == 0 ? status : usual;
        bool is_fine = has_passed(status, usual);
        passed = is_fine ? sizes[i] : passed;
        refused = is_fine ? 0 : refused + 1;
        json_array_append_new(
            limits, json_pack("{s:i,s:i}", "bytes", (int)sizes[i], "status", (int)status));
    }
    free(filler);
    json_t *node = json_pack("{s:o}", "limits", limits);
    if (passed)
        json_object_set_new(node, "limit_bytes", json_integer((json_int_t)passed));
    return node;
}

// ---- how long a connection may be idle

json_t *look_http_idle(const struct look_round *round, const struct look_end *end)
{
    char host[LOOK_HOST_MAX];
    struct call_wish wish = look_wish(round, end);
    struct call *call = NULL;
    if (!round->subject->is_slow || !is_ok(call_open(&end->address, &wish, &call, NULL)))
        return NULL;
    struct call_answer answer;
    struct call_request request = {.target = round->subject->target,
                                   .host = look_host(round, host)};
    json_t *node = NULL;
    call_ask(call, &request, &answer);
    if (answer.is_persistent) {
        uint64_t began_us = loop_now_us();
        bool was_cut = call_has_ended(call, IDLE_MAX_S * MS_PER_S);
        uint64_t waited_s = (loop_now_us() - began_us + US_PER_S / 2) / US_PER_S;
        node = json_pack("{s:{s:i,s:b}}", "idle", "waited_s", (int)waited_s, "was_cut", was_cut);
    }
    call_answer_done(&answer);
    call_close(call);
    return node;
}
