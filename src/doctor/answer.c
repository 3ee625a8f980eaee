// SPDX-License-Identifier: Apache-2.0
// Reads the head of an answer. Texts are bounded copies in clean UTF-8; of challenges only tokens
// of schemes that bind a connection are kept, and they belong to the answer.
#include "doctor/answer.h"

#include <stdlib.h>
#include <time.h>

#include "wire/token.h"
#include "wire/utf8.h"

static void keep(char *out, size_t capacity, struct span value)
{
    out[utf8_from_bytes(value, out, capacity - 1)] = '\0';
}

#define KEEP(text, value) keep(text, sizeof(text), value)

// ---- dates

static int month_of(struct span name)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int i = 0; i < 12; i++) {
        if (span_equal(name, span_of(months + 3 * i, 3)))
            return i;
    }
    return -1;
}

static bool number_at(struct span text, size_t at, size_t digits, int *ret_number)
{
    uint64_t value = 0;
    if (!span_to_u64(span_first(span_after(text, at), digits), &value))
        return false;
    *ret_number = (int)value;
    return true;
}

// "Sun, 06 Nov 1994 08:49:37 GMT"
int64_t answer_date(struct span text)
{
    struct tm tm = {0};
    text = span_trim(text);
    if (text.size != 29 || !span_ends_with(text, SPAN(" GMT")))
        return 0;
    tm.tm_mon = month_of(span_first(span_after(text, 8), 3));
    bool is_read = number_at(text, 5, 2, &tm.tm_mday) && number_at(text, 12, 4, &tm.tm_year) &&
                   number_at(text, 17, 2, &tm.tm_hour) && number_at(text, 20, 2, &tm.tm_min) &&
                   number_at(text, 23, 2, &tm.tm_sec) && tm.tm_mon >= 0;
    tm.tm_year -= 1900;
    time_t seconds = is_read ? timegm(&tm) : 0;
    return seconds > 0 ? (int64_t)seconds : 0;
}

// ---- challenges

static struct span word_of(struct span challenge)
{
    size_t end = 0;
    while (end < challenge.size && challenge.data[end] != ' ' && challenge.data[end] != '\t')
        end++;
    return span_first(challenge, end);
}

static void take_challenge(struct span text, struct call_answer *answer)
{
    if (answer->challenge_count == CALL_CHALLENGES_MAX)
        return;
    struct call_challenge *challenge = &answer->challenges[answer->challenge_count++];
    struct span parameter;
    enum auth_scheme scheme = auth_scheme_of(text, &parameter);
    *challenge = (struct call_challenge){0};
    KEEP(challenge->scheme, word_of(text));
    if (auth_scheme_binds(scheme) && parameter.size)
        challenge->token = strndup((const char *)parameter.data, parameter.size);
}

static void take_challenges(struct span value, struct call_answer *answer)
{
    answer->challenge_lines++;
    for (;;) {
        struct span challenge = auth_challenge_cut(&value);
        if (span_is_empty(challenge))
            return;
        take_challenge(challenge, answer);
    }
}

// ---- fields

static bool named(struct span name, const char *word)
{
    return span_equal_nocase(name, span_text(word));
}

static void take_field(struct span name, struct span value, struct call_answer *answer)
{
    if (named(name, "www-authenticate"))
        take_challenges(value, answer);
    else if (named(name, "server"))
        KEEP(answer->server, value);
    else if (named(name, "location"))
        KEEP(answer->location, value);
    else if (named(name, "persistent-auth"))
        KEEP(answer->persistent_auth, value);
    else if (named(name, "connection"))
        KEEP(answer->connection, value);
    else if (named(name, "alt-svc"))
        KEEP(answer->alt_svc, value);
    else if (named(name, "via"))
        KEEP(answer->via, value);
    else if (named(name, "date"))
        answer->date_s = answer_date(value);
}

// ---- heads that are not in order

unsigned answer_status(struct span bytes)
{
    uint64_t status = 0;
    if (!span_starts_with(bytes, SPAN("HTTP/")))
        return 0;
    struct span rest = span_after(bytes, span_find(bytes, ' ') + 1);
    if (rest.size < 3 || !span_to_u64(span_first(rest, 3), &status))
        return 0;
    return status >= 100 ? (unsigned)status : 0;
}

bool answer_may_begin(struct span bytes)
{
    struct span begin = span_first(bytes, 5);
    return span_equal(begin, span_first(SPAN("HTTP/"), begin.size));
}

static void read_loosely(struct span head, struct call_answer *answer)
{
    answer->status = answer_status(head);
    span_cut(&head, '\n');
    while (!span_is_empty(head)) {
        struct span line = span_cut(&head, '\n');
        if (span_ends_with(line, SPAN("\r")))
            line.size--;
        struct span name = span_cut(&line, ':');
        take_field(span_trim(name), span_trim(line), answer);
    }
}

static void read_strictly(const struct response_head *head, struct call_answer *answer)
{
    answer->status = head->status;
    answer->minor_version = head->head.minor_version;
    answer->is_persistent = head->head.is_persistent;
    answer->body_kind = head->head.body;
    KEEP(answer->reason, head->reason);
    for (size_t i = 0; i < head->head.field_count; i++)
        take_field(head->head.fields[i].name, head->head.fields[i].value, answer);
}

enum end answer_read_head(struct span head, bool to_head, struct call_answer *answer,
                          struct answer_framing *ret_framing)
{
    *ret_framing = (struct answer_framing){.kind = BODY_UNTIL_CLOSE};
    struct response_head *parsed = malloc(sizeof *parsed);
    if (!parsed)
        return END_OVERLOAD;
    struct status status = h1_response_parse(head, to_head, false, parsed);
    if (is_ok(status)) {
        read_strictly(parsed, answer);
        *ret_framing = (struct answer_framing){parsed->head.body, parsed->head.length};
    } else {
        read_loosely(head, answer);
    }
    free(parsed);
    return status.end;
}
