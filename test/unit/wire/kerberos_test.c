// SPDX-License-Identifier: Apache-2.0
// Kerberos messages in hex: requests, replies and errors, framed and bare, broken in every field.
// Messages of MIT Kerberos are in token_test.c.
#include "material.h"

#include "wire/kerberos.h"

#define O_KRB5   "06 09 2a864886f712010202 "
#define O_IAKERB "06 06 2b0601050205 "
#define O_NTLM   "06 0a 2b06010401823702020a "

// Ticket: tkt-vno 5, realm "R", sname {3, "HTTP" "h"}, enc-part {etype 18, kvno 7, cipher}
#define SNAME  "a2 14 30 12 a0 03 020103 a1 0b 30 09 1b04 48545450 1b01 68 "
#define SEALED "a3 12 30 10 a0 03 020112 a1 03 020107 a2 04 0402 cafe "
#define TICKET "61 36 30 34 a0 03 020105 a1 03 1b01 52 " SNAME SEALED
// AP-REQ: pvno, msg-type, ap-options, ticket, authenticator
#define AP_REQ                                                                                     \
    "6e 55 30 53 a0 03 020105 a1 03 02010e a2 07 0305 0020000000 a3 38 " TICKET                    \
    "a4 04 3002 0500"

static bool read(const char *hex, bool is_cut, struct kerberos *kerberos, uint8_t room[512])
{
    return kerberos_read(der_over(hex_into(hex, room, 512), is_cut), kerberos);
}

static void check_request(const struct kerberos *kerberos)
{
    assert_int_equal(kerberos->kind, KERBEROS_REQUEST);
    assert_span_text(kerberos->realm, "R");
    assert_int_equal(kerberos->name_part_count, 2);
    assert_span_text(kerberos->name_parts[0], "HTTP");
    assert_span_text(kerberos->name_parts[1], "h");
    assert_int_equal(kerberos->etype, 18);
    assert_int_equal(kerberos->kvno, 7);
    assert_int_equal(kerberos->error, -1);
    assert_int_equal(kerberos->server_time, -1);
}

static void reads_a_request(void **state)
{
    static const char *const cases[] = {
        AP_REQ,
        ("60 64 " O_KRB5 "0100 " AP_REQ),
        ("60 64 06 09 2a864882f712010202 0100 " AP_REQ),   // the other OID of Windows
        ("60 61 " O_IAKERB "0100 " AP_REQ),
        ("60 65 06 0a 2a864886f71201020203 0100 " AP_REQ), // user to user
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint8_t room[512];
        struct kerberos kerberos;
        if (!read(cases[i], false, &kerberos, room))
            fail_msg("%s was refused", cases[i]);
        check_request(&kerberos);
    }
}

// Options and authenticator stand around the ticket; broken ones are left for the server to judge.
static void reads_what_stands_around_the_ticket(void **state)
{
    static const struct {
        const char *hex;
        uint32_t options;
        int sender_etype;
        size_t ticket_bytes;
    } cases[] = {
        {"6e 61 30 5f a0 03 020105 a1 03 02010e a2 07 0305 0020000000 a3 38 " TICKET
         "a4 10 30 0e a0 03 020117 a2 07 0405 0102030405", 0x20000000, 23, 56},
        {"6e 55 30 53 a0 03 020105 a1 03 02010e a2 07 0305 0060000000 a3 38 " TICKET
         "a4 04 3002 0500", 0x60000000, 0, 56},
        // options that are too short, none, a number
        {"6e 4f 30 4d a0 03 020105 a1 03 02010e a2 04 0302 0020 a3 38 " TICKET "a4 01 00", 0, 0, 56},
        {"6e 46 30 44 a0 03 020105 a1 03 02010e a3 38 " TICKET, 0, 0, 56},
        {"6e 4d 30 4b a0 03 020105 a1 03 02010e a2 05 0203 200000 a3 38 " TICKET, 0, 0, 56},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint8_t room[512];
        struct kerberos kerberos;
        if (!read(cases[i].hex, false, &kerberos, room))
            fail_msg("%s was refused", cases[i].hex);
        check_request(&kerberos);
        assert_int_equal(kerberos.ap_options, cases[i].options);
        assert_int_equal(kerberos.sender_etype, cases[i].sender_etype);
        assert_int_equal(kerberos.ticket_bytes, cases[i].ticket_bytes);
    }
}

