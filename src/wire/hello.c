// SPDX-License-Identifier: Apache-2.0
// Reads the ClientHello where it lies, across record boundaries. First the records are walked to
// see whether the whole message is there (cheap, so that a client sending byte by byte costs
// little); only then is it read, once. Copies nothing but the server name.
#include "wire/hello.h"

#include "wire/host.h"
#include "wire/octet.h"

#define RECORD_HEADER    5
#define RECORD_MAX       16384
#define RECORD_HANDSHAKE 22
#define MESSAGE_HEADER   4
#define CLIENT_HELLO     1
#define FIRST_BYTES_MAX  32
#define SESSION_ID_MAX   32

enum extension {
    EXTENSION_SERVER_NAME = 0,
    EXTENSION_ALPN = 16,
    EXTENSION_SUPPORTED_VERSIONS = 43,
    EXTENSION_ECH = 0xfe0d,
};

// ---- the first bytes

static enum first_bytes look_for_record(struct span bytes)
{
    if (bytes.size > 1 && bytes.data[1] != 3)
        return FIRST_BYTES_OTHER;
    if (bytes.size > 2)
        return bytes.data[2] <= 4 ? FIRST_BYTES_TLS : FIRST_BYTES_OTHER;
    return FIRST_BYTES_MORE;
}

// How many bytes of up to two leading CRLF pairs, the last of which may be incomplete.
static size_t skip_empty_lines(struct span bytes)
{
    size_t skipped = 0;
    while (skipped < 4 && skipped < bytes.size && bytes.data[skipped] == "\r\n"[skipped % 2])
        skipped++;
    return skipped;
}

enum first_bytes first_bytes_look(struct span bytes)
{
    bytes = span_first(bytes, FIRST_BYTES_MAX);
    if (!span_is_empty(bytes) && bytes.data[0] == RECORD_HANDSHAKE)
        return look_for_record(bytes);
    size_t start = skip_empty_lines(bytes);
    size_t at = start;
    while (at < bytes.size && octet_is(bytes.data[at], OCTET_TOKEN))
        at++;
    if (at == bytes.size)
        return at < FIRST_BYTES_MAX ? FIRST_BYTES_MORE : FIRST_BYTES_OTHER;
    bool is_request = at > start && start % 2 == 0 && bytes.data[at] == ' ';
    return is_request ? FIRST_BYTES_HTTP : FIRST_BYTES_OTHER;
}

// ---- the records

// What the walk over the records finds out.
struct walk {
    size_t wanted;     // bytes of the message with its header; 0 until that is complete
    size_t found;      // bytes of the message that are there
    size_t wire_bytes; // where the message ends on the wire, set once it is complete
    uint8_t header[MESSAGE_HEADER];
};

static bool is_record_header(struct span header)
{
    static const uint8_t first[] = {RECORD_HANDSHAKE, 3};
    for (size_t i = 0; i < header.size && i < sizeof first; i++)
        if (header.data[i] != first[i])
            return false;
    if (header.size > 2 && header.data[2] > 4)
        return false;
    if (header.size < RECORD_HEADER)
        return true;
    size_t size = (size_t)header.data[3] << 8 | header.data[4];
    return size >= 1 && size <= RECORD_MAX;
}

// Gathers the message header from `part`, the next bytes of the message.
static bool walk_header(struct walk *walk, struct span part)
{
    while (walk->found < MESSAGE_HEADER && !span_is_empty(part)) {
        walk->header[walk->found++] = part.data[0];
        part = span_after(part, 1);
    }
    walk->found += part.size;
    if (walk->header[0] != CLIENT_HELLO && walk->found > 0)
        return false;
    if (walk->wanted == 0 && walk->found >= MESSAGE_HEADER)
        walk->wanted = MESSAGE_HEADER + ((size_t)walk->header[1] << 16 |
                                         (size_t)walk->header[2] << 8 | walk->header[3]);
    return true;
}

// Walks over the record at `at`; `size` is its declared size.
static bool walk_record(struct walk *walk, struct span bytes, size_t at, size_t size)
{
    size_t before = walk->found;
    if (!walk_header(walk, span_first(span_after(bytes, at + RECORD_HEADER), size)))
        return false;
    return walk->wanted == 0 || before + size <= walk->wanted;
}

// The fewest bytes on the wire that the message takes, when the records up to `at` hold `covered`
// of it.
static size_t least_wire_bytes(const struct walk *walk, size_t covered, size_t at)
{
    size_t wanted = walk->wanted ? walk->wanted : MESSAGE_HEADER;
    size_t missing = covered < wanted ? wanted - covered : 0;
    size_t records = (missing + RECORD_MAX - 1) / RECORD_MAX;
    return at + records * RECORD_HEADER + missing;
}

