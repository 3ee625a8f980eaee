// SPDX-License-Identifier: Apache-2.0
// Reads the value of a Location field. Holds nothing.
#include "doctor/location.h"

#include <strings.h>

// Only what may stand in a request line: what a server says must not become two of them.
static bool is_sendable(struct span text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] <= ' ' || text.data[i] >= 0x7f)
            return false;
    }
    return true;
}

static bool keep_target(struct location *location, struct span before, struct span target)
{
    struct span path = span_first(target, span_find(target, '#'));
    if (before.size + path.size + 2 > sizeof location->target || !is_sendable(path))
        return false;
    char *out = location->target;
    if (before.size)
        memcpy(out, before.data, before.size);
    out += before.size;
    if (path.size)
        memcpy(out, path.data, path.size);
    out[path.size] = '\0';
    if (!location->target[0])
        memcpy(location->target, "/", 2);
    return true;
}

// "host:port/path?query" behind "//".
static bool read_authority(struct span text, struct location *location)
{
    size_t end = 0;
    while (end < text.size && !memchr("/?#", text.data[end], 3))
        end++;
    struct host host;
    if (!host_parse(span_first(text, end), &host))
        return false;
    memcpy(location->host, host.name, host.name_size);
    location->host[host.name_size] = '\0';
    location->port = host.port ? host.port : location->is_tls ? 443 : 80;
    struct span target = span_after(text, end);
    bool has_path = target.size && target.data[0] == '/';
    return keep_target(location, has_path ? (struct span){0} : SPAN("/"), target);
}

// Relative to the folder of the page.
static bool read_relative(struct span text, const struct location *from, struct location *location)
{
    struct span path = span_text(from->target);
    path = span_first(path, span_find(path, '?'));
    if (text.size && text.data[0] == '?')
        return keep_target(location, path, text);
    while (path.size && path.data[path.size - 1] != '/')
        path.size--;
    return keep_target(location, path, text);
}

// Has it a scheme of its own, one that we do not know ("mailto:", "ms-login:")?
static bool has_scheme(struct span text)
{
    size_t colon = span_find(text, ':');
    size_t slash = span_find(text, '/');
    size_t query = span_find(text, '?');
    return colon < text.size && colon < slash && colon < query;
}

bool location_read(struct span text, const struct location *from, struct location *ret_location)
{
    struct location location = *from;
    bool is_read = false;
    text = span_trim(text);
    if (span_is_empty(text))
        return false;
    if (span_starts_with_nocase(text, SPAN("https://")) ||
        span_starts_with_nocase(text, SPAN("http://"))) {
        location.is_tls = ascii_lower(text.data[4]) == 's';
        is_read = read_authority(span_after(text, location.is_tls ? 8 : 7), &location);
    } else if (span_starts_with(text, SPAN("//"))) {
        is_read = read_authority(span_after(text, 2), &location);
    } else if (span_starts_with(text, SPAN("/"))) {
        is_read = keep_target(&location, (struct span){0}, text);
    } else if (!has_scheme(text)) {
        is_read = read_relative(text, from, &location);
    }
    if (is_read)
        *ret_location = location;
    return is_read;
}

bool location_same_origin(const struct location *a, const struct location *b)
{
    return a->is_tls == b->is_tls && a->port == b->port && strcasecmp(a->host, b->host) == 0;
}

bool location_equal(const struct location *a, const struct location *b)
{
    return location_same_origin(a, b) && strcmp(a->target, b->target) == 0;
}