static void reads_odd_numbers(void **state)
{
    uint8_t room[512];
    struct kerberos kerberos;
    // no kvno; etype -133
    assert_true(read("6e 31 30 2f a3 2d 61 2b 30 29 a1 03 1b01 52 " SNAME
                     "a3 0c 30 0a a0 04 0202 ff7b a2 02 0400", false, &kerberos, room));
    assert_int_equal(kerberos.etype, -133);
    assert_int_equal(kerberos.kvno, -1);
    // A read-only domain controller's kvno has its number in the upper half; written as signed
    assert_true(read("6e 37 30 35 a3 33 61 31 30 2f a1 03 1b01 52 " SNAME
                     "a3 12 30 10 a0 03 020112 a1 06 0204 ffff0001 a2 01 00", false, &kerberos, room));
    assert_true(kerberos.kvno == 0xffff0001);
}

static void keeps_four_parts_of_a_name(void **state)
{
    uint8_t room[512];
    struct kerberos kerberos;
    assert_true(read("6e 30 30 2e a3 2c 61 2a 30 28 a1 03 1b01 52 "
                     "a2 15 30 13 a1 11 30 0f 1b0161 1b0162 1b0163 1b0164 1b0165 "
                     "a3 0a 30 08 a0 03 020111 a2 01 00", false, &kerberos, room));
    assert_int_equal(kerberos.name_part_count, KERBEROS_NAME_PARTS_MAX);
    assert_span_text(kerberos.name_parts[3], "d");
}

static void reads_a_reply(void **state)
{
    uint8_t room[512];
    struct kerberos kerberos;
    assert_true(read("6f 02 30 00", false, &kerberos, room));
    assert_int_equal(kerberos.kind, KERBEROS_REPLY);
    assert_true(read("60 11 " O_KRB5 "0200 6f 02 30 00", false, &kerberos, room));
    assert_int_equal(kerberos.kind, KERBEROS_REPLY);
    assert_int_equal(kerberos.etype, 0);
}

static void reads_iakerb(void **state)
{
    uint8_t room[512];
    struct kerberos kerberos;
    assert_true(read("60 0e " O_IAKERB "0501 30 02 a1 00", false, &kerberos, room));
    assert_int_equal(kerberos.kind, KERBEROS_IAKERB);
}

// KRB-ERROR: pvno, msg-type, stime [4], susec [5], error-code [6], realm [9], sname [10]
#define ERROR_NAME "a9 03 1b01 52 aa 14 30 12 a0 03 020103 a1 0b 30 09 1b04 48545450 1b01 68"

