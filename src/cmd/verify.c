// SPDX-License-Identifier: Apache-2.0
// `handfast verify`: logs in through every route of a running configuration, as people do, and
// prints what was measured. Exit status: 0 all of it works, 1 some of it does not, 2 wrong usage,
// or what was measured works and not everything could be.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/parse.h"
#include "cmd/ask.h"
#include "cmd/command.h"
#include "cmd/table.h"
#include "doctor/doctor.h"
#include "wire/host.h"

enum {
    VERIFY_GOOD = 0,
    VERIFY_BAD = 1,
    VERIFY_BLIND = 2,
    LOGINS = 9,
    LANES = 4,
    LANES_MAX = CROWD_LANES_MAX,
};

static const char usage[] =
    "usage: handfast verify -c FILE --as ACCOUNT [--as ACCOUNT] [options]\n"
    "\n"
    "Logs in through every route of a running configuration and prints what it measured.\n"
    "\n"
    "  -c, --config FILE               the configuration that is served\n"
    "  --as user@REALM | DOMAIN\\user   log in with this account; a second --as shows that people\n"
    "                                  are kept apart. Its password is asked for, unless\n"
    "    --password-file FILE          it is the first line of a file,\n"
    "    --ccache [CACHE]              tickets are there already (kinit), or\n"
    "    --keytab FILE                 its keys are\n"
    "  --reload                        have the configuration read again in the middle\n"
    "  -s, --socket SOCKET             the admin socket for it, if not that of the configuration\n"
    "  --host NAME                     ask for this name where a site has it, by a star for\n"
    "                                  example, instead of the site's first; may be repeated\n"
    "  --address ADDRESS               connect here, whatever DNS says\n"
    "  --port PORT                     connect to this port, whatever the listener says\n"
    "  --dns ADDRESS[:PORT]            ask this DNS server\n"
    "  --ca FILE                       trust these authorities too\n"
    "  --lanes N                       so many people at once, 1 to 16; 4 unless given\n"
    "  --patience SECONDS              for each step; 3 unless given\n"
    "  --json                          the report as JSON\n"
    "  --html FILE                     also as a page with charts\n"
    "\n"
    "Exit status: 0 all works, 1 something does not, 2 wrong usage or something was not "
    "measured.\n";

struct wish {
    const char *file;
    const char *html;
    const char *socket;
    unsigned port;
    unsigned lanes;
    char hosts[VERIFY_HOSTS_MAX][HOST_NAME_MAX + 1];
    size_t host_count;
    bool is_json;
    bool reloads;
    bool wants_help;
    bool is_wrong;
    int argc; // what is left is for the subject
    char **argv;
};

static void complain(struct wish *wish, const char *what, const char *about)
{
    fprintf(stderr, "handfast verify: %s%s\n", what, about);
    wish->is_wrong = true;
}

// ---- the command line

// The value of "--word VALUE" or "--word=VALUE"; NULL: another option.
static const char *value_of(int argc, char **argv, int *at, const char *word, const char *letter)
{
    size_t size = strlen(word);

    if (strncmp(argv[*at], word, size) == 0 && argv[*at][size] == '=')
        return argv[*at] + size + 1;
    bool is_it = strcmp(argv[*at], word) == 0 || (letter && strcmp(argv[*at], letter) == 0);
    return is_it && *at + 1 < argc ? argv[++*at] : NULL;
}

static unsigned number_of(struct wish *wish, const char *text, unsigned most)
{
    uint64_t number = 0;

    if (!span_to_u64(span_text(text), &number) || number == 0 || number > most)
        complain(wish, "not a number that can be meant: ", text);
    return (unsigned)number;
}

static void add_host(struct wish *wish, const char *text)
{
    uint8_t name[HOST_NAME_MAX];
    size_t size = 0;

    if (!host_name_parse(span_text(text), name, &size)) {
        complain(wish, "not the name of a host: ", text);
        return;
    }
    for (size_t i = 0; i < wish->host_count; i++)
        if (span_equal(span_text(wish->hosts[i]), span_of(name, size)))
            return;
    if (wish->host_count == VERIFY_HOSTS_MAX)
        complain(wish, "too many hosts: ", text);
    else
        memcpy(wish->hosts[wish->host_count++], name, size);
}

