// SPDX-License-Identifier: Apache-2.0
// The report: what the verdict says in each state, that commands stand whole on lines of their own,
// that lines are not too long, and that JSON holds everything.
#include "doctor/doctor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void take(struct facts *facts, const char *end)
{
    char text[1024], problem[128] = "";
    facts_init(facts);
    snprintf(text, sizeof text,
             "{\"facts\":1,\"subject\":{\"url\":\"https://app.example.com/\"},\"ends\":[%s]}", end);
    if (!facts_parse(facts, span_text(text), problem, sizeof problem))
        fail_msg("%s", problem);
}

// The whole report, malloc'ed.
static char *print(const struct facts *facts, struct diagnosis *diagnosis, bool is_verbose,
                   bool is_json)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    if (is_json)
        report_print_json(out, facts, diagnosis);
    else
        report_print(out, facts, diagnosis, is_verbose);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void the_verdict_says_what_works(void **state)
{
    (void)state;
    static const struct {
        const char *ntlm, *kerberos, *says;
    } cases[] = {
        {"ok", "ok", "works here, by Kerberos and by NTLM. Nothing wrong"},
        {"forbidden", "ok", "works here, by Kerberos and by NTLM. Nothing wrong"},
        {"refused", "ok", "Kerberos works here, NTLM does not."},
        {"closed", "no ticket", "Windows authentication does not work here."},
        {"ok", "no ticket", "NTLM works here, Kerberos does not."},
        {"ok", "not offered", "NTLM works here."},
        {"not tried", "not tried", "is offered here; no login was tried."},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char end[512];
        struct facts facts;
        struct diagnosis diagnosis;
        snprintf(end, sizeof end,
                 "{\"http\":{\"first\":{\"status\":401,\"challenges\":[{\"scheme\":\"NTLM\"}]}},"
                 "\"ntlm\":{\"outcome\":\"%s\"},\"kerberos\":{\"outcome\":\"%s\"}}",
                 cases[i].ntlm, cases[i].kerberos);
        take(&facts, end);
        diagnosis_init(&diagnosis);
        char *text = print(&facts, &diagnosis, false, false);
        if (strstr(text, cases[i].says) == NULL)
            fail_msg("%s / %s: %s", cases[i].ntlm, cases[i].kerberos, text);
        free(text);
        facts_done(&facts);
    }
}

static void the_verdict_names_the_first_cause(void **state)
{
    (void)state;
    struct facts facts;
    struct diagnosis diagnosis;
    take(&facts, "");
    diagnosis_init(&diagnosis);
    diagnosis_add(&diagnosis, "front_closed", WEIGHT_CAUSE, CONFIDENCE_SURE, "Nobody listens.");
    char *text = print(&facts, &diagnosis, false, false);
    assert_non_null(strstr(text, "No page can be had here. The first cause: Nobody listens."));
    free(text);
    diagnosis_done(&diagnosis);
    diagnosis_add(&diagnosis, "identity_mixed", WEIGHT_CAUSE, CONFIDENCE_SURE, "Mixed.");
    text = print(&facts, &diagnosis, false, false);
    assert_non_null(strstr(text, "People are mixed up here. Mixed."));
    free(text);
    diagnosis_done(&diagnosis);
    facts_done(&facts);
}

static void fill(struct diagnosis *diagnosis)
{
    diagnosis_init(diagnosis);
    struct finding *finding =
        diagnosis_add(diagnosis, "spn_missing", WEIGHT_CAUSE, CONFIDENCE_LIKELY,
                      "A long sentence that goes on and on for more than a line of any terminal "
                      "and still has not said what it wanted to say, until it does.");
    finding_place(finding, "front");
    finding_cause(finding, "Because %s.", "of that");
    for (int i = 0; i < 4; i++)
        finding_evidence(finding, "evidence %d", i);
    finding_remedy(finding, REMEDY_DOMAIN, "Register it:",
                   "setspn -S HTTP/app.example.com EXAMPLE\\ACCOUNT and so on, a command that is "
                   "much longer than any line would be, but must be copied in one piece");
    diagnosis_add(diagnosis, "healthy", WEIGHT_NOTE, CONFIDENCE_SURE, "A note.");
}

static void assert_lines_are_short(const char *text)
{
    while (*text != '\0') {
        size_t size = strcspn(text, "\n");
        bool is_command = strncmp(text, "          ", 10) == 0;
        if (size > 110 && !is_command)
            fail_msg("%.*s", (int)size, text);
        text += size + (text[size] == '\n');
    }
}

