// SPDX-License-Identifier: Apache-2.0
// Host names, addresses and ports out of text. Keeps nothing, resolves nothing.
#include "wire/host.h"

#include "wire/octet.h"

#define LABEL_MAX       63
#define PORT_DIGITS_MAX 5

static bool port_parse(struct span text, unsigned *ret_port)
{
    uint64_t port = 0;
    if (span_is_empty(text)) {
        *ret_port = 0;
        return true;
    }
    if (text.size > PORT_DIGITS_MAX || !span_to_u64(text, &port) || port == 0 || port > 65535)
        return false;
    *ret_port = (unsigned)port;
    return true;
}

bool host_name_parse(struct span text, uint8_t *ret_name, size_t *ret_size)
{
    uint8_t name[HOST_NAME_MAX];
    size_t label = 0;
    if (text.size && text.data[text.size - 1] == '.')
        text.size--;
    if (span_is_empty(text) || text.size > HOST_NAME_MAX)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (c == '.' ? label == 0 : label == LABEL_MAX || !octet_is(c, OCTET_NAME))
            return false;
        label = c == '.' ? 0 : label + 1;
        name[i] = ascii_lower(c);
    }
    if (label == 0)
        return false;
    memcpy(ret_name, name, text.size);
    *ret_size = text.size;
    return true;
}

static bool is_ipv4(struct span text)
{
    if (span_ends_with(text, SPAN(".")))
        return false;
    for (int part = 0; part < 4; part++) {
        struct span digits = span_cut(&text, '.');
        uint64_t value = 0;
        if (digits.size > 3 || !span_to_u64(digits, &value) || value > 255)
            return false;
        if (digits.size > 1 && digits.data[0] == '0')
            return false;
        if ((part == 3) != span_is_empty(text))
            return false;
    }
    return true;
}

static bool is_hex_group(struct span group)
{
    if (group.size < 1 || group.size > 4)
        return false;
    for (size_t i = 0; i < group.size; i++)
        if (!octet_is(group.data[i], OCTET_HEX))
            return false;
    return true;
}

// Counts the 16-bit groups of a colon-separated run: 0 for an empty run, -1 when it is not valid.
// Only the last run of an address may end in an IPv4 address, which stands for two groups.
static int ipv6_groups(struct span run, bool is_last)
{
    int groups = 0;
    while (!span_is_empty(run)) {
        size_t size = span_find(run, ':');
        struct span group = span_first(run, size);
        if (size == run.size && is_last && is_ipv4(group))
            return groups + 2;
        if (!is_hex_group(group) || size + 1 == run.size)
            return -1;
        groups++;
        run = span_after(run, size + 1);
    }
    return groups;
}

bool host_is_ipv6(struct span text)
{
    for (size_t i = 0; i + 1 < text.size; i++) {
        if (text.data[i] != ':' || text.data[i + 1] != ':')
            continue;
        int before = ipv6_groups(span_first(text, i), false);
        int after = ipv6_groups(span_after(text, i + 2), true);
        return before >= 0 && after >= 0 && before + after <= 7;
    }
    return ipv6_groups(text, true) == 8;
}

static bool bracketed_parse(struct span text, struct host *ret_host)
{
    struct host host = {.is_address = true};
    size_t close = span_find(text, ']');
    struct span address = span_after(span_first(text, close), 1);
    struct span port = span_after(text, close + 1);
    if (close == text.size || address.size > HOST_NAME_MAX || !host_is_ipv6(address))
        return false;
    if (!span_is_empty(port) && port.data[0] != ':')
        return false;
    if (!port_parse(span_after(port, 1), &host.port))
        return false;
    for (size_t i = 0; i < address.size; i++)
        host.name[i] = ascii_lower(address.data[i]);
    host.name_size = address.size;
    *ret_host = host;
    return true;
}

bool host_parse(struct span text, struct host *ret_host)
{
    struct host host = {0};
    if (!span_is_empty(text) && text.data[0] == '[')
        return bracketed_parse(text, ret_host);
    struct span name = span_cut(&text, ':');
    if (!host_name_parse(name, host.name, &host.name_size) || !port_parse(text, &host.port))
        return false;
    host.is_address = is_ipv4(host_name(&host));
    *ret_host = host;
    return true;
}

bool host_matches(struct span pattern, struct span name)
{
    if (!span_starts_with(pattern, SPAN("*.")))
        return span_equal(pattern, name);
    size_t label = span_find(name, '.');
    return label > 0 && label < name.size &&
           span_equal(span_after(pattern, 1), span_after(name, label));
}
