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
    if (answer)
        fprintf(stderr, "handfast: %s\n", ask_text(answer, "error"));
    json_decref(answer);
    return NULL;
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

static const char *name_of(const json_t *login, char name[24])
{
    snprintf(name, 24, "%lld", (long long)ask_number(login, "attempt"));
    return name;
}

// Prints what was not there before, the oldest first. Returns the names of what is there now.
static json_t *print_new(const json_t *logins, json_t *before, bool is_first, bool is_json)
{
    json_t *now = json_object();
    for (size_t i = json_array_size(logins); i > 0; i--) {
        char name[24];
        const json_t *login = json_array_get(logins, i - 1);
        name_of(login, name);
        json_object_set_new(now, name, json_true());
        if (!is_first && !json_object_get(before, name))
            print_one(login, is_json);
    }
    json_decref(before);
    fflush(stdout);
    return now;
}

static int watch(struct ask *ask, const struct asked *asked)
{
    bool is_json = ask->is_json;
    json_t *seen = json_object();
    json_int_t newest = 0;
    bool is_first = true;
    ask->is_json = false;
    while (!ferror(stdout)) {
        json_t *answer = ask_logins(ask, asked, newest - WATCH_BACK_US);
        if (!answer)
            break;
        seen = print_new(json_object_get(answer, "logins"), seen, is_first, is_json);
        newest = ask_number(answer, "newest"); // of all, not only of those asked for
        is_first = false;
        json_decref(answer);
        usleep(WATCH_EVERY_US);
    }
    json_decref(seen);
    return 1;
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
    int result = 1;
    if (asked.watch) {
        result = watch(&ask, &asked);
    } else {
        json_t *answer = ask_logins(&ask, &asked, 0);
        if (answer && !ask.is_json)
            print_logins(answer);
        result = answer ? 0 : 1;
        json_decref(answer);
    }
    ask_done(&ask);
    return result;
}
