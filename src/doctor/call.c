// SPDX-License-Identifier: Apache-2.0
// One connection, asked one question at a time. Whatever the other side does - garbage, silence, an
// endless head, an end in the middle - a call answers within its patience and keeps its bounds.
#include "doctor/call.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/check.h"
#include "base/clock.h"
#include "doctor/answer.h"
#include "wire/h1_body.h"

enum {
    HEAD_MAX = 256 * 1024,
    IN_BYTES = HEAD_MAX + 16 * 1024,
    INTERIM_MAX = 16, // answers of 1xx before the one that counts
    PATIENCE_MS = 3000,
};

struct call {
    struct dial *dial;
    struct tls_dialogue *dialogue; // NULL: no TLS
    unsigned patience_ms;
    uint64_t until_us;     // 0: none
    atomic_uint *silences; // borrowed; NULL: nobody asks
    bool has_ended;        // the other side will send no more

    uint8_t *in; // IN_BYTES; received and not read yet: from `start` to `stop`
    size_t start;
    size_t stop;
};

static uint64_t deadline_us(const struct call *call)
{
    uint64_t patience_us = loop_now_us() + call->patience_ms * US_PER_MS;
    return call->until_us && call->until_us < patience_us ? call->until_us : patience_us;
}

static void count_silence(const struct call *call, enum end end)
{
    bool is_silence = end == END_SERVER_TIMEOUT || end == END_CONNECT_TIMEOUT;
    if (is_silence && call->silences)
        atomic_fetch_add(call->silences, 1);
}

// ---- opening and closing

static void say(struct call_problem *ret_problem, const char *words)
{
    if (ret_problem)
        snprintf(ret_problem->text, sizeof ret_problem->text, "%.*s",
                 (int)sizeof ret_problem->text - 1, words);
}

static struct status dial_to(struct call *call, const struct address *address,
                             struct call_problem *ret_problem)
{
    errno = 0;
    struct status status = dial_open(address, deadline_us(call), &call->dial);
    if (!is_ok(status))
        say(ret_problem, errno ? strerror(errno) : end_sentence(status.end));
    return status;
}

static struct status speak_tls(struct call *call, const struct call_wish *wish,
                               struct call_problem *ret_problem)
{
    struct tls_problem problem = {0};
    struct tls_dialogue_wish tls_wish = {
        .name = wish->server_name,
        .alpn = wish->alpn,
        .min_version = wish->min_version,
        .max_version = wish->max_version,
        .groups = wish->groups,
        .sigalgs = wish->sigalgs,
        .ca_file = wish->ca_file,
        .pads_hello = wish->pads_hello,
        .splits_hello = wish->splits_hello,
        .earlier = wish->earlier ? wish->earlier->dialogue : NULL,
    };
    struct status status =
        tls_dialogue_open(call->dial, &tls_wish, deadline_us(call), &call->dialogue, &problem);
    if (!is_ok(status))
        say(ret_problem, problem.text);
    return status;
}

struct status call_open(const struct address *address, const struct call_wish *wish,
                        struct call **ret_call, struct call_problem *ret_problem)
{
    struct call *call = calloc(1, sizeof *call);
    CHECK(call);
    call->in = malloc(IN_BYTES);
    CHECK(call->in);
    call->patience_ms = wish->patience_ms ? wish->patience_ms : PATIENCE_MS;
    call->until_us = wish->until_us;
    call->silences = wish->silences;
    struct status status = dial_to(call, address, ret_problem);
    if (is_ok(status) && wish->is_tls)
        status = speak_tls(call, wish, ret_problem);
    count_silence(call, status.end);
    if (is_ok(status))
        *ret_call = call;
    else
        call_close(call);
    return status;
}

struct call *call_close(struct call *call)
{
    if (!call)
        return NULL;
    tls_dialogue_close(call->dialogue);
    dial_close(call->dial);
    free(call->in);
    free(call);
    return NULL;
}

void call_certificate(const struct call *call, struct tls_dialogue_certificate *ret_certificate)
{
    *ret_certificate = (struct tls_dialogue_certificate){0};
    if (call->dialogue)
        tls_dialogue_certificate(call->dialogue, ret_certificate);
}

bool call_is_trusted(const struct call *call, struct tls_problem *ret_problem)
{
    *ret_problem = (struct tls_problem){0};
    return call->dialogue && tls_dialogue_is_trusted(call->dialogue, ret_problem);
}

void call_tls(const struct call *call, struct tls_dialogue_facts *ret_facts)
{
    *ret_facts = (struct tls_dialogue_facts){.version = "", .cipher = ""};
    if (call->dialogue)
        tls_dialogue_facts(call->dialogue, ret_facts);
}

// ---- bytes

