// SPDX-License-Identifier: Apache-2.0
// `handfast logins`: the last logins, what became of each, and what mends those that failed; once,
// or as they come.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/auth.h"
#include "base/check.h"
#include "base/text.h"
#include "cmd/ask.h"
#include "cmd/command.h"
#include "cmd/table.h"
#include "config/config.h"

#define WATCH_EVERY_US 500000
// Workers answer one after the other, so an older record may still come behind a newer one.
#define WATCH_BACK_US 5000000

struct asked {
    bool watch;
    bool failed;
    const char *user;
    const char *site;
    const char *verdict;
};

// ---- words

static bool contains(struct span text, struct span word)
{
    bool is_found = word.size == 0;
    for (size_t at = 0; !is_found && at + word.size <= text.size; at++)
        is_found = span_equal_nocase(span_first(span_after(text, at), word.size), word);
    return is_found;
}

static bool is_near(struct span asked, struct span word)
{
    return contains(word, asked) || contains(asked, word) ||
           spelling_is_close(spelling_distance(asked, word), asked);
}

// The verdicts like that one; all of them when none is like it.
static void print_verdicts(struct span asked)
{
    unsigned near = 0;
    for (enum login_verdict verdict = 0; verdict < LOGIN_VERDICT_COUNT; verdict++)
        near += is_near(asked, span_text(login_verdict_word(verdict)));
    const char *before = near ? "perhaps " : "there are ";
    for (enum login_verdict verdict = 0; verdict < LOGIN_VERDICT_COUNT; verdict++) {
        const char *word = login_verdict_word(verdict);
        if (near && !is_near(asked, span_text(word)))
            continue;
        fprintf(stderr, "%s%s", before, word);
        before = ", ";
    }
}

// True, having said so, when no login can ever have that verdict.
static bool is_no_verdict(const char *asked)
{
    for (enum login_verdict verdict = 0; asked && verdict < LOGIN_VERDICT_COUNT; verdict++)
        if (span_equal_nocase(span_text(asked), span_text(login_verdict_word(verdict))))
            return false;
    if (!asked)
        return false;
    fprintf(stderr, "handfast: no verdict is called '%s'; ", asked);
    print_verdicts(span_text(asked));
    fputs(" (docs/logins.md)\n", stderr);
    return true;
}

// ---- asking

