// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 heads: the end is found however the bytes arrive; what is accepted has no two readings,
// can be written back byte for byte and, with the white space made plain, is accepted with the same
// meaning. The first byte of the input chooses request or response and the limits.
#include <stdlib.h>
#include <strings.h>

#include "base/check.h"
#include "wire/h1_head.h"
#include "wire/host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OUT_MAX (256 * 1024)

struct out {
    size_t size;
    uint8_t data[OUT_MAX];
};

static struct request_head request;
static struct request_head request_again;
static struct response_head response;
static struct response_head response_again;
static struct out out;

static void add(struct span piece)
{
    CHECK(piece.size <= OUT_MAX - out.size);
    if (piece.size)
        memcpy(out.data + out.size, piece.data, piece.size);
    out.size += piece.size;
}

// The first line as it came, then every field: its line, or name and value alone.
static struct span write_head(struct span head_bytes, const struct head *head, bool is_plain)
{
    out.size = 0;
    add(span_first(head_bytes, span_find(head_bytes, '\n') + 1));
    for (size_t i = 0; i < head->field_count; i++) {
        const struct field *field = &head->fields[i];
        add(is_plain ? field->name : field->line);
        if (is_plain) {
            add(SPAN(":"));
            add(field->value);
        }
        add(SPAN("\r\n"));
    }
    add(SPAN("\r\n"));
    return span_of(out.data, out.size);
}

static struct parse end_in_steps(struct span bytes, size_t step, const struct head_limits *limits,
                                 size_t *ret_size)
{
    size_t scanned = 0;
    for (size_t size = 0;; size += step) {
        struct parse parse = h1_head_end(span_first(bytes, size), limits, &scanned, ret_size);
        CHECK(scanned <= bytes.size);
        if (parse.state != PARSE_MORE || size >= bytes.size)
            return parse;
    }
}

static void check_ends(struct span bytes, const struct head_limits *limits, struct parse whole,
                       size_t head_bytes)
{
    for (size_t step = 1; step < 20; step += 3) {
        size_t found = 0;
        struct parse parse = end_in_steps(bytes, step, limits, &found);
        CHECK(parse.state == whole.state && found == head_bytes);
    }
}

static size_t count_fields(const struct head *head, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < head->field_count; i++) {
        struct span found = head->fields[i].name;
        count += found.size == strlen(name) &&
                 strncasecmp((const char *)found.data, name, found.size) == 0;
    }
    return count;
}

static void check_fields(const struct head *head)
{
    CHECK(head->field_count <= HEAD_FIELDS_MAX && head->minor_version <= 1);
    CHECK(count_fields(head, "content-length") + count_fields(head, "transfer-encoding") <= 1);
    for (size_t i = 0; i < head->field_count; i++) {
        const struct field *field = &head->fields[i];
        CHECK(!span_is_empty(field->name) && span_starts_with(field->line, field->name));
        CHECK(field->line.data[field->name.size] == ':');
        for (size_t j = 0; j < field->line.size; j++)
            CHECK(field->line.data[j] >= ' ' || field->line.data[j] == '\t');
        CHECK(span_equal(span_trim(field->value), field->value));
        CHECK(field->id == field_id_of(field->name));
        CHECK((head->present >> field->id & 1) != 0);
        CHECK(field->id == FIELD_OTHER || head_field(head, field->id) <= field);
        if (field->id == FIELD_HOST || field->id == FIELD_AUTHORIZATION)
            CHECK(!head_field_is_hop(head, field));
    }
}

static void check_same(const struct head *a, const struct head *b)
{
    CHECK(a->field_count == b->field_count && a->present == b->present);
    CHECK(a->body == b->body && a->length == b->length && a->minor_version == b->minor_version);
    CHECK(a->is_persistent == b->is_persistent && a->wants_upgrade == b->wants_upgrade);
    for (size_t i = 0; i < a->field_count; i++)
        CHECK(span_equal(a->fields[i].value, b->fields[i].value) &&
              head_field_is_hop(a, &a->fields[i]) == head_field_is_hop(b, &b->fields[i]));
}

static void check_request(struct span head_bytes)
{
    struct host host;
    struct status status = h1_request_parse(head_bytes, &request);
    CHECK(status.end == END_OK ||
          (status.end >= END_REQUEST_LINE_BAD && status.end <= END_UPGRADE_BAD));
    if (!is_ok(status))
        return;
    const struct head *head = &request.head;
    check_fields(head);
    CHECK(head->body != BODY_UNTIL_CLOSE &&
          (head->body != BODY_CHUNKED || head->minor_version == 1));
    CHECK(count_fields(head, "host") <= 1 && count_fields(head, "host") >= head->minor_version);
    CHECK(span_is_empty(request.host) ? head->minor_version == 0 : host_parse(request.host, &host));
    CHECK(span_equal(write_head(head_bytes, head, false), head_bytes));
    CHECK(is_ok(h1_request_parse(write_head(head_bytes, head, true), &request_again)));
    check_same(head, &request_again.head);
    CHECK(span_equal(request.host, request_again.host));
    CHECK(request.expects_continue == request_again.expects_continue);
}

static void check_response(struct span head_bytes, bool to_head, bool to_connect)
{
    struct status status = h1_response_parse(head_bytes, to_head, to_connect, &response);
    CHECK(status.end == END_OK || status.end == END_RESPONSE_BAD ||
          status.end == END_RESPONSE_FRAMING || status.end == END_RESPONSE_TOO_BIG);
    if (!is_ok(status))
        return;
    const struct head *head = &response.head;
    check_fields(head);
    CHECK(response.status >= 100 && response.status <= 999);
    CHECK(head->body != BODY_UNTIL_CLOSE || !head->is_persistent);
    CHECK(!to_head || head->body == BODY_NONE);
    CHECK(span_equal(write_head(head_bytes, head, false), head_bytes));
    CHECK(is_ok(h1_response_parse(write_head(head_bytes, head, true), to_head, to_connect,
                                  &response_again)));
    check_same(head, &response_again.head);
    CHECK(response.status == response_again.status);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > OUT_MAX / 2)
        return 0;
    unsigned choice = data[0];
    struct span bytes = span_of(data + 1, size - 1);
    struct head_limits limits = {choice & 16 ? 40 : 65536, choice & 32 ? 80 : 131072};
    size_t head_bytes = 0;
    size_t scanned = 0;
    bytes = span_after(bytes, h1_skip_empty_lines(bytes));
    struct parse parse = h1_head_end(bytes, &limits, &scanned, &head_bytes);
    check_ends(bytes, &limits, parse, head_bytes);
    // Whole or not, the parsers must stand whatever they are given.
    struct span head = parse.state == PARSE_DONE ? span_first(bytes, head_bytes) : bytes;
    uint8_t *copy = malloc(head.size ? head.size : 1);
    CHECK(copy);
    if (head.size)
        memcpy(copy, head.data, head.size);
    if (choice & 1)
        check_response(span_of(copy, head.size), choice & 2, choice & 4);
    else
        check_request(span_of(copy, head.size));
    free(copy);
    return 0;
}
