// SPDX-License-Identifier: Apache-2.0
// Reads single values. Every reader answers true, or false with a fault that says what was seen and what to
// write; what was expected comes from the row of the option.
#include "config/value.h"

#include <stdio.h>

#include "base/check.h"
#include "config/endpoint.h"
#include "config/load.h"
#include "config/snapshot.h"
#include "wire/host.h"
#include "wire/target.h"

#define URL_PATH_MAX 2048

struct value {
    const struct option *option;
    struct span text;
    struct snapshot *snapshot;
    void *field;
    struct value_fault *fault;
};

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit durations[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 3600 * 1000}, {"d", 86400 * 1000}, {NULL, 0},
};
static const struct unit sizes[] = {
    {"B", 1}, {"KiB", 1ull << 10}, {"MiB", 1ull << 20}, {"GiB", 1ull << 30}, {"TiB", 1ull << 40},
    {NULL, 0},
};

#define FAULT(value, member, ...)                                                                  \
    snprintf((value)->fault->member, sizeof (value)->fault->member, __VA_ARGS__)

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

static bool refuse(struct value *value, const char *why)
{
    FAULT(value, what, "%s %s", value_quote(value->text).text, why);
    return false;
}

// ---------------------------------------------------------------------------- numbers

static struct span digits_of(struct span text)
{
    size_t count = 0;
    while (count < text.size && text.data[count] >= '0' && text.data[count] <= '9')
        count++;
    return span_first(text, count);
}

static const struct unit *unit_find(const struct unit *units, struct span name)
{
    for (const struct unit *unit = units; unit->name; unit++)
        if (span_equal(span_text(unit->name), name))
            return unit;
    return NULL;
}

static const struct unit *unit_like(const struct unit *units, struct span name)
{
    uint8_t first = name.size ? ascii_lower(name.data[0]) : 0;
    for (const struct unit *unit = units; unit->name; unit++)
        if (ascii_lower((uint8_t)unit->name[0]) == first)
            return unit;
    return units + 1;
}

static const struct unit *units_of(enum option_type type)
{
    if (type == TYPE_DURATION)
        return durations;
    return type == TYPE_SIZE ? sizes : NULL;
}

bool value_number(enum option_type type, struct span text, uint64_t *ret_number)
{
    struct span digits = digits_of(text);
    struct span name = span_after(text, digits.size);
    const struct unit *units = units_of(type);
    uint64_t number;
    if (!span_to_u64(digits, &number))
        return false;
    uint64_t factor = 1;
    if (!span_is_empty(name)) {
        const struct unit *unit = units ? unit_find(units, name) : NULL;
        if (!unit)
            return false;
        factor = unit->factor;
    } else if (type == TYPE_DURATION && number != 0) {
        return false;
    }
    return !__builtin_mul_overflow(number, factor, ret_number);
}

static bool refuse_number(struct value *value)
{
    struct span digits = digits_of(value->text);
    struct span name = span_trim(span_after(value->text, digits.size));
    const struct unit *units = units_of(value->option->type);
    uint64_t number;
    if (digits.size && name.size && name.data[0] == '.')
        return refuse(value, "is not a whole number");
    bool is_negative = value->text.size > 1 && value->text.data[0] == '-';
    if (is_negative && digits_of(span_after(value->text, 1)).size)
        return refuse(value, "is negative");
    if (span_is_empty(digits) || (!units && !span_is_empty(name)))
        return refuse(value, "is not a number");
    if (!span_to_u64(digits, &number))
        return refuse(value, "is far too large");
    if (span_is_empty(name)) {
        FAULT(value, advice, "write %.*ss or %.*sms", SPAN_PRINT(digits), SPAN_PRINT(digits));
        return refuse(value, "has no unit");
    }
    const struct unit *known = unit_find(units, name);
    if (known && span_equal(span_after(value->text, digits.size), name))
        return refuse(value, "is far too large");
    FAULT(value, advice, "write %.*s%s", SPAN_PRINT(digits),
          known ? known->name : unit_like(units, name)->name);
    if (known)
        return refuse(value, "has a space before its unit");
    FAULT(value, what, "%s has an unknown unit %s", value_quote(value->text).text,
          value_quote(name).text);
    return false;
}

static bool is_in_range(const struct option *option, uint64_t number)
{
    uint64_t bound;
    if (option->minimum) {
        CHECK(value_number(option->type, span_text(option->minimum), &bound));
        if (number < bound)
            return false;
    }
    if (option->maximum) {
        CHECK(value_number(option->type, span_text(option->maximum), &bound));
        if (number > bound)
            return false;
    }
    return true;
}

static void store_number(struct value *value, uint64_t number)
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

static bool read_number(struct value *value)
{
    uint64_t number;
    if (!value_number(value->option->type, value->text, &number))
        return refuse_number(value);
    if (!is_in_range(value->option, number))
        return refuse(value, "is out of range");
    store_number(value, number);
    return true;
}

