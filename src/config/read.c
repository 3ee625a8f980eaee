// SPDX-License-Identifier: Apache-2.0
// Walks the YAML tree by the schema and fills the snapshot. Knows mappings, lists, scalars, aliases
// and where they stand; does not know any option by name.
#include <libfyaml.h>
#include <stdio.h>

#include "base/check.h"
#include "config/load.h"
#include "config/snapshot.h"
#include "config/value.h"

#define PATH_MAX_BYTES 256
// Aliases can make a small file mean a huge tree; nobody's configuration is this large.
#define NODES_MAX 200000u

struct walk {
    struct load *load;
    size_t nodes;
    size_t path_size;
    char path[PATH_MAX_BYTES];
};

// ---------------------------------------------------------------------------- places

static struct place place_of_token(struct fy_token *token)
{
    const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;
    if (!mark || mark->line < 0)
        return (struct place){0};
    return (struct place){(unsigned)mark->line + 1, (unsigned)mark->column + 1};
}

// A scalar's own place; for a mapping that of its first key, for a list that of its first item: the
// parser keeps no others. `otherwise` where there is none.
static struct place place_of(struct fy_node *node, struct place otherwise)
{
    for (int depth = 0; node && depth < 8; depth++) {
        if (fy_node_is_mapping(node)) {
            node = fy_node_pair_key(fy_node_mapping_get_by_index(node, 0));
        } else if (fy_node_is_sequence(node)) {
            node = fy_node_sequence_get_by_index(node, 0);
        } else {
            struct place place = place_of_token(fy_node_get_scalar_token(node));
            return place.line ? place : otherwise;
        }
    }
    return otherwise;
}

// ---------------------------------------------------------------------------- the path in findings

static size_t path_push(struct walk *walk, const char *format, const char *key, size_t index)
{
    size_t before = walk->path_size;
    size_t room = sizeof walk->path - before;
    const char *dot = key && before ? "." : "";
    int length = key ? snprintf(walk->path + before, room, "%s%s", dot, key)
                     : snprintf(walk->path + before, room, format, index);
    if (length > 0 && (size_t)length < room)
        walk->path_size += (size_t)length;
    walk->path[walk->path_size] = '\0';
    return before;
}

static size_t path_push_key(struct walk *walk, const char *key)
{
    return path_push(walk, "", key, 0);
}

static size_t path_push_index(struct walk *walk, size_t index)
{
    return path_push(walk, "[%zu]", NULL, index);
}

static void path_pop(struct walk *walk, size_t size)
{
    walk->path_size = size;
    walk->path[size] = '\0';
}

static void walk_error(struct walk *walk, struct place place, const char *expected,
                       const char *advice, const char *what)
{
    findings_add(walk->load->findings, FINDING_ERROR, place, walk->path, expected, advice, "%s",
                 what);
}

// ---------------------------------------------------------------------------- nodes

static struct span scalar_text(struct fy_node *node)
{
    size_t size = 0;
    const char *text = fy_node_get_scalar(node, &size);
    return span_of(text ? text : "", text ? size : 0);
}

// The node an alias stands for; other nodes as they are. NULL, with a finding, when there is none
// or too many.
static struct fy_node *resolve(struct walk *walk, struct fy_node *node, struct place place)
{
    if (++walk->nodes > NODES_MAX) {
        if (walk->nodes == NODES_MAX + 1)
            walk_error(walk, place, NULL, "write fewer aliases", "the file means too many nodes");
        return NULL;
    }
    if (!node || !fy_node_is_alias(node))
        return node;
    struct fy_node *target = fy_node_resolve_alias(node);
    if (!target)
        walk_error(walk, place, "the name of an anchor", NULL, "nothing is anchored by that name");
    return target;
}

// "~", "null" and nothing at all, unless quoted: YAML's ways to say that there is no value.
static bool is_missing(struct fy_node *node)
{
    if (!node)
        return true;
    if (!fy_node_is_scalar(node) || fy_node_get_style(node) != FYNS_PLAIN)
        return false;
    struct span text = scalar_text(node);
    return span_is_empty(text) || span_equal(text, SPAN("~")) || span_equal(text, SPAN("null"));
}

