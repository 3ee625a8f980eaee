// SPDX-License-Identifier: Apache-2.0
// Bodies: read at once, in pieces of any size and by a second, simpler reader, they end at the same
// byte and hold the same content. The first two bytes of the input choose the kind of body and the
// sizes of the pieces.
#include <stdlib.h>

#include "base/check.h"
#include "wire/h1_body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CONTENT_MAX (1024 * 1024)

struct outcome {
    struct parse parse;
    size_t consumed;
    size_t content_size;
    uint8_t content[CONTENT_MAX];
};

static struct outcome whole;
static struct outcome pieces;
static struct outcome simple;

static void add_content(struct outcome *outcome, struct span content)
{
    CHECK(content.size <= CONTENT_MAX - outcome->content_size);
    if (content.size)
        memcpy(outcome->content + outcome->content_size, content.data, content.size);
    outcome->content_size += content.size;
}

static size_t next_size(uint32_t *seed)
{
    if (*seed == 0)
        return SIZE_MAX;
    *seed = *seed * 1664525u + 1013904223u;
    return 1 + (*seed >> 24) % ((*seed >> 16 & 1) ? 4 : 200);
}

// Looks at windows and takes parts whose sizes come from `seed`; 0: everything at once.
static void follow(enum body_kind kind, uint64_t length, struct span input, uint32_t seed,
                   struct outcome *outcome)
{
    struct h1_body body;
    outcome->consumed = outcome->content_size = 0;
    h1_body_init(&body, kind, length);
    for (;;) {
        struct piece piece = {0};
        struct span rest = span_after(input, outcome->consumed);
        struct span window = span_first(rest, next_size(&seed));
        outcome->parse = h1_body_look(&body, window, &piece);
        if (outcome->parse.state != PARSE_MORE || span_is_empty(rest))
            break;
        CHECK(piece.bytes.size > 0 && piece.bytes.size <= window.size);
        CHECK(piece.bytes.data == rest.data);
        struct span taken = span_first(piece.bytes, next_size(&seed));
        if (piece.is_payload)
            add_content(outcome, taken);
        h1_body_advance(&body, taken);
        outcome->consumed += taken.size;
    }
    CHECK(body.payload == outcome->content_size);
    CHECK(h1_body_is_done(&body) == (outcome->parse.state == PARSE_DONE));
}

// A line without its CRLF, off the front of `rest`. The body was accepted: it must be there.
static struct span take_line(struct span *rest)
{
    size_t feed = span_find(*rest, '\n');
    CHECK(feed < rest->size && feed > 0 && rest->data[feed - 1] == '\r');
    struct span line = span_first(*rest, feed - 1);
    CHECK(span_find(line, '\r') == line.size);
    *rest = span_after(*rest, feed + 1);
    return line;
}

// Reads an accepted chunked body by lines, with the size read by strtoull.
static void read_simply(struct span input)
{
    struct span rest = input;
    simple.content_size = 0;
    for (;;) {
        char digits[20] = "";
        struct span line = take_line(&rest);
        struct span text = span_cut(&line, ';');
        CHECK(text.size >= 1 && text.size <= 16);
        memcpy(digits, text.data, text.size);
        unsigned long long size = strtoull(digits, NULL, 16);
        if (size == 0)
            break;
        CHECK(size <= rest.size);
        add_content(&simple, span_first(rest, size));
        rest = span_after(rest, size);
        CHECK(span_is_empty(take_line(&rest)));
    }
    for (struct span line = take_line(&rest); !span_is_empty(line); line = take_line(&rest)) {
        struct span name = span_first(line, span_find(line, ':'));
        CHECK(name.size > 0 && name.size < line.size && field_id_of(name) == FIELD_OTHER);
    }
    simple.consumed = input.size - rest.size;
}

static void check_equal(const struct outcome *a, const struct outcome *b)
{
    CHECK(a->consumed == b->consumed && a->content_size == b->content_size);
    CHECK(memcmp(a->content, b->content, a->content_size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > CONTENT_MAX)
        return 0;
    enum body_kind kind = (data[0] & 7) > BODY_UNTIL_CLOSE ? BODY_CHUNKED : (data[0] & 7);
    struct span input = span_of(data + 2, size - 2);
    follow(kind, data[0] >> 3, input, 0, &whole);
    CHECK(whole.parse.state != PARSE_BAD || whole.parse.end == END_CHUNK_BAD);
    for (uint32_t seed = 1; seed <= 4; seed++) {
        follow(kind, data[0] >> 3, input, seed * (data[1] + 1u), &pieces);
        CHECK(pieces.parse.state == whole.parse.state);
        if (whole.parse.state != PARSE_BAD)
            check_equal(&pieces, &whole);
    }
    if (kind == BODY_CHUNKED && whole.parse.state == PARSE_DONE) {
        read_simply(input);
        check_equal(&simple, &whole);
    }
    return 0;
}
