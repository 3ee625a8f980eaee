// SPDX-License-Identifier: Apache-2.0
// `handfast check`: says all that is wrong with a configuration file before anyone depends on it.
// Changes nothing and serves nothing. Exit status: 0 no errors, 1 errors, 2 wrong usage.
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/text.h"
#include "cmd/command.h"
#include "config/config.h"
#include "control/control.h"

enum {
    CHECK_CLEAN = 0,
    CHECK_ERRORS = 1,
    CHECK_USAGE = 2,
};

struct request {
    const char *file;
    bool explains;
    bool is_markdown;
    bool is_json;
    bool is_offline;
    bool asks_servers;
};

static const char usage[] =
    "usage: handfast check -c FILE [--explain] [--json] [--offline | --servers]\n"
    "       handfast check --explain [--markdown]\n"
    "\n"
    "  -c, --config FILE   the configuration to check\n"
    "      --json          findings as one JSON object\n"
    "      --offline       the file alone: no certificates, other files, ports or names\n"
    "      --servers       also connect to the servers and compare their certificates with\n"
    "                      those of the sites (Extended Protection)\n"
    "      --explain       every option with its type, range, default and meaning\n"
    "      --markdown      the same as the reference page\n"
    "\n"
    "Exit status: 0 no errors (there may be warnings), 1 errors, 2 wrong usage.\n";

// ---------------------------------------------------------------------------- output

static void write_finding(struct json *json, const struct findings_item *finding)
{
    json_put_open(json, NULL, '{');
    json_put_u64(json, "line", finding->place.line);
    json_put_u64(json, "column", finding->place.column);
    json_put_string(json, "severity", finding_word(finding->severity));
    json_put_string(json, "path", finding->path);
    json_put_string(json, "what", finding->what);
    json_put_string(json, "expected", finding->expected);
    json_put_string(json, "advice", finding->advice);
    json_put_close(json, '}');
}

static bool write_json(struct text *text, const struct findings *findings)
{
    struct json json = {.text = text};
    json_put_open(&json, NULL, '{');
    json_put_string(&json, "file", findings->file);
    json_put_u64(&json, "errors", findings->errors);
    json_put_u64(&json, "left_out", findings->left_out);
    json_put_open(&json, "findings", '[');
    for (size_t i = 0; i < findings->count; i++)
        write_finding(&json, &findings->items[i]);
    json_put_close(&json, ']');
    json_put_close(&json, '}');
    text_add(text, SPAN("\n"));
    return !text->cut;
}

static void print_json(struct findings *findings)
{
    findings_sort(findings);
    bool is_whole = false;
    for (size_t capacity = 64 * 1024; !is_whole; capacity *= 2) {
        char *memory = malloc(capacity);
        CHECK(memory);
        struct text text = text_over(memory, capacity);
        is_whole = write_json(&text, findings);
        if (is_whole)
            fwrite(memory, 1, text.size, stdout);
        free(memory);
    }
}

static void print_plain(struct findings *findings)
{
    char *printed = findings_print(findings);
    size_t warnings = findings->count + findings->left_out - findings->errors - findings->notes;
    fputs(printed, stdout);
    free(printed);
    printf("%s: %zu error%s, %zu warning%s", findings->file, findings->errors,
           findings->errors == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s");
    if (findings->notes)
        printf(", %zu note%s", findings->notes, findings->notes == 1 ? "" : "s");
    putchar('\n');
}

// ---------------------------------------------------------------------------- the two uses

static void explain(const struct request *request)
{
    char *text = schema_explain(request->is_markdown);
    fputs(text, stdout);
    free(text);
}

static int check_file(const struct request *request)
{
    struct findings *findings = findings_new(request->file);
    struct snapshot *snapshot = snapshot_load(request->file, findings);
    if (snapshot && !request->is_offline)
        preflight(snapshot, findings);
    if (snapshot && request->asks_servers)
        preflight_servers(snapshot, findings);
    snapshot_unref(snapshot);
    if (request->is_json)
        print_json(findings);
    else
        print_plain(findings);
    int status = findings->errors ? CHECK_ERRORS : CHECK_CLEAN;
    findings_free(findings);
    return status;
}

enum {
    OPTION_EXPLAIN = 256,
    OPTION_MARKDOWN,
    OPTION_JSON,
    OPTION_OFFLINE,
    OPTION_SERVERS,
};

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"explain", no_argument, NULL, OPTION_EXPLAIN},
    {"markdown", no_argument, NULL, OPTION_MARKDOWN},
    {"json", no_argument, NULL, OPTION_JSON},
    {"offline", no_argument, NULL, OPTION_OFFLINE},
    {"servers", no_argument, NULL, OPTION_SERVERS},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

// CHECK_CLEAN to go on, CHECK_USAGE, or -1 when help was asked for.
static int read_arguments(int argc, char **argv, struct request *request)
{
    int letter;
    optind = 1;
    while ((letter = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1) {
        switch (letter) {
        case 'c':
            request->file = optarg;
            break;
        case OPTION_EXPLAIN:
            request->explains = true;
            break;
        case OPTION_MARKDOWN:
            request->is_markdown = true;
            break;
        case OPTION_JSON:
            request->is_json = true;
            break;
        case OPTION_OFFLINE:
            request->is_offline = true;
            break;
        case OPTION_SERVERS:
            request->asks_servers = true;
            break;
        case 'h':
            return -1;
        default:
            return CHECK_USAGE;
        }
    }
    bool is_complete = optind == argc && (request->file || request->explains) &&
                       !(request->is_offline && request->asks_servers);
    return is_complete ? CHECK_CLEAN : CHECK_USAGE;
}

int check_main(int argc, char **argv)
{
    struct request request = {0};
    int wrong = read_arguments(argc, argv, &request);
    if (wrong) {
        fputs(usage, wrong < 0 ? stdout : stderr);
        return wrong < 0 ? CHECK_CLEAN : CHECK_USAGE;
    }
    if (request.explains)
        explain(&request);
    return request.file ? check_file(&request) : CHECK_CLEAN;
}
