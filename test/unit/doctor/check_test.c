// SPDX-License-Identifier: Apache-2.0
// Every check over facts: facts/healthy.json is a site where all is well; facts/cases.json changes
// it ("/path/of/keys": value) and says which finding must or must not be there, how heavy it is and
// whether it comes first, and what its evidence says in part. Every row of checks.tbl has cases of
// both kinds, a file and its line in docs/doctor.md.
#include "doctor/doctor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "unit/doctor/case.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const char *const ids[] = {
#define CHECK_ROW(id, rank, summary) #id,
#include "doctor/check/checks.tbl"
#undef CHECK_ROW
};

static const char *const explained[][2] = {
#define EXPLAINS(cause, consequence) {#cause, #consequence},
#include "doctor/check/explains.tbl"
#undef EXPLAINS
};

static const char *weight_word(enum weight weight)
{
    static const char *const words[] = {"cause", "fault", "risk", "note"};
    return words[weight];
}

static const struct finding *find(const struct diagnosis *diagnosis, const char *id,
                                  const char *weight)
{
    for (size_t i = 0; i < diagnosis->count; i++)
        if (strcmp(diagnosis->findings[i].id, id) == 0 &&
            (weight == NULL || strcmp(weight_word(diagnosis->findings[i].weight), weight) == 0))
            return &diagnosis->findings[i];
    return NULL;
}

static bool has_evidence(const struct finding *finding, const char *part)
{
    for (size_t i = 0; i < finding->evidence_count; i++)
        if (strstr(finding->evidence[i], part) != NULL)
            return true;
    return false;
}

// What is wrong with the diagnosis of that case; NULL: nothing.
static const char *judge_case(const json_t *row, const struct diagnosis *diagnosis)
{
    const char *check = fact_text(row, "check");
    if (!fact_bool(row, "says"))
        return find(diagnosis, check, NULL) != NULL ? "must say nothing" : NULL;
    const struct finding *finding = find(diagnosis, check, fact_text(row, "weight"));
    if (finding == NULL)
        return find(diagnosis, check, NULL) == NULL ? "says nothing" : "is of another weight";
    if (finding->what[0] == '\0' || strstr(finding->what, "(null)") != NULL)
        return "has no words";
    if (finding->weight < WEIGHT_NOTE &&
        (finding->remedy_count == 0 || finding->evidence_count == 0))
        return "has no remedy or no evidence";
    if (fact_is_known(row, "evidence") && !has_evidence(finding, fact_text(row, "evidence")))
        return "lacks its evidence";
    bool is_first = strcmp(diagnosis->findings[0].id, check) == 0;
    return fact_bool(row, "first") && !is_first ? "does not come first" : NULL;
}

static void every_case_is_judged_as_it_should(void **state)
{
    (void)state;
    json_t *cases = load("test/unit/doctor/facts/cases.json"), *row;
    size_t i, failed = 0;
    json_array_foreach(cases, i, row)
    {
        struct facts facts;
        struct diagnosis diagnosis;
        make(&facts, fact(row, "set"));
        diagnosis_init(&diagnosis);
        doctor_judge(&facts, &diagnosis);
        const char *problem = judge_case(row, &diagnosis);
        if (problem != NULL) {
            print_error("%s (%s) %s; found:", fact_text(row, "check"), fact_text(row, "why"),
                        problem);
            for (size_t j = 0; j < diagnosis.count; j++)
                print_error(" %s %s", weight_word(diagnosis.findings[j].weight),
                            diagnosis.findings[j].id);
            print_error("\n");
            failed++;
        }
        diagnosis_done(&diagnosis);
        facts_done(&facts);
    }
    json_decref(cases);
    assert_int_equal(failed, 0);
}

static void the_healthy_site_is_healthy(void **state)
{
    (void)state;
    struct facts facts;
    struct diagnosis diagnosis;
    make(&facts, NULL);
    diagnosis_init(&diagnosis);
    doctor_judge(&facts, &diagnosis);
    for (size_t i = 0; i < diagnosis.count; i++)
        if (diagnosis.findings[i].weight < WEIGHT_NOTE)
            fail_msg("%s: %s", diagnosis.findings[i].id, diagnosis.findings[i].what);
    assert_non_null(find(&diagnosis, "healthy", "note"));
    diagnosis_done(&diagnosis);
    facts_done(&facts);
}

static void every_check_has_cases_of_both_kinds(void **state)
{
    (void)state;
    json_t *cases = load("test/unit/doctor/facts/cases.json"), *row;
    for (size_t c = 0; c < COUNT(ids); c++) {
        size_t i, says = 0, silent = 0;
        json_array_foreach(cases, i, row)
        {
            if (!fact_is(row, "check", ids[c]))
                continue;
            says += fact_bool(row, "says");
            silent += fact_is_false(row, "says");
        }
        if (says == 0 || silent == 0)
            fail_msg("%s: %zu cases where it speaks, %zu where it is silent", ids[c], says, silent);
    }
    json_decref(cases);
}