static bool read_status(struct value *value)
{
    uint64_t number;
    if (!span_to_u64(value->text, &number) || number < 100 || number > 599)
        return refuse(value, "is not an HTTP status");
    store_number(value, number);
    return true;
}

// ---------------------------------------------------------------------------- words

static bool read_boolean(struct value *value)
{
    bool is_true = span_equal(value->text, SPAN("true"));
    if (!is_true && !span_equal(value->text, SPAN("false"))) {
        bool is_yes = span_equal_nocase(value->text, SPAN("yes")) ||
                      span_equal_nocase(value->text, SPAN("on")) ||
                      span_equal_nocase(value->text, SPAN("true"));
        bool is_no = span_equal_nocase(value->text, SPAN("no")) ||
                     span_equal_nocase(value->text, SPAN("off")) ||
                     span_equal_nocase(value->text, SPAN("false"));
        if (is_yes || is_no)
            FAULT(value, advice, "write %s", is_yes ? "true" : "false");
        return refuse(value, "is not a boolean");
    }
    *(bool *)value->field = is_true;
    return true;
}

static void suggest_word(struct value *value)
{
    struct span rest = span_text(value->option->words);
    struct span word;
    struct span best = {0};
    size_t best_distance = SIZE_MAX;
    while (words_next(&rest, &word)) {
        size_t distance = spelling_distance(value->text, word);
        if (distance < best_distance) {
            best_distance = distance;
            best = word;
        }
    }
    if (spelling_is_close(best_distance, value->text))
        FAULT(value, advice, "did you mean %.*s?", SPAN_PRINT(best));
}

static bool read_word(struct value *value)
{
    struct span rest = span_text(value->option->words);
    struct span word;
    for (uint64_t position = 0; words_next(&rest, &word); position++) {
        if (span_equal(word, value->text)) {
            store_number(value, position);
            return true;
        }
    }
    suggest_word(value);
    return refuse(value, "is not known here");
}

static bool read_choice(struct value *value)
{
    struct span rest = span_text(value->option->words);
    struct span word;
    uint64_t number;
    while (words_next(&rest, &word))
        if (span_equal(word, value->text) && span_to_u64(word, &number)) {
            store_number(value, number);
            return true;
        }
    return refuse(value, "is not possible here");
}

// ---------------------------------------------------------------------------- texts

static bool is_printable(struct span text)
{
    while (!span_is_empty(text)) {
        size_t size = encoding_character(text);
        if (size == 0)
            return false;
        text = span_after(text, size);
    }
    return true;
}

static bool store_text(struct value *value)
{
    *(char **)value->field = snapshot_text(value->snapshot, value->text);
    return true;
}

static bool read_name(struct value *value)
{
    if (span_is_empty(value->text))
        return refuse(value, "is empty");
    if (!is_printable(value->text) || span_find(value->text, ' ') < value->text.size)
        return refuse(value, "holds a space or a control character");
    return store_text(value);
}

static bool read_file(struct value *value)
{
    if (span_is_empty(value->text))
        return refuse(value, "is empty");
    if (!is_printable(value->text))
        return refuse(value, "holds a control character");
    struct span rest = span_text(value->option->words);
    struct span word;
    while (words_next(&rest, &word))
        if (span_equal(word, value->text))
            return store_text(value);
    *(char **)value->field = snapshot_path(value->snapshot, value->text);
    return true;
}

static bool read_bind(struct value *value)
{
    struct endpoint endpoint;
    const char *why = endpoint_parse_bind(value->text, &endpoint);
    if (!why)
        return store_text(value);
    struct span port = value->text;
    struct span name = span_cut(&port, ':');
    if (span_equal(digits_of(value->text), value->text) && value->text.size)
        FAULT(value, advice, "write \"*:%.*s\"", SPAN_PRINT(value->text));
    else if (span_is_empty(name) && port.size && span_equal(digits_of(port), port))
        FAULT(value, advice, "write \"*:%.*s\"", SPAN_PRINT(port));
    else if (span_equal_nocase(name, SPAN("localhost")))
        FAULT(value, advice, "write 127.0.0.1 or [::1] instead of localhost");
    return refuse(value, why);
}

// "1.2.3.256" and "10.0.1" parse as names, but nobody means one: no top-level domain is a number.
static bool is_broken_address(const struct host *host)
{
    size_t at = host->name_size;
    while (at > 0 && host->name[at - 1] >= '0' && host->name[at - 1] <= '9')
        at--;
    bool is_numeric = at < host->name_size && (at == 0 || host->name[at - 1] == '.');
    return is_numeric && !host->is_address;
}

