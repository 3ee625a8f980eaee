// SPDX-License-Identifier: Apache-2.0
// Facts for tests of checks: facts/healthy.json with changes laid over it, as the rows of
// facts/cases.json have them. Whoever makes facts gives them to facts_done.
#pragma once

#include "doctor/facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *source_path(char *path, size_t capacity, const char *name)
{
    const char *root = getenv("SOURCE_ROOT");
    assert_non_null(root);
    snprintf(path, capacity, "%s/%s", root, name);
    return path;
}

static json_t *load(const char *name)
{
    char path[512];
    json_error_t error;
    json_t *json = json_load_file(source_path(path, sizeof path, name), 0, &error);
    if (json == NULL)
        fail_msg("%s:%d: %s", path, error.line, error.text);
    return json;
}

// Sets what "/a/0/b" names to a copy of the value.
static void set(json_t *json, const char *pointer, const json_t *value)
{
    char key[128];
    for (;;) {
        size_t size = strcspn(++pointer, "/");
        assert_true(size < sizeof key);
        snprintf(key, sizeof key, "%.*s", (int)size, pointer);
        pointer += size;
        json_t *next = json_is_array(json) ? json_array_get(json, (size_t)atoi(key))
                                           : json_object_get(json, key);
        if (*pointer == '\0')
            break;
        if (next == NULL || json_is_null(next)) {
            next = json_object();
            assert_int_equal(json_object_set_new(json, key, next), 0);
        }
        json = next;
    }
    int failed = json_is_array(json)
                     ? json_array_set_new(json, (size_t)atoi(key), json_deep_copy(value))
                     : json_object_set_new(json, key, json_deep_copy(value));
    assert_int_equal(failed, 0);
}

static void make(struct facts *facts, const json_t *changes)
{
    const char *pointer;
    json_t *value;
    facts_init(facts);
    json_decref(facts->root);
    facts->root = load("test/unit/doctor/facts/healthy.json");
    json_object_foreach((json_t *)changes, pointer, value) set(facts->root, pointer, value);
}