static void every_check_has_a_file_of_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ids); i++) {
        char name[128], path[512];
        snprintf(name, sizeof name, "src/doctor/check/%s.c", ids[i]);
        if (access(source_path(path, sizeof path, name), R_OK) != 0)
            fail_msg("%s is missing", path);
    }
}

static size_t row_of(const char *id)
{
    for (size_t i = 0; i < COUNT(ids); i++)
        if (strcmp(ids[i], id) == 0)
            return i;
    fail_msg("there is no check %s", id);
    return 0;
}

// No circle: something must be left to say.
static bool explains(const char *cause, const char *consequence, int depth)
{
    for (size_t i = 0; depth < 8 && i < COUNT(explained); i++)
        if (strcmp(explained[i][0], cause) == 0 &&
            (strcmp(explained[i][1], consequence) == 0 ||
             explains(explained[i][1], consequence, depth + 1)))
            return true;
    return false;
}

static void what_explains_is_a_check_and_never_itself_explained_by_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(explained); i++) {
        row_of(explained[i][0]);
        row_of(explained[i][1]);
        if (explains(explained[i][1], explained[i][0], 0))
            fail_msg("%s and %s explain each other", explained[i][0], explained[i][1]);
    }
}

// What else the healthy site has to show of logins would contradict one that failed.
static void forget_successes(json_t *root)
{
    static const char *const gone[] = {"affinity", "isolation", "protection"};
    size_t i;
    json_t *end;
    json_array_foreach(json_object_get(root, "ends"), i, end)
    {
        for (size_t j = 0; j < COUNT(gone); j++)
            json_object_del(end, gone[j]);
        json_object_del(json_object_get(end, "ntlm"), "repeats");
        json_object_del(json_object_get(end, "kerberos"), "repeats");
        json_object_set_new(json_object_get(end, "kerberos"), "mutual", json_null());
    }
}

static bool is_ill(const struct facts *facts)
{
    struct diagnosis diagnosis;
    diagnosis_init(&diagnosis);
    doctor_judge(facts, &diagnosis);
    bool is = diagnosis_is_ill(&diagnosis);
    diagnosis_done(&diagnosis);
    return is;
}

static void put_answer(json_t *scheme, const char *key, int status)
{
    const char *end = status > 0 ? "done" : status == 0 ? "server_closed" : "server_timeout";
    json_object_set_new(scheme, key,
                        json_pack("{s:i,s:s,s:s,s:b,s:[]}", "status", status > 0 ? status : 0,
                                  "end", end, "reason", "", "is_persistent", status > 0,
                                  "challenges"));
}

// 0 and -1: no answer, because it was closed or nothing came.
static const int statuses[] = {-1,  0,   100, 101, 200, 204, 301, 302, 307, 400, 401,
                               403, 404, 405, 407, 426, 429, 500, 502, 503, 504, 999};
static const char *const failures[] = {"refused",  "no challenge", "closed",   "no answer",
                                       "rejected", "failed",       "no ticket"};

// One end or all of them; NTLM (1), Kerberos (2) or both; how far the login got.
static void fail_logins(json_t *root, int which_end, int schemes, size_t leg, const char *outcome,
                        int status)
{
    static const char *const legs[] = {NULL, "type1", "type3"};
    size_t i;
    json_t *end;
    json_array_foreach(json_object_get(root, "ends"), i, end)
    {
        json_t *ntlm = json_object_get(end, "ntlm"), *kerberos = json_object_get(end, "kerberos");
        if (which_end >= 0 && i != (size_t)which_end)
            continue;
        if (schemes & 1) {
            json_object_set_new(ntlm, "outcome", json_string(outcome));
            for (size_t j = leg + 1; j < COUNT(legs); j++)
                json_object_del(ntlm, legs[j]);
            if (leg > 0)
                put_answer(ntlm, legs[leg], status);
        }
        if (schemes & 2) {
            json_object_set_new(kerberos, "outcome", json_string(outcome));
            put_answer(kerberos, "answer", status);
        }
    }
}

static void no_site_with_a_failed_login_is_healthy(void **state)
{
    (void)state;
    size_t judged = 0, of_status = COUNT(statuses), of_outcome = of_status * COUNT(failures);
    json_t *healthy = load("test/unit/doctor/facts/healthy.json");
    forget_successes(healthy);
    assert_false(is_ill(&(struct facts){.root = healthy}));
    for (int end = -1; end < 2; end++)
        for (int schemes = 1; schemes <= 3; schemes++)
            for (size_t i = 0; i < 3 * of_outcome; i++) {
                size_t leg = i / of_outcome;
                const char *outcome = failures[i % of_outcome / of_status];
                int status = statuses[i % of_status];
                struct facts facts = {.root = json_deep_copy(healthy)};
                fail_logins(facts.root, end, schemes, leg, outcome, status);
                if (!is_ill(&facts))
                    fail_msg("end %d, schemes %d, leg %zu: %s with %d is healthy", end, schemes,
                             leg, outcome, status);
                facts_done(&facts);
                judged++;
            }
    json_decref(healthy);
    assert_true(judged > 3000);
}

