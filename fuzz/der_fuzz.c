// SPDX-License-Identifier: Apache-2.0
// Fuzzes the DER cursor by walking everything it opens: always inside, always further, and what is
// whole is read alike by a cursor that expects the end to be missing.
#include "base/check.h"
#include "wire/der.h"

#define DEPTH_MAX 24

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct span inner, struct span outer)
{
    CHECK(inner.size <= outer.size);
    CHECK(inner.size == 0 || (inner.data >= outer.data &&
                              inner.data + inner.size <= outer.data + outer.size));
}

static void check_integer(struct der der)
{
    struct der before = der;
    int64_t value = 77;
    if (der_take_integer(&der, DER_INTEGER, &value))
        CHECK(der.rest.size < before.rest.size);
    else
        CHECK(value == 77 && span_equal(der.rest, before.rest));
}

static void walk(struct der der, int depth)
{
    struct der content, cut_content;
    unsigned tag, cut_tag;

    for (;;) {
        struct der before = der;
        struct der cut = der_over(der.rest, true);
        check_integer(der);
        if (!der_next(&der, &tag, &content)) {
            CHECK(span_equal(der.rest, before.rest));
            return;
        }
        CHECK(der.rest.size < before.rest.size);
        check_inside(content.rest, before.rest);
        check_inside(der.rest, before.rest);
        CHECK(before.is_cut || !content.is_cut);
        CHECK(!content.is_cut || der.rest.size == 0);
        CHECK(der_next(&cut, &cut_tag, &cut_content));
        CHECK(cut_tag == tag && span_equal(cut_content.rest, content.rest));
        if (tag & 0x20 && depth < DEPTH_MAX)
            walk(content, depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct der der = der_over(span_of(data, size), false);
    walk(der, 0);
    walk(der_over(span_of(data, size), true), 0);
    if (der_seek(&der, DER_CONTEXT(2)))
        CHECK(der_is_at(&der, DER_CONTEXT(2)));
    return 0;
}
