// SPDX-License-Identifier: Apache-2.0
// ClientHellos: the same bytes are read the same however they arrive and however they are cut into
// records.
#include <stdlib.h>

#include "base/check.h"
#include "wire/hello.h"
#include "wire/host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define EVERY_PREFIX 64 // of so many bytes at both ends; between them only some

static void check_same(const struct hello *a, const struct hello *b)
{
    CHECK(span_equal(hello_name(a), hello_name(b)));
    CHECK(a->version_max == b->version_max && a->has_ech == b->has_ech);
    CHECK(a->alpn_h2 == b->alpn_h2 && a->alpn_http11 == b->alpn_http11 &&
          a->has_alpn == b->has_alpn);
}

// What a front part gives is "more", or what the whole gives.
static void check_prefix(struct span prefix, struct parse whole, const struct hello *hello)
{
    struct hello found;
    uint8_t *copy = malloc(prefix.size ? prefix.size : 1);
    CHECK(copy);
    if (prefix.size)
        memcpy(copy, prefix.data, prefix.size);
    struct parse parse = hello_read(span_of(copy, prefix.size), &found);
    free(copy);
    if (parse.state == PARSE_MORE)
        return;
    CHECK(parse.state == whole.state && parse.end == whole.end);
    if (parse.state == PARSE_DONE) {
        CHECK(prefix.size >= hello->wire_bytes && found.wire_bytes == hello->wire_bytes);
        check_same(&found, hello);
    }
}

static void check_good(struct span bytes, const struct hello *hello)
{
    struct hello found;
    struct span name = hello_name(hello);
    uint8_t plain[HOST_NAME_MAX];
    size_t plain_size = 0;
    CHECK(hello->wire_bytes <= bytes.size && hello->wire_bytes <= HELLO_MAX_BYTES);
    CHECK(first_bytes_look(bytes) == FIRST_BYTES_TLS);
    CHECK(hello_read(span_first(bytes, hello->wire_bytes), &found).state == PARSE_DONE);
    CHECK(hello_read(span_first(bytes, hello->wire_bytes - 1), &found).state == PARSE_MORE);
    CHECK(span_is_empty(name) || host_name_parse(name, plain, &plain_size));
    CHECK(span_equal(name, span_of(plain, plain_size)));
}

static size_t unwrap(struct span records, uint8_t *message)
{
    size_t size = 0;
    while (!span_is_empty(records)) {
        struct span part =
            span_first(span_after(records, 5), (size_t)records.data[3] << 8 | records.data[4]);
        memcpy(message + size, part.data, part.size);
        size += part.size;
        records = span_after(records, 5 + part.size);
    }
    return size;
}

static size_t wrap(struct span message, size_t record_bytes, uint8_t *records)
{
    size_t size = 0;
    while (!span_is_empty(message)) {
        struct span part = span_first(message, record_bytes);
        const uint8_t header[] = {22, 3, 1, (uint8_t)(part.size >> 8), (uint8_t)part.size};
        memcpy(records + size, header, sizeof header);
        memcpy(records + size + sizeof header, part.data, part.size);
        size += sizeof header + part.size;
        message = span_after(message, part.size);
    }
    return size;
}

static void check_other_records(struct span records, const struct hello *hello)
{
    static uint8_t message[HELLO_MAX_BYTES];
    static uint8_t again[HELLO_MAX_BYTES * 6];
    static const size_t sizes[] = {1, 3, 4, 5, 64, 16384};
    size_t message_size = unwrap(span_first(records, hello->wire_bytes), message);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct hello found;
        size_t size = wrap(span_of(message, message_size), sizes[i], again);
        struct parse parse = hello_read(span_of(again, size), &found);
        CHECK((parse.state == PARSE_DONE) == (size <= HELLO_MAX_BYTES));
        if (parse.state == PARSE_DONE)
            check_same(&found, hello);
        else
            CHECK(parse.end == END_HELLO_TOO_BIG);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = span_of(data, size);
    struct hello hello = {0};
    struct parse whole = hello_read(bytes, &hello);
    CHECK(whole.state != PARSE_BAD || whole.end == END_HELLO_BAD || whole.end == END_HELLO_TOO_BIG);
    CHECK(whole.state != PARSE_MORE || size < HELLO_MAX_BYTES);
    size_t end = whole.state == PARSE_DONE ? hello.wire_bytes : size;
    for (size_t at = 0; at <= end;) {
        check_prefix(span_first(bytes, at), whole, &hello);
        at += at < EVERY_PREFIX || at + EVERY_PREFIX >= end ? 1 : 61;
    }
    if (whole.state != PARSE_DONE)
        return 0;
    check_good(bytes, &hello);
    check_other_records(bytes, &hello);
    return 0;
}
