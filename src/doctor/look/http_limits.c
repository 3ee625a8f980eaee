// SPDX-License-Identifier: Apache-2.0
// Where the way to the server ends: how large a header line may be, and how long a connection may
// be idle.
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "doctor/look/look.h"

enum { IDLE_MAX_S = 130 }; // IIS closes after 120 s

struct probe {
    bool is_reached; // there was time, and a connection
    bool is_silent;
    unsigned status; // 0: no answer
};

// "Negotiate " and filler: looks like a ticket and is none, so nobody's account sees a failed
// login.
static char *make_value(size_t bytes)
{
    size_t size = bytes - (sizeof "Authorization: " - 1);
    char *value = malloc(size + 1);
    CHECK(value);
    memset(value, 'A', size);
    memcpy(value, "Negotiate ", 10);
    value[size] = '\0';
    return value;
}

// One header line of that size.
static struct probe ask_with_line(const struct look_round *round, const struct look_end *end,
                                  size_t bytes)
{
    char host[LOOK_HOST_MAX];
    struct call_wish wish = look_wish(round, end);
    struct call *call = NULL;
    if (!look_has_time(round, end) || !is_ok(call_open(&end->address, &wish, &call, NULL)))
        return (struct probe){0};
    char *value = make_value(bytes);
    struct call_answer answer;
    struct call_request request = {
        .target = round->subject->target, .host = look_host(round, host), .authorization = value};
    call_ask(call, &request, &answer);
    struct probe probe = {
        .is_reached = true, .is_silent = answer.end == END_SERVER_TIMEOUT, .status = answer.status};
    call_answer_done(&answer);
    call_close(call);
    free(value);
    return probe;
}

// What is answered as the smallest one is has passed, and so has what gets a page or is asked to
// log in: behind a balancer not every server answers alike.
static bool has_passed(unsigned status, unsigned usual)
{
    return status == usual || status / 100 == 2 || status == 401;
}

static const size_t sizes[] = {1000,  4000,  7900,  8400,  12000, 15900,
                               16600, 24000, 32600, 48000, 64800};
enum {
    SIZE_COUNT = sizeof sizes / sizeof *sizes,
    AT_ONCE = 5,
};

struct probing {
    const struct look_round *round;
    const struct look_end *end;
    struct probe probes[SIZE_COUNT];
};

static void probe(void *context, size_t index)
{
    struct probing *probing = context;
    probing->probes[index] = ask_with_line(probing->round, probing->end, sizes[index]);
}

// As far as `index`, the first alone. After two that did not pass, larger ones will not.
static void probe_up_to(struct probing *probing, size_t index)
{
    if (index == 0)
        probe(probing, 0);
    else if (index % AT_ONCE == 1)
        look_side_by_side(index, index + AT_ONCE, probe, probing);
}

json_t *look_http_limits(const struct look_round *round, const struct look_end *end)
{
    struct probing probing = {.round = round, .end = end};
    json_t *limits = json_array();
    size_t passed = 0;
    unsigned refused = 0;
    for (size_t i = 0; i < SIZE_COUNT && refused < 2; i++) {
        probe_up_to(&probing, i);
        unsigned usual = probing.probes[0].status;
        unsigned status = probing.probes[i].status;
        // a server that answers nothing, or that nobody is behind, says nothing about sizes; and
        // what follows one that was waited for in vain may hang for the same reason
        if (!probing.probes[i].is_reached || usual == 0 || usual / 100 == 5 ||
            (i > 0 && probing.probes[i - 1].is_silent))
            break;
        bool is_fine = has_passed(status, usual);
        passed = is_fine ? sizes[i] : passed;
        refused = is_fine ? 0 : refused + 1;
        json_array_append_new(
            limits, json_pack("{s:i,s:i}", "bytes", (int)sizes[i], "status", (int)status));
    }
    json_t *node = json_pack("{s:o}", "limits", limits);
    if (passed)
        json_object_set_new(node, "limit_bytes", json_integer((json_int_t)passed));
    return node;
}

_Static_assert(SIZE_COUNT % AT_ONCE == 1 && AT_ONCE <= LOOK_SIDES_MAX, "the first, then rows");

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
