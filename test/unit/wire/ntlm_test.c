// SPDX-License-Identifier: Apache-2.0
// NTLM messages built field by field: what is read, what lies outside the message, what is not NTLM.
// Messages of real clients are in token_test.c.
#include "material.h"

#include "wire/ntlm.h"

#define UNICODE NTLM_FLAG_UNICODE

struct message {
    uint8_t bytes[1024];
    size_t size;
};

static void put16(struct message *m, size_t at, unsigned value)
{
    m->bytes[at] = (uint8_t)value;
    m->bytes[at + 1] = (uint8_t)(value >> 8);
}

static void put32(struct message *m, size_t at, uint32_t value)
{
    put16(m, at, value & 0xffff);
    put16(m, at + 2, value >> 16);
}

static void begin(struct message *m, unsigned type, size_t header_bytes)
{
    *m = (struct message){.bytes = "NTLMSSP", .size = header_bytes};
    put32(m, 8, type);
}

// Appends `content` and points the fields at `at` to it.
static void attach(struct message *m, size_t at, const void *content, size_t size)
{
    assert_true(m->size + size <= sizeof(m->bytes));
    put16(m, at, (unsigned)size);
    put16(m, at + 2, (unsigned)size);
    put32(m, at + 4, (uint32_t)m->size);
    if (size)
        memcpy(m->bytes + m->size, content, size);
    m->size += size;
}

static bool read(const struct message *m, struct ntlm *ntlm)
{
    return ntlm_read(span_of(m->bytes, m->size), ntlm);
}

static const uint8_t alice[] = {'a', 0, 'l', 0, 'i', 0, 'c', 0, 'e', 0};
static const uint8_t example[] = {'E', 0, 'X', 0};
static const uint8_t station[] = {'W', 0, 'S', 0};

// proof 16, header 8, time 8, client challenge 8, reserved 4, AV pairs from byte 44
static size_t response_v2(uint8_t *out, const void *av_pairs, size_t size)
{
    memset(out, 0x5a, 44);
    memcpy(out + 16, "\x01\x01\0\0\0\0\0\0", 8);
    memcpy(out + 44, av_pairs, size);
    return 44 + size;
}

static void build_type3(struct message *m, const void *response, size_t size)
{
    begin(m, 3, 88);
    put32(m, 60, UNICODE | NTLM_FLAG_VERSION);
    memcpy(m->bytes + 64, "\x0a\x00\x63\x45\0\0\0\x0f", 8);
    attach(m, 28, example, sizeof(example));
    attach(m, 36, alice, sizeof(alice));
    attach(m, 44, station, sizeof(station));
    attach(m, 12, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24);
    attach(m, 20, response, size);
    attach(m, 52, "0123456789abcdef", 16);
}

static void build_type3_with_pairs(struct message *m, const char *hex)
{
    uint8_t response[512], pairs[400];
    struct span list = hex_into(hex, pairs, sizeof(pairs));
    build_type3(m, response, response_v2(response, list.data, list.size));
}

static void reads_type1(void **state)
{
    struct message m;
    struct ntlm ntlm;
    begin(&m, 1, 40);
    put32(&m, 12, NTLM_FLAG_OEM_DOMAIN | NTLM_FLAG_OEM_WORKSTATION | NTLM_FLAG_VERSION);
    memcpy(m.bytes + 32, "\x0a\x00\x7c\x4f\0\0\0\x0f", 8);
    attach(&m, 16, "EXAMPLE", 7);
    attach(&m, 24, "PC1", 3);
    assert_true(read(&m, &ntlm));
    assert_int_equal(ntlm.type, 1);
    assert_true(ntlm.is_whole);
    assert_span_text(ntlm.domain.bytes, "EXAMPLE");
    assert_false(ntlm.domain.is_unicode);
    assert_span_text(ntlm.workstation.bytes, "PC1");
    assert_true(ntlm.has_version);
    assert_int_equal(ntlm.version_major, 10);
    assert_int_equal(ntlm.version_build, 20348);
}

// Some senders fill the fields and do not set the flags, or the flags and not the version.
static void believes_the_flags_of_a_type1(void **state)
{
    struct message m;
    struct ntlm ntlm;
    begin(&m, 1, 32);
    put32(&m, 12, NTLM_FLAG_VERSION);
    attach(&m, 16, "EXAMPLE", 7);
    assert_true(read(&m, &ntlm));
    assert_int_equal(ntlm.domain.bytes.size, 0);
    assert_false(ntlm.has_version); // the payload begins where the version would be
}

