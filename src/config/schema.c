// SPDX-License-Identifier: Apache-2.0
// The rows of schema.tbl as data, and the look-ups on them: by key, and by a key that is nearly
// right. Nothing here reads a file or knows what an option means.
#include "config/schema.h"

#include "base/check.h"

static const struct option options[] = {
#define SCOPE(id, type, has_place, name, help)
#define ONE(in, written, kind, member, fallback, minimum, maximum, words, rule, help)              \
    {SCOPE_##in,                                                                                   \
     #written,                                                                                     \
     TYPE_##kind,                                                                                  \
     offsetof(STRUCT_##in, member),                                                                \
     sizeof(((STRUCT_##in *)0)->member),                                                           \
     OPTION_NO_COUNT,                                                                              \
     fallback,                                                                                     \
     minimum,                                                                                      \
     maximum,                                                                                      \
     words,                                                                                        \
     SCOPE_COUNT,                                                                                  \
     RELOAD_##rule,                                                                                \
     help},
#define MANY(in, written, kind, member, count, fallback, words, rule, help)                        \
    {SCOPE_##in,                                                                                   \
     #written,                                                                                     \
     TYPE_##kind,                                                                                  \
     offsetof(STRUCT_##in, member),                                                                \
     sizeof(*((STRUCT_##in *)0)->member),                                                          \
     offsetof(STRUCT_##in, count),                                                                 \
     fallback,                                                                                     \
     NULL,                                                                                         \
     NULL,                                                                                         \
     words,                                                                                        \
     SCOPE_COUNT,                                                                                  \
     RELOAD_##rule,                                                                                \
     help},
#define PART(in, written, inner, member, fallback, rule, help)                                     \
    {SCOPE_##in,                                                                                   \
     #written,                                                                                     \
     TYPE_SECTION,                                                                                 \
     offsetof(STRUCT_##in, member),                                                                \
     sizeof(((STRUCT_##in *)0)->member),                                                           \
     OPTION_NO_COUNT,                                                                              \
     fallback,                                                                                     \
     NULL,                                                                                         \
     NULL,                                                                                         \
     NULL,                                                                                         \
     SCOPE_##inner,                                                                                \
     RELOAD_##rule,                                                                                \
     help},
#define LIST(in, written, inner, member, count, fallback, rule, help)                              \
    {SCOPE_##in,                                                                                   \
     #written,                                                                                     \
     TYPE_LIST,                                                                                    \
     offsetof(STRUCT_##in, member),                                                                \
     sizeof(*((STRUCT_##in *)0)->member),                                                          \
     offsetof(STRUCT_##in, count),                                                                 \
     fallback,                                                                                     \
     NULL,                                                                                         \
     NULL,                                                                                         \
     NULL,                                                                                         \
     SCOPE_##inner,                                                                                \
     RELOAD_##rule,                                                                                \
     help},
#define STRUCT_TOP         struct snapshot
#define STRUCT_LISTENER    struct listener_config
#define STRUCT_SITE        struct site_config
#define STRUCT_CERTIFICATE struct certificate_config
#define STRUCT_ROUTE       struct route_config
#define STRUCT_POOL        struct pool_config
#define STRUCT_POOL_TLS    struct pool_tls_config
#define STRUCT_POOL_HEALTH struct health_config
#define STRUCT_SERVER      struct server_config
#define STRUCT_TIMEOUTS    struct timeouts_config
#define STRUCT_LIMITS      struct limits_config
#include "config/schema.tbl"
#undef SCOPE
#undef ONE
#undef MANY
#undef PART
#undef LIST
};

static const struct scope_shape scopes[SCOPE_COUNT] = {
#define SCOPE(id, type, has_place, name, help) [SCOPE_##id] = {name, help, sizeof(type), has_place},
#define ONE(...)
#define MANY(...)
#define PART(...)
#define LIST(...)
#include "config/schema.tbl"
#undef SCOPE
#undef ONE
#undef MANY
#undef PART
#undef LIST
};

size_t schema_count(void)
{
    return sizeof options / sizeof *options;
}

const struct option *schema_option(size_t index)
{
    CHECK(index < schema_count());
    return &options[index];
}

const struct scope_shape *schema_scope(enum scope scope)
{
    CHECK(scope < SCOPE_COUNT);
    return &scopes[scope];
}

const struct option *schema_find(enum scope scope, struct span key)
{
    for (size_t i = 0; i < schema_count(); i++)
        if (options[i].scope == scope && span_equal(span_text(options[i].key), key))
            return &options[i];
    return NULL;
}

const char *schema_suggest(enum scope scope, struct span key)
{
    const char *best = NULL;
    size_t best_distance = SIZE_MAX;
    for (size_t i = 0; i < schema_count(); i++) {
        if (options[i].scope != scope)
            continue;
        size_t distance = spelling_distance(key, span_text(options[i].key));
        if (distance < best_distance) {
            best_distance = distance;
            best = options[i].key;
        }
    }
    return spelling_is_close(best_distance, key) ? best : NULL;
}

bool option_is_list(const struct option *option)
{
    return option->count_offset != OPTION_NO_COUNT;
}

bool option_is_required(const struct option *option)
{
    return option->fallback && strcmp(option->fallback, FALLBACK_REQUIRED) == 0;
}

bool option_has_written_fallback(const struct option *option)
{
    return option->fallback && option->fallback[0] != '(';
}

bool words_next(struct span *rest, struct span *ret_word)
{
    if (span_is_empty(*rest))
        return false;
    *ret_word = span_cut(rest, '|');
    return true;
}
