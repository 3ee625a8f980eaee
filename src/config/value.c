// SPDX-License-Identifier: Apache-2.0
// Chooses the reader of a value by its type and says what that type expects. Every reader answers
// true, or false with a fault that says what was seen and what to write.
#include "base/check.h"
#include "config/load.h"
#include "config/reader.h"

struct value_quoted value_quote(struct span text)
{
    struct value_quoted quoted = {0};
    size_t at = 0;
    quoted.text[at++] = '\'';
    while (!span_is_empty(text)) {
        size_t size = encoding_character(text);
        if (at + (size ? size : 1) > 61)
            break;
        if (size)
            memcpy(quoted.text + at, text.data, size);
        else
            quoted.text[at] = '?';
        at += size ? size : 1;
        text = span_after(text, size ? size : 1);
    }
    if (!span_is_empty(text)) {
        memcpy(quoted.text + at, "...", 3);
        at += 3;
    }
    quoted.text[at] = '\'';
    return quoted;
}

bool value_refuse(struct value *value, const char *why)
{
    FAULT(value, what, "%s %s", value_quote(value->text).text, why);
    return false;
}

void value_store_number(struct value *value, uint64_t number)
{
    switch (value->option->size) {
    case sizeof(uint8_t):
        *(uint8_t *)value->field = (uint8_t)number;
        break;
    case sizeof(uint16_t):
        *(uint16_t *)value->field = (uint16_t)number;
        break;
    case sizeof(uint32_t):
        *(uint32_t *)value->field = (uint32_t)number;
        break;
    default:
        CHECK(value->option->size == sizeof(uint64_t));
        *(uint64_t *)value->field = number;
    }
}

static bool (*const readers[])(struct value *) = {
    [TYPE_NAME] = value_read_name,         [TYPE_FILE] = value_read_file,
    [TYPE_DURATION] = value_read_number,   [TYPE_SIZE] = value_read_number,
    [TYPE_COUNT] = value_read_number,      [TYPE_BOOLEAN] = value_read_boolean,
    [TYPE_WORD] = value_read_word,         [TYPE_CHOICE] = value_read_choice,
    [TYPE_STATUS] = value_read_status,     [TYPE_BIND] = value_read_bind,
    [TYPE_ADDRESS] = value_read_address,   [TYPE_HOST] = value_read_host,
    [TYPE_PATTERN] = value_read_pattern,   [TYPE_NETWORK] = value_read_network,
    [TYPE_URL_PATH] = value_read_url_path, [TYPE_REQUEST] = value_read_request,
};

static const char *const expectations[] = {
    [TYPE_NAME] = "a name without spaces",
    [TYPE_FILE] = "a path",
    [TYPE_DURATION] = "a duration such as 500ms, 30s, 5m or 1h",
    [TYPE_SIZE] = "a size such as 4096, 64KiB or 1MiB",
    [TYPE_COUNT] = "a whole number",
    [TYPE_BOOLEAN] = "true or false",
    [TYPE_STATUS] = "a status from 100 to 599",
    [TYPE_BIND] = "ADDRESS:PORT such as \"*:443\", \"10.0.0.1:443\" or \"[::1]:8443\"",
    [TYPE_ADDRESS] =
        "HOST:PORT such as \"10.0.0.11:443\", \"[fd00::11]:443\" or iis1.example.com:443",
    [TYPE_HOST] = "a host name such as iis1.example.com",
    [TYPE_PATTERN] = "a host name such as www.example.com or \"*.example.com\"",
    [TYPE_NETWORK] = "an address or network such as 10.0.0.0/8 or fd00::/8",
    [TYPE_URL_PATH] = "a path such as /api/",
    [TYPE_REQUEST] = "a method and a path such as GET /healthz",
    [TYPE_SECTION] = "a mapping",
    [TYPE_LIST] = "a list",
};

static void expected_words(const struct option *option, char *out, size_t capacity)
{
    struct span rest = span_text(option->words);
    struct span word;
    size_t size = (size_t)snprintf(out, capacity, "%s", "");
    while (words_next(&rest, &word) && size < capacity) {
        const char *before = size == 0 ? "" : span_is_empty(rest) ? " or " : ", ";
        size += (size_t)snprintf(out + size, capacity - size, "%s%.*s", before, SPAN_PRINT(word));
    }
}

void value_expected(const struct option *option, char *out, size_t capacity)
{
    if (option_is_list(option) && option->type != TYPE_LIST) {
        int size = snprintf(out, capacity, "a list, each item ");
        CHECK(size > 0 && (size_t)size < capacity);
        out += size;
        capacity -= (size_t)size;
    }
    value_expected_item(option, out, capacity);
}

void value_expected_item(const struct option *option, char *out, size_t capacity)
{
    if (option->type == TYPE_WORD || option->type == TYPE_CHOICE)
        expected_words(option, out, capacity);
    else if (option->minimum && option->maximum)
        snprintf(out, capacity, "%s from %s to %s", expectations[option->type], option->minimum,
                 option->maximum);
    else
        snprintf(out, capacity, "%s", expectations[option->type]);
}

bool value_read(const struct option *option, struct span text, struct snapshot *snapshot,
                void *field, struct value_fault *ret_fault)
{
    CHECK(option->type < sizeof readers / sizeof *readers);
    struct value value = {option, text, snapshot, field, ret_fault};
    *ret_fault = (struct value_fault){0};
    if (readers[option->type](&value))
        return true;
    value_expected_item(option, ret_fault->expected, sizeof ret_fault->expected);
    return false;
}
