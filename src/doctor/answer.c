// SPDX-License-Identifier: Apache-2.0
// Reads the head of an answer. Texts are bounded copies in clean UTF-8; of challenges only tokens
// of schemes that bind a connection are kept, and they belong to the answer.
#include "doctor/answer.h"

#include <stdarg.h>
#include <stdio.h>
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

static struct span cut_line(struct span *rest)
{
    struct span line = span_cut(rest, '\n');
    if (span_ends_with(line, SPAN("\r")))
        line.size--;
    return line;
}

// "HTTP/1.1 401 Unauthorized", or what comes near it.
static void read_first_line(struct span line, struct call_answer *answer)
{
    answer->status = answer_status(line);
    answer->minor_version = span_starts_with(line, SPAN("HTTP/1.0")) ? 0 : 1;
    span_cut(&line, ' ');
    span_cut(&line, ' ');
    KEEP(answer->reason, span_trim(line));
}

static void read_loosely(struct span head, struct call_answer *answer)
{
    read_first_line(cut_line(&head), answer);
    while (!span_is_empty(head)) {
        struct span line = cut_line(&head);
        struct span name = span_cut(&line, ':');
        take_field(span_trim(name), span_trim(line), answer);
    }
}

// ---- what is not in order

__attribute__((format(printf, 2, 3))) static void blame(struct call_answer *answer,
                                                        const char *format, ...)
{
    char text[2 * sizeof answer->problem];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    KEEP(answer->problem, span_text(text));
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static bool has_blank(struct span text)
{
    return span_find(text, ' ') < text.size || span_find(text, '\t') < text.size;
}

static bool has_control(struct span value)
{
    for (size_t i = 0; i < value.size; i++)
        if ((value.data[i] < 0x20 && value.data[i] != '\t') || value.data[i] == 0x7f)
            return true;
    return false;
}

// True when the line is to blame. Its name is shown, never its value: that might be a token.
static bool blame_line(struct span line, struct call_answer *answer)
{
    size_t colon = span_find(line, ':');
    struct span name = span_first(line, colon);
    char shown[40];
    KEEP(shown, name);
    if (is_blank(line.data[0]))
        blame(answer, "a header line begins with a blank, as if it went on with the one before");
    else if (colon == line.size)
        blame(answer, "a header line has no colon");
    else if (colon == 0)
        blame(answer, "a header line has no name");
    else if (has_blank(name))
        blame(answer, "the name \"%s\" of a header line has a blank in it", shown);
    else if (has_control(span_after(line, colon)))
        blame(answer, "the value of %s holds a control character", shown);
    return answer->problem[0] != '\0';
}

// How the end of the body is told.
struct framed {
    struct span length, encoding;
    unsigned lengths, encodings;
};

static void take_framing(struct span line, struct framed *framed)
{
    struct span name = span_trim(span_cut(&line, ':'));
    if (named(name, "content-length") && framed->lengths++ == 0)
        framed->length = span_trim(line);
    if (named(name, "transfer-encoding") && framed->encodings++ == 0)
        framed->encoding = span_trim(line);
}

static void blame_framing(const struct framed *framed, struct call_answer *answer)
{
    char value[24];
    uint64_t length;
    if (framed->lengths > 0 && framed->encodings > 0) {
        blame(answer, "it has both Content-Length and Transfer-Encoding");
    } else if (framed->lengths > 1) {
        blame(answer, "Content-Length stands in it more than once");
    } else if (framed->lengths == 1 && !span_to_u64(framed->length, &length)) {
        keep(value, sizeof value, framed->length);
        blame(answer, "its Content-Length is \"%s\", not one number", value);
    } else if (framed->encodings > 0) {
        keep(value, sizeof value, framed->encoding);
        blame(answer, "its Transfer-Encoding is \"%s\", not chunked alone", value);
    }
}

static void blame_start(struct span bytes, struct call_answer *answer)
{
    char start[48];
    KEEP(start, cut_line(&bytes));
    blame(answer, "it begins with \"%s\"", start);
}

// The first thing that a strict reader stumbles over.
static void blame_head(struct span head, struct call_answer *answer)
{
    struct framed framed = {0};
    struct span first = cut_line(&head);
    if (answer_status(first) == 0 || !span_starts_with(first, SPAN("HTTP/1."))) {
        blame_start(first, answer);
        return;
    }
    while (!span_is_empty(head)) {
        struct span line = cut_line(&head);
        if (line.size > 0 && blame_line(line, answer))
            return;
        take_framing(line, &framed);
    }
    blame_framing(&framed, answer);
}

void answer_read_remains(struct span bytes, enum end end, struct call_answer *answer)
{
    read_first_line(cut_line(&(struct span){bytes.data, bytes.size}), answer);
    if (answer->status < 200)
        answer->status = 0;
    if (end == END_RESPONSE_BAD && !answer_may_begin(bytes))
        blame_start(bytes, answer);
    else if (end == END_RESPONSE_BAD && bytes.size > 0)
        blame(answer, "a line of its head ends in a line feed alone");
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
        blame_head(head, answer);
    }
    free(parsed);
    return status.end;
}
