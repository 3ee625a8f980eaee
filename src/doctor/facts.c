// SPDX-License-Identifier: Apache-2.0
// Keeps the document of facts: read from a file and checked, written for its owner alone, and asked
// by path. Reading never fails: what is absent or of another type is simply not known.
#include "doctor/facts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "doctor/file.h"

// A whole run over 32 nodes is well below 1 MiB.
#define FILE_BYTES_MAX (16u << 20)

void facts_init(struct facts *facts)
{
    // jansson seeds its hash once, and not safely from several threads at a time
    json_object_seed(0);
    facts->root = json_pack("{s:i}", "facts", FACTS_VERSION);
    CHECK(facts->root != NULL);
}

void facts_done(struct facts *facts)
{
    json_decref(facts->root);
    facts->root = NULL;
}

// NULL when the document has the shape that everything else relies on, else what is wrong with it.
static const char *shape_problem(const json_t *root)
{
    if (!json_is_object(root) || !json_is_integer(fact(root, "facts")))
        return "it is no document of facts: there is no number \"facts\"";
    if (fact_number(root, "facts", 0) != FACTS_VERSION)
        return "it was saved in another version of the format than this program reads";
    if (!json_is_object(fact(root, "subject")))
        return "it does not say what was looked at: there is no object \"subject\"";
    const json_t *ends = json_object_get(root, "ends");
    if (ends != NULL && !json_is_array(ends))
        return "\"ends\" is not an array";
    for (size_t i = 0; i < json_array_size(ends); i++)
        if (!json_is_object(json_array_get(ends, i)))
            return "\"ends\" holds something that is not an object";
    return NULL;
}

bool facts_parse(struct facts *facts, struct span text, char *ret_problem, size_t capacity)
{
    json_error_t error;
    json_t *root = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        snprintf(ret_problem, capacity, "line %d: it is not JSON", error.line);
        return false;
    }
    // the whole report of --json holds them as well
    json_t *inner = json_object_get(root, "facts");
    if (json_is_object(inner) && json_object_get(root, "findings") != NULL) {
        json_incref(inner);
        json_decref(root);
        root = inner;
    }
    const char *problem = shape_problem(root);
    if (problem != NULL) {
        snprintf(ret_problem, capacity, "%s", problem);
        json_decref(root);
        return false;
    }
    json_decref(facts->root);
    facts->root = root;
    return true;
}

// The whole file, malloc'ed; NULL with errno. EFBIG: beyond the limit.
static char *read_whole(const char *file, size_t *ret_size)
{
    FILE *in = fopen(file, "re");
    if (in == NULL)
        return NULL;
    char *text = malloc(FILE_BYTES_MAX + 1);
    CHECK(text != NULL);
    errno = 0;
    size_t size = fread(text, 1, FILE_BYTES_MAX + 1, in);
    int problem = ferror(in) ? (errno != 0 ? errno : EIO) : size > FILE_BYTES_MAX ? EFBIG : 0;
    fclose(in);
    if (problem != 0) {
        free(text);
        errno = problem;
        return NULL;
    }
    *ret_size = size;
    return text;
}

bool facts_load(struct facts *facts, const char *file)
{
    size_t size = 0;
    char *text = read_whole(file, &size);
    if (text == NULL) {
        fprintf(stderr, "handfast doctor: cannot read %s: %s\n", file, strerror(errno));
        return false;
    }
    char problem[128];
    bool is_read = facts_parse(facts, span_of(text, size), problem, sizeof problem);
    free(text);
    if (!is_read)
        fprintf(stderr, "handfast doctor: cannot use %s: %s\n", file, problem);
    return is_read;
}

static void print_facts(const void *context, FILE *out)
{
    const struct facts *facts = context;
    if (json_dumpf(facts->root, out, JSON_INDENT(2)) == 0)
        fputs("\n", out);
}

bool facts_save(const struct facts *facts, const char *file)
{
    bool is_written = file_write(AT_FDCWD, file, 0600, print_facts, facts);
    if (!is_written)
        fprintf(stderr, "handfast doctor: cannot write %s: %s\n", file, strerror(errno));
    return is_written;
}

