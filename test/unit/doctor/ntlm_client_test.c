// SPDX-License-Identifier: Apache-2.0
// The NTLM client: the published example of [MS-NLMP] 4.2.4, what each wish does to the message, and
// challenges that are broken in every place.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "doctor/frame.h"
#include "doctor/ntlm_client.h"
#include "tls/tls.h"
#include "wire/ntlm.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

// [MS-NLMP] 4.2.4.3, the CHALLENGE_MESSAGE
static const uint8_t published_type2[] = {
    0x4e, 0x54, 0x4c, 0x4d, 0x53, 0x53, 0x50, 0x00, 0x02, 0x00, 0x00, 0x00, 0x0c, 0x00, 0x0c, 0x00,
    0x38, 0x00, 0x00, 0x00, 0x33, 0x82, 0x8a, 0xe2, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x24, 0x00, 0x24, 0x00, 0x44, 0x00, 0x00, 0x00,
    0x06, 0x00, 0x70, 0x17, 0x00, 0x00, 0x00, 0x0f, 0x53, 0x00, 0x65, 0x00, 0x72, 0x00, 0x76, 0x00,
    0x65, 0x00, 0x72, 0x00, 0x02, 0x00, 0x0c, 0x00, 0x44, 0x00, 0x6f, 0x00, 0x6d, 0x00, 0x61, 0x00,
    0x69, 0x00, 0x6e, 0x00, 0x01, 0x00, 0x0c, 0x00, 0x53, 0x00, 0x65, 0x00, 0x72, 0x00, 0x76, 0x00,
    0x65, 0x00, 0x72, 0x00, 0x00, 0x00, 0x00, 0x00,
};
static const struct ntlm_chance published_chance = {
    .challenge = "\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa",
    .session_key = "\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55\x55",
};

static struct account published_account(void)
{
    static char password[] = "Password";
    return (struct account){
        .proof = PROOF_PASSWORD, .user = "User", .ntlm_domain = "Domain", .password = password};
}

struct answer {
    struct frame frame;
    struct span lm, nt, key;
    struct ntlm ntlm;
};

static struct span field(struct span message, size_t at)
{
    size_t size = message.data[at] | (size_t)message.data[at + 1] << 8;
    size_t offset = message.data[at + 4] | (size_t)message.data[at + 5] << 8;
    assert_true(offset + size <= message.size);
    return span_of(message.data + offset, size);
}

static struct answer answer_to(struct span type2, bool in_spnego, const struct ntlm_wish *wish)
{
    struct account account = published_account();
    const char *problem = "";
    char *type1 = ntlm_client_negotiate(in_spnego);
    char *second = in_spnego ? frame_response(type2) : frame_plain(type2);
    char *type3 = ntlm_client_authenticate(type1, second, &account, wish, &problem);
    struct answer answer = {0};

    if (!type3)
        fail_msg("no answer: %s", problem);
    assert_true(frame_open(type3, &answer.frame));
    assert_int_equal(answer.frame.in_spnego, in_spnego);
    assert_true(ntlm_read(answer.frame.inner, &answer.ntlm));
    assert_true(answer.ntlm.is_whole);
    assert_int_equal(answer.ntlm.type, 3);
    answer.lm = field(answer.frame.inner, 12);
    answer.nt = field(answer.frame.inner, 20);
    answer.key = field(answer.frame.inner, 52);
    free(type1);
    free(second);
    free(type3);
    return answer;
}

static void answers_as_published(void **state)
{
    struct answer answer =
        answer_to(span_of(published_type2, sizeof(published_type2)), false,
                  &(struct ntlm_wish){.is_without_mic = true, .chance = &published_chance});

    assert_int_equal(answer.lm.size, 24);
    assert_memory_equal(answer.lm.data,
                        "\x86\xc3\x50\x97\xac\x9c\xec\x10\x25\x54\x76\x4a\x57\xcc\xcc\x19"
                        "\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa",
                        24);
    assert_int_equal(answer.nt.size, 84);
    assert_memory_equal(answer.nt.data,
                        "\x68\xcd\x0a\xb8\x51\xe5\x1c\x96\xaa\xbc\x92\x7b\xeb\xef\x6a\x1c"
                        "\x01\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa"
                        "\0\0\0\0\x02\0\x0c\0D\0o\0m\0a\0i\0n\0\x01\0\x0c\0S\0e\0r\0v\0e\0r\0"
                        "\0\0\0\0\0\0\0\0",
                        84);
    assert_int_equal(answer.key.size, 16);
    assert_memory_equal(answer.key.data,
                        "\xc5\xda\xd2\x54\x4f\xc9\x79\x90\x94\xce\x1c\xe9\x0b\xc9\xd0\x3e", 16);
    assert_true(span_equal(answer.ntlm.user.bytes, SPAN("U\0s\0e\0r\0")));
    assert_true(span_equal(answer.ntlm.domain.bytes, SPAN("D\0o\0m\0a\0i\0n\0")));
    assert_false(answer.ntlm.has_mic);
    frame_done(&answer.frame);
}