static bool read_address(struct value *value)
{
    struct host host;
    if (!host_parse(value->text, &host) || is_broken_address(&host))
        return refuse(value, "is not an address");
    if (host.port == 0)
        return refuse(value, "has no port");
    return store_text(value);
}

static bool store_lower(struct value *value)
{
    char *copy = snapshot_text(value->snapshot, value->text);
    for (char *c = copy; *c; c++)
        *c = (char)ascii_lower((uint8_t)*c);
    size_t size = value->text.size;
    if (size && copy[size - 1] == '.')
        copy[size - 1] = '\0';
    *(char **)value->field = copy;
    return true;
}

static bool refuse_host(struct value *value, struct span name)
{
    struct host host;
    struct span bare = name;
    if (span_starts_with_nocase(bare, SPAN("https://")))
        bare = span_after(bare, 8);
    else if (span_starts_with_nocase(bare, SPAN("http://")))
        bare = span_after(bare, 7);
    bare = span_first(bare, span_find(bare, '/'));
    if (host_parse(bare, &host) && !is_broken_address(&host) &&
        !span_equal_nocase(host_name(&host), name))
        FAULT(value, advice, "write the name alone: %.*s", SPAN_PRINT(host_name(&host)));
    return refuse(value, "is not a host name");
}

static bool read_host(struct value *value)
{
    struct host host;
    if (!host_parse(value->text, &host) || is_broken_address(&host) ||
        span_find(value->text, ':') < value->text.size)
        return refuse_host(value, value->text);
    return store_lower(value);
}

static bool read_pattern(struct value *value)
{
    if (!span_starts_with(value->text, SPAN("*"))) {
        if (span_find(value->text, '*') < value->text.size)
            return refuse(value, "has a star that is not its whole first label");
        return read_host(value);
    }
    if (span_equal(value->text, SPAN("*"))) {
        FAULT(value, advice, "a listener's default_site gets what no other site names");
        return refuse(value, "stands for every name");
    }
    struct span name = span_after(value->text, 2);
    struct host host;
    if (!span_starts_with(value->text, SPAN("*.")) || !host_parse(name, &host) || host.is_address ||
        is_broken_address(&host) || span_find(name, ':') < name.size)
        return refuse(value, "is not a pattern of hosts");
    return store_lower(value);
}

static bool read_network(struct value *value)
{
    const char *why = endpoint_check_network(value->text);
    if (why)
        return refuse(value, why);
    return store_text(value);
}

static bool read_url_path(struct value *value)
{
    struct span text = value->text;
    if (!span_starts_with(text, SPAN("/"))) {
        if (text.size && text.size < 64 && is_printable(text))
            FAULT(value, advice, "write /%.*s", SPAN_PRINT(text));
        return refuse(value, "does not begin with '/'");
    }
    if (span_find(text, '?') < text.size || span_find(text, '#') < text.size)
        return refuse(value, "holds a query or fragment, which cannot choose a route");
    uint8_t normal[URL_PATH_MAX];
    size_t size;
    if (!is_printable(text) || !path_normalise(text, normal, sizeof normal, &size))
        return refuse(value, "is not a path");
    *(char **)value->field = snapshot_text(value->snapshot, span_of(normal, size));
    return true;
}

static bool is_token(struct span text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = ascii_lower(text.data[i]);
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && !(c && strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return text.size > 0;
}

static bool read_request(struct value *value)
{
    struct span path = value->text;
    struct span method = span_cut(&path, ' ');
    struct target target;
    if (span_starts_with(value->text, SPAN("/"))) {
        FAULT(value, advice, "write GET %.*s", SPAN_PRINT(span_first(value->text, 100)));
        return refuse(value, "has no method");
    }
    if (!is_token(method) || !target_parse(path, false, false, &target) || target.form != TARGET_ORIGIN)
        return refuse(value, "is not a method and a path");
    return store_text(value);
}

// ---------------------------------------------------------------------------- by type

static bool (*const readers[])(struct value *) = {
    [TYPE_NAME] = read_name,         [TYPE_FILE] = read_file,       [TYPE_DURATION] = read_number,
    [TYPE_SIZE] = read_number,       [TYPE_COUNT] = read_number,    [TYPE_BOOLEAN] = read_boolean,
    [TYPE_WORD] = read_word,         [TYPE_CHOICE] = read_choice,   [TYPE_STATUS] = read_status,
    [TYPE_BIND] = read_bind,         [TYPE_ADDRESS] = read_address, [TYPE_HOST] = read_host,
    [TYPE_PATTERN] = read_pattern,   [TYPE_NETWORK] = read_network, [TYPE_URL_PATH] = read_url_path,
    [TYPE_REQUEST] = read_request,
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
    [TYPE_ADDRESS] = "HOST:PORT such as \"10.0.0.11:443\", \"[fd00::11]:443\" or iis1.example.com:443",
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
