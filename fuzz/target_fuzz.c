// SPDX-License-Identifier: Apache-2.0
// Request targets: the parts make up what was sent; a path that was read holds nothing left to
// resolve. The first byte of the input says which method it is.
#include "base/check.h"
#include "wire/host.h"
#include "wire/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_inside(struct span part, struct span whole)
{
    return part.data >= whole.data && part.data + part.size <= whole.data + whole.size;
}

static void check_target(struct span text, const struct target *target)
{
    struct host host;
    bool has_path = target->form == TARGET_ORIGIN || target->form == TARGET_ABSOLUTE;
    CHECK(has_path == !span_is_empty(target->path));
    CHECK(!has_path || target->path.data[0] == '/');
    CHECK(span_is_empty(target->query) || target->query.data[0] == '?');
    CHECK(span_find(target->path, '?') == target->path.size);
    if (target->form == TARGET_ORIGIN)
        CHECK(target->path.data == text.data &&
              target->path.size + target->query.size == text.size);
    if (!span_is_empty(target->authority))
        CHECK(is_inside(target->authority, text) && host_parse(target->authority, &host));
    CHECK(span_is_empty(target->authority) ==
          (target->form == TARGET_ORIGIN || target->form == TARGET_ASTERISK));
}

static void check_segments(struct span path)
{
    CHECK(path.data[0] == '/');
    path = span_after(path, 1);
    while (!span_is_empty(path)) {
        size_t slash = span_find(path, '/');
        struct span segment = span_first(path, slash);
        CHECK(!span_is_empty(segment) && span_find(segment, 0) == segment.size);
        CHECK(!span_equal(segment, SPAN(".")) && !span_equal(segment, SPAN("..")));
        CHECK(span_find(segment, '\\') == segment.size);
        path = span_after(path, slash + 1);
    }
}

static void check_path(struct span path)
{
    static uint8_t out[8192];
    static uint8_t again[8192];
    size_t size = 0;
    size_t again_size = 0;
    if (!path_normalise(path, out, sizeof out, &size))
        return;
    CHECK(size >= 1 && size <= path.size);
    check_segments(span_of(out, size));
    CHECK(!path_normalise(path, again, size - 1, &again_size));
    if (span_find(span_of(out, size), '%') < size)
        return; // a second decoding would be another path
    CHECK(path_normalise(span_of(out, size), again, size, &again_size));
    CHECK(span_equal(span_of(out, size), span_of(again, again_size)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct span text = span_of(data + 1, size - 1);
    struct target target;
    check_path(text);
    if (!target_parse(text, (data[0] & 3) == 1, (data[0] & 3) == 2, &target))
        return 0;
    check_target(text, &target);
    check_path(target.path);
    return 0;
}
