// SPDX-License-Identifier: Apache-2.0
// The text of the metrics: sums, buckets, labels that need escaping, and what happens when it does
// not fit.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "control/metrics.h"

// A service of one pool with one server, whose names need every escape there is.
struct stand {
    struct server_tally tallies[2];
    struct server server;
    struct server *servers[1];
    struct pool_config pool_config;
    struct pool pool;
    struct pool *pools[1];
    struct snapshot snapshot;
    struct service service;
    struct metrics metrics;
    char *memory;
    struct text text;
};

#define CAPACITY ((size_t)64 * 1024)

static int set_up(void **state)
{
    struct stand *stand = aligned_alloc(64, (sizeof *stand + 63) / 64 * 64);
    assert_non_null(stand);
    memset(stand, 0, sizeof *stand);
    stand->tallies[0] = (struct server_tally){&stand->tallies[1], NULL, 1, 10, 100, 1000, 10000};
    stand->tallies[1] = (struct server_tally){NULL, NULL, 2, 20, 200, 2000, 20000};
    stand->server.name = "back\\slash";
    atomic_init(&stand->server.tallies, &stand->tallies[0]);
    atomic_init(&stand->server.links, 7);
    stand->servers[0] = &stand->server;
    stand->pool_config.name = "a \"pool\"\nof two lines";
    stand->pool =
        (struct pool){.config = &stand->pool_config, .servers = stand->servers, .server_count = 1};
    stand->pools[0] = &stand->pool;
    stand->snapshot.pool_count = 1;
    stand->service = (struct service){.snapshot = &stand->snapshot, .pools = stand->pools};
    stand->metrics.service = &stand->service;
    stand->memory = malloc(CAPACITY);
    *state = stand;
    return 0;
}

static int tear_down(void **state)
{
    struct stand *stand = *state;
    free(stand->memory);
    free(stand);
    return 0;
}

static const char *printed(struct stand *stand)
{
    stand->text = text_over(stand->memory, CAPACITY - 1);
    metrics_print(&stand->text, &stand->metrics);
    assert_false(stand->text.cut);
    stand->memory[stand->text.size] = '\0';
    return stand->memory;
}

// The line must stand there whole.
static void assert_line(const char *text, const char *line)
{
    char whole[512];
    snprintf(whole, sizeof whole, "\n%s\n", line);
    if (!strstr(text, whole))
        fail_msg("no line '%s' in:\n%s", line, text);
}

static void test_tallies_are_added(void **state)
{
    struct tally one = {0};
    struct tally sum = {0};
    one.counts[TALLY_EXCHANGES] = 5;
    one.ends[END_COUNT - 1] = 6;
    one.statuses[5] = 7;
    one.logins[LOGIN_NEGOTIATE][LOGIN_OTHER_LEG][LOGIN_REFUSED] = 8;
    one.total.counts[HISTOGRAM_BOUNDS] = 9;
    one.total.sum_us = 10;
    metrics_add_tally(&sum, &one);
    metrics_add_tally(&sum, &one);
    assert_int_equal(sum.counts[TALLY_EXCHANGES], 10);
    assert_int_equal(sum.ends[END_COUNT - 1], 12);
    assert_int_equal(sum.statuses[5], 14);
    assert_int_equal(sum.logins[LOGIN_NEGOTIATE][LOGIN_OTHER_LEG][LOGIN_REFUSED], 16);
    assert_int_equal(sum.total.counts[HISTOGRAM_BOUNDS], 18);
    assert_int_equal(sum.total.sum_us, 20);
    assert_int_equal(sum.counts[TALLY_RELAYS], 0);
}

static void test_counters_have_help_and_type(void **state)
{
    struct stand *stand = *state;
    stand->metrics.tally.counts[TALLY_EXCHANGES] = UINT64_MAX;
    const char *text = printed(stand);
    assert_line(text, "# HELP handfast_exchanges_total Requests that were answered or ended");
    assert_line(text, "# TYPE handfast_exchanges_total counter");
    assert_line(text, "handfast_exchanges_total 18446744073709551615");
}

static void test_lost_lines_are_summed(void **state)
{
    struct stand *stand = *state;
    stand->metrics.tally.counts[TALLY_LOG_LINES_LOST] = 3;
    stand->metrics.log_lines_lost = 4;
    assert_line(printed(stand), "handfast_log_lines_lost_total 7");
}

static void test_labels_are_escaped(void **state)
{
    struct stand *stand = *state;
    assert_line(
        printed(stand),
        "handfast_server_links{pool=\"a \\\"pool\\\"\\nof two lines\",server=\"back\\\\slash\"} 7");
}