static bool read_value(int argc, char **argv, int *at, struct wish *wish)
{
    const char *value;

    if ((value = value_of(argc, argv, at, "--config", "-c")))
        wish->file = value;
    else if ((value = value_of(argc, argv, at, "--socket", "-s")))
        wish->socket = value;
    else if ((value = value_of(argc, argv, at, "--html", NULL)))
        wish->html = value;
    else if ((value = value_of(argc, argv, at, "--port", NULL)))
        wish->port = number_of(wish, value, 65535);
    else if ((value = value_of(argc, argv, at, "--host", NULL)))
        add_host(wish, value);
    else if ((value = value_of(argc, argv, at, "--lanes", NULL)))
        wish->lanes = number_of(wish, value, LANES_MAX);
    return value;
}

// Options of `handfast doctor` that mean nothing here.
static bool is_foreign(const char *option)
{
    static const char *const foreign[] = {"--direct", "--ldap", "--slow", "--resource"};

    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
        if (strncmp(option, foreign[i], strlen(foreign[i])) == 0)
            return true;
    return strstr(option, "://") != NULL;
}

static void wish_read(int argc, char **argv, struct wish *ret_wish)
{
    struct wish wish = {.lanes = LANES, .argv = calloc((size_t)argc + 2, sizeof(*wish.argv))};

    CHECK(wish.argv);
    wish.argv[wish.argc++] = (char *)"handfast verify";
    for (int i = 1; i < argc; i++) {
        if (read_value(argc, argv, &i, &wish))
            continue;
        if (strcmp(argv[i], "--json") == 0)
            wish.is_json = true;
        else if (strcmp(argv[i], "--reload") == 0)
            wish.reloads = true;
        else if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0)
            wish.wants_help = true;
        else if (is_foreign(argv[i]))
            complain(&wish, "what is this for: ", argv[i]);
        else
            wish.argv[wish.argc++] = argv[i];
    }
    // the subject wants a URL; the routes of the configuration stand for it
    wish.argv[wish.argc++] = (char *)"https://configuration.invalid/";
    *ret_wish = wish;
}

// ---- what is shown

static void show_progress(void *context, const char *words)
{
    fprintf(stderr, "\r\x1b[Kmeasuring %.100s …", words);
}

static void add_ms(struct table *table, bool is_known, int64_t us)
{
    char text[32] = "";

    if (is_known)
        snprintf(text, sizeof(text), "%.1f", (double)us / 1000);
    table_add(table, text);
}

static void print_table(const struct verify_report *report)
{
    static const char *const heads[] = {
        "way", "mode",      "login",  "works",  ">requests",
        ">ms", ">added ms", "people", "reload", "Extended Protection",
        NULL};
    struct table *table = table_new(heads);
    char isolation[VERIFY_ISOLATION_MAX];

    for (size_t i = 0; i < report->row_count; i++) {
        const struct verify_row *row = &report->rows[i];
        table_add(table, row->way);
        table_add(table, verify_mode_word(row->mode));
        table_add(table, verify_scheme_word(row->scheme));
        table_add(table, verify_row_works(row));
        table_add_number(table, row->legs);
        add_ms(table, row->us >= 0, row->us);
        add_ms(table, row->us >= 0 && row->direct_us >= 0, row->us - row->direct_us);
        table_add(table, verify_isolation(row, isolation));
        table_add(table, verify_reload_words(row));
        table_add(table, verify_protection_word(row->protection));
    }
    for (size_t i = 0; i < report->left_out_count; i++) {
        table_add(table, report->left_out[i].site);
        for (size_t column = 1; heads[column]; column++)
            table_add(table, strcmp(heads[column], "works") == 0 ? "not tried" : "");
    }
    table_print(table);
}

static void print_left_out(const struct verify_report *report, const char *who, FILE *out)
{
    for (size_t i = 0; i < report->left_out_count; i++)
        fprintf(out, "%s%s was not tried: %s\n", who, report->left_out[i].site,
                report->left_out[i].why);
}

static void print_rest(const struct verify_report *report)
{
    puts("");
    for (size_t i = 0; i < report->row_count; i++) {
        const struct verify_row *row = &report->rows[i];
        if (row->outcome != OUTCOME_OK)
            printf("%s, %s: %s\n", row->way, verify_scheme_word(row->scheme), row->problem);
        if (row->certificate[0])
            printf("%s, %s: %s\n", row->way, verify_scheme_word(row->scheme), row->certificate);
        if (row->reload_problem[0])
            printf("%s, %s: the login that stood between its legs during the reload: %s\n",
                   row->way, verify_scheme_word(row->scheme), row->reload_problem);
        for (size_t j = 0; j < row->crowd.sample_count; j++)
            printf("%s, %s: %s\n", row->way, verify_scheme_word(row->scheme),
                   row->crowd.samples[j]);
    }
    if (report->accounts < 2)
        puts("One account: that people are kept apart shows only in requests without credentials.");
    print_left_out(report, "", stdout);
    printf("%s.\n", verify_summary(report));
}