// The MIC is checked by its definition, over the three messages with a MIC of zeros.
static void seals_all_three_messages(void **state)
{
    for (int in_spnego = 0; in_spnego < 2; in_spnego++) {
        struct span type2 = span_of(published_type2, sizeof(published_type2));
        struct answer answer =
            answer_to(type2, in_spnego, &(struct ntlm_wish){.chance = &published_chance});
        struct frame first;
        uint8_t all[1024];
        uint8_t mic[16];
        char *type1 = ntlm_client_negotiate(in_spnego);

        assert_true(frame_open(type1, &first));
        assert_true(answer.ntlm.has_mic);
        size_t size = first.inner.size;
        memcpy(all, first.inner.data, size);
        memcpy(all + size, type2.data, type2.size);
        size += type2.size;
        memcpy(all + size, answer.frame.inner.data, answer.frame.inner.size);
        memset(all + size + 72, 0, 16);
        size += answer.frame.inner.size;
        assert_true(digest_hmac_md5(published_chance.session_key, span_of(all, size), mic));
        assert_memory_equal(mic, answer.frame.inner.data + 72, 16);
        free(type1);
        frame_done(&first);
        frame_done(&answer.frame);
    }
}

static void says_what_is_wished(void **state)
{
    static const struct {
        struct ntlm_wish wish;
        size_t spn_bytes;
        size_t binding_bytes;
        uint8_t binding_first;
    } cases[] = {
        {{0}, 0, 0, 0},
        {{.spn = "HTTP/lb.example.test"}, 40, 0, 0},
        {{.binding = NTLM_BINDING_ZERO}, 0, 16, 0},
        {{.spn = "x", .binding = NTLM_BINDING_GIVEN, .binding_bytes = {7}}, 2, 16, 7},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct answer answer =
            answer_to(span_of(published_type2, sizeof(published_type2)), true, &cases[i].wish);
        assert_int_equal(answer.ntlm.spn.size, cases[i].spn_bytes);
        assert_int_equal(answer.ntlm.channel_binding.size, cases[i].binding_bytes);
        if (cases[i].binding_bytes)
            assert_int_equal(answer.ntlm.channel_binding.data[0], cases[i].binding_first);
        frame_done(&answer.frame);
    }
}

// The server's AV pairs travel back, except those that only a client may say; its clock is used.
static void copies_the_targets_info(void **state)
{
    uint8_t type2[sizeof(published_type2) + 40];
    static const uint8_t info[] = {
        3, 0, 4, 0, 'd', 0, 'c', 0, 9, 0, 4, 0, 'n', 0, 'o', 0, 7, 0,
        8, 0, 1, 2, 3,   4, 5,   6, 7, 8, 0, 0, 0,   0,
    };
    memcpy(type2, published_type2, 56);
    memcpy(type2 + 56, info, sizeof(info));
    type2[12] = 0;
    type2[14] = 0;
    type2[40] = type2[42] = sizeof(info);
    type2[44] = 56;
    struct answer answer =
        answer_to(span_of(type2, 56 + sizeof(info)), false, &(struct ntlm_wish){0});

    assert_true(span_equal(answer.ntlm.dns_computer, SPAN("d\0c\0")));
    assert_int_equal(answer.ntlm.spn.size, 0);
    assert_memory_equal(answer.nt.data + 24, "\1\2\3\4\5\6\7\10", 8);
    assert_memory_equal(answer.lm.data, (uint8_t[24]){0}, 24);
    frame_done(&answer.frame);
}