#define OF_SERVER "{pool=\"a \\\"pool\\\"\\nof two lines\",server=\"back\\\\slash\"} "

static void test_a_server_is_the_sum_of_its_workers(void **state)
{
    struct stand *stand = *state;
    const char *text = printed(stand);
    assert_line(text, "handfast_server_exchanges_total" OF_SERVER "3");
    assert_line(text, "handfast_server_links_opened_total" OF_SERVER "30");
    assert_line(text, "handfast_server_connect_errors_total" OF_SERVER "300");
    assert_line(text, "handfast_server_sent_bytes_total" OF_SERVER "3000");
    assert_line(text, "handfast_server_received_bytes_total" OF_SERVER "30000");
}

static void test_verdicts(void **state)
{
    struct stand *stand = *state;
    static const struct {
        enum verdict verdict;
        const char *up;
        const char *checked;
    } rows[] = {
        {VERDICT_UNTRIED, "handfast_server_up" OF_SERVER "1",
         "handfast_server_checked" OF_SERVER "0"},
        {VERDICT_UP, "handfast_server_up" OF_SERVER "1", "handfast_server_checked" OF_SERVER "1"},
        {VERDICT_DOWN, "handfast_server_up" OF_SERVER "0", "handfast_server_checked" OF_SERVER "1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        stand->server.health.run.verdict = rows[i].verdict;
        const char *text = printed(stand);
        assert_line(text, rows[i].up);
        assert_line(text, rows[i].checked);
    }
}

static void test_histograms_are_cumulative_and_in_seconds(void **state)
{
    struct stand *stand = *state;
    struct histogram *total = &stand->metrics.tally.total;
    histogram_note(total, 0);
    histogram_note(total, 250); // a bound belongs to its bucket
    histogram_note(total, 251);
    histogram_note(total, 10000000); // the last bound
    histogram_note(total, 70000001); // beyond
    const char *text = printed(stand);
    assert_line(text, "# TYPE handfast_exchange_seconds histogram");
    assert_line(text, "handfast_exchange_seconds_bucket{le=\"0.00025\"} 2");
    assert_line(text, "handfast_exchange_seconds_bucket{le=\"0.0005\"} 3");
    assert_line(text, "handfast_exchange_seconds_bucket{le=\"5\"} 3");
    assert_line(text, "handfast_exchange_seconds_bucket{le=\"10\"} 4");
    assert_line(text, "handfast_exchange_seconds_bucket{le=\"+Inf\"} 5");
    assert_line(text, "handfast_exchange_seconds_count 5");
    assert_line(text, "handfast_exchange_seconds_sum 80.000502");
}

static void test_logins_and_ends_have_all_their_words(void **state)
{
    struct stand *stand = *state;
    stand->metrics.tally.logins[LOGIN_NTLM][LOGIN_TYPE3][LOGIN_ACCEPTED] = 4;
    stand->metrics.tally.ends[END_NO_SERVER] = 2;
    const char *text = printed(stand);
    assert_line(text, "handfast_logins_total{scheme=\"ntlm\",leg=\"type3\",outcome=\"accepted\"} 4");
    assert_line(text, "handfast_logins_total{scheme=\"negotiate\",leg=\"other\",outcome=\"begun\"} 0");
    assert_line(text, "handfast_ends_total{end=\"no_server\",by=\"server\"} 2");
    for (enum end end = END_OK; end < END_COUNT; end++) {
        char label[128];
        snprintf(label, sizeof label, "\nhandfast_ends_total{end=\"%s\",by=\"%s\"} ", end_word(end),
                 end_side_word(end));
        assert_non_null(strstr(text, label));
    }
}

static void test_too_little_room_is_told(void **state)
{
    struct stand *stand = *state;
    printed(stand);
    size_t needed = stand->text.size;
    for (size_t capacity = 0; capacity < needed; capacity += 97) {
        char *memory = malloc(capacity + 1);
        struct text text = text_over(memory, capacity);
        metrics_print(&text, &stand->metrics);
        assert_true(text.cut && text.size <= capacity);
        free(memory);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tallies_are_added),
        cmocka_unit_test_setup_teardown(test_counters_have_help_and_type, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lost_lines_are_summed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_labels_are_escaped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_server_is_the_sum_of_its_workers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_verdicts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_histograms_are_cumulative_and_in_seconds, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_logins_and_ends_have_all_their_words, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_too_little_room_is_told, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