// An element of an array by the digits up to `end`; NULL when they are no index of it.
static const json_t *element(const json_t *array, const char *digits, const char *end)
{
    size_t index = 0;
    for (const char *at = digits; at < end; at++) {
        if (*at < '0' || *at > '9' || index > json_array_size(array))
            return NULL;
        index = index * 10 + (size_t)(*at - '0');
    }
    return end == digits ? NULL : json_array_get(array, index);
}

// A member by the longest key that begins `path` and ends at a dot or at its end, so that keys with
// dots in them ("TLSv1.2") need no quoting. NULL: there is none.
static const json_t *member(const json_t *object, const char *path, const char **ret_end)
{
    for (const char *end = path + strlen(path); end > path; end--) {
        if (*end != '.' && *end != '\0')
            continue;
        const json_t *value = json_object_getn(object, path, (size_t)(end - path));
        if (value != NULL) {
            *ret_end = end;
            return value;
        }
    }
    return NULL;
}

const json_t *fact(const json_t *from, const char *path)
{
    while (from != NULL && *path != '\0') {
        const char *end = path + strcspn(path, ".");
        if (json_is_array(from))
            from = element(from, path, end);
        else
            from = member(from, path, &end);
        path = *end == '.' ? end + 1 : end;
    }
    return from;
}

bool fact_is_known(const json_t *from, const char *path)
{
    const json_t *value = fact(from, path);
    return value != NULL && !json_is_null(value);
}

bool fact_bool(const json_t *from, const char *path)
{
    return json_is_true(fact(from, path));
}

bool fact_is_false(const json_t *from, const char *path)
{
    return json_is_false(fact(from, path));
}

// A document may come from anywhere; within these bounds checks may add, subtract and scale.
static long long bounded(long long number)
{
    const long long most = 1LL << 53;
    return number > most ? most : number < -most ? -most : number;
}

long long fact_number(const json_t *from, const char *path, long long otherwise)
{
    const json_t *value = fact(from, path);
    return json_is_integer(value) ? bounded(json_integer_value(value)) : otherwise;
}

const char *fact_text(const json_t *from, const char *path)
{
    const char *text = json_string_value(fact(from, path));
    return text != NULL ? text : "";
}

bool fact_is(const json_t *from, const char *path, const char *text)
{
    const char *value = json_string_value(fact(from, path));
    return value != NULL && strcasecmp(value, text) == 0;
}

size_t fact_count(const json_t *from, const char *path)
{
    return json_array_size(fact(from, path));
}

const json_t *fact_find(const json_t *from, const char *path, const char *key, const char *text)
{
    const json_t *array = fact(from, path);
    for (size_t i = 0; i < json_array_size(array); i++)
        if (fact_is(json_array_get(array, i), key, text))
            return json_array_get(array, i);
    return NULL;
}

bool fact_lists(const json_t *from, const char *path, const char *text)
{
    const json_t *list = fact(from, path);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *value = json_string_value(json_array_get(list, i));
        if (value != NULL && strcasecmp(value, text) == 0)
            return true;
    }
    return false;
}

const json_t *facts_front(const struct facts *facts)
{
    const json_t *ends = fact(facts->root, "ends");
    const json_t *first = NULL;
    for (size_t i = 0; i < json_array_size(ends); i++) {
        const json_t *end = json_array_get(ends, i);
        if (fact_bool(end, "is_node"))
            continue;
        if (fact_bool(end, "tcp.is_open"))
            return end;
        if (first == NULL)
            first = end;
    }
    return first;
}

const json_t *facts_node(const struct facts *facts, size_t index)
{
    const json_t *ends = fact(facts->root, "ends");
    for (size_t i = 0; i < json_array_size(ends); i++) {
        const json_t *end = json_array_get(ends, i);
        if (fact_bool(end, "is_node") && index-- == 0)
            return end;
    }
    return NULL;
}
