// SPDX-License-Identifier: Apache-2.0
// Orders and chooses. Records come as JSON from the workers; their words are explained here, so
// that workers need not carry sentences.
#include "control/logins.h"

#include <stdlib.h>

#include "auth/auth.h"
#include "base/check.h"
#include "control/notice.h"
#include "wire/octet.h"

// ---- the query

// Percent-encoding and '+' undone, bounded and ended. False when it does not fit or is malformed.
static bool decode(struct span text, char *out, size_t capacity)
{
    size_t size = 0;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (c == '%') {
            if (text.size - i < 3 || !octet_is(text.data[i + 1], OCTET_HEX) ||
                !octet_is(text.data[i + 2], OCTET_HEX))
                return false;
            c = (uint8_t)(octet_hex_value(text.data[i + 1]) * 16 +
                          octet_hex_value(text.data[i + 2]));
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        if (c == 0 || size + 1 >= capacity)
            return false;
        out[size++] = (char)c;
    }
    out[size] = '\0';
    return true;
}

static bool read_pair(struct span name, struct span value, struct logins_query *query)
{
    if (span_equal(name, SPAN("user")))
        return decode(value, query->user, sizeof query->user);
    if (span_equal(name, SPAN("site")))
        return decode(value, query->site, sizeof query->site);
    if (span_equal(name, SPAN("verdict")))
        return decode(value, query->verdict, sizeof query->verdict);
    if (span_equal(name, SPAN("after")))
        return span_to_u64(value, &query->after);
    query->only_failed = query->only_failed || span_equal(name, SPAN("failed"));
    return span_equal(name, SPAN("failed")) && value.size == 0;
}

bool logins_query_read(struct span text, struct logins_query *ret_query)
{
    struct logins_query query = {0};
    struct span rest = span_after(text, 1); // the '?'
    while (rest.size) {
        struct span pair = span_first(rest, span_find(rest, '&'));
        size_t equals = span_find(pair, '=');
        rest = span_after(rest, pair.size + 1);
        if (!read_pair(span_first(pair, equals), span_after(pair, equals + 1), &query))
            return false;
    }
    *ret_query = query;
    return true;
}

// ---- the answer

static const char *text_of(const json_t *item, const char *key)
{
    const char *text = json_string_value(json_object_get(item, key));
    return text ? text : "";
}

static uint64_t seq_of(const json_t *item)
{
    return (uint64_t)json_integer_value(json_object_get(item, "seq"));
}

static enum login_verdict verdict_named(const char *word)
{
    for (enum login_verdict verdict = 0; verdict < LOGIN_VERDICT_COUNT; verdict++)
        if (strcmp(login_verdict_word(verdict), word) == 0)
            return verdict;
    return LOGIN_VERDICT_COUNT;
}

static bool is_as_asked(const char *asked, const char *found)
{
    return !*asked || span_equal_nocase(span_text(asked), span_text(found));
}

static bool is_wanted(const json_t *item, const struct logins_query *query)
{
    enum login_verdict verdict = verdict_named(text_of(item, "verdict"));
    bool is_bad = verdict < LOGIN_VERDICT_COUNT && login_verdict_how(verdict) == LOGIN_HOW_BAD;
    return (is_bad || !query->only_failed) && seq_of(item) > query->after &&
           is_as_asked(query->user, text_of(item, "user")) &&
           is_as_asked(query->site, text_of(item, "site")) &&
           is_as_asked(query->verdict, text_of(item, "verdict"));
}

static void explain(json_t *item)
{
    char text[STAMP_BYTES];
    json_int_t ago_us = json_integer_value(json_object_get(item, "since_us_ago"));
    enum login_verdict verdict = verdict_named(text_of(item, "verdict"));
    json_object_set_new(item, "ended", json_string(stamp(text, (uint64_t)ago_us)));
    json_object_del(item, "since_us_ago");
    if (verdict == LOGIN_VERDICT_COUNT)
        return;
    json_object_set_new(item, "says", json_string(login_verdict_sentence(verdict)));
    if (login_verdict_how(verdict) != LOGIN_HOW_GOOD)
        json_object_set_new(item, "mend", json_string(login_verdict_mend(verdict)));
}

static int newest_first(const void *a, const void *b)
{
    json_int_t left = json_integer_value(json_object_get(*(json_t *const *)a, "seq"));
    json_int_t right = json_integer_value(json_object_get(*(json_t *const *)b, "seq"));
    return (left < right) - (left > right);
}

json_t *logins_compose(json_t *items, const struct logins_query *query, uint64_t left_out)
{
    size_t count = json_array_size(items);
    json_t **sorted = calloc(count + 1, sizeof(json_t *));
    json_t *chosen = json_array();
    uint64_t newest = query->after;
    CHECK(sorted && chosen);
    for (size_t i = 0; i < count; i++)
        sorted[i] = json_array_get(items, i);
    qsort(sorted, count, sizeof(json_t *), newest_first);
    if (count && seq_of(sorted[0]) > newest)
        newest = seq_of(sorted[0]);
    for (size_t i = 0; i < count; i++) {
        if (!is_wanted(sorted[i], query))
            continue;
        explain(sorted[i]);
        json_array_append(chosen, sorted[i]);
    }
    free(sorted);
    json_decref(items);
    return json_pack("{so,sI,sI}", "logins", chosen, "left_out", (json_int_t)left_out, "newest",
                     (json_int_t)newest);
}

bool logins_query_misses(const struct logins_query *query, const struct snapshot *snapshot)
{
    bool is_found = !*query->site;
    for (size_t i = 0; !is_found && i < snapshot->site_count; i++)
        is_found = is_as_asked(query->site, snapshot->sites[i].name);
    return !is_found;
}
