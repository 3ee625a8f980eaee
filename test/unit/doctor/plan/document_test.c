// SPDX-License-Identifier: Apache-2.0
// The documents of a plan: hostile names stay text, scripts are balanced and look before they
// change, records are records, file names are file names.
#include "stage.h"

#include <ctype.h>
#include <jansson.h>

// Names of sites and pools may hold anything but spaces and control characters.
#define HOSTILE      "a|b\"'`$(x);#<!--\u2019--></script>*/\\"
#define HOSTILE_YAML "'a|b\"''`$(x);#<!--\u2019--></script>*/\\'"

static const char hostile[] =
    "listeners: [{bind: '*:443'}, {bind: '*:8443'}, {bind: '*:80'}]\n"
    "sites:\n"
    "- {name: " HOSTILE_YAML ", hosts: [app.example.com, old, '*.w.example.com', 10.9.9.9], "
    "certificates: [{chain: \"c'$(x).pem\", key: c.key}], plain_http: serve, routes: [{path: "
    "\"/'$(x)|\", forward: " HOSTILE_YAML "}, {path: /r, redirect: q}]}\n"
    "- {name: ../../etc/passwd, hosts: [n1.example.com], " CERTIFICATE ", passthrough: q}\n"
    "- {name: ___.._etc_passwd, hosts: [z.example.com], " CERTIFICATE ", passthrough: q}\n"
    "pools:\n"
    "- {name: " HOSTILE_YAML ", tls: {}, servers: [{name: n1.example.com, address: "
    "'10.0.0.1:443'}]}\n"
    "- {name: q, servers: [{name: n1.example.com, address: '10.0.0.1:443'}, {name: "
    "far.example.com, address: 'far-inside:443', public: true}]}\n";

static const struct plan_wish wishes[] = {
    {.domain = "example.com",
     .account = "svc-web$",
     .addresses = {"10.0.0.5", "fd00::5"},
     .address_count = 2},
    {0},
    {.is_same_certificate = true},
};

static char *printed(const struct plan *plan, size_t index)
{
    char *memory = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&memory, &size);
    assert_non_null(out);
    plan_document_print(plan, index, out);
    fclose(out);
    assert_int_equal(strlen(memory), size);
    return memory;
}

static bool has_suffix(const char *name, const char *suffix)
{
    size_t size = strlen(name);
    return size > strlen(suffix) && strcmp(name + size - strlen(suffix), suffix) == 0;
}

static void each(const char *suffix, void (*look)(const char *text))
{
    size_t seen = 0;
    for (size_t i = 0; i < COUNT(wishes); i++) {
        struct planned planned = plan_of(hostile, &wishes[i]);
        for (size_t j = 0; j < plan_document_count(planned.plan); j++) {
            if (!has_suffix(plan_document_name(planned.plan, j), suffix))
                continue;
            char *text = printed(planned.plan, j);
            look(text);
            free(text);
            seen++;
        }
        planned_done(&planned);
    }
    assert_true(seen >= COUNT(wishes));
}

// ---------------------------------------------------------------------------- PowerShell

// Where a script leaves text: 'x', "x" and comments are skipped by PowerShell's rules, everything
// else must have balanced brackets.
static const char *skip_text(const char *at)
{
    if (*at == '#')
        return at + strcspn(at, "\n");
    char quote = *at++;
    while (*at != quote || at[1] == quote) {
        if (!*at)
            fail_msg("a text is not closed");
        at += *at == quote || (quote == '"' && *at == '`') ? 2 : 1;
    }
    return at + 1;
}

static void check_balance(const char *script)
{
    char open[64];
    size_t depth = 0;
    for (const char *at = script; *at;) {
        assert_true(*at == '\n' || (*at >= 0x20 && *at < 0x7f));
        const char *closers = strchr("(){}[]", *at);
        if (*at == '#' || *at == '\'' || *at == '"') {
            at = skip_text(at);
            continue;
        }
        if (closers && strchr("([{", *at)) {
            assert_true(depth < sizeof open);
            open[depth++] = closers[1];
        } else if (closers) {
            assert_true(depth > 0 && open[--depth] == *at);
        }
        at++;
    }
    assert_int_equal(depth, 0);
}

static size_t count(const char *text, const char *word)
{
    size_t found = 0;
    for (const char *at = text; (at = strstr(at, word)); at += strlen(word))
        found++;
    return found;
}

static void check_looks_first(const char *script)
{
    assert_non_null(strstr(script, "SupportsShouldProcess"));
    assert_non_null(strstr(script, "$ErrorActionPreference = 'Stop'"));
    size_t asked = count(script, "ShouldProcess($") + count(script, "Test-Change ");
    assert_true(asked > 0);
    assert_true(count(script, "'changed'") > 0);
    assert_true(count(script, "'is so'") > 0);
    assert_true(asked + 3 > count(script, "Write-State 'changed'"));
}