static const char *kind_of(struct fy_node *node)
{
    if (is_missing(node))
        return "has no value";
    if (fy_node_is_mapping(node))
        return "is a mapping";
    return fy_node_is_sequence(node) ? "is a list" : "is a single value";
}

static void refuse_kind(struct walk *walk, const struct option *option, struct fy_node *node,
                        struct place place)
{
    char expected[256];
    value_expected(option, expected, sizeof expected);
    const char *advice = NULL;
    if (option_is_list(option) && node && !fy_node_is_sequence(node))
        advice = fy_node_is_scalar(node) ? "put it in brackets" : "begin each item with a dash";
    else if (option->type == TYPE_SECTION && fy_node_is_scalar(node))
        advice = "write {} to take all defaults";
    walk_error(walk, place, expected, advice, kind_of(node));
}

// ---------------------------------------------------------------------------- values

static void read_mapping(struct walk *walk, struct fy_node *node, enum scope scope, void *object,
                         struct place place);

static bool read_scalar(struct walk *walk, const struct option *option, struct fy_node *node,
                        void *field, struct place place)
{
    struct value_fault fault;
    marks_add(&walk->load->marks, field, place, walk->path);
    if (is_missing(node) || !fy_node_is_scalar(node)) {
        refuse_kind(walk, option, node, place);
        marks_refuse_last(&walk->load->marks);
        return false;
    }
    if (value_read(option, scalar_text(node), walk->load->snapshot, field, &fault))
        return true;
    walk_error(walk, place, fault.expected, fault.advice, fault.what);
    marks_refuse_last(&walk->load->marks);
    return false;
}

static void read_default(struct walk *walk, const struct option *option, char *object);

static void read_item(struct walk *walk, const struct option *option, struct fy_node *node,
                      void *item, struct place place)
{
    struct fy_node *resolved = resolve(walk, node, place);
    if (!resolved)
        return;
    if (option->type != TYPE_LIST) {
        (void)read_scalar(walk, option, resolved, item, place);
        return;
    }
    marks_add(&walk->load->marks, item, place, walk->path);
    if (fy_node_is_mapping(resolved))
        read_mapping(walk, resolved, option->items, item, place);
    else
        walk_error(walk, place, "a mapping", NULL, kind_of(resolved));
}

static void read_list(struct walk *walk, const struct option *option, struct fy_node *node,
                      char *object, struct place place)
{
    int count = fy_node_sequence_item_count(node);
    CHECK(count >= 0);
    char *items = snapshot_alloc(walk->load->snapshot, option->size * ((size_t)count + 1));
    *(void **)(void *)(object + option->offset) = items;
    *(size_t *)(void *)(object + option->count_offset) = (size_t)count;
    if (count == 0)
        walk_error(walk, place, "at least one item", NULL, "is empty");
    void *at = NULL;
    for (size_t i = 0; i < (size_t)count; i++) {
        struct fy_node *item = fy_node_sequence_iterate(node, &at);
        size_t before = path_push_index(walk, i);
        read_item(walk, option, item, items + i * option->size, place_of(item, place));
        path_pop(walk, before);
    }
}

static void read_part(struct walk *walk, const struct option *option, struct fy_node *node,
                      char *object, struct place place)
{
    char *part = object + option->offset;
    // only a part that begins with its place has an address that no option of it shares
    if (schema_scope(option->items)->has_place)
        marks_add(&walk->load->marks, part, place, walk->path);
    read_mapping(walk, node, option->items, part, place);
}

static void read_value(struct walk *walk, const struct option *option, struct fy_node *node,
                       char *object, struct place place)
{
    struct fy_node *resolved = resolve(walk, node, place);
    if (node && !resolved)
        return;
    bool is_mapping = resolved && fy_node_is_mapping(resolved);
    bool is_sequence = resolved && fy_node_is_sequence(resolved);
    if (option_is_list(option) && is_sequence) {
        marks_add(&walk->load->marks, object + option->offset, place, walk->path);
        read_list(walk, option, resolved, object, place);
    } else if (option_is_list(option) || (option->type == TYPE_SECTION && !is_mapping)) {
        refuse_kind(walk, option, resolved, place);
    } else if (option->type == TYPE_SECTION) {
        read_part(walk, option, resolved, object, place);
    } else {
        if (!read_scalar(walk, option, resolved, object + option->offset, place))
            read_default(walk, option, object);
    }
}

