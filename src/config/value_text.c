// SPDX-License-Identifier: Apache-2.0
// Reads names, paths, hosts, addresses and requests: texts that are kept, in the form the rest of
// the program compares them in (lower case, without a trailing dot, normalised).
#include "config/endpoint.h"
#include "config/load.h"
#include "config/reader.h"
#include "config/snapshot.h"
#include "wire/host.h"
#include "wire/target.h"

#define URL_PATH_MAX 2048

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

bool value_read_name(struct value *value)
{
    if (span_is_empty(value->text))
        return value_refuse(value, "is empty");
    if (!is_printable(value->text) || span_find(value->text, ' ') < value->text.size)
        return value_refuse(value, "holds a space or a control character");
    return store_text(value);
}

bool value_read_file(struct value *value)
{
    if (span_is_empty(value->text))
        return value_refuse(value, "is empty");
    if (!is_printable(value->text))
        return value_refuse(value, "holds a control character");
    struct span rest = span_text(value->option->words);
    struct span word;
    while (words_next(&rest, &word))
        if (span_equal(word, value->text))
            return store_text(value);
    *(char **)value->field = snapshot_path(value->snapshot, value->text);
    return true;
}

bool value_read_bind(struct value *value)
{
    struct endpoint endpoint;
    const char *why = endpoint_parse_bind(value->text, &endpoint);
    if (!why)
        return store_text(value);
    struct span port = value->text;
    struct span name = span_cut(&port, ':');
    if (span_equal(value_digits(value->text), value->text) && value->text.size)
        FAULT(value, advice, "write \"*:%.*s\"", SPAN_PRINT(value->text));
    else if (span_is_empty(name) && port.size && span_equal(value_digits(port), port))
        FAULT(value, advice, "write \"*:%.*s\"", SPAN_PRINT(port));
    else if (span_equal_nocase(name, SPAN("localhost")))
        FAULT(value, advice, "write 127.0.0.1 or [::1] instead of localhost");
    return value_refuse(value, why);
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

bool value_read_address(struct value *value)
{
    struct host host;
    if (!host_parse(value->text, &host) || is_broken_address(&host))
        return value_refuse(value, "is not an address");
    if (host.port == 0)
        return value_refuse(value, "has no port");
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
    return value_refuse(value, "is not a host name");
}

bool value_read_host(struct value *value)
{
    struct host host;
    if (!host_parse(value->text, &host) || is_broken_address(&host) ||
        span_find(value->text, ':') < value->text.size)
        return refuse_host(value, value->text);
    return store_lower(value);
}

bool value_read_pattern(struct value *value)
{
    if (!span_starts_with(value->text, SPAN("*"))) {
        if (span_find(value->text, '*') < value->text.size)
            return value_refuse(value, "has a star that is not its whole first label");
        return value_read_host(value);
    }
    if (span_equal(value->text, SPAN("*"))) {
        FAULT(value, advice, "a listener's default_site gets what no other site names");
        return value_refuse(value, "stands for every name");
    }
    struct span name = span_after(value->text, 2);
    struct host host;
    if (!span_starts_with(value->text, SPAN("*.")) || !host_parse(name, &host) || host.is_address ||
        is_broken_address(&host) || span_find(name, ':') < name.size)
        return value_refuse(value, "is not a pattern of hosts");
    return store_lower(value);
}

bool value_read_network(struct value *value)
{
    const char *why = endpoint_check_network(value->text);
    if (why)
        return value_refuse(value, why);
    return store_text(value);
}

bool value_read_url_path(struct value *value)
{
    struct span text = value->text;
    if (!span_starts_with(text, SPAN("/"))) {
        if (text.size && text.size < 64 && is_printable(text))
            FAULT(value, advice, "write /%.*s", SPAN_PRINT(text));
        return value_refuse(value, "does not begin with '/'");
    }
    if (span_find(text, '?') < text.size || span_find(text, '#') < text.size)
        return value_refuse(value, "holds a query or fragment, which cannot choose a route");
    uint8_t normal[URL_PATH_MAX];
    size_t size;
    if (!is_printable(text) || !path_normalise(text, normal, sizeof normal, &size))
        return value_refuse(value, "is not a path");
    *(char **)value->field = snapshot_text(value->snapshot, span_of(normal, size));
    return true;
}

static bool is_token(struct span text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = ascii_lower(text.data[i]);
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
            !(c && strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return text.size > 0;
}

bool value_read_request(struct value *value)
{
    struct span path = value->text;
    struct span method = span_cut(&path, ' ');
    struct target target;
    if (span_starts_with(value->text, SPAN("/"))) {
        FAULT(value, advice, "write GET %.*s", SPAN_PRINT(span_first(value->text, 100)));
        return value_refuse(value, "has no method");
    }
    if (!is_token(method) || !target_parse(path, false, false, &target) ||
        target.form != TARGET_ORIGIN)
        return value_refuse(value, "is not a method and a path");
    return store_text(value);
}
