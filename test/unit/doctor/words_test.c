// SPDX-License-Identifier: Apache-2.0
// Sentences stay sentences where a fact that they would name is not known: each kind of text is
// taken out of the facts of each case in turn, and no finding and no report may show the hole.
#include "doctor/doctor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/doctor/case.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

// What a text shows that was put together around nothing; NULL: nothing of the kind.
static const char *hole_in(const char *text)
{
    static const char *const inside[] = {"  ",  "()",  "( ",  " )",     " ,",
                                         " ;",  " . ", ": ;", ": ,",    ": .",
                                         "; ;", ", ,", ", .", "(null)", " \u2026"};
    static const char *const last[] = {" ",   " .",  ":",   ",",    ";",   "X for", " of", " from",
                                       " to", " by", " at", " and", " is", "=",     " not"};
    size_t size = strlen(text);
    if (size == 0)
        return "nothing";
    if (strchr(" ,;:.", text[0]) != NULL)
        return "its beginning";
    for (size_t i = 0; i < COUNT(inside); i++)
        if (strstr(text, inside[i]) != NULL)
            return inside[i];
    for (size_t i = 0; i < COUNT(last); i++)
        if (size >= strlen(last[i]) && strcmp(text + size - strlen(last[i]), last[i]) == 0)
            return last[i];
    return NULL;
}

static size_t complain(const char *id, const char *gone, const char *text, const char *hole)
{
    if (hole == NULL)
        return 0;
    print_error("%s, without %s, shows '%s': %s\n", id, gone, hole, text);
    return 1;
}

// A command has a shape of its own; it may only have no double blank and no empty end.
static const char *hole_in_command(const char *command)
{
    size_t size = strlen(command);
    if (strstr(command, "  ") != NULL)
        return "  ";
    return size == 0 || command[size - 1] == ' ' ? " " : NULL;
}

static size_t judge_words(const struct diagnosis *diagnosis, const char *gone)
{
    size_t bad = 0;
    for (size_t i = 0; i < diagnosis->count; i++) {
        const struct finding *finding = &diagnosis->findings[i];
        bad += complain(finding->id, gone, finding->what, hole_in(finding->what));
        if (finding->cause != NULL)
            bad += complain(finding->id, gone, finding->cause, hole_in(finding->cause));
        for (size_t j = 0; j < finding->evidence_count; j++)
            bad += complain(finding->id, gone, finding->evidence[j], hole_in(finding->evidence[j]));
        for (size_t j = 0; j < finding->remedy_count; j++) {
            const char *command = finding->remedies[j].command;
            if (command != NULL)
                bad += complain(finding->id, gone, command, hole_in_command(command));
        }
    }
    return bad;
}

// Takes every text out that stands under that key; all texts when it is NULL.
static void take_out(json_t *json, const char *gone)
{
    const char *key;
    json_t *value;
    void *next;
    size_t i;
    if (json_is_array(json)) {
        json_array_foreach(json, i, value) take_out(value, gone);
        return;
    }
    json_object_foreach_safe(json, next, key, value)
    {
        if (!json_is_string(value))
            take_out(value, gone);
        else if (gone == NULL || strcmp(key, gone) == 0)
            json_object_del(json, key);
    }
}

// The keys of all texts, as an object.
static void list_keys(const json_t *json, json_t *keys)
{
    const char *key;
    json_t *value;
    size_t i;
    if (json_is_array(json))
        json_array_foreach((json_t *)json, i, value) list_keys(value, keys);
    else if (json_is_object(json))
        json_object_foreach((json_t *)json, key, value)
        {
            if (json_is_string(value))
                json_object_set_new(keys, key, json_true());
            list_keys(value, keys);
        }
}

static void print_report(const struct facts *facts, const struct diagnosis *diagnosis,
                         char **ret_text)
{
    size_t size = 0;
    FILE *out = open_memstream(ret_text, &size);
    assert_non_null(out);
    report_print(out, facts, diagnosis, true);
    assert_int_equal(fclose(out), 0);
}

// The facts in brief, line by line; their indents are no holes.
static size_t judge_report(const struct facts *facts, const struct diagnosis *diagnosis,
                           const char *gone)
{
    size_t bad = 0;
    char *text = NULL, *line;
    print_report(facts, diagnosis, &text);
    char *rest = strstr(text, "What was seen\n");
    assert_non_null(rest);
    strsep(&rest, "\n");
    while ((line = strsep(&rest, "\n")) != NULL)
        if (*line != '\0')
            bad += complain("the report", gone, line, hole_in(line + strspn(line, " ")));
    free(text);
    return bad;
}

static size_t judge_without(const json_t *root, const char *gone)
{
    struct facts facts = {.root = json_deep_copy(root)};
    struct diagnosis diagnosis;
    take_out(facts.root, gone);
    diagnosis_init(&diagnosis);
    doctor_judge(&facts, &diagnosis);
    size_t bad = judge_words(&diagnosis, gone != NULL ? gone : "any text");
    if (bad == 0)
        bad = judge_report(&facts, &diagnosis, gone != NULL ? gone : "any text");
    diagnosis_done(&diagnosis);
    facts_done(&facts);
    return bad;
}

static void sentences_have_no_holes(void **state)
{
    (void)state;
    json_t *cases = load("test/unit/doctor/facts/cases.json"), *row, *value;
    size_t i, bad = 0;
    json_array_foreach(cases, i, row)
    {
        struct facts facts;
        const char *key;
        json_t *keys = json_object();
        make(&facts, fact(row, "set"));
        list_keys(facts.root, keys);
        bad += judge_without(facts.root, "");
        bad += judge_without(facts.root, NULL);
        if (fact_bool(row, "says"))
            json_object_foreach(keys, key, value) bad += judge_without(facts.root, key);
        json_decref(keys);
        facts_done(&facts);
    }
    json_decref(cases);
    assert_int_equal(bad, 0);
}

static void holes_are_seen(void **state)
{
    (void)state;
    static const char *const bad[] = {"KDC error 31 X for", "the node iis1 () can",
                                      "not offered; the server is of", "403 ; it says: x",
                                      "handfast  --ca"};
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_non_null(hole_in(bad[i]));
    assert_null(hole_in("KDC error 31 X for alice (a word): all is said; well."));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holes_are_seen),
        cmocka_unit_test(sentences_have_no_holes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