// ---------------------------------------------------------------------------- mappings

static void read_default(struct walk *walk, const struct option *option, char *object)
{
    struct value_fault fault;
    if (option->type == TYPE_SECTION)
        read_mapping(walk, NULL, option->items, object + option->offset, (struct place){0});
    else if (option_has_written_fallback(option) && !option_is_list(option))
        CHECK(value_read(option, span_text(option->fallback), walk->load->snapshot,
                         object + option->offset, &fault));
}

static void refuse_key(struct walk *walk, enum scope scope, struct span key, struct place place)
{
    const char *suggestion = schema_suggest(scope, key);
    char advice[128] = "handfast check --explain lists what is";
    if (suggestion)
        snprintf(advice, sizeof advice, "did you mean %s?", suggestion);
    else if (span_equal(key, SPAN("<<")))
        snprintf(advice, sizeof advice, "merge keys are not read; write the options out");
    char what[128];
    snprintf(what, sizeof what, "unknown key %s", value_quote(key).text);
    walk_error(walk, place, NULL, advice, what);
}

static void read_pair(struct walk *walk, struct fy_node_pair *pair, enum scope scope, char *object,
                      bool *seen)
{
    struct fy_node *key_node = fy_node_pair_key(pair);
    struct place key_place = place_of(key_node, (struct place){0});
    struct span key = key_node && fy_node_is_scalar(key_node) ? scalar_text(key_node) : SPAN("");
    const struct option *option = schema_find(scope, key);
    if (!option) {
        refuse_key(walk, scope, key, key_place);
        return;
    }
    size_t before = path_push_key(walk, option->key);
    bool *is_seen = &seen[option - schema_option(0)];
    if (*is_seen)
        walk_error(walk, key_place, "each key once", "remove one of them", "is there twice");
    else
        read_value(walk, option, fy_node_pair_value(pair), object,
                   place_of(fy_node_pair_value(pair), key_place));
    *is_seen = true;
    path_pop(walk, before);
}

static void finish_mapping(struct walk *walk, bool is_written, enum scope scope, char *object,
                           struct place place, const bool *seen)
{
    for (size_t i = 0; i < schema_count(); i++) {
        const struct option *option = schema_option(i);
        if (option->scope != scope || seen[i])
            continue;
        if (!is_written || !option_is_required(option)) {
            read_default(walk, option, object);
            continue;
        }
        char expected[256];
        char what[128];
        value_expected(option, expected, sizeof expected);
        snprintf(what, sizeof what, "%s is missing", option->key);
        walk_error(walk, place, expected, NULL, what);
    }
}

// `node` NULL: nothing was written, all defaults apply.
static void read_mapping(struct walk *walk, struct fy_node *node, enum scope scope, void *object,
                         struct place place)
{
    bool seen[SCHEMA_OPTIONS_MAX] = {false};
    CHECK(schema_count() <= SCHEMA_OPTIONS_MAX);
    if (schema_scope(scope)->has_place)
        *(struct place *)object = place;
    void *at = NULL;
    struct fy_node_pair *pair;
    while (node && (pair = fy_node_mapping_iterate(node, &at)))
        read_pair(walk, pair, scope, object, seen);
    finish_mapping(walk, node != NULL, scope, object, place, seen);
}

void read_document(struct load *load, struct fy_document *document)
{
    struct walk walk = {.load = load};
    struct fy_node *root = fy_document_root(document);
    struct place place = place_of(root, (struct place){1, 1});
    if (root && fy_node_is_mapping(root)) {
        read_mapping(&walk, root, SCOPE_TOP, load->snapshot, place);
        return;
    }
    read_mapping(&walk, NULL, SCOPE_TOP, load->snapshot, place);
    walk_error(&walk, place, "a mapping with listeners, sites and pools", NULL,
               is_missing(root) ? "the file is empty" : kind_of(root));
}
