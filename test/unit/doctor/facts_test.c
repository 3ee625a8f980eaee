// SPDX-License-Identifier: Apache-2.0
// The document of facts: whatever is in it, asking it never fails; only a document of this version
// is loaded; what is saved is for its owner alone.
#include "doctor/facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const char sample[] =
    "{\"facts\":1,\"subject\":{\"url\":\"https://app.example.com/\"},"
    "\"a\":{\"b\":[10,{\"c\":\"Word\"},null,\"two\"],\"TLSv1.2\":true,\"x\":{\"y\":1},\"x.y\":2,"
    "\"no\":false},"
    "\"ends\":[{\"name\":\"front\",\"tcp\":{\"is_open\":false}},"
    "{\"name\":\"n1\",\"is_node\":true},{\"name\":\"second\",\"tcp\":{\"is_open\":true}},"
    "{\"name\":\"n2\",\"is_node\":true}]}";

static void take(struct facts *facts, const char *text)
{
    char problem[128] = "";
    facts_init(facts);
    if (!facts_parse(facts, span_text(text), problem, sizeof problem))
        fail_msg("%s", problem);
}

static void paths_lead_to_values(void **state)
{
    (void)state;
    struct facts facts;
    take(&facts, sample);
    const json_t *root = facts.root;
    assert_int_equal(fact_number(root, "a.b.0", -1), 10);
    assert_string_equal(fact_text(root, "a.b.1.c"), "Word");
    assert_true(fact_is(root, "a.b.1.c", "wORD"));
    assert_true(fact_bool(root, "a.TLSv1.2"));
    assert_int_equal(fact_number(root, "a.x.y", -1), 2); // the longest key wins
    assert_int_equal(fact_count(root, "a.b"), 4);
    assert_true(fact_lists(root, "a.b", "TWO"));
    assert_true(fact_is_false(root, "a.no"));
    assert_true(fact_is_known(root, "a.no"));
    assert_ptr_equal(fact(root, ""), root);
    facts_done(&facts);
}

static void a_report_holds_its_facts(void **state)
{
    (void)state;
    char problem[128];
    struct facts facts;
    take(&facts, "{\"verdict\":\"v\",\"findings\":[],\"facts\":{\"facts\":1,\"subject\":{\"url\":"
                 "\"https://a/\"}}}");
    assert_string_equal(fact_text(facts.root, "subject.url"), "https://a/");
    assert_null(json_object_get(facts.root, "verdict"));
    assert_false(facts_parse(&facts, SPAN("{\"findings\":[],\"facts\":{\"facts\":2}}"), problem,
                             sizeof problem));
    assert_string_equal(fact_text(facts.root, "subject.url"), "https://a/");
    facts_done(&facts);
}

static void what_is_not_there_is_not_known(void **state)
{
    (void)state;
    static const char *const nowhere[] = {"z",
                                          "a.z",
                                          "a.b.4",
                                          "a.b.x",
                                          "a.b.-1",
                                          "a.b.0.c",
                                          "a..b",
                                          ".a",
                                          "a.b.2",
                                          "a.b.1.c.d",
                                          "a.b.99999999999999999999999",
                                          "a.no.x"};
    struct facts facts;
    take(&facts, sample);
    for (size_t i = 0; i < COUNT(nowhere); i++) {
        assert_false(fact_is_known(facts.root, nowhere[i]));
        assert_false(fact_bool(facts.root, nowhere[i]));
        assert_false(fact_is_false(facts.root, nowhere[i]));
        assert_int_equal(fact_number(facts.root, nowhere[i], 7), 7);
        assert_string_equal(fact_text(facts.root, nowhere[i]), "");
        assert_false(fact_is(facts.root, nowhere[i], ""));
        assert_int_equal(fact_count(facts.root, nowhere[i]), 0);
        assert_false(fact_lists(facts.root, nowhere[i], "two"));
        assert_false(fact_is_known(NULL, nowhere[i]));
    }
    // there, but of another type
    assert_int_equal(fact_number(facts.root, "a.b.3", 7), 7);
    assert_string_equal(fact_text(facts.root, "a.b.0"), "");
    assert_false(fact_is_false(facts.root, "a.b.0"));
    assert_false(fact_lists(facts.root, "a.b", "Word"));
    facts_done(&facts);
}