struct status call_send(struct call *call, struct span bytes)
{
    return call->dialogue ? tls_dialogue_send(call->dialogue, bytes, deadline_us(call))
                          : dial_send(call->dial, bytes, deadline_us(call));
}

static struct status receive(struct call *call, uint8_t *bytes, size_t capacity, uint64_t until_us,
                             size_t *ret_size)
{
    return call->dialogue
               ? tls_dialogue_receive(call->dialogue, bytes, capacity, until_us, ret_size)
               : dial_receive(call->dial, bytes, capacity, until_us, ret_size);
}

static struct span waiting(const struct call *call)
{
    return span_of(call->in + call->start, call->stop - call->start);
}

// Receives into `in`. END_SERVER_CLOSED at the orderly end; END_RESPONSE_TOO_BIG without room.
static struct status fill(struct call *call, uint64_t until_us)
{
    if (call->has_ended)
        return failed(END_SERVER_CLOSED);
    if (call->start == call->stop)
        call->start = call->stop = 0;
    if (call->stop == IN_BYTES && call->start > 0) {
        call->stop -= call->start;
        memmove(call->in, call->in + call->start, call->stop);
        call->start = 0;
    }
    if (call->stop == IN_BYTES)
        return failed(END_RESPONSE_TOO_BIG);
    // who sends without end must not keep us
    if (loop_now_us() >= until_us)
        return failed(END_SERVER_TIMEOUT);
    size_t size = 0;
    TRY(receive(call, call->in + call->stop, IN_BYTES - call->stop, until_us, &size));
    call->stop += size;
    call->has_ended = size == 0;
    return call->has_ended ? failed(END_SERVER_CLOSED) : OK;
}

struct status call_receive(struct call *call, uint8_t *bytes, size_t capacity, size_t *ret_size)
{
    struct span there = span_first(waiting(call), capacity);
    if (there.size == 0)
        return receive(call, bytes, capacity, deadline_us(call), ret_size);
    memcpy(bytes, there.data, there.size);
    call->start += there.size;
    *ret_size = there.size;
    return OK;
}

bool call_has_ended(struct call *call, unsigned wait_ms)
{
    if (call->start != call->stop)
        return false;
    struct status status = fill(call, loop_now_us() + wait_ms * US_PER_MS + 1);
    return !is_ok(status) && status.end != END_SERVER_TIMEOUT;
}

// ---- asking

static size_t add(char *text, size_t capacity, size_t used, const char *name, const char *value)
{
    int size = value ? snprintf(text + used, capacity - used, "%s%s\r\n", name, value) : 0;
    CHECK(size >= 0 && used + (size_t)size < capacity);
    return used + (size_t)size;
}

static size_t length_of(const char *text)
{
    return text ? strlen(text) : 0;
}

// The whole request, malloc'ed.
static char *compose(const struct call_request *request, size_t *ret_size)
{
    const char *method = request->method ? request->method : "GET";
    size_t capacity = 512 + strlen(method) + strlen(request->target) + length_of(request->host) +
                      length_of(request->authorization) + length_of(request->fields) +
                      request->body.size;
    char *text = malloc(capacity);
    CHECK(text);
    size_t used = (size_t)snprintf(text, capacity, "%s %s HTTP/1.1\r\n", method, request->target);
    used = add(text, capacity, used, "Host: ", request->host);
    used = add(text, capacity, used, "Authorization: ", request->authorization);
    used = add(text, capacity, used, "User-Agent: handfast-doctor/" HANDFAST_VERSION, "");
    used = add(text, capacity, used, "Accept: */*", "");
    if (request->has_body)
        used += (size_t)snprintf(text + used, capacity - used, "Content-Length: %zu\r\n",
                                 request->body.size);
    used += (size_t)snprintf(text + used, capacity - used, "%s\r\n",
                             request->fields ? request->fields : "");
    if (request->body.size)
        memcpy(text + used, request->body.data, request->body.size);
    *ret_size = used + request->body.size;
    return text;
}

// Waits for a whole head at the front of `in`.
static struct status wait_for_head(struct call *call, uint64_t until_us, size_t *ret_bytes)
{
    static const struct head_limits limits = {.line_bytes = HEAD_MAX, .head_bytes = HEAD_MAX};
    size_t scanned = 0;
    for (;;) {
        if (!answer_may_begin(waiting(call)))
            return failed(END_RESPONSE_BAD);
        struct parse parse = h1_head_end(waiting(call), &limits, &scanned, ret_bytes);
        if (parse.state == PARSE_DONE)
            return OK;
        if (parse.state == PARSE_BAD)
            return failed(parse.end == END_BARE_CR_LF ? END_RESPONSE_BAD : END_RESPONSE_TOO_BIG);
        TRY(fill(call, until_us));
    }
}

