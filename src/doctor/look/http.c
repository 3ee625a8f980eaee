// SPDX-License-Identifier: Apache-2.0
// What HTTP shows to somebody without credentials: the challenges, whether the connection stays,
// what becomes of a body, of other methods, of requests that came through a proxy, and where a
// redirect leads.
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/check.h"
#include "base/clock.h"
#include "doctor/location.h"
#include "doctor/look/look.h"

enum {
    POST_BYTES = 8 * 1024,
    CLOSE_WAIT_MS = 300, // for a close that follows an answer
    HOPS_MAX = 6,
};

static struct call *open_call(const struct look_round *round, const struct look_end *end)
{
    struct call_wish wish = look_wish(round, end);
    struct call *call = NULL;
    return is_ok(call_open(&end->address, &wish, &call, NULL)) ? call : NULL;
}

// Asks on a connection of its own. False when there was no connection.
static bool ask_alone(const struct look_round *round, const struct look_end *end,
                      const struct call_request *request, struct call_answer *ret_answer)
{
    char host[LOOK_HOST_MAX];
    struct call *call = open_call(round, end);
    if (!call)
        return false;
    struct call_request whole = *request;
    whole.host = look_host(round, host);
    if (!whole.target)
        whole.target = round->subject->target;
    call_ask(call, &whole, ret_answer);
    call_close(call);
    return true;
}

// ---- redirects

static struct location here(const struct look_round *round)
{
    const struct subject *subject = round->subject;
    struct location location = {.is_tls = subject->is_tls, .port = subject->port};
    snprintf(location.host, sizeof location.host, "%s", subject->host);
    snprintf(location.target, sizeof location.target, "%s", subject->target);
    return location;
}

// Follows redirects that stay here until a page comes again, or one that redirects no more: that
// one is added to `node`. Where they lead to another origin, nothing more is known.
static bool comes_back(const struct look_round *round, const struct look_end *end,
                       struct location start, json_t *node)
{
    struct location seen[HOPS_MAX + 1];
    struct location origin = here(round);
    seen[0] = origin;
    struct location at = start;
    for (size_t i = 1; i <= HOPS_MAX; i++) {
        for (size_t j = 0; j < i; j++) {
            if (location_equal(&seen[j], &at))
                return true;
        }
        seen[i] = at;
        struct call_answer answer;
        struct call_request request = {.target = seen[i].target};
        if (!location_same_origin(&origin, &at) || !look_has_time(round, end) ||
            !ask_alone(round, end, &request, &answer))
            return false;
        bool goes_on =
            answer.status / 100 == 3 && location_read(span_text(answer.location), &seen[i], &at);
        if (!goes_on)
            json_object_set_new(node, "page", look_answer(&answer));
        call_answer_done(&answer);
        if (!goes_on)
            return false;
    }
    return true;
}

// Does the place a redirect names have an address, and does it let anybody in?
static void knock(const struct look_round *round, const struct location *to, json_t *node)
{
    struct address address = {0};
    char text[ADDRESS_TEXT_MAX] = "";
    bool is_found =
        resolver_find(round->subject->dns_server, to->host, to->port,
                      loop_now_us() + round->subject->patience_ms * US_PER_MS, &address);
    struct call_wish wish = {.patience_ms = round->subject->patience_ms};
    struct call *call = NULL;
    bool is_open = is_found && is_ok(call_open(&address, &wish, &call, NULL));
    call_close(call);
    if (is_found)
        address_print(&address, text);
    json_object_set_new(node, "address", json_string(text));
    json_object_set_new(node, "is_open", json_boolean(is_open));
}

static json_t *redirect_of(const struct look_round *round, const struct look_end *end,
                           const struct call_answer *answer)
{
    struct location from = here(round);
    struct location to;
    if (answer->status / 100 != 3 || !answer->location[0])
        return NULL;
    if (!location_read(span_text(answer->location), &from, &to))
        return json_pack("{s:o}", "location", look_location(answer->location));
    bool is_same = strcasecmp(from.host, to.host) == 0;
    json_t *node =
        json_pack("{s:o,s:o,s:b,s:b}", "location", look_location(answer->location), "host",
                  look_text(to.host), "same_host", is_same, "to_plain", from.is_tls && !to.is_tls);
    CHECK(node);
    json_object_set_new(node, "loops", json_boolean(comes_back(round, end, to, node)));
    if (!is_same && !end->is_node)
        knock(round, &to, node);
    return node;
}

// ---- TLS where HTTP in clear was asked for

// No word, or one that may mean: not in clear.
static bool is_doubtful(const struct call_answer *answer)
{
    return answer->status == 0 || answer->status == 400 || answer->status == 497;
}

static bool speaks_tls(const struct look_round *round, const struct look_end *end)
{
    struct call_wish wish = look_wish(round, end);
    struct call *call = NULL;
    wish.is_tls = true;
    wish.silences = NULL; // a server may well wait for the end of what it takes for a line
    bool speaks = is_ok(call_open(&end->address, &wish, &call, NULL));
    call_close(call);
    return speaks;
}

// ---- the first question, twice