static void every_login_differs(void **state)
{
    struct span type2 = span_of(published_type2, sizeof(published_type2));
    struct answer one = answer_to(type2, false, &(struct ntlm_wish){0});
    struct answer other = answer_to(type2, false, &(struct ntlm_wish){0});

    assert_false(span_equal(span_first(one.nt, 16), span_first(other.nt, 16)));
    assert_false(span_equal(one.key, other.key));
    frame_done(&one.frame);
    frame_done(&other.frame);
}

static bool is_answered(struct span type2)
{
    struct account account = published_account();
    const char *problem = NULL;
    char *type1 = ntlm_client_negotiate(false);
    char *second = frame_plain(type2);
    char *type3 =
        ntlm_client_authenticate(type1, second, &account, &(struct ntlm_wish){0}, &problem);

    assert_true((type3 == NULL) == (problem != NULL));
    free(type1);
    free(second);
    free(type3);
    return type3 != NULL;
}

static void refuses_what_is_no_challenge(void **state)
{
    uint8_t bent[sizeof(published_type2)];

    for (size_t size = 0; size < 48; size++)
        assert_false(is_answered(span_of(published_type2, size)));
    memcpy(bent, published_type2, sizeof(bent));
    bent[8] = 1; // a Type 1
    assert_false(is_answered(span_of(bent, sizeof(bent))));
    bent[8] = 2;
    bent[44] = 0x60; // the TargetInfo points behind the end
    assert_false(is_answered(span_of(bent, sizeof(bent))));
    bent[44] = 0x44;
    bent[70] = 0xff; // an AV pair longer than the list
    assert_false(is_answered(span_of(bent, sizeof(bent))));
    bent[47] = 0xff; // an offset near the end of the numbers
    assert_false(is_answered(span_of(bent, sizeof(bent))));
    assert_true(is_answered(span_of(published_type2, sizeof(published_type2))));
}

static void refuses_what_is_no_base64(void **state)
{
    struct account account = published_account();
    const char *problem = NULL;
    char *type1 = ntlm_client_negotiate(false);

    assert_null(
        ntlm_client_authenticate(type1, "TlRM*", &account, &(struct ntlm_wish){0}, &problem));
    assert_non_null(problem);
    assert_null(ntlm_client_authenticate(type1, "", &account, &(struct ntlm_wish){0}, &problem));
    free(type1);
}

static void refuses_names_without_end(void **state)
{
    struct account account = published_account();
    const char *problem = NULL;
    char name[1000];

    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = 0;
    account.user = name;
    char *type1 = ntlm_client_negotiate(false);
    char *type2 = frame_plain(span_of(published_type2, sizeof(published_type2)));
    assert_null(
        ntlm_client_authenticate(type1, type2, &account, &(struct ntlm_wish){0}, &problem));
    account.user = "u";
    assert_null(ntlm_client_authenticate(type1, type2, &account, &(struct ntlm_wish){.spn = name},
                                         &problem));
    free(type1);
    free(type2);
}

// A name outside ASCII is put in capitals for the key and sent as it is.
static void knows_letters_beyond_ascii(void **state)
{
    struct account account = published_account();
    struct frame frame;
    struct ntlm ntlm;
    const char *problem = NULL;

    account.user = "zo\xc3\xab\xf0\x9f\x98\x80";
    char *type1 = ntlm_client_negotiate(false);
    char *type2 = frame_plain(span_of(published_type2, sizeof(published_type2)));
    char *type3 =
        ntlm_client_authenticate(type1, type2, &account, &(struct ntlm_wish){0}, &problem);
    assert_non_null(type3);
    assert_true(frame_open(type3, &frame));
    assert_true(ntlm_read(frame.inner, &ntlm));
    assert_true(span_equal(ntlm.user.bytes, SPAN("z\0o\0\xeb\0\x3d\xd8\x00\xde")));
    frame_done(&frame);
    free(type1);
    free(type2);
    free(type3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_as_published),
        cmocka_unit_test(seals_all_three_messages),
        cmocka_unit_test(says_what_is_wished),
        cmocka_unit_test(copies_the_targets_info),
        cmocka_unit_test(every_login_differs),
        cmocka_unit_test(refuses_what_is_no_challenge),
        cmocka_unit_test(refuses_what_is_no_base64),
        cmocka_unit_test(refuses_names_without_end),
        cmocka_unit_test(knows_letters_beyond_ascii),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