static void keep_content(struct call_answer *answer, struct span content)
{
    answer->body_bytes += content.size;
    struct span kept = span_first(content, CALL_BODY_MAX - answer->body_size);
    if (kept.size == 0)
        return;
    char *body = realloc(answer->body, answer->body_size + kept.size + 1);
    CHECK(body);
    memcpy(body + answer->body_size, kept.data, kept.size);
    answer->body = body;
    answer->body_size += kept.size;
    body[answer->body_size] = '\0';
}

// True when there was something to take.
static bool take_piece(struct call *call, struct h1_body *body, struct call_answer *answer,
                       struct parse *ret_parse)
{
    struct piece piece = {0};
    *ret_parse = h1_body_look(body, waiting(call), &piece);
    if (ret_parse->state != PARSE_MORE || piece.bytes.size == 0)
        return false;
    if (piece.is_payload)
        keep_content(answer, piece.bytes);
    h1_body_advance(body, piece.bytes);
    call->start += piece.bytes.size;
    return true;
}

static struct status read_body(struct call *call, const struct answer_framing *framing,
                               uint64_t until_us, struct call_answer *answer)
{
    struct h1_body body;
    h1_body_init(&body, framing->kind, framing->length);
    for (;;) {
        struct parse parse;
        while (take_piece(call, &body, answer, &parse))
            ;
        if (parse.state == PARSE_DONE)
            return OK;
        if (parse.state == PARSE_BAD)
            return failed(END_RESPONSE_FRAMING);
        if (answer->body_bytes > CALL_BODY_READ_MAX)
            return failed(END_RESPONSE_TOO_BIG);
        struct status status = fill(call, until_us);
        if (status.end == END_SERVER_CLOSED)
            return framing->kind == BODY_UNTIL_CLOSE ? OK : failed(END_RESPONSE_CUT);
        TRY(status);
    }
}

// One patience for all of it: interim heads without end, or a body drop by drop, must not keep us.
static struct status read_answer(struct call *call, bool to_head, uint64_t began_us,
                                 struct call_answer *answer)
{
    struct answer_framing framing;
    uint64_t until_us = deadline_us(call);
    for (unsigned i = 0; i < INTERIM_MAX; i++) {
        size_t head_bytes = 0;
        struct status status = wait_for_head(call, until_us, &head_bytes);
        if (!is_ok(status)) {
            answer_read_remains(waiting(call), status.end, answer);
            return status;
        }
        answer->took_us = loop_now_us() - began_us;
        struct span head = span_first(waiting(call), head_bytes);
        enum end end = answer_read_head(head, to_head, answer, &framing);
        call->start += head_bytes;
        if (end != END_OK)
            return failed(end);
        if (answer->status >= 200 || answer->status == 101)
            return read_body(call, &framing, until_us, answer);
        call_answer_done(answer);
    }
    return failed(END_RESPONSE_BAD);
}

void call_ask(struct call *call, const struct call_request *request, struct call_answer *ret_answer)
{
    size_t size = 0;
    *ret_answer = (struct call_answer){0};
    char *text = compose(request, &size);
    uint64_t began_us = loop_now_us();
    struct status sent = call_send(call, span_of(text, size));
    explicit_bzero(text, size);
    free(text);
    bool to_head = request->method && strcmp(request->method, "HEAD") == 0;
    // also after a failure: who refuses a request early may have said why
    struct status status = read_answer(call, to_head, began_us, ret_answer);
    ret_answer->end = status.end;
    count_silence(call, status.end);
    if (!is_ok(sent) && ret_answer->status == 0)
        ret_answer->end = sent.end;
    if (!is_ok(sent) || !is_ok(status) || ret_answer->status == 101 || call->has_ended)
        ret_answer->is_persistent = false;
}

// ---- answers

void call_answer_done(struct call_answer *answer)
{
    for (size_t i = 0; i < answer->challenge_count; i++)
        free(answer->challenges[i].token);
    free(answer->body);
    *answer = (struct call_answer){0};
}

static const struct call_challenge *challenge_of(const struct call_answer *answer,
                                                 const char *scheme)
{
    for (size_t i = 0; i < answer->challenge_count; i++) {
        if (strcasecmp(answer->challenges[i].scheme, scheme) == 0)
            return &answer->challenges[i];
    }
    return NULL;
}

const char *call_answer_token(const struct call_answer *answer, const char *scheme)
{
    const struct call_challenge *challenge = challenge_of(answer, scheme);
    return challenge ? challenge->token : NULL;
}

bool call_answer_offers(const struct call_answer *answer, const char *scheme)
{
    return challenge_of(answer, scheme) != NULL;
}
