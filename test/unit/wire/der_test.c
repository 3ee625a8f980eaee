// SPDX-License-Identifier: Apache-2.0
// The DER cursor: forms of length, elements that lie, integers, and bytes that end early.
#include "material.h"

#include "wire/der.h"

// Every front part of a valid element, in memory that ends there, is refused; uncut none is taken.
static void refuses_every_front_part(void **state)
{
    uint8_t room[512];
    struct span whole = hex_into("30 82 0004 02 02 0102", room, sizeof(room));
    for (size_t size = 0; size < whole.size; size++) {
        struct span part = exact_copy(span_first(whole, size));
        struct der der = der_over(part, false), content;
        unsigned tag;
        assert_false(der_next(&der, &tag, &content));
        assert_int_equal(der.rest.size, size); // nothing taken
        free_span(part);
    }
}

static void reads_lengths(void **state)
{
    static const struct {
        const char *hex;
        size_t content, rest;
    } cases[] = {
        {"04 00", 0, 0},
        {"04 01 aa", 1, 0},
        {"04 01 aa bb", 1, 1},
        {"04 81 01 aa", 1, 0}, // longer than needed
        {"04 84 00000002 aabb", 2, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint8_t room[64];
        struct der der = der_over(exact_copy(hex_into(cases[i].hex, room, sizeof(room))), false);
        struct span all = der.rest;
        struct der content;
        assert_true(der_take(&der, DER_OCTETS, &content));
        assert_int_equal(content.rest.size, cases[i].content);
        assert_false(content.is_cut);
        assert_int_equal(der.rest.size, cases[i].rest);
        free_span(all);
    }
}

static void refuses(void **state)
{
    static const char *const cases[] = {
        "",
        "04",
        "04 01",
        "04 80 aa 00 00",         // indefinite
        "04 85 0000000001 aa",    // five bytes of length
        "04 84 ffffffff aa",      // far beyond
        "04 ff",                  // reserved
        "1f 01 aa",               // a tag of several bytes
        "bf 81 01 01 aa",
        "04 82 01",
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint8_t room[64];
        struct der der = der_over(exact_copy(hex_into(cases[i], room, sizeof(room))), false);
        struct span all = der.rest;
        struct der content;
        unsigned tag;
        if (der_next(&der, &tag, &content))
            fail_msg("%s was accepted", cases[i]);
        assert_int_equal(der.rest.size, all.size);
        free_span(all);
    }
}

static void takes_only_the_tag_asked_for(void **state)
{
    uint8_t room[16];
    struct der der = der_over(hex_into("04 01 aa", room, sizeof(room)), false), content;
    assert_false(der_take(&der, DER_OID, &content));
    assert_int_equal(der.rest.size, 3);
    assert_true(der_is_at(&der, DER_OCTETS));
    assert_true(der_take(&der, DER_OCTETS, &content));
    assert_false(der_is_at(&der, DER_OCTETS));
}

static void reads_integers(void **state)
{
    static const struct {
        const char *hex;
        bool is_good;
        int64_t value;
    } cases[] = {
        {"02 01 00", true, 0},
        {"02 01 12", true, 18},
        {"02 02 ff7b", true, -133},
        {"02 05 00ffffffff", true, 0xffffffff},
        {"02 08 7fffffffffffffff", true, INT64_MAX},
        {"02 08 8000000000000000", true, INT64_MIN},
        {"02 01 ff", true, -1},
        {"02 00", false, 0},
        {"02 09 000000000000000001", false, 0},
        {"0a 01 00", false, 0}, // ENUMERATED is not INTEGER
        {"02 02 00", false, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint8_t room[16];
        struct span bytes = exact_copy(hex_into(cases[i].hex, room, sizeof(room)));
        struct der der = der_over(bytes, false);
        int64_t value = 4711;
        assert_int_equal(der_take_integer(&der, DER_INTEGER, &value), cases[i].is_good);
        assert_true(value == (cases[i].is_good ? cases[i].value : 4711));
        assert_int_equal(der.rest.size, cases[i].is_good ? 0 : bytes.size);
        free_span(bytes);
    }
}

static void enters_context_tags(void **state)
{
    uint8_t room[32];
    struct der der = der_over(hex_into("a0 03 020105 a2 04 0402aabb", room, sizeof(room)), false);
    struct der content;
    int64_t value;
    assert_false(der_take_integer_in(&der, 1, DER_INTEGER, &value));
    assert_true(der_take_integer_in(&der, 0, DER_INTEGER, &value));
    assert_int_equal(value, 5);
    assert_false(der_take_in(&der, 2, DER_OID, &content)); // right field, wrong content
    assert_int_equal(der.rest.size, 6);
    assert_true(der_take_in(&der, 2, DER_OCTETS, &content));
    assert_int_equal(content.rest.size, 2);
}

static void seeks(void **state)
{
    uint8_t room[32];
    struct der der = der_over(hex_into("a0 00 a1 01 aa a3 00", room, sizeof(room)), false);
    assert_true(der_seek(&der, DER_CONTEXT(3)));
    assert_true(der_is_at(&der, DER_CONTEXT(3)));
    assert_false(der_seek(&der, DER_CONTEXT(4)));
    der = der_over(hex_into("a0 05 a1", room, sizeof(room)), false);
    assert_false(der_seek(&der, DER_CONTEXT(3)));
}

// A token larger than the room it was decoded into: the last elements end beyond what is here.
static void goes_as_far_as_cut_bytes_go(void **state)
{
    uint8_t room[32];
    struct der der = der_over(hex_into("30 20 02 01 05 04 10 aabb", room, sizeof(room)), true);
    struct der fields, content;
    int64_t value;
    assert_true(der_take(&der, DER_SEQUENCE, &fields));
    assert_true(fields.is_cut);
    assert_int_equal(der.rest.size, 0);
    assert_true(der_take_integer(&fields, DER_INTEGER, &value));
    assert_int_equal(value, 5);
    assert_true(der_take(&fields, DER_OCTETS, &content));
    assert_true(content.is_cut);
    assert_int_equal(content.rest.size, 2);
    assert_false(der_take(&fields, DER_OCTETS, &content));
    // What ends inside is whole, and lies are refused there as anywhere.
    der = der_over(hex_into("30 04 04 05 aabb 00", room, sizeof(room)), true);
    assert_true(der_take(&der, DER_SEQUENCE, &fields));
    assert_false(fields.is_cut);
    assert_false(der_take(&fields, DER_OCTETS, &content));
    // An integer cut short is no integer.
    der = der_over(hex_into("02 04 0102", room, sizeof(room)), true);
    assert_false(der_take_integer(&der, DER_INTEGER, &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_every_front_part),
        cmocka_unit_test(reads_lengths),
        cmocka_unit_test(refuses),
        cmocka_unit_test(takes_only_the_tag_asked_for),
        cmocka_unit_test(reads_integers),
        cmocka_unit_test(enters_context_tags),
        cmocka_unit_test(seeks),
        cmocka_unit_test(goes_as_far_as_cut_bytes_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