// Every line that calls one of the script's own functions stands below its reason.
static void check_reasons(const char *script)
{
    static const char *const calls[] = {"\nAdd-ServiceName '", "\nAdd-Reader '", "\nAdd-Binding '",
                                        "\nSet-Providers '", "\nSet-AtLeast '"};
    for (size_t i = 0; i < COUNT(calls); i++)
        for (const char *at = script; (at = strstr(at, calls[i])); at++) {
            const char *line = at;
            while (line > script && line[-1] != '\n')
                line--;
            assert_memory_equal(line, "# because ", 10);
        }
}

static void test_scripts_are_balanced(void **state)
{
    each(".ps1", check_balance);
}

static void test_scripts_look_before_they_change(void **state)
{
    each(".ps1", check_looks_first);
}

static void test_every_line_has_its_reason(void **state)
{
    each(".ps1", check_reasons);
}

static void test_the_reader_of_scripts_knows_quotes(void **state)
{
    check_balance("'it''s (' \"say \"\"it\"\" `\" $(x\" # )\n(@{})");
}

// ---------------------------------------------------------------------------- the other documents

static void check_zone(const char *zone)
{
    size_t records = 0;
    for (const char *line = zone; *line; line += strcspn(line, "\n") + 1) {
        if (*line == ';' || *line == '\n')
            continue;
        char name[300];
        char kind[8];
        char address[64];
        int end = 0;
        int read =
            sscanf(line, "%299[a-z0-9.*-] 300 IN %7[A] %63[0-9a-f.:]%n", name, kind, address, &end);
        assert_int_equal(read, 3);
        assert_int_equal(line[end], '\n');
        assert_true(name[strlen(name) - 1] == '.');
        assert_string_equal(kind, strchr(address, ':') ? "AAAA" : "A");
        records++;
    }
    assert_null(strstr(zone, "IN CNAME"));
    assert_true(records > 0 || strstr(zone, "give --lb-address"));
}

static void test_the_zone_holds_records_and_comments(void **state)
{
    each(".zone", check_zone);
}

static void check_requests(const char *text)
{
    for (const char *at = text; *at; at++)
        assert_true(*at == '\n' || (*at >= 0x20 && *at < 0x7f));
    assert_int_equal(count(text, "\n[") >= 3, true);
}

static void test_requests_are_ascii_with_their_sections(void **state)
{
    each(".cnf", check_requests);
    each(".inf", check_requests);
}

static void check_json(const char *text)
{
    json_t *root = json_loads(text, 0, NULL);
    assert_non_null(root);
    const json_t *hosts = json_object_get(
        json_object_get(json_object_get(root, "policies"), "Authentication"), "SPNEGO");
    assert_true(json_array_size(hosts) >= 4);
    json_decref(root);
}

static void test_firefox_gets_json(void **state)
{
    each(".json", check_json);
}

// No cell of a table is torn: every row has as many columns as its head.
static size_t bars(const char *line, size_t size)
{
    size_t found = 0;
    for (size_t i = 0; i < size; i++)
        found += line[i] == '|' && (i == 0 || line[i - 1] != '\\');
    return found;
}

static void check_tables(const char *page)
{
    size_t columns = 0;
    for (const char *line = page; *line; line += strcspn(line, "\n") + 1) {
        size_t size = strcspn(line, "\n");
        if (*line != '|') {
            columns = 0;
            continue;
        }
        columns = columns ? columns : bars(line, size);
        assert_int_equal(bars(line, size), columns);
    }
    for (const char *at = page; (at = strchr(at, '<')); at++)
        assert_int_equal(at[-1], '\\'); // no markup
}

static void test_pages_keep_their_tables(void **state)
{
    each(".md", check_tables);
}

static void test_file_names(void **state)
{
    struct planned planned = plan_of(hostile, &wishes[0]);
    size_t total = plan_document_count(planned.plan);
    assert_string_equal(plan_document_name(planned.plan, 0), "plan.md");
    for (size_t i = 0; i < total; i++) {
        const char *name = plan_document_name(planned.plan, i);
        assert_true(isalnum((unsigned char)name[0]));
        for (const char *c = name; *c; c++)
            assert_true(isalnum((unsigned char)*c) || strchr("-_.", *c));
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(name, plan_document_name(planned.plan, j));
    }
    planned_done(&planned);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scripts_are_balanced),
        cmocka_unit_test(test_scripts_look_before_they_change),
        cmocka_unit_test(test_every_line_has_its_reason),
        cmocka_unit_test(test_the_reader_of_scripts_knows_quotes),
        cmocka_unit_test(test_the_zone_holds_records_and_comments),
        cmocka_unit_test(test_requests_are_ascii_with_their_sections),
        cmocka_unit_test(test_firefox_gets_json),
        cmocka_unit_test(test_pages_keep_their_tables),
        cmocka_unit_test(test_file_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
