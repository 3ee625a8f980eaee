// SPDX-License-Identifier: Apache-2.0
// Certificates into verdicts, and the table of what each verdict means for each setting.
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "route/protection.h"

#define LEAF(c)                                                                                    \
    {                                                                                              \
        c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c,  \
            c, c                                                                                   \
    }

static const uint8_t leaves[][PROTECTION_SHA256_BYTES] = {LEAF('a'), LEAF('b')};
static const uint8_t leaf_a[PROTECTION_SHA256_BYTES] = LEAF('a');
static const uint8_t leaf_b[PROTECTION_SHA256_BYTES] = LEAF('b');
static const uint8_t leaf_c[PROTECTION_SHA256_BYTES] = LEAF('c');

struct row {
    enum protection expected;
    struct protection_case judged;
};

#define FORWARD .way = PROTECTION_WAY_FORWARD
#define BOTH    .client_is_tls = true, .server_is_tls = true

static const struct row rows[] = {
    {PROTECTION_SAME, {FORWARD, BOTH, .front = leaves, .front_count = 1, .server = leaf_a}},
    {PROTECTION_DIFFERENT, {FORWARD, BOTH, .front = leaves, .front_count = 1, .server = leaf_b}},
    {PROTECTION_PARTLY, {FORWARD, BOTH, .front = leaves, .front_count = 2, .server = leaf_a}},
    {PROTECTION_PARTLY, {FORWARD, BOTH, .front = leaves, .front_count = 2, .server = leaf_b}},
    {PROTECTION_DIFFERENT, {FORWARD, BOTH, .front = leaves, .front_count = 2, .server = leaf_c}},
    {PROTECTION_UNKNOWN, {FORWARD, BOTH, .front = leaves, .front_count = 1}},
    {PROTECTION_UNKNOWN, {FORWARD, BOTH, .server = leaf_a}}, // a site that has no certificate
    // in clear on one side, whatever is known of the other
    {PROTECTION_PLAIN, {FORWARD, .client_is_tls = true, .front = leaves, .front_count = 1}},
    {PROTECTION_PLAIN,
     {FORWARD, .client_is_tls = true, .front = leaves, .front_count = 1, .server = leaf_a}},
    {PROTECTION_UNBOUND, {FORWARD}},
    {PROTECTION_UNBOUND,
     {FORWARD, .server_is_tls = true, .front = leaves, .front_count = 1, .server = leaf_a}},
    // ways on which certificates do not matter
    {PROTECTION_PASSTHROUGH, {.way = PROTECTION_WAY_PASSTHROUGH}},
    {PROTECTION_PASSTHROUGH,
     {.way = PROTECTION_WAY_PASSTHROUGH,
      BOTH,
      .front = leaves,
      .front_count = 1,
      .server = leaf_c}},
    {PROTECTION_REDIRECT, {.way = PROTECTION_WAY_REDIRECT}},
    {PROTECTION_REDIRECT,
     {.way = PROTECTION_WAY_REDIRECT, BOTH, .front = leaves, .front_count = 1, .server = leaf_c}},
};

static void judges(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(protection_word(protection_judge(&rows[i].judged)),
                            protection_word(rows[i].expected));
}

// One bit of difference is a difference.
static void compares_every_byte(void **state)
{
    (void)state;
    uint8_t server[PROTECTION_SHA256_BYTES];
    struct protection_case judged = {BOTH, .front = leaves, .front_count = 1, .server = server};
    for (size_t i = 0; i < sizeof server; i++) {
        memcpy(server, leaf_a, sizeof server);
        assert_int_equal(protection_judge(&judged), PROTECTION_SAME);
        server[i] ^= 1;
        assert_int_equal(protection_judge(&judged), PROTECTION_DIFFERENT);
    }
}

// What follows, as Microsoft documents it for each setting: p(asses) f(ails) h(alf) e(lsewhere)
// u(nsure).
static void follows_the_documented_table(void **state)
{
    (void)state;
    static const char *const outcomes[PROTECTION_COUNT] = {
        [PROTECTION_PASSTHROUGH] = "pppp", [PROTECTION_SAME] = "pppp",
        [PROTECTION_PARTLY] = "phpp",      [PROTECTION_DIFFERENT] = "pfpp",
        [PROTECTION_PLAIN] = "pfpp",       [PROTECTION_UNBOUND] = "pffp",
        [PROTECTION_REDIRECT] = "eeee",    [PROTECTION_UNKNOWN] = "pupp",
    };
    for (enum protection p = 0; p < PROTECTION_COUNT; p++)
        for (enum protection_setting s = 0; s < PROTECTION_SETTINGS; s++)
            assert_int_equal("pfheu"[protection_outcome(p, s)], outcomes[p][s]);
}

static void has_words_for_everything(void **state)
{
    (void)state;
    for (enum protection p = 0; p < PROTECTION_COUNT; p++) {
        assert_true(*protection_word(p) && *protection_sentence(p));
        for (enum protection other = 0; other < p; other++)
            assert_string_not_equal(protection_word(p), protection_word(other));
        bool can_fail = false;
        for (enum protection_setting s = 0; s < PROTECTION_SETTINGS; s++) {
            assert_true(*protection_outcome_word(protection_outcome(p, s)));
            enum protection_outcome outcome = protection_outcome(p, s);
            can_fail = can_fail || outcome == PROTECTION_FAILS || outcome == PROTECTION_IN_PART;
        }
        assert_true(!can_fail || *protection_advice(p)); // whoever can fail is told what to do
    }
    assert_string_equal(protection_setting_word(PROTECTION_SET_COHOSTING), "cohosting");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges),
        cmocka_unit_test(compares_every_byte),
        cmocka_unit_test(follows_the_documented_table),
        cmocka_unit_test(has_words_for_everything),
    };
    return cmocka_run_group_tests_name("protection", tests, NULL, NULL);
}