static void reads_an_error(void **state)
{
    static const struct {
        const char *hex;
        int code;
        int64_t time;
        size_t parts;
    } cases[] = {
        {"7e 44 30 42 a0 03 020105 a1 03 02011e a4 11 180f 32303236313132333033303430355a a5 03 020100 "
         "a6 03 020129 " ERROR_NAME, 41, 1795403045, 2},
        // the framed form of RFC 4121
        {"60 53 " O_KRB5 "0300 7e 44 30 42 a0 03 020105 a1 03 02011e a4 11 180f 32303236313132333033303430355a "
         "a5 03 020100 a6 03 020125 " ERROR_NAME, 37, 1795403045, 2},
        // no names
        {"7e 1a 30 18 a4 11 180f 31393730303130313030303030305a a6 03 020100", 0, 0, 0},
        // a leap day; and times that are none
        {"7e 1a 30 18 a4 11 180f 32303234303232393233353935395a a6 03 020100", 0, 1709251199, 0},
        {"7e 1a 30 18 a4 11 180f 32303030303330313030303030305a a6 03 020100", 0, 951868800, 0},
        {"7e 1a 30 18 a4 11 180f 32303236313332333033303430355a a6 03 020100", 0, -1, 0},
        {"7e 1a 30 18 a4 11 180f 31393639313232333033303430355a a6 03 020100", 0, -1, 0},
        {"7e 1a 30 18 a4 11 180f 323032362d3132333033303430355a a6 03 020100", 0, -1, 0},
        {"7e 19 30 17 a4 10 180e 323032363131323330333034305a a6 03 020100", 0, -1, 0},
        {"7e 1a 30 18 a4 11 180f 323032363131323330333034303541 a6 03 020100", 0, -1, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint8_t room[512];
        struct kerberos kerberos;
        if (!read(cases[i].hex, false, &kerberos, room))
            fail_msg("error %zu was refused", i);
        assert_int_equal(kerberos.kind, KERBEROS_ERROR);
        assert_int_equal(kerberos.error, cases[i].code);
        if (kerberos.server_time != cases[i].time)
            fail_msg("error %zu: time %lld", i, (long long)kerberos.server_time);
        assert_int_equal(kerberos.name_part_count, cases[i].parts);
    }
}

static void refuses(void **state)
{
    static const char *const cases[] = {
        "",
        "30 00",
        "6e 00",
        "6e 02 30 00",                            // no ticket
        "6f 00",
        "7e 02 30 00",                            // no time
        "7e 15 30 13 a4 11 180f 32303236313132333033303430355a", // no code
        "7e 1d 30 1b a4 11 180f 32303236313132333033303430355a a6 06 0204 80000000", // a negative one
        ("60 64 " O_KRB5 "0200 " AP_REQ),         // a frame that says another thing
        ("60 64 " O_KRB5 "0400 " AP_REQ),
        ("60 65 " O_NTLM "0100 " AP_REQ),         // a frame of another mechanism
        ("60 0c " O_KRB5 "01"),                   // no TOK_ID
        ("60 0d " O_KRB5 "0100"),                 // nothing behind it
        "61 02 30 00",                            // a ticket alone
        // a realm that is no string, a name without its parts, no seal
        ("6e 2f 30 2d a3 2b 61 29 30 27 a1 03 0401 52 " SNAME "a3 0a 30 08 a0 03 020111 a2 01 00"),
        "6e 1d 30 1b a3 19 61 17 30 15 a1 03 1b01 52 a2 02 30 00 a3 0a 30 08 a0 03 020111 a2 01 00",
        ("6e 23 30 21 a3 1f 61 1d 30 1b a1 03 1b01 52 " SNAME),
        // etypes of nine bytes and of five
        ("6e 34 30 32 a3 30 61 2e 30 2c a1 03 1b01 52 " SNAME
         "a3 0f 30 0d a0 0b 0209 000000000000000012"),
        ("6e 30 30 2e a3 2c 61 2a 30 28 a1 03 1b01 52 " SNAME "a3 0b 30 09 a0 07 0205 0100000000"),
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint8_t room[512];
        struct kerberos kerberos = {.kvno = 77};
        if (read(cases[i], false, &kerberos, room))
            fail_msg("%s was accepted", cases[i]);
        assert_int_equal(kerberos.kvno, 77);
    }
}

// In memory that ends there: uncut, nothing is taken; cut, the seal's key number is enough.
static void reads_front_parts_only_when_cut(void **state)
{
    uint8_t room[512];
    struct span whole = hex_into("60 64 " O_KRB5 "0100 " AP_REQ, room, sizeof(room));
    bool was_read = false;
    for (size_t size = 0; size < whole.size; size++) {
        struct span part = exact_copy(span_first(whole, size));
        struct kerberos kerberos;
        assert_false(kerberos_read(der_over(part, false), &kerberos));
        bool is_read = kerberos_read(der_over(part, true), &kerberos);
        assert_true(is_read || !was_read); // once enough, always enough
        was_read = is_read;
        free_span(part);
    }
    assert_true(was_read);
    struct kerberos kerberos;
    assert_true(kerberos_read(der_over(span_first(whole, whole.size - 10), true), &kerberos));
    check_request(&kerberos);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_request),
        cmocka_unit_test(reads_what_stands_around_the_ticket),
        cmocka_unit_test(reads_odd_numbers),
        cmocka_unit_test(keeps_four_parts_of_a_name),
        cmocka_unit_test(reads_a_reply),
        cmocka_unit_test(reads_iakerb),
        cmocka_unit_test(reads_an_error),
        cmocka_unit_test(refuses),
        cmocka_unit_test(reads_front_parts_only_when_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