static void findings_are_wrapped_and_commands_are_not(void **state)
{
    (void)state;
    struct facts facts;
    struct diagnosis diagnosis;
    take(&facts, "");
    fill(&diagnosis);
    char *text = print(&facts, &diagnosis, false, false);
    assert_lines_are_short(text);
    assert_non_null(strstr(text, "\n 1. cause at front: A long sentence"));
    assert_non_null(strstr(text, "Why: Because of that.\n"));
    assert_non_null(
        strstr(text, "\n          setspn -S HTTP/app.example.com EXAMPLE\\ACCOUNT and"));
    assert_non_null(strstr(text, "copied in one piece\n"));
    assert_non_null(strstr(text, "put in your own: ACCOUNT."));
    assert_non_null(strstr(text, "Seen: evidence 1\n"));
    assert_null(strstr(text, "evidence 2"));
    assert_null(strstr(text, "A note."));
    assert_non_null(strstr(text, "1 note more with -v."));
    assert_null(strchr(text, '\x1b')); // no terminal, no colours
    free(text);
    text = print(&facts, &diagnosis, true, false);
    assert_non_null(strstr(text, "evidence 3"));
    assert_non_null(strstr(text, " 2. note: A note."));
    assert_non_null(strstr(text, "What was seen"));
    free(text);
    diagnosis_done(&diagnosis);
    facts_done(&facts);
}

static void json_holds_everything(void **state)
{
    (void)state;
    struct facts facts;
    struct diagnosis diagnosis;
    take(&facts, "");
    fill(&diagnosis);
    char *text = print(&facts, &diagnosis, false, true);
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    assert_true(fact_is_false(json, "healthy"));
    assert_int_equal(fact_count(json, "findings"), 2);
    assert_string_equal(fact_text(json, "findings.0.id"), "spn_missing");
    assert_string_equal(fact_text(json, "findings.0.weight"), "cause");
    assert_string_equal(fact_text(json, "findings.0.confidence"), "likely");
    assert_string_equal(fact_text(json, "findings.0.place"), "front");
    assert_int_equal(fact_count(json, "findings.0.evidence"), 4);
    assert_string_equal(fact_text(json, "findings.0.remedies.0.place"), "domain");
    assert_false(fact_is_known(json, "findings.1.place"));
    assert_int_equal(fact_number(json, "facts.facts", 0), 1);
    assert_true(strlen(fact_text(json, "verdict")) > 0);
    json_decref(json);
    free(text);
    diagnosis_done(&diagnosis);
    facts_done(&facts);
}

static void json_shows_a_terminal_nothing_but_ascii(void **state)
{
    (void)state;
    struct facts facts;
    struct diagnosis diagnosis;
    take(&facts, "{\"name\":\"a\\u202eb\\u009b2J\u00fc\"}");
    diagnosis_init(&diagnosis);
    char *text = print(&facts, &diagnosis, false, true);
    for (const char *at = text; *at != '\0'; at++)
        assert_true((unsigned char)*at < 0x7f);
    json_t *json = json_loads(text, 0, NULL);
    assert_string_equal(fact_text(json, "facts.ends.0.name"), "a\u202eb\302\2332J\u00fc");
    json_decref(json);
    free(text);
    facts_done(&facts);
}

static void the_verdict_of(const char *end, const char *kerberos, const char *says)
{
    struct facts facts;
    struct diagnosis diagnosis;
    take(&facts, end);
    json_object_set_new(facts.root, "kerberos", json_loads(kerberos, 0, NULL));
    diagnosis_init(&diagnosis);
    char *text = print(&facts, &diagnosis, false, false);
    if (strstr(text, says) == NULL)
        fail_msg("%s: %s", says, text);
    free(text);
    facts_done(&facts);
}