static void the_front_is_the_first_that_answers(void **state)
{
    (void)state;
    struct facts facts;
    take(&facts, sample);
    assert_string_equal(fact_text(facts_front(&facts), "name"), "second");
    assert_string_equal(fact_text(facts_node(&facts, 0), "name"), "n1");
    assert_string_equal(fact_text(facts_node(&facts, 1), "name"), "n2");
    assert_null(facts_node(&facts, 2));
    json_array_remove(json_object_get(facts.root, "ends"), 2);
    assert_string_equal(fact_text(facts_front(&facts), "name"), "front");
    facts_done(&facts);

    facts_init(&facts);
    assert_null(facts_front(&facts));
    assert_null(facts_node(&facts, 0));
    assert_int_equal(fact_number(facts.root, "facts", 0), FACTS_VERSION);
    facts_done(&facts);
}

static void numbers_leave_room_to_reckon(void **state)
{
    (void)state;
    struct facts facts;
    take(&facts, "{\"facts\":1,\"subject\":{},\"a\":[9223372036854775807,-9223372036854775808,"
                 "9007199254740992,-9007199254740991]}");
    const json_t *root = facts.root;
    assert_true(fact_number(root, "a.0", 0) == 1LL << 53);
    assert_true(fact_number(root, "a.1", 0) == -(1LL << 53));
    assert_true(fact_number(root, "a.2", 0) == 1LL << 53);
    assert_true(fact_number(root, "a.3", 0) == 1 - (1LL << 53));
    facts_done(&facts);
}

static void other_documents_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"", "not JSON"},
        {"{\"facts\":1,\n\"subject\":", "line 2"},
        {"[]", "\"facts\""},
        {"{\"facts\":\"1\",\"subject\":{}}", "\"facts\""},
        {"{\"facts\":2,\"subject\":{}}", "another version"},
        {"{\"facts\":1}", "\"subject\""},
        {"{\"facts\":1,\"subject\":[]}", "\"subject\""},
        {"{\"facts\":1,\"subject\":{},\"ends\":{}}", "\"ends\""},
        {"{\"facts\":1,\"subject\":{},\"ends\":[1]}", "\"ends\""},
        {"{\"facts\":1,\"facts\":1,\"subject\":{}}", "not JSON"},
        {"{\"facts\":1,\"subject\":{}} x", "not JSON"},
    };
    struct facts facts;
    take(&facts, sample);
    for (size_t i = 0; i < COUNT(cases); i++) {
        char problem[128] = "";
        assert_false(facts_parse(&facts, span_text(cases[i].text), problem, sizeof problem));
        if (strstr(problem, cases[i].says) == NULL)
            fail_msg("%s: says %s", cases[i].text, problem);
    }
    assert_int_equal(fact_count(facts.root, "a.b"), 4); // still the one that was there
    facts_done(&facts);
}

static void what_is_saved_can_be_loaded_by_its_owner_alone(void **state)
{
    (void)state;
    char folder[] = "/tmp/facts_test.XXXXXX", file[64];
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/facts.json", folder);
    struct facts facts, again;
    take(&facts, sample);
    FILE *open_to_all = fopen(file, "we");
    assert_non_null(open_to_all);
    fputs("longer than nothing", open_to_all);
    fclose(open_to_all);
    assert_int_equal(chmod(file, 0644), 0);
    assert_true(facts_save(&facts, file));
    struct stat status;
    assert_int_equal(stat(file, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    facts_init(&again);
    assert_true(facts_load(&again, file));
    assert_true(json_equal(facts.root, again.root));
    assert_int_equal(unlink(file), 0);
    assert_false(facts_load(&again, file));
    assert_false(facts_save(&facts, folder));
    assert_int_equal(rmdir(folder), 0);
    facts_done(&facts);
    facts_done(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_lead_to_values),
        cmocka_unit_test(a_report_holds_its_facts),
        cmocka_unit_test(what_is_not_there_is_not_known),
        cmocka_unit_test(the_front_is_the_first_that_answers),
        cmocka_unit_test(numbers_leave_room_to_reckon),
        cmocka_unit_test(other_documents_are_refused),
        cmocka_unit_test(what_is_saved_can_be_loaded_by_its_owner_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