static struct parse walk_records(struct span bytes, struct walk *walk)
{
    size_t at = 0;
    size_t covered = 0;
    while (walk->wanted == 0 || covered < walk->wanted) {
        struct span header = span_first(span_after(bytes, at), RECORD_HEADER);
        if (!is_record_header(header))
            return parsed_bad(END_HELLO_BAD);
        if (header.size < RECORD_HEADER)
            return PARSED_MORE;
        size_t size = (size_t)header.data[3] << 8 | header.data[4];
        if (!walk_record(walk, bytes, at, size))
            return parsed_bad(END_HELLO_BAD);
        at += RECORD_HEADER + size;
        covered += size;
        if (least_wire_bytes(walk, covered, at) > HELLO_MAX_BYTES)
            return parsed_bad(END_HELLO_TOO_BIG);
        if (walk->found < covered)
            return PARSED_MORE;
    }
    walk->wire_bytes = at;
    return PARSED_DONE;
}

// ---- the message

// Reads the message out of records that walk_records found complete. `left` is what the innermost
// vector still holds; asking for more than that breaks the reader, which from then on gives zeros.
struct reader {
    const uint8_t *at;
    size_t in_record;
    size_t left;
    bool is_broken;
};

static bool reader_has(struct reader *reader, size_t bytes)
{
    if (reader->left < bytes)
        reader->is_broken = true;
    return !reader->is_broken;
}

// The bytes at the front that lie together, at most `most`; takes them.
static struct span take_run(struct reader *reader, size_t most)
{
    if (reader->in_record == 0) {
        reader->in_record = (size_t)reader->at[3] << 8 | reader->at[4];
        reader->at += RECORD_HEADER;
    }
    struct span run = span_first(span_of(reader->at, reader->in_record), most);
    reader->at += run.size;
    reader->in_record -= run.size;
    reader->left -= run.size;
    return run;
}

static bool take_bytes(struct reader *reader, uint8_t *out, size_t bytes)
{
    if (!reader_has(reader, bytes))
        return false;
    while (bytes > 0) {
        struct span run = take_run(reader, bytes);
        memcpy(out, run.data, run.size);
        out += run.size;
        bytes -= run.size;
    }
    return true;
}

static void skip_bytes(struct reader *reader, size_t bytes)
{
    if (!reader_has(reader, bytes))
        return;
    while (bytes > 0)
        bytes -= take_run(reader, bytes).size;
}

// A number of `width` bytes, most significant first.
static unsigned take_number(struct reader *reader, size_t width)
{
    uint8_t digits[3] = {0};
    unsigned value = 0;
    if (!take_bytes(reader, digits, width))
        return 0;
    for (size_t i = 0; i < width; i++)
        value = value << 8 | digits[i];
    return value;
}

// Goes into a vector whose length stands before it in `width` bytes; returns what lies after it,
// for leave.
static size_t enter(struct reader *reader, size_t width)
{
    size_t size = take_number(reader, width);
    if (!reader_has(reader, size))
        return 0;
    size_t outer = reader->left - size;
    reader->left = size;
    return outer;
}

// Goes out of a vector; what was not read of it breaks the reader.
static void leave(struct reader *reader, size_t outer)
{
    if (reader->left != 0)
        reader->is_broken = true;
    reader->left = reader->is_broken ? 0 : outer;
}

static void require(struct reader *reader, bool condition)
{
    if (!condition)
        reader->is_broken = true;
}

static bool goes_on(const struct reader *reader)
{
    return !reader->is_broken && reader->left > 0;
}

// A host name; or an IPv6 address, which some clients send though they should not: it is the name
// of no site. Nothing at all is no name.
static bool read_name(struct span text, struct hello *hello)
{
    if (span_is_empty(text) || host_name_parse(text, hello->name, &hello->name_size))
        return true;
    if (!host_is_ipv6(text))
        return false;
    for (size_t i = 0; i < text.size; i++)
        hello->name[i] = ascii_lower(text.data[i]);
    hello->name_size = text.size;
    return true;
}

