// SPDX-License-Identifier: Apache-2.0
// NegoEx messages built field by field as [MS-NEGOEX] 2.2.6 lays them out: what is read, what lies outside
// its message, what is not NegoEx.
#include "material.h"

#include "wire/negoex.h"

#define HEADER_BYTES 40

static const uint8_t guid_one[16] = {0x0d, 0x53, 0x33, 0x5c, 0xea, 0xf9, 0x0d, 0x4d,
                                     0xb2, 0xec, 0x4a, 0xe3, 0x78, 0x6e, 0xc3, 0x08};
static const uint8_t guid_two[16] = "another provider";

struct made {
    uint8_t bytes[1024];
    size_t size;
};

static void put32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

// A header and `size` bytes behind it, zeros.
static uint8_t *add_message(struct made *made, unsigned type, size_t header, size_t size)
{
    uint8_t *message = made->bytes + made->size;
    assert_true(made->size + size <= sizeof(made->bytes));
    memset(message, 0, size);
    memcpy(message, "NEGOEXTS", 8);
    put32(message + 8, type);
    put32(message + 16, (uint32_t)header);
    put32(message + 20, (uint32_t)size);
    made->size += size;
    return message;
}

// A NEGO message of 96 bytes with these providers behind it.
static uint8_t *add_nego(struct made *made, unsigned type, unsigned count)
{
    uint8_t *message = add_message(made, type, 96, 96 + 16 * count);
    put32(message + 80, 96);
    put32(message + 84, count);
    for (unsigned i = 0; i < count; i++)
        memcpy(message + 96 + 16 * i, i ? guid_two : guid_one, 16);
    return message;
}

static void add_exchange(struct made *made, unsigned type)
{
    uint8_t *message = add_message(made, type, 64, 64 + 5);
    memcpy(message + 40, guid_two, 16);
    put32(message + 56, 64);
    put32(message + 60, 5);
    memcpy(message + 64, "inner", 5);
}

static void read(const struct made *made, struct negoex *negoex)
{
    struct span copy = exact_copy(span_of(made->bytes, made->size));
    assert_true(negoex_read(copy, negoex));
    free_span(copy);
}

static void reads_what_clients_open_with(void **state)
{
    struct made made = {0};
    struct negoex negoex;
    add_nego(&made, NEGOEX_INITIATOR_NEGO, 2);
    add_exchange(&made, NEGOEX_INITIATOR_META_DATA);
    add_exchange(&made, NEGOEX_AP_REQUEST);
    assert_true(negoex_read(span_of(made.bytes, made.size), &negoex));
    assert_true(negoex.is_whole);
    assert_int_equal(negoex.type_count, 3);
    assert_int_equal(negoex.types[0], NEGOEX_INITIATOR_NEGO);
    assert_int_equal(negoex.types[1], NEGOEX_INITIATOR_META_DATA);
    assert_int_equal(negoex.types[2], NEGOEX_AP_REQUEST);
    assert_int_equal(negoex.schemes.size, 32);
    assert_memory_equal(negoex.schemes.data, guid_one, 16);
    assert_memory_equal(negoex.schemes.data + 16, guid_two, 16);
}

// Without a NEGO message: whom the first message is for.
static void reads_a_later_leg(void **state)
{
    struct made made = {0};
    struct negoex negoex;
    add_exchange(&made, NEGOEX_CHALLENGE);
    add_exchange(&made, NEGOEX_VERIFY);
    assert_true(negoex_read(span_of(made.bytes, made.size), &negoex));
    assert_true(negoex.is_whole);
    assert_int_equal(negoex.type_count, 2);
    assert_int_equal(negoex.schemes.size, 16);
    assert_memory_equal(negoex.schemes.data, guid_two, 16);
}

static void keeps_the_first_of_many(void **state)
{
    struct made made = {0};
    struct negoex negoex;
    for (int i = 0; i < 12; i++)
        add_exchange(&made, i == 11 ? NEGOEX_ALERT : NEGOEX_CHALLENGE);
    read(&made, &negoex);
    assert_int_equal(negoex.type_count, NEGOEX_MESSAGES_MAX);
    assert_int_equal(negoex.types[7], NEGOEX_CHALLENGE);
    assert_true(negoex.is_whole);
}

// A field of the first message replaced.
static void stays_inside_its_message(void **state)
{
    static const struct {
        const char *what;
        size_t at;
        uint32_t value;
        size_t types, schemes;
        bool is_whole;
    } cases[] = {
        {"as it should be", 84, 1, 1, 16, true},
        {"no providers", 84, 0, 1, 0, true},
        {"one provider too many", 84, 2, 1, 0, true},
        {"65535 providers", 84, 0xffff, 1, 0, true},
        {"providers at the end", 80, 112, 1, 0, true},
        {"providers behind the end", 80, 113, 1, 0, true},
        {"providers far away", 80, 0xffffffff, 1, 0, true},
        {"a message longer than the token", 20, 113, 0, 0, false},
        {"a message of nearly 4 GiB", 20, 0xffffffff, 0, 0, false},
        {"a message shorter than its header", 20, 95, 0, 0, false},
        {"a header shorter than headers are", 16, 39, 0, 0, false},
        {"a message of no bytes", 20, 0, 0, 0, false},
        {"a type nobody knows", 8, 8, 0, 0, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct made made = {0};
        struct negoex negoex;
        put32(add_nego(&made, NEGOEX_ACCEPTOR_NEGO, 1) + cases[i].at, cases[i].value);
        read(&made, &negoex);
        if (negoex.type_count != cases[i].types || negoex.schemes.size != cases[i].schemes ||
            negoex.is_whole != cases[i].is_whole)
            fail_msg("%s: %zu types, %zu bytes of providers", cases[i].what, negoex.type_count,
                     negoex.schemes.size);
    }
}

static void reads_front_parts(void **state)
{
    struct made made = {0};
    add_nego(&made, NEGOEX_INITIATOR_NEGO, 1);
    add_exchange(&made, NEGOEX_AP_REQUEST);
    for (size_t size = 0; size < made.size; size++) {
        struct span part = exact_copy(span_of(made.bytes, size));
        struct negoex negoex = {.type_count = 77};
        assert_int_equal(negoex_read(part, &negoex), size >= 8);
        if (size < 8)
            assert_int_equal(negoex.type_count, 77);
        else
            assert_int_equal(negoex.type_count, size >= 112);
        assert_true(size < 8 || negoex.is_whole == (size == 112));
        free_span(part);
    }
}

static void refuses(void **state)
{
    static const char *const cases[] = {"", "NEGOEXT", "negoexts", "NTLMSSP", " NEGOEXTS"};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct negoex negoex;
        assert_false(negoex_read(span_text(cases[i]), &negoex));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_clients_open_with),
        cmocka_unit_test(reads_a_later_leg),
        cmocka_unit_test(keeps_the_first_of_many),
        cmocka_unit_test(stays_inside_its_message),
        cmocka_unit_test(reads_front_parts),
        cmocka_unit_test(refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