static void reads_type2(void **state)
{
    static const char pairs[] = "0200 0400 45005800 0100 0400 57005300 0400 0200 6500 0300 0400 77007300 "
                                "0500 0200 6600 0700 0800 0102030405060708 0000 0000";
    struct message m;
    struct ntlm ntlm;
    uint8_t room[128];
    struct span list = hex_into(pairs, room, sizeof(room));
    begin(&m, 2, 56);
    put32(&m, 20, UNICODE | NTLM_FLAG_TARGET_INFO | NTLM_FLAG_VERSION);
    memcpy(m.bytes + 48, "\x0a\x00\x63\x45\0\0\0\x0f", 8);
    attach(&m, 12, example, sizeof(example));
    attach(&m, 40, list.data, list.size);
    assert_true(read(&m, &ntlm));
    assert_true(ntlm.is_whole);
    assert_int_equal(ntlm.version_build, 17763);
    assert_true(span_equal(ntlm.domain.bytes, span_of(example, sizeof(example))));
    assert_true(span_equal(ntlm.netbios_domain, span_of("E\0X", 4)));
    assert_true(span_equal(ntlm.netbios_computer, span_of("W\0S", 4)));
    assert_true(span_equal(ntlm.dns_domain, span_of("e", 2)));
    assert_true(span_equal(ntlm.dns_computer, span_of("w\0s", 4)));
    assert_true(span_equal(ntlm.dns_tree, span_of("f", 2)));
    assert_true(ntlm.filetime == 0x0807060504030201);
}

static void reads_a_type2_of_the_oldest_form(void **state)
{
    struct message m;
    struct ntlm ntlm;
    begin(&m, 2, 32);
    attach(&m, 12, "OLD", 3);
    assert_true(read(&m, &ntlm));
    assert_true(ntlm.is_whole);
    assert_span_text(ntlm.domain.bytes, "OLD");
    assert_false(ntlm.domain.is_unicode);
    assert_false(ntlm.has_version);
}

static void reads_type3(void **state)
{
    struct message m;
    struct ntlm ntlm;
    build_type3_with_pairs(&m, "0600 0400 02000000 0900 0400 48005400 "
                               "0a00 1000 00112233445566778899aabbccddeeff 0000 0000");
    assert_true(read(&m, &ntlm));
    assert_true(ntlm.is_whole);
    assert_true(span_equal(ntlm.domain.bytes, span_of(example, sizeof(example))));
    assert_true(span_equal(ntlm.user.bytes, span_of(alice, sizeof(alice))));
    assert_true(span_equal(ntlm.workstation.bytes, span_of(station, sizeof(station))));
    assert_true(ntlm.user.is_unicode);
    assert_int_equal(ntlm.version_build, 17763);
    assert_int_equal(ntlm.response_version, 2);
    assert_false(ntlm.is_anonymous);
    assert_true(ntlm.has_mic);
    assert_true(span_equal(ntlm.spn, span_of("H\0T", 4)));
    assert_int_equal(ntlm.channel_binding.size, 16);
    assert_int_equal(ntlm.channel_binding.data[15], 0xff);
}

static void reads_odd_av_pairs(void **state)
{
    static const struct {
        const char *pairs;
        bool is_whole, has_mic;
        size_t spn, binding;
    } cases[] = {
        {"0000 0000", true, false, 0, 0},
        {"0900 0000 0000 0000", true, false, 0, 0},                         // an empty SPN
        {"0600 0400 01000000 0000 0000", true, false, 0, 0},                // constrained only
        {"0600 0200 0200 0000 0000", true, false, 0, 0},                    // flags too short
        {"0a00 0800 0011223344556677 0000 0000", true, false, 0, 0},        // binding too short
        {"0900 0200 4800 0900 0400 49004a00 0000 0000", true, false, 2, 0}, // the first counts
        {"0b00 0200 4800 ffff 0100 aa 0900 0200 4800 0000 0000", true, false, 2, 0},
        {"0900 0200 4800", false, false, 2, 0},                             // no end
        {"", false, false, 0, 0},
        {"0900 0400 4800", false, false, 0, 0},                             // longer than the list
        {"0900 ffff 4800", false, false, 0, 0},
        {"0900 02", false, false, 0, 0},
        {"0000 0200 4800 0900 0200 4800 0000 0000", false, false, 0, 0},    // an end with a value
        {"0000 0000 0900 0200 4800", true, false, 0, 0},                    // behind the end
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct message m;
        struct ntlm ntlm;
        build_type3_with_pairs(&m, cases[i].pairs);
        assert_true(read(&m, &ntlm));
        if (ntlm.is_whole != cases[i].is_whole || ntlm.has_mic != cases[i].has_mic ||
            ntlm.spn.size != cases[i].spn || ntlm.channel_binding.size != cases[i].binding)
            fail_msg("AV pairs %zu: \"%s\"", i, cases[i].pairs);
    }
}

static void tells_response_versions(void **state)
{
    static const struct {
        size_t size;
        unsigned version;
        bool is_whole;
    } cases[] = {{0, 0, true}, {24, 1, true}, {16, 1, true}, {25, 2, false}, {44, 2, false}};
    static const uint8_t zeros[64];
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct message m;
        struct ntlm ntlm;
        build_type3(&m, zeros, cases[i].size);
        assert_true(read(&m, &ntlm));
        assert_int_equal(ntlm.response_version, cases[i].version);
        assert_int_equal(ntlm.is_whole, cases[i].is_whole);
        assert_false(ntlm.is_anonymous); // there is a user name
    }
}

