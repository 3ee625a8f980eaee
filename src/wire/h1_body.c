// SPDX-License-Identifier: Apache-2.0
// Follows the framing of a body. Payload is stepped over in one go; framing is read byte by byte by
// a machine that can stop anywhere. Never holds a byte and never changes one.
#include "wire/h1_body.h"

#include "base/check.h"
#include "wire/octet.h"

#define SIZE_DIGITS_MAX 16

enum chunk_state {
    CHUNK_SIZE = 0,  // the first digit of a size
    CHUNK_SIZE_MORE, // more digits
    CHUNK_EXTENSION, // after ';'
    CHUNK_QUOTED,    // in a quoted string of an extension
    CHUNK_ESCAPED,   // after a backslash in it
    CHUNK_SIZE_FEED, // the LF of the size line
    CHUNK_PAYLOAD,
    CHUNK_RETURN,  // the CR after the payload
    CHUNK_FEED,    // and its LF
    CHUNK_TRAILER, // the first byte of a trailer line or of the last, empty one
    CHUNK_TRAILER_NAME,
    CHUNK_TRAILER_VALUE,
    CHUNK_TRAILER_FEED,
    CHUNK_LAST_FEED, // the LF of the empty line
    CHUNK_COMPLETE,
};

void h1_body_init(struct h1_body *body, enum body_kind kind, uint64_t length)
{
    *body = (struct h1_body){.kind = kind, .left = kind == BODY_LENGTH ? length : 0};
}

static bool go(struct h1_body *body, enum chunk_state state)
{
    body->state = state;
    return true;
}

static bool expect(struct h1_body *body, uint8_t c, uint8_t wanted, enum chunk_state state)
{
    return c == wanted && go(body, state);
}

static bool step_digit(struct h1_body *body, uint8_t c)
{
    if (!octet_is(c, OCTET_HEX) || body->line > SIZE_DIGITS_MAX || body->left > INT64_MAX >> 4)
        return false;
    body->left = body->left << 4 | octet_hex_value(c);
    return go(body, CHUNK_SIZE_MORE);
}

static bool step_extension(struct h1_body *body, uint8_t c)
{
    if (c == '\r')
        return go(body, CHUNK_SIZE_FEED);
    if (c == '"')
        return go(body, CHUNK_QUOTED);
    return octet_is(c, OCTET_TOKEN) || c == ';' || c == '=' || c == ' ' || c == '\t';
}

static bool step_quoted(struct h1_body *body, uint8_t c)
{
    if (c == '"')
        return go(body, CHUNK_EXTENSION);
    return c == '\\' ? go(body, CHUNK_ESCAPED) : octet_is(c, OCTET_VALUE);
}

static bool step_size_line(struct h1_body *body, uint8_t c)
{
    if (c != '\r' && c != '\n' && ++body->line > CHUNK_LINE_MAX)
        return false;
    switch (body->state) {
    case CHUNK_SIZE:
        return step_digit(body, c);
    case CHUNK_SIZE_MORE:
        if (c == '\r')
            return go(body, CHUNK_SIZE_FEED);
        return c == ';' ? go(body, CHUNK_EXTENSION) : step_digit(body, c);
    case CHUNK_EXTENSION:
        return step_extension(body, c);
    case CHUNK_QUOTED:
        return step_quoted(body, c);
    case CHUNK_ESCAPED:
        return octet_is(c, OCTET_VALUE) && go(body, CHUNK_QUOTED);
    default:
        body->line = 0;
        return expect(body, c, '\n', body->left ? CHUNK_PAYLOAD : CHUNK_TRAILER);
    }
}

// Narrows the fields that the trailer name may be down by its next byte.
static void suspect(struct h1_body *body, uint8_t c)
{
    for (unsigned id = FIELD_OTHER + 1; id < FIELD_COUNT; id++) {
        struct span name = field_id_name(id);
        if (body->name >= name.size || name.data[body->name] != ascii_lower(c))
            body->suspects &= ~(1ull << id);
    }
    body->name++;
}

static bool is_known_field(const struct h1_body *body)
{
    for (unsigned id = FIELD_OTHER + 1; id < FIELD_COUNT; id++)
        if ((body->suspects >> id & 1) && field_id_name(id).size == body->name)
            return true;
    return false;
}