struct page {
    const struct verify_report *report;
    const char *config;
};

static void print_page(const void *context, FILE *out)
{
    const struct page *page = context;
    verify_html(page->report, page->config, out);
}

static bool write_html(const struct verify_report *report, const struct wish *wish)
{
    struct page page = {report, wish->file};

    if (!wish->html)
        return true;
    bool is_written = file_write(AT_FDCWD, wish->html, 0666, print_page, &page);
    if (!is_written)
        fprintf(stderr, "handfast verify: cannot write %s: %s\n", wish->html, strerror(errno));
    return is_written;
}

static bool show(const struct verify_report *report, const struct wish *wish)
{
    if (wish->is_json) {
        json_t *node = verify_json(report, wish->file);
        json_dumpf(node, stdout, JSON_INDENT(2));
        puts("");
        json_decref(node);
    } else {
        print_table(report);
        print_rest(report);
    }
    return write_html(report, wish);
}

// ---- the run

static bool reload(void *context)
{
    const struct wish *wish = context;
    char *by_file[] = {(char *)"reload", (char *)"-c", (char *)wish->file, NULL};
    char *by_socket[] = {(char *)"reload", (char *)"-s", (char *)wish->socket, NULL};
    struct ask ask;
    unsigned status = 0;

    if (ask_arguments(3, wish->socket ? by_socket : by_file, "reload", "", &ask) >= 0)
        return false;
    json_t *answer = ask_send(&ask, "POST", "/reload", &status);
    bool is_adopted = status == 200 && json_is_true(json_object_get(answer, "adopted"));
    json_decref(answer);
    ask_done(&ask);
    return is_adopted;
}

static int status_of(const struct verify_report *report)
{
    if (!verify_holds(report))
        return VERIFY_BAD;
    return report->left_out_count ? VERIFY_BLIND : VERIFY_GOOD;
}

static int measure(struct wish *wish, const struct subject *subject)
{
    const char *term = getenv("TERM");
    bool is_shown = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
    struct verify_wish verify = {.file = wish->file,
                                 .subject = subject,
                                 .port = wish->port,
                                 .logins = LOGINS,
                                 .lanes = wish->lanes,
                                 .reload = wish->reloads ? reload : NULL,
                                 .reload_context = wish,
                                 .progress = is_shown ? show_progress : NULL};
    struct verify_report report;

    for (; verify.host_count < wish->host_count; verify.host_count++)
        verify.hosts[verify.host_count] = wish->hosts[verify.host_count];
    bool is_measured = verify_run(&verify, &report);
    if (is_shown)
        fputs("\r\x1b[K", stderr);
    if (report.findings)
        fputs(report.findings, stderr);
    if (!is_measured) {
        fprintf(stderr, "handfast verify: %s\n", report.problem);
        print_left_out(&report, "handfast verify: ", stderr);
    }
    int status = VERIFY_BLIND;
    if (is_measured && show(&report, wish))
        status = status_of(&report);
    if (is_measured && wish->reloads && !report.was_reloaded) {
        fputs("handfast verify: the configuration could not be reloaded\n", stderr);
        status = VERIFY_BAD;
    }
    verify_report_done(&report);
    return status;
}

static int run(struct wish *wish)
{
    struct subject subject;

    if (wish->wants_help || !wish->file || wish->is_wrong) {
        fputs(usage, wish->wants_help ? stdout : stderr);
        return wish->wants_help ? VERIFY_GOOD : VERIFY_BLIND;
    }
    if (!subject_read(wish->argc, wish->argv, &subject))
        return VERIFY_BLIND;
    int status = VERIFY_BLIND;
    if (subject.account_count)
        status = measure(wish, &subject);
    else
        fputs("handfast verify: whom shall I log in as? --as user@REALM\n", stderr);
    subject_done(&subject);
    return status;
}

int verify_main(int argc, char **argv)
{
    struct wish wish;

    wish_read(argc, argv, &wish);
    int status = run(&wish);
    free(wish.argv);
    return status;
}
