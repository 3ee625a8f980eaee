// SPDX-License-Identifier: Apache-2.0
// Hosts: what is accepted can be written and read again, and means the same. The input is a host,
// or a pattern and a name with a line feed between them.
#include <stdio.h>

#include "base/check.h"
#include "wire/host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(struct span name)
{
    CHECK(name.size >= 1 && name.size <= HOST_NAME_MAX);
    for (size_t i = 0; i < name.size; i++)
        CHECK(name.data[i] > ' ' && name.data[i] < 0x7f &&
              !(name.data[i] >= 'A' && name.data[i] <= 'Z'));
    CHECK(host_matches(name, name));
}

static void check_written(const struct host *host)
{
    char text[HOST_NAME_MAX + 10];
    char port[8] = "";
    struct host again;
    struct span name = host_name(host);
    bool is_v6 = span_find(name, ':') < name.size;
    CHECK(!is_v6 || host->is_address);
    if (host->port)
        snprintf(port, sizeof port, ":%u", host->port);
    int size = snprintf(text, sizeof text, is_v6 ? "[%.*s]%s" : "%.*s%s", SPAN_PRINT(name), port);
    CHECK(host_parse(span_of(text, (size_t)size), &again));
    CHECK(span_equal(host_name(&again), name) && again.port == host->port);
    CHECK(again.is_address == host->is_address);
}

static void check_star(struct span name)
{
    uint8_t pattern[HOST_NAME_MAX + 2];
    size_t label = span_find(name, '.');
    struct span rest = span_after(name, label);
    pattern[0] = '*';
    if (rest.size)
        memcpy(pattern + 1, rest.data, rest.size);
    struct span star = span_of(pattern, rest.size + 1);
    CHECK(host_matches(star, name) == (label < name.size));
    CHECK(!host_matches(star, rest) && !host_matches(star, span_after(rest, 1)));
}

static void check_pattern(struct span input)
{
    struct span pattern = span_cut(&input, '\n');
    if (!host_matches(pattern, input) || span_equal(pattern, input))
        return;
    CHECK(span_starts_with(pattern, SPAN("*.")));
    CHECK(span_ends_with(input, span_after(pattern, 1)) && input.size > pattern.size - 1);
    CHECK(span_find(input, '.') == input.size - (pattern.size - 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span input = span_of(data, size);
    struct host host;
    uint8_t name[HOST_NAME_MAX];
    size_t name_size = 0;
    check_pattern(input);
    bool is_name = host_name_parse(input, name, &name_size);
    bool is_host = host_parse(input, &host);
    CHECK(is_host || !is_name);
    if (is_name)
        CHECK(host.port == 0 && span_equal(host_name(&host), span_of(name, name_size)));
    if (!is_host)
        return 0;
    check_name(host_name(&host));
    check_written(&host);
    if (is_name)
        check_star(host_name(&host));
    return 0;
}