static void add_escaped(struct text *text, const char *value)
{
    for (; *value; value++) {
        uint8_t c = (uint8_t)*value;
        if ((c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z'))
            text_add(text, span_of(&c, 1));
        else
            text_add_printf(text, "%%%02x", c);
    }
}

static void add_word(struct text *text, const char *name, const char *value)
{
    if (!value)
        return;
    text_add_printf(text, "&%s=", name);
    add_escaped(text, value);
}

// NULL, having said why, when there is no good answer.
static json_t *ask_logins(const struct ask *ask, const struct asked *asked, json_int_t after)
{
    char path[400] = "";
    struct text text = text_over(path, sizeof path - 1);
    unsigned status = 0;
    text_add_printf(&text, "/logins?after=%lld%s", (long long)(after > 0 ? after : 0),
                    asked->failed ? "&failed" : "");
    add_word(&text, "user", asked->user);
    add_word(&text, "site", asked->site);
    add_word(&text, "verdict", asked->verdict);
    if (text.cut) {
        fputs("handfast: that is too long to ask for\n", stderr);
        return NULL;
    }
    path[text.size] = '\0';
    json_t *answer = ask_send(ask, "GET", path, &status);
    if (answer && status == 200)
        return answer;
    if (answer && !ask->is_quiet)
        fprintf(stderr, "handfast: %s\n", ask_text(answer, "error"));
    json_decref(answer);
    return NULL;
}

// Logins of a site that is gone are still shown; of a misspelt one there are none.
static bool is_site_unknown(const json_t *answer, const struct asked *asked)
{
    if (!json_is_true(json_object_get(answer, "unknown_site")))
        return false;
    fprintf(stderr, "handfast: no site '%s' is configured\n", asked->site);
    return json_array_size(json_object_get(answer, "logins")) == 0;
}

// ---- one table

static void person_of(const json_t *login, char *out, size_t capacity)
{
    const char *domain = ask_text(login, "domain");
    snprintf(out, capacity, "%s%s%s", domain, *domain ? "\\" : "", ask_text(login, "user"));
}

static void remarks_of(const json_t *login, char *out, size_t capacity)
{
    struct text text = text_over(out, capacity - 1);
    json_int_t repeated = ask_number(login, "repeated");
    size_t i;
    json_t *remark;
    if (repeated)
        text_add_printf(&text, "%lld times", (long long)repeated);
    json_array_foreach(json_object_get(login, "remarks"), i, remark)
    {
        const char *word = json_string_value(remark);
        text_add_printf(&text, "%s%s", text.size ? " " : "", word ? word : "");
    }
    out[text.size] = '\0';
}

static void add_row(struct table *table, const json_t *login)
{
    char text[512];
    table_add(table, ask_text(login, "ended"));
    table_add(table, ask_text(login, "address"));
    person_of(login, text, sizeof text);
    table_add(table, text);
    table_add(table, ask_text(login, "scheme"));
    table_add(table, ask_text(login, "host"));
    table_add(table, ask_text(login, "server"));
    table_add(table, ask_text(login, "verdict"));
    remarks_of(login, text, sizeof text);
    table_add(table, text);
}

// Each verdict of the table that was no success, once, in words.
static void print_words(const json_t *logins)
{
    json_t *said = json_object();
    size_t i;
    json_t *login;
    json_array_foreach(logins, i, login)
    {
        const char *verdict = ask_text(login, "verdict");
        if (!*ask_text(login, "mend") || json_object_get(said, verdict))
            continue;
        printf("%s%s: %s\n    %s\n", json_object_size(said) ? "" : "\n", verdict,
               ask_text(login, "says"), ask_text(login, "mend"));
        json_object_set_new(said, verdict, json_true());
    }
    json_decref(said);
}

static void print_logins(const json_t *answer)
{
    static const char *const heads[] = {"ended",  "address", "user",    "scheme", "host",
                                        "server", "verdict", "remarks", NULL};
    struct table *table = table_new(heads);
    const json_t *logins = json_object_get(answer, "logins");
    for (size_t i = json_array_size(logins); i > 0; i--) // the newest last, where one looks first
        add_row(table, json_array_get(logins, i - 1));
    if (table_rows(table) == 0)
        puts("no logins");
    table_print(table);
    print_words(logins);
    if (ask_number(answer, "left_out"))
        printf("and %lld more\n", (long long)ask_number(answer, "left_out"));
}

// ---- as they come

// Names come from clients: nothing of them may move the cursor.
static void print_clean(const char *before, const char *text)
{
    if (!*text)
        return;
    fputs(before, stdout);
    for (; *text; text++)
        putchar((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
}

static void print_line(const json_t *login)
{
    char text[512];
    print_clean("", ask_text(login, "ended"));
    print_clean("  ", ask_text(login, "verdict"));
    person_of(login, text, sizeof text);
    print_clean("  ", text);
    print_clean("  from ", ask_text(login, "address"));
    print_clean("  at ", ask_text(login, "host"));
    print_clean("  on ", ask_text(login, "server"));
    print_clean("  by ", ask_text(login, "scheme"));
    remarks_of(login, text, sizeof text);
    print_clean("  remarks: ", text);
    putchar('\n');
    if (*ask_text(login, "mend"))
        printf("    %s\n    %s\n", ask_text(login, "says"), ask_text(login, "mend"));
}

static void print_one(const json_t *login, bool is_json)
{
    if (is_json)
        json_dumpf(login, stdout, JSON_COMPACT);
    else
        print_line(login);
    if (is_json)
        puts("");
}

struct watched {
    json_t *seen;      // names of the last answer's logins; NULL before the first answer
    json_int_t newest; // of all logins, not only of those asked for
    bool is_away;      // it answered before, and does not now
};

// Attempts are counted anew by a process that takes over, within the time that is asked for again.
static const char *name_of(const json_t *login, char name[48])
{
    snprintf(name, 48, "%lld %lld", (long long)ask_number(login, "attempt"),
             (long long)ask_number(login, "seq"));
    return name;
}

// Prints what was not there before, the oldest first. What was there at the first answer is old.
static void print_new(struct watched *watched, const json_t *logins, bool is_json)
{
    json_t *now = json_object();
    for (size_t i = json_array_size(logins); i > 0; i--) {
        char name[48];
        const json_t *login = json_array_get(logins, i - 1);
        json_object_set_new(now, name_of(login, name), json_true());
        bool is_old = ask_number(login, "seq") <= watched->newest - WATCH_BACK_US;
        if (watched->seen && !is_old && !json_object_get(watched->seen, name))
            print_one(login, is_json);
    }
    json_decref(watched->seen);
    watched->seen = now;
    fflush(stdout);
}

static void take_answer(struct watched *watched, const json_t *answer, bool is_json)
{
    json_int_t newest = ask_number(answer, "newest");
    if (newest < watched->newest) // its clock began anew: nothing of what it has was shown
        watched->newest = 0;
    print_new(watched, json_object_get(answer, "logins"), is_json);
    watched->newest = newest;
    watched->is_away = false;
}

// The reason why it does not answer was said; said again it would fill the screen.
static void wait_for_it(struct watched *watched)
{
    if (!watched->is_away)
        fputs("handfast: waiting for Handfast to come back\n", stderr);
    watched->is_away = true;
}

static int watch(struct ask *ask, const struct asked *asked)
{
    bool is_json = ask->is_json;
    struct watched watched = {0};
    ask->is_json = false;
    while (!ferror(stdout)) {
        // After a pause everything is asked for: only then "newest" tells whether the clock,
        // which is that of the machine, has begun anew.
        json_int_t after = watched.is_away ? 0 : watched.newest - WATCH_BACK_US;
        ask->is_quiet = watched.is_away;
        json_t *answer = ask_logins(ask, asked, after);
        if (!answer && !watched.seen)
            break;
        if (answer && !watched.seen)
            (void)is_site_unknown(answer, asked); // a reload may bring it
        if (answer)
            take_answer(&watched, answer, is_json);
        else
            wait_for_it(&watched);
        json_decref(answer);
        usleep(WATCH_EVERY_US);
    }
    json_decref(watched.seen);
    return 1;
}

static int show(const struct ask *ask, const struct asked *asked)
{
    json_t *answer = ask_logins(ask, asked, 0);
    bool is_empty_handed = answer && is_site_unknown(answer, asked);
    if (answer && !ask->is_json && !is_empty_handed)
        print_logins(answer);
    json_decref(answer);
    return answer && !is_empty_handed ? 0 : 1;
}

int logins_main(int argc, char **argv)
{
    struct ask ask;
    struct asked asked = {0};
    const struct ask_option besides[] = {
        {"watch", "print logins as they end, until interrupted", &asked.watch, NULL},
        {"failed", "only those that failed", &asked.failed, NULL},
        {"user", "only of that user", NULL, &asked.user},
        {"site", "only at that site", NULL, &asked.site},
        {"verdict", "only with that verdict", NULL, &asked.verdict},
        {NULL, NULL, NULL, NULL},
    };
    int wrong = ask_arguments_besides(
        argc, argv, "logins", "Lists the last logins and what became of them.", besides, &ask);
    if (wrong >= 0)
        return wrong;
    int result = 2;
    if (!is_no_verdict(asked.verdict))
        result = asked.watch ? watch(&ask, &asked) : show(&ask, &asked);
    ask_done(&ask);
    return result;
}