static bool step_trailer_name(struct h1_body *body, uint8_t c)
{
    if (c == ':')
        return !is_known_field(body) && go(body, CHUNK_TRAILER_VALUE);
    if (body->suspects)
        suspect(body, c);
    return octet_is(c, OCTET_TOKEN) && go(body, CHUNK_TRAILER_NAME);
}

static bool step_trailer(struct h1_body *body, uint8_t c)
{
    if (++body->line > TRAILERS_MAX)
        return false;
    switch (body->state) {
    case CHUNK_TRAILER:
        body->suspects = ~1ull;
        body->name = 0;
        if (c == '\r')
            return go(body, CHUNK_LAST_FEED);
        return c != ':' && step_trailer_name(body, c);
    case CHUNK_TRAILER_NAME:
        return step_trailer_name(body, c);
    case CHUNK_TRAILER_VALUE:
        return c == '\r' ? go(body, CHUNK_TRAILER_FEED) : octet_is(c, OCTET_VALUE);
    default:
        return expect(body, c, '\n', CHUNK_TRAILER);
    }
}

// One byte of framing; false when it may not stand here.
static bool step(struct h1_body *body, uint8_t c)
{
    switch (body->state) {
    case CHUNK_RETURN:
        return expect(body, c, '\r', CHUNK_FEED);
    case CHUNK_FEED:
        return expect(body, c, '\n', CHUNK_SIZE);
    case CHUNK_TRAILER:
    case CHUNK_TRAILER_NAME:
    case CHUNK_TRAILER_VALUE:
    case CHUNK_TRAILER_FEED:
        return step_trailer(body, c);
    case CHUNK_LAST_FEED:
        return expect(body, c, '\n', CHUNK_COMPLETE);
    default:
        return step_size_line(body, c);
    }
}

static bool is_framing(const struct h1_body *body)
{
    return body->kind == BODY_CHUNKED && body->state != CHUNK_PAYLOAD &&
           body->state != CHUNK_COMPLETE;
}

static struct parse look_framing(struct h1_body body, struct span input, struct piece *ret_piece)
{
    size_t size = 0;
    while (size < input.size && is_framing(&body))
        if (!step(&body, input.data[size++]))
            return parsed_bad(END_CHUNK_BAD);
    *ret_piece = (struct piece){span_first(input, size), false};
    return PARSED_MORE;
}

bool h1_body_is_done(const struct h1_body *body)
{
    switch (body->kind) {
    case BODY_NONE:
        return true;
    case BODY_LENGTH:
        return body->left == 0;
    case BODY_CHUNKED:
        return body->state == CHUNK_COMPLETE;
    case BODY_UNTIL_CLOSE:
        return false;
    }
    UNREACHABLE("body kind");
}

struct parse h1_body_look(const struct h1_body *body, struct span input, struct piece *ret_piece)
{
    if (h1_body_is_done(body))
        return PARSED_DONE;
    if (is_framing(body))
        return look_framing(*body, input, ret_piece);
    if (body->kind != BODY_UNTIL_CLOSE && body->left < input.size)
        input.size = (size_t)body->left;
    *ret_piece = (struct piece){input, true};
    return PARSED_MORE;
}

static void advance_payload(struct h1_body *body, size_t bytes)
{
    body->payload += bytes;
    if (body->kind == BODY_UNTIL_CLOSE)
        return;
    CHECK(bytes <= body->left);
    body->left -= bytes;
    if (body->kind == BODY_CHUNKED && body->left == 0)
        body->state = CHUNK_RETURN;
}

void h1_body_pass(struct h1_body *body, uint64_t bytes)
{
    CHECK(body->kind == BODY_LENGTH && bytes <= body->left);
    advance_payload(body, bytes);
}

void h1_body_advance(struct h1_body *body, struct span taken)
{
    if (span_is_empty(taken))
        return;
    if (!is_framing(body)) {
        advance_payload(body, taken.size);
        return;
    }
    for (size_t i = 0; i < taken.size; i++)
        CHECK(is_framing(body) && step(body, taken.data[i]));
}