// Where the URL only leads to another, that one is what has to be asked about.
static void the_verdict_says_where_people_are_sent(void **state)
{
    (void)state;
    static const char redirect[] =
        "{\"http\":{\"first\":{\"status\":308},\"redirect\":{\"location\":\"%s\",\"host\":"
        "\"app.example.com\",\"same_host\":true,\"to_plain\":false,\"loops\":false}}}";
    static const struct {
        const char *location, *says;
    } cases[] = {
        {"https://app.example.com:8443/a?x", "(handfast doctor https://app.example.com:8443/a)."},
        {"https://app.example.com/", "redirected to https://app.example.com/: what counts"},
        {"https://app.example.com/$(calc)", "(handfast doctor URL)"},
        {"//app.example.com/", "(handfast doctor URL)"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char end[512];
        struct facts facts;
        struct diagnosis diagnosis;
        snprintf(end, sizeof end, redirect, cases[i].location);
        take(&facts, end);
        diagnosis_init(&diagnosis);
        doctor_judge(&facts, &diagnosis);
        assert_true(doctor_is_elsewhere(&facts));
        char *json = print(&facts, &diagnosis, false, true);
        json_t *root = json_loads(json, 0, NULL);
        if (strstr(fact_text(root, "verdict"), cases[i].says) == NULL)
            fail_msg("%s: %s", cases[i].says, fact_text(root, "verdict"));
        assert_null(strstr(json, "Nothing wrong"));
        assert_true(json_is_null(json_object_get(root, "healthy")));
        json_decref(root);
        free(json);
        diagnosis_done(&diagnosis);
        facts_done(&facts);
    }
}

static void a_redirect_with_a_page_or_nodes_that_ask_is_no_elsewhere(void **state)
{
    (void)state;
    static const char *const ends[] = {
        "{\"http\":{\"first\":{\"status\":302},\"redirect\":{\"location\":\"/a\",\"page\":{"
        "\"status\":401}}}}",
        "{\"http\":{\"first\":{\"status\":302},\"redirect\":{\"location\":\"/\",\"loops\":true}}}",
        "{\"http\":{\"first\":{\"status\":401}}}",
        "{\"http\":{\"first\":{\"status\":302},\"redirect\":{\"location\":\"https://n1/\"}}},"
        "{\"is_node\":true,\"http\":{\"first\":{\"challenges\":[{\"scheme\":\"NTLM\"}]}}}",
    };
    for (size_t i = 0; i < COUNT(ends); i++) {
        struct facts facts;
        take(&facts, ends[i]);
        assert_false(doctor_is_elsewhere(&facts));
        facts_done(&facts);
    }
}

static void the_verdict_says_that_no_node_was_reached(void **state)
{
    (void)state;
    static const char says[] = "None of the nodes could be";
    the_verdict_of("{\"http\":{\"first\":{\"status\":401}}},"
                   "{\"is_node\":true,\"tcp\":{\"is_open\":false}}",
                   "{}", says);
    struct facts facts;
    struct diagnosis diagnosis;
    take(&facts, "{\"http\":{\"first\":{\"status\":401}}},"
                 "{\"is_node\":true,\"tcp\":{\"is_open\":false}},"
                 "{\"is_node\":true,\"tcp\":{\"is_open\":true}}");
    diagnosis_init(&diagnosis);
    char *text = print(&facts, &diagnosis, false, false);
    assert_null(strstr(text, "None of the nodes"));
    free(text);
    facts_done(&facts);
}

static void the_verdict_does_not_blame_the_site(void **state)
{
    (void)state;
    static const char offer[] = "\"status\":401,\"challenges\":[{\"scheme\":\"Negotiate\"}]";
    char end[512];
    snprintf(end, sizeof end,
             "{\"http\":{\"first\":{%s}},\"kerberos\":{\"outcome\":\"no ticket\"}}", offer);
    the_verdict_of(end, "{\"client\":{\"error\":{\"name\":\"NO_CREDENTIALS\"}}}",
                   "is offered here; no login was tried.");
    the_verdict_of(end, "{\"client\":{\"error\":{\"name\":\"C_PRINCIPAL_UNKNOWN\"}}}",
                   "does not work here.");
    snprintf(end, sizeof end,
             "{\"http\":{\"first\":{%s}},\"ntlm\":{\"outcome\":\"no challenge\"},"
             "\"kerberos\":{\"outcome\":\"ok\"}}",
             offer);
    the_verdict_of(end, "{}", "Kerberos works here. Nothing wrong");
    snprintf(
        end, sizeof end,
        "{\"http\":{\"first\":{\"status\":302},\"redirect\":{\"same_host\":true,\"page\":{%s}}}}",
        offer);
    the_verdict_of(end, "{}", "leads to another page of this site, where");
}

static void what_servers_call_themselves_is_made_safe(void **state)
{
    (void)state;
    struct facts facts;
    struct diagnosis diagnosis;
    take(&facts,
         "{\"name\":\"\\u001b[31mx\",\"address\":\"\\u0007\",\"http\":{\"first\":{\"status\":"
         "401,\"reason\":\"\\u009b1m\",\"challenges\":[{\"scheme\":\"\\u001bc\"}]}},\"ntlm\":"
         "{\"outcome\":\"ok\",\"server\":{\"dns_computer\":\"\\u001b]0;x\\u0007\"}}}");
    diagnosis_init(&diagnosis);
    doctor_judge(&facts, &diagnosis);
    char *text = print(&facts, &diagnosis, true, false);
    assert_null(strpbrk(text, "\x1b\x07"));
    assert_null(strstr(text, "\xc2\x9b"));
    assert_non_null(strstr(text, "\\x1b[31mx"));
    free(text);
    diagnosis_done(&diagnosis);
    facts_done(&facts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_verdict_says_what_works),
        cmocka_unit_test(the_verdict_names_the_first_cause),
        cmocka_unit_test(findings_are_wrapped_and_commands_are_not),
        cmocka_unit_test(json_holds_everything),
        cmocka_unit_test(json_shows_a_terminal_nothing_but_ascii),
        cmocka_unit_test(the_verdict_says_where_people_are_sent),
        cmocka_unit_test(a_redirect_with_a_page_or_nodes_that_ask_is_no_elsewhere),
        cmocka_unit_test(the_verdict_says_that_no_node_was_reached),
        cmocka_unit_test(the_verdict_does_not_blame_the_site),
        cmocka_unit_test(what_servers_call_themselves_is_made_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