// Whatever the front says in place of asking for a login, with an account and without.
static void no_site_that_asks_for_no_login_is_healthy(void **state)
{
    (void)state;
    static const char *const outcomes[] = {"not offered", "forbidden", "rejected",  "failed",
                                           "closed",      "no answer", "not tried", ""};
    for (size_t i = 0; i < COUNT(statuses) * COUNT(outcomes) * 2; i++) {
        struct facts facts;
        make(&facts, NULL);
        forget_successes(facts.root);
        const char *outcome = outcomes[i / 2 % COUNT(outcomes)];
        int status = statuses[i / 2 / COUNT(outcomes)];
        json_t *ends = json_object_get(facts.root, "ends"), *front = json_array_get(ends, 0);
        while (i % 2 == 0 && json_array_size(ends) > 1)
            json_array_remove(ends, 1);
        json_t *http = json_object();
        put_answer(http, "first", status);
        json_object_set_new(front, "http", http);
        json_object_set_new(front, "ntlm", json_pack("{s:s}", "outcome", outcome));
        json_object_set_new(front, "kerberos", json_pack("{s:s}", "outcome", outcome));
        if (!is_ill(&facts))
            fail_msg("%d for everybody (%s) is healthy", status, outcome);
        facts_done(&facts);
    }
}

static void nothing_known_is_nothing_said(void **state)
{
    (void)state;
    struct facts facts;
    struct diagnosis diagnosis;
    facts_init(&facts);
    diagnosis_init(&diagnosis);
    doctor_judge(&facts, &diagnosis);
    assert_int_equal(diagnosis.count, 0);
    diagnosis_done(&diagnosis);
    facts_done(&facts);
}

static json_t *poisoned(const json_t *json, const char *poison);

static json_t *poisoned_object(const json_t *json, const char *poison)
{
    json_t *copy = json_object(), *value;
    const char *key;
    json_object_foreach((json_t *)json, key, value)
        json_object_set_new(copy, key, poisoned(value, poison));
    return copy;
}

// The same document with every text that is no word of ours replaced by something hostile.
static json_t *poisoned(const json_t *json, const char *poison)
{
    static const char *const ours[] = {"ok",        "refused", "no challenge", "closed",
                                       "no ticket", "host",    "canonical",    "NTLM",
                                       "Negotiate", "password"};
    if (json_is_object(json))
        return poisoned_object(json, poison);
    if (json_is_array(json)) {
        json_t *copy = json_array(), *value;
        size_t i;
        json_array_foreach((json_t *)json, i, value)
            json_array_append_new(copy, poisoned(value, poison));
        return copy;
    }
    for (size_t i = 0; i < COUNT(ours); i++)
        if (json_is_string(json) && strcmp(json_string_value(json), ours[i]) == 0)
            return json_deep_copy(json);
    return json_is_string(json) && *json_string_value(json) != '\0' ? json_string(poison)
                                                                    : json_deep_copy(json);
}

static void assert_is_harmless(const struct diagnosis *diagnosis)
{
    for (size_t i = 0; i < diagnosis->count; i++) {
        const struct finding *finding = &diagnosis->findings[i];
        assert_null(strpbrk(finding->what, "\x1b\n\r\x07"));
        for (size_t j = 0; j < finding->evidence_count; j++)
            assert_null(strpbrk(finding->evidence[j], "\x1b\n\r\x07"));
        for (size_t j = 0; j < finding->remedy_count; j++)
            if (finding->remedies[j].command != NULL &&
                strstr(finding->remedies[j].command, "calc") != NULL)
                fail_msg("%s: %s", finding->id, finding->remedies[j].command);
    }
}

static void hostile_names_never_get_into_commands_or_the_terminal(void **state)
{
    (void)state;
    static const char poison[] = "\x1b[2J\r\nx; calc & `calc` $(calc) | \"calc\" 'calc'";
    json_t *cases = load("test/unit/doctor/facts/cases.json"), *row;
    size_t i, said = 0;
    json_array_foreach(cases, i, row)
    {
        struct facts facts;
        struct diagnosis diagnosis;
        make(&facts, fact(row, "set"));
        json_t *root = poisoned(facts.root, poison);
        json_decref(facts.root);
        facts.root = root;
        diagnosis_init(&diagnosis);
        doctor_judge(&facts, &diagnosis);
        assert_is_harmless(&diagnosis);
        said += diagnosis.count;
        diagnosis_done(&diagnosis);
        facts_done(&facts);
    }
    json_decref(cases);
    assert_true(said > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_is_judged_as_it_should),
        cmocka_unit_test(the_healthy_site_is_healthy),
        cmocka_unit_test(every_check_has_cases_of_both_kinds),
        cmocka_unit_test(every_check_has_a_file_of_its_own),
        cmocka_unit_test(what_explains_is_a_check_and_never_itself_explained_by_it),
        cmocka_unit_test(no_site_with_a_failed_login_is_healthy),
        cmocka_unit_test(no_site_that_asks_for_no_login_is_healthy),
        cmocka_unit_test(nothing_known_is_nothing_said),
        cmocka_unit_test(hostile_names_never_get_into_commands_or_the_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