static void knows_the_anonymous(void **state)
{
    static const struct {
        const char *lm;
        size_t lm_size, user_size;
        bool is_anonymous;
    } cases[] = {
        {"", 0, 0, true},
        {"\0", 1, 0, true},
        {"\1", 1, 0, false},
        {"\0\0", 2, 0, false},
        {"", 0, 2, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct message m;
        struct ntlm ntlm;
        begin(&m, 3, 64);
        put32(&m, 60, UNICODE | NTLM_FLAG_ANONYMOUS);
        attach(&m, 12, cases[i].lm, cases[i].lm_size);
        attach(&m, 36, alice, cases[i].user_size);
        assert_true(read(&m, &ntlm));
        assert_int_equal(ntlm.is_anonymous, cases[i].is_anonymous);
    }
}

// Before Windows 2000 the payload of a Type 3 begins where flags came to be.
static void reads_a_type3_of_the_oldest_form(void **state)
{
    struct message m;
    struct ntlm ntlm;
    begin(&m, 3, 52);
    attach(&m, 36, "alice", 5);
    attach(&m, 28, "EXAMPLE", 7);
    m.size += 12; // more payload
    assert_true(read(&m, &ntlm));
    assert_int_equal(ntlm.flags, 0);
    assert_false(ntlm.user.is_unicode);
    assert_span_text(ntlm.user.bytes, "alice");
}

static void leaves_empty_what_lies_outside(void **state)
{
    static const struct {
        uint16_t length;
        uint32_t offset;
    } cases[] = {{11, 0xffffffff}, {0xffff, 88}, {1, 0x7fffffff}, {10, 1000}, {0xffff, 0xffffffff}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct message m;
        struct ntlm ntlm;
        build_type3_with_pairs(&m, "0000 0000");
        put16(&m, 36, cases[i].length);
        put32(&m, 40, cases[i].offset);
        assert_true(read(&m, &ntlm));
        assert_false(ntlm.is_whole);
        assert_int_equal(ntlm.user.bytes.size, 0);
        assert_int_equal(ntlm.domain.bytes.size, sizeof(example)); // the others stand
    }
}

// A name may overlap the header or another name: it is a view, nothing more.
static void allows_overlaps(void **state)
{
    struct message m;
    struct ntlm ntlm;
    build_type3_with_pairs(&m, "0000 0000");
    put16(&m, 36, 8);
    put32(&m, 40, 0);
    assert_true(read(&m, &ntlm));
    assert_span_text(span_first(ntlm.user.bytes, 7), "NTLMSSP");
}

static void refuses(void **state)
{
    struct message m;
    struct ntlm ntlm = {.type = 77};
    begin(&m, 0, 64);
    assert_false(read(&m, &ntlm));
    begin(&m, 4, 64);
    assert_false(read(&m, &ntlm));
    begin(&m, 0x10001, 64);
    assert_false(read(&m, &ntlm));
    begin(&m, 1, 40);
    m.bytes[7] = 1; // the zero belongs to the signature
    assert_false(read(&m, &ntlm));
    begin(&m, 1, 40);
    m.bytes[0] = 'n';
    assert_false(read(&m, &ntlm));
    assert_false(ntlm_read(SPAN(""), &ntlm));
    assert_int_equal(ntlm.type, 77); // nothing was returned
}

// Every front part of every type, in memory that ends there: NTLM from 12 bytes on, and never whole
// unless what is missing was not needed.
static void reads_every_front_part(void **state)
{
    struct message m;
    build_type3_with_pairs(&m, "0a00 1000 00112233445566778899aabbccddeeff 0000 0000");
    for (unsigned type = 1; type <= 3; type++) {
        put32(&m, 8, type);
        for (size_t size = 0; size < m.size; size++) {
            struct span part = exact_copy(span_of(m.bytes, size));
            struct ntlm ntlm;
            assert_int_equal(ntlm_read(part, &ntlm), size >= 12);
            if (type == 3 && size >= 12)
                assert_false(ntlm.is_whole);
            free_span(part);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_type1),
        cmocka_unit_test(believes_the_flags_of_a_type1),
        cmocka_unit_test(reads_type2),
        cmocka_unit_test(reads_a_type2_of_the_oldest_form),
        cmocka_unit_test(reads_type3),
        cmocka_unit_test(reads_odd_av_pairs),
        cmocka_unit_test(tells_response_versions),
        cmocka_unit_test(knows_the_anonymous),
        cmocka_unit_test(reads_a_type3_of_the_oldest_form),
        cmocka_unit_test(leaves_empty_what_lies_outside),
        cmocka_unit_test(allows_overlaps),
        cmocka_unit_test(refuses),
        cmocka_unit_test(reads_every_front_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