json_t *look_http(const struct look_round *round, const struct look_end *end)
{
    char host[LOOK_HOST_MAX];
    struct call_answer answer;
    struct call_request request = {.target = round->subject->target,
                                   .host = look_host(round, host)};
    struct call *call = open_call(round, end);
    if (!call)
        return NULL;
    call_ask(call, &request, &answer);
    bool is_persistent = answer.is_persistent;
    json_t *node = json_pack("{s:o}", "first", look_answer(&answer));
    CHECK(node);
    json_t *redirect = redirect_of(round, end, &answer);
    if (redirect)
        json_object_set_new(node, "redirect", redirect);
    if (!end->is_tls && is_doubtful(&answer))
        json_object_set_new(node, "speaks_tls", json_boolean(speaks_tls(round, end)));
    call_answer_done(&answer);
    if (is_persistent) {
        call_ask(call, &request, &answer);
        json_object_set_new(node, "again", look_answer(&answer));
        call_answer_done(&answer);
    }
    call_close(call);
    return node;
}

// ---- a body without credentials

json_t *look_http_post(const struct look_round *round, const struct look_end *end)
{
    char host[LOOK_HOST_MAX];
    uint8_t *body = malloc(POST_BYTES);
    CHECK(body);
    memset(body, 'x', POST_BYTES);
    struct call_answer answer;
    struct call_request request = {.method = "POST",
                                   .target = round->subject->target,
                                   .host = look_host(round, host),
                                   .fields = "Content-Type: application/octet-stream\r\n",
                                   .body = span_of(body, POST_BYTES),
                                   .has_body = true};
    struct call *call = open_call(round, end);
    json_t *node = NULL;
    if (call) {
        call_ask(call, &request, &answer);
        node = json_pack("{s:o,s:b}", "post", look_answer(&answer), "post_ended",
                         !answer.is_persistent || call_has_ended(call, CLOSE_WAIT_MS));
        call_answer_done(&answer);
    }
    call_close(call);
    free(body);
    return node;
}

// ---- other methods

static const char *const methods[] = {"HEAD",        "OPTIONS",      "PROPFIND",
                                      "REPORT",      "RPC_IN_DATA",  "RPC_OUT_DATA",
                                      "RDG_IN_DATA", "RDG_OUT_DATA", "BITS_POST"};
enum { METHOD_COUNT = sizeof methods / sizeof *methods };
_Static_assert(METHOD_COUNT - 1 <= LOOK_SIDES_MAX, "one beside the other");

struct asking {
    const struct look_round *round;
    const struct look_end *end;
    bool is_asked[METHOD_COUNT]; // there was time, and a connection
    bool is_silent[METHOD_COUNT];
    unsigned statuses[METHOD_COUNT];
};

static void ask_method(void *context, size_t index)
{
    struct asking *asking = context;
    struct call_answer answer;
    struct call_request request = {.method = methods[index], .has_body = index >= 4};
    if (!look_has_time(asking->round, asking->end) ||
        !ask_alone(asking->round, asking->end, &request, &answer))
        return;
    asking->is_asked[index] = true;
    asking->is_silent[index] = answer.end == END_SERVER_TIMEOUT;
    asking->statuses[index] = answer.status;
    call_answer_done(&answer);
}

// The first alone: where it waits in vain the others would too. Of those that wait in vain one
// tells: it need not be for the method.
json_t *look_http_methods(const struct look_round *round, const struct look_end *end)
{
    struct asking asking = {.round = round, .end = end};
    json_t *statuses = json_object();
    ask_method(&asking, 0);
    look_side_by_side(1, METHOD_COUNT, ask_method, &asking);
    bool was_silent = false;
    for (size_t i = 0; i < METHOD_COUNT; i++) {
        if (asking.is_asked[i] && !(asking.is_silent[i] && was_silent))
            json_object_set_new(statuses, methods[i], json_integer(asking.statuses[i]));
        was_silent |= asking.is_silent[i];
    }
    return json_pack("{s:o}", "methods", statuses);
}

// ---- through a proxy

json_t *look_http_via(const struct look_round *round, const struct look_end *end)
{
    struct call_answer answer;
    struct call_request request = {.fields =
                                       "Via: 1.1 proxy.invalid\r\nX-Forwarded-For: 192.0.2.1\r\n"};
    if (!ask_alone(round, end, &request, &answer))
        return NULL;
    json_t *node = json_pack("{s:o}", "with_via", look_answer(&answer));
    call_answer_done(&answer);
    return node;
}

// ---- in clear, beside

static bool ask_port_80(const struct look_round *round, const struct look_end *end,
                        struct call_answer *ret_answer)
{
    char text[ADDRESS_TEXT_MAX];
    struct look_end plain = *end;
    address_print_host(&end->address, text);
    plain.is_tls = false;
    struct call_request request = {.target = round->subject->target, .host = round->subject->host};
    struct call *call = address_parse(text, 80, &plain.address) ? open_call(round, &plain) : NULL;
    if (call)
        call_ask(call, &request, ret_answer);
    call_close(call);
    return call != NULL;
}

json_t *look_http_plain(const struct look_round *round, const struct look_end *end)
{
    struct call_answer answer = {0};
    if (end->is_node || !end->is_tls || !ask_port_80(round, end, &answer))
        return NULL;
    json_t *node = answer.status ? json_pack("{s:{s:i,s:o}}", "plain", "status", (int)answer.status,
                                             "location", look_location(answer.location))
                                 : NULL;
    call_answer_done(&answer);
    return node;
}