// RFC 6066 section 3: one name of the one type there is. An empty list is left to TLS to refuse.
static void read_server_name(struct reader *reader, struct hello *hello)
{
    uint8_t text[HELLO_NAME_MAX + 1]; // a last dot may stand after the longest name
    size_t after_list = enter(reader, 2);
    if (!goes_on(reader)) {
        leave(reader, after_list);
        return;
    }
    require(reader, take_number(reader, 1) == 0);
    size_t after_name = enter(reader, 2);
    size_t size = reader->left;
    require(reader, size <= sizeof text);
    if (take_bytes(reader, text, size))
        require(reader, read_name(span_of(text, size), hello));
    leave(reader, after_name);
    leave(reader, after_list);
}

static void read_alpn(struct reader *reader, struct hello *hello)
{
    uint8_t text[UINT8_MAX];
    size_t after_list = enter(reader, 2);
    hello->has_alpn = true;
    require(reader, reader->left > 0);
    while (goes_on(reader)) {
        size_t after_name = enter(reader, 1);
        struct span name = span_of(text, reader->left);
        require(reader, name.size > 0);
        if (take_bytes(reader, text, name.size)) {
            hello->alpn_h2 |= span_equal(name, SPAN("h2"));
            hello->alpn_http11 |= span_equal(name, SPAN("http/1.1"));
        }
        leave(reader, after_name);
    }
    leave(reader, after_list);
}

static void read_versions(struct reader *reader, struct hello *hello)
{
    size_t after_list = enter(reader, 1);
    hello->version_max = 0;
    require(reader, reader->left > 0);
    while (goes_on(reader)) {
        unsigned version = take_number(reader, 2);
        if (version >> 8 == 3 && version > hello->version_max)
            hello->version_max = version;
    }
    leave(reader, after_list);
}

// One bit for each extension that is read; none of them may come twice (RFC 8446 section 4.2).
static unsigned extension_bit(unsigned type)
{
    switch (type) {
    case EXTENSION_SERVER_NAME:
        return 1;
    case EXTENSION_ALPN:
        return 2;
    case EXTENSION_SUPPORTED_VERSIONS:
        return 4;
    case EXTENSION_ECH:
        return 8;
    default:
        return 0;
    }
}

static void read_extension(struct reader *reader, struct hello *hello, unsigned *seen)
{
    unsigned type = take_number(reader, 2);
    size_t after_extension = enter(reader, 2);
    require(reader, (*seen & extension_bit(type)) == 0);
    *seen |= extension_bit(type);
    switch (type) {
    case EXTENSION_SERVER_NAME:
        read_server_name(reader, hello);
        break;
    case EXTENSION_ALPN:
        read_alpn(reader, hello);
        break;
    case EXTENSION_SUPPORTED_VERSIONS:
        read_versions(reader, hello);
        break;
    case EXTENSION_ECH:
        hello->has_ech = true;
        skip_bytes(reader, reader->left);
        break;
    default:
        skip_bytes(reader, reader->left);
        break;
    }
    leave(reader, after_extension);
}

// A vector of `least` to `most` bytes that says nothing to us.
static void skip_vector(struct reader *reader, size_t width, size_t least, size_t most)
{
    size_t after_vector = enter(reader, width);
    require(reader, reader->left >= least && reader->left <= most);
    skip_bytes(reader, reader->left);
    leave(reader, after_vector);
}

static void read_message(struct reader *reader, struct hello *hello)
{
    unsigned seen = 0;
    skip_bytes(reader, MESSAGE_HEADER);
    hello->version_max = take_number(reader, 2);
    require(reader, hello->version_max >> 8 == 3);
    if (hello->version_max > 0x0303)
        hello->version_max = 0x0303; // a higher one is only offered in supported_versions
    skip_bytes(reader, 32);          // random
    skip_vector(reader, 1, 0, SESSION_ID_MAX);
    skip_vector(reader, 2, 2, UINT16_MAX - 1); // cipher suites
    skip_vector(reader, 1, 1, UINT8_MAX);      // compression methods
    if (!goes_on(reader))
        return;
    size_t after_list = enter(reader, 2);
    while (goes_on(reader))
        read_extension(reader, hello, &seen);
    leave(reader, after_list);
    require(reader, reader->left == 0);
}

struct parse hello_read(struct span bytes, struct hello *ret_hello)
{
    struct walk walk = {0};
    struct parse parse = walk_records(bytes, &walk);
    if (parse.state != PARSE_DONE)
        return parse;
    struct hello hello = {.wire_bytes = walk.wire_bytes};
    struct reader reader = {.at = bytes.data, .left = walk.wanted};
    read_message(&reader, &hello);
    if (reader.is_broken)
        return parsed_bad(END_HELLO_BAD);
    *ret_hello = hello;
    return PARSED_DONE;
}
