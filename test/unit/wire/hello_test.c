// SPDX-License-Identifier: Apache-2.0
// ClientHellos of real clients (test/fixtures/hello) and of no client: how they are read, in
// records of every size and split at every byte, and which are refused.
#include "wire/hello.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define NAME         "www.example.test"

// ---- making hellos

struct bytes {
    size_t size;
    uint8_t data[512 * 1024];
};

static struct bytes message; // the handshake message being made
static struct bytes wire;    // the same in records

static struct span bytes_span(const struct bytes *bytes)
{
    return span_of(bytes->data, bytes->size);
}

static void add(struct bytes *bytes, struct span piece)
{
    assert_true(piece.size <= sizeof bytes->data - bytes->size);
    if (piece.size)
        memcpy(bytes->data + bytes->size, piece.data, piece.size);
    bytes->size += piece.size;
}

static void add_number(struct bytes *bytes, size_t width, size_t value)
{
    while (width-- > 0) {
        uint8_t digit = (uint8_t)(value >> (8 * width));
        add(bytes, span_of(&digit, 1));
    }
}

static void set_number(size_t at, size_t width, size_t value)
{
    for (size_t i = 0; i < width; i++)
        message.data[at + i] = (uint8_t)(value >> (8 * (width - 1 - i)));
}

// Everything before the extensions, whose length is still 0.
#define HEAD_SIZE 43

static void begin(void)
{
    message.size = 0;
    add(&message, SPAN("\x01\0\0\0\x03\x03"));
    for (int i = 0; i < 32; i++)
        add(&message, SPAN("R"));
    add(&message, SPAN("\0\0\x02\x13\x01\x01\0"));
    assert_int_equal(message.size, HEAD_SIZE + 2);
    add(&message, SPAN("\0\0"));
}

static void add_extension(unsigned type, struct span content)
{
    add_number(&message, 2, type);
    add_number(&message, 2, content.size);
    add(&message, content);
}

static void add_name(struct span name)
{
    static struct bytes list;
    list.size = 0;
    add_number(&list, 2, name.size + 3);
    add_number(&list, 1, 0);
    add_number(&list, 2, name.size);
    add(&list, name);
    add_extension(0, bytes_span(&list));
}

static void set_message_size(void)
{
    set_number(1, 3, message.size - 4);
}

static void finish(void)
{
    set_number(HEAD_SIZE + 2, 2, message.size - HEAD_SIZE - 4);
    set_message_size();
}

// Puts the message into records of `record_bytes`.
static void wrap(size_t record_bytes)
{
    struct span rest = bytes_span(&message);
    wire.size = 0;
    while (!span_is_empty(rest)) {
        struct span part = span_first(rest, record_bytes);
        add(&wire, SPAN("\x16\x03\x01"));
        add_number(&wire, 2, part.size);
        add(&wire, part);
        rest = span_after(rest, part.size);
    }
}

// The message out of records.
static void unwrap(struct span records)
{
    message.size = 0;
    while (!span_is_empty(records)) {
        assert_true(records.size > 5);
        size_t size = (size_t)records.data[3] << 8 | records.data[4];
        add(&message, span_first(span_after(records, 5), size));
        records = span_after(records, 5 + size);
    }
}

static struct hello hello;

static enum end read_end(struct span records)
{
    struct parse parse = hello_read(records, &hello);
    assert_int_not_equal(parse.state, PARSE_MORE);
    return parse.end;
}

// ---- reading them split

// From memory of exactly that size.
static enum parse_state read_exactly(struct span records)
{
    uint8_t *copy = malloc(records.size ? records.size : 1);
    struct hello unused;
    assert_non_null(copy);
    if (records.size)
        memcpy(copy, records.data, records.size);
    enum parse_state state = hello_read(span_of(copy, records.size), &unused).state;
    free(copy);
    return state;
}

// Every part of a good hello wants more; the whole of it, and whatever follows, is read.
static void assert_read_split(struct span records)
{
    struct hello split;
    for (size_t size = 0; size < records.size; size++) {
        struct span part = span_first(records, size);
        if (records.size > 20000)
            assert_int_equal(hello_read(part, &split).state, PARSE_MORE);
        else
            assert_int_equal(read_exactly(part), PARSE_MORE);
    }
    memset(&hello, 0xa5, sizeof hello);
    assert_int_equal(read_end(records), END_OK);
    assert_int_equal(hello.wire_bytes, records.size);
}

static void assert_name(const char *wanted)
{
    if (!span_equal(hello_name(&hello), span_text(wanted)))
        fail_msg("got \"%.*s\", wanted \"%s\"", SPAN_PRINT(hello_name(&hello)), wanted);
}

// ---- real clients

static const struct fixture {
    const char *file;
    const char *name;
    unsigned version_max;
    bool alpn_http11;
    bool alpn_h2;
    bool has_ech;
    size_t size_min;
} fixtures[] = {
    {"openssl", NAME, 0x0304, true, true, false, 200},
    {"openssl-tls12", NAME, 0x0303, false, false, false, 200},
    {"openssl-no-name", "", 0x0304, false, false, false, 200},
    {"curl", NAME, 0x0304, true, true, false, 500},
    {"curl-http11", NAME, 0x0304, true, false, false, 500},
    {"wget", "localhost", 0x0304, false, false, false, 200},
    {"python-upper-dot", NAME, 0x0304, false, false, false, 200},
    {"chromium", NAME, 0x0304, true, true, true, 1700},
    {"firefox", NAME, 0x0304, true, true, true, 1700},
};

static struct span read_fixture(const char *name)
{
    static uint8_t data[16 * 1024];
    char path[512];
    const char *root = getenv("SOURCE_ROOT");
    snprintf(path, sizeof path, "%s/test/fixtures/hello/%s.bin", root ? root : ".", name);
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("cannot read %s", path);
    size_t size = fread(data, 1, sizeof data, file);
    fclose(file);
    return span_of(data, size);
}

static void assert_fixture(const struct fixture *fixture)
{
    assert_name(fixture->name);
    assert_int_equal(hello.version_max, fixture->version_max);
    assert_int_equal(hello.alpn_http11, fixture->alpn_http11);
    assert_int_equal(hello.alpn_h2, fixture->alpn_h2);
    assert_int_equal(hello.has_alpn, fixture->alpn_http11 || fixture->alpn_h2);
    assert_int_equal(hello.has_ech, fixture->has_ech);
}

static void real_hellos_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(fixtures); i++) {
        struct span records = read_fixture(fixtures[i].file);
        assert_true(records.size >= fixtures[i].size_min);
        assert_int_equal(first_bytes_look(records), FIRST_BYTES_TLS);
        assert_read_split(records);
        assert_fixture(&fixtures[i]);
    }
}

static void real_hellos_are_read_in_records_of_any_size(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 3, 4, 5, 64, 100, 256, 1000, 16384};
    for (size_t i = 0; i < COUNT(fixtures); i++) {
        unwrap(read_fixture(fixtures[i].file));
        for (size_t j = 0; j < COUNT(sizes); j++) {
            wrap(sizes[j]);
            assert_read_split(bytes_span(&wire));
            assert_fixture(&fixtures[i]);
        }
    }
}

static void what_follows_a_hello_is_left_alone(void **state)
{
    (void)state;
    unwrap(read_fixture("chromium"));
    wrap(64);
    size_t size = wire.size;
    add(&wire, SPAN("\x17\x03\x03\0\0anything"));
    assert_int_equal(read_end(bytes_span(&wire)), END_OK);
    assert_int_equal(hello.wire_bytes, size);
}

// ---- made ones

static void make_named(struct span name)
{
    begin();
    add_name(name);
    finish();
    wrap(16384);
}

static void names_are_made_plain(void **state)
{
    (void)state;
    static char longest[257];
    for (size_t i = 0; i < 256; i++)
        longest[i] = i % 50 == 49 || i == 255 ? '.' : 'n';
    static const char *const names[][2] = {
        {"a", "a"},       {NAME, NAME},           {"WWW.Example.TEST", NAME},
        {NAME ".", NAME}, {"my_host", "my_host"}, {"192.0.2.1", "192.0.2.1"},
        {"::1", "::1"},   {"", ""},               {"2001:DB8::192.0.2.1", "2001:db8::192.0.2.1"},
    };
    for (size_t i = 0; i < COUNT(names); i++) {
        make_named(span_text(names[i][0]));
        assert_read_split(bytes_span(&wire));
        assert_name(names[i][1]);
    }
    make_named(span_text(longest));
    assert_int_equal(read_end(bytes_span(&wire)), END_OK);
    assert_int_equal(hello.name_size, HELLO_NAME_MAX);
}

static void bad_names_are_refused(void **state)
{
    (void)state;
    static const struct span names[] = {
        {(const uint8_t *)".", 1},
        {(const uint8_t *)"a..b", 4},
        {(const uint8_t *)"a\0b", 3},
        {(const uint8_t *)"a\0", 2},
        {(const uint8_t *)"a b", 3},
        {(const uint8_t *)":::", 3},
        {(const uint8_t *)"fe80::1%1", 9},
        {(const uint8_t *)"a:443", 5},
        {(const uint8_t *)"[::1]", 5},
        {(const uint8_t *)"*.a", 3},
        {(const uint8_t *)"caf\xc3\xa9", 5},
        {(const uint8_t *)"a/b", 3},
    };
    for (size_t i = 0; i < COUNT(names); i++) {
        make_named(names[i]);
        assert_int_equal(read_end(bytes_span(&wire)), END_HELLO_BAD);
    }
    static char too_long[257];
    memset(too_long, 'n', sizeof too_long);
    for (size_t i = 49; i < sizeof too_long; i += 50)
        too_long[i] = '.';
    make_named(span_of(too_long, 256));
    assert_int_equal(read_end(bytes_span(&wire)), END_HELLO_BAD);
    make_named(span_of(too_long, 257));
    assert_int_equal(read_end(bytes_span(&wire)), END_HELLO_BAD);
}

struct extension_case {
    unsigned type;
    struct span content;
    enum end end;
};

#define EXTENSION(type, text, end)                                                                 \
    {                                                                                              \
        type, {(const uint8_t *)(text), sizeof(text) - 1}, END_##end                               \
    }

static const struct extension_case extensions[] = {
    EXTENSION(0, "\0\x04\0\0\x01n", OK),
    EXTENSION(0, "", HELLO_BAD),
    EXTENSION(0, "\0", HELLO_BAD),
    EXTENSION(0, "\0\0", OK), // a list of no name
    EXTENSION(0, "\0\0\0", HELLO_BAD),
    EXTENSION(0, "\0\x05\0\0\x01n", HELLO_BAD),          // the list is longer than the extension
    EXTENSION(0, "\0\x03\0\0\x01n", HELLO_BAD),          // and shorter
    EXTENSION(0, "\0\x04\0\0\x02n", HELLO_BAD),          // the name is longer than the list
    EXTENSION(0, "\0\x05\0\0\x01nn", HELLO_BAD),         // and shorter
    EXTENSION(0, "\0\x04\0\0\x01n!", HELLO_BAD),         // more behind the list
    EXTENSION(0, "\0\x04\x01\0\x01n", HELLO_BAD),        // not a host name
    EXTENSION(0, "\0\x08\0\0\x01n\0\0\x01m", HELLO_BAD), // two names
    EXTENSION(0, "\0\x08\0\0\x01n\x01\0\x01m", HELLO_BAD),
    EXTENSION(16, "\0\x03\x02h2", OK),
    EXTENSION(16, "\0\x0c\x02h2\x08http/1.1", OK),
    EXTENSION(16, "", HELLO_BAD),
    EXTENSION(16, "\0\0", HELLO_BAD),
    EXTENSION(16, "\0\x01\0", HELLO_BAD), // an empty protocol
    EXTENSION(16, "\0\x04\x02h2\0", HELLO_BAD),
    EXTENSION(16, "\0\x03\x03h2", HELLO_BAD),
    EXTENSION(16, "\0\x03\x01h2", HELLO_BAD),
    EXTENSION(16, "\0\x02\x02h2", HELLO_BAD),
    EXTENSION(43, "\x02\x03\x04", OK),
    EXTENSION(43, "", HELLO_BAD),
    EXTENSION(43, "\0", HELLO_BAD),
    EXTENSION(43, "\x01\x03", HELLO_BAD),
    EXTENSION(43, "\x03\x03\x04\x03", HELLO_BAD),
    EXTENSION(43, "\x04\x03\x04", HELLO_BAD),
    EXTENSION(43, "\x02\x03\x04\x03", HELLO_BAD),
    EXTENSION(0xfe0d, "", OK),
    EXTENSION(0xfe0d, "\xff\xff\xff", OK),
    EXTENSION(0x0a0a, "", OK),
};

static void extensions_are_read_strictly(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(extensions); i++) {
        begin();
        add_extension(0xbaba, SPAN("\x01"));
        add_extension(extensions[i].type, extensions[i].content);
        finish();
        for (size_t record = 1; record <= 64; record *= 4) {
            wrap(record);
            enum end end = read_end(bytes_span(&wire));
            if (end != extensions[i].end)
                fail_msg("case %zu: %s", i, end_word(end));
        }
    }
}

static void an_extension_given_twice_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(extensions); i++) {
        if (extensions[i].end != END_OK)
            continue;
        begin();
        add_extension(extensions[i].type, extensions[i].content);
        add_extension(extensions[i].type, extensions[i].content);
        finish();
        wrap(16384);
        enum end wanted = extensions[i].type == 0x0a0a ? END_OK : END_HELLO_BAD;
        assert_int_equal(read_end(bytes_span(&wire)), wanted);
    }
}

static void versions_and_protocols_are_told(void **state)
{
    (void)state;
    begin();
    add_extension(43, SPAN("\x0a\x7a\x7a\x7f\x17\x03\x02\x03\x04\x03\x03"));
    add_extension(16, SPAN("\0\x13\x02\x0a\x0a\x08http/1.0\x06spdy/3"));
    finish();
    wrap(16384);
    assert_int_equal(read_end(bytes_span(&wire)), END_OK);
    assert_int_equal(hello.version_max, 0x0304);
    assert_true(hello.has_alpn);
    assert_false(hello.alpn_h2);
    assert_false(hello.alpn_http11);
    assert_false(hello.has_ech);
    assert_int_equal(hello.name_size, 0);
    begin();
    add_extension(43, SPAN("\x02\x7a\x7a")); // nothing but GREASE
    finish();
    wrap(16384);
    assert_int_equal(read_end(bytes_span(&wire)), END_OK);
    assert_int_equal(hello.version_max, 0);
    static const unsigned legacy[][2] = {
        {0x0300, 0x0300}, {0x0301, 0x0301}, {0x0303, 0x0303}, {0x0304, 0x0303}, {0x03ff, 0x0303}};
    for (size_t i = 0; i < COUNT(legacy); i++) {
        begin();
        finish();
        set_number(4, 2, legacy[i][0]);
        wrap(16384);
        assert_int_equal(read_end(bytes_span(&wire)), END_OK);
        assert_int_equal(hello.version_max, legacy[i][1]);
    }
}

static void a_hello_without_extensions_is_read(void **state)
{
    (void)state;
    begin();
    message.size = HEAD_SIZE + 2;
    set_message_size();
    wrap(16384);
    assert_read_split(bytes_span(&wire));
    assert_int_equal(hello.name_size, 0);
    assert_int_equal(hello.version_max, 0x0303);
}

// Takes a good message and makes one number in it lie.
static void a_length_that_lies_is_refused(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        size_t width;
        size_t value;
    } lies[] = {
        {0, 1, 2},                  // not a ClientHello
        {4, 2, 0x0203},             // its version
        {38, 1, 33},                // session id
        {38, 1, 255},               //
        {39, 2, 0},                 // cipher suites
        {39, 2, 0xffff},            //
        {43, 1, 0},                 // compression methods
        {43, 1, 255},               //
        {HEAD_SIZE + 2, 2, 0},      // extensions
        {HEAD_SIZE + 2, 2, 4},      //
        {HEAD_SIZE + 2, 2, 0xff},   //
        {HEAD_SIZE + 6, 2, 0},      // server_name
        {HEAD_SIZE + 6, 2, 7},      //
        {HEAD_SIZE + 6, 2, 0xffff}, //
    };
    for (size_t i = 0; i < COUNT(lies); i++) {
        make_named(SPAN(NAME));
        assert_int_equal(read_end(bytes_span(&wire)), END_OK);
        set_number(lies[i].at, lies[i].width, lies[i].value);
        wrap(16384);
        assert_int_equal(read_end(bytes_span(&wire)), END_HELLO_BAD);
        wrap(7);
        assert_int_equal(read_end(bytes_span(&wire)), END_HELLO_BAD);
    }
}

// Where the extensions begin: session id, cipher suites and compression methods lie before them.
static size_t extensions_at(void)
{
    const uint8_t *ciphers = message.data + 39 + message.data[38];
    const uint8_t *compression = ciphers + 2 + ((size_t)ciphers[0] << 8 | ciphers[1]);
    return (size_t)(compression - message.data) + 1 + compression[0];
}

static void every_shorter_message_is_refused(void **state)
{
    (void)state;
    unwrap(read_fixture("chromium"));
    size_t bare = extensions_at(); // a hello may end here
    for (size_t size = message.size - 1; size >= 4; size--) {
        message.size = size;
        set_message_size();
        wrap(16384);
        assert_int_equal(read_end(bytes_span(&wire)), size == bare ? END_OK : END_HELLO_BAD);
    }
}

static void records_are_read_strictly(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint8_t value;
        enum end end;
    } faults[] = {
        {0, 21, END_HELLO_BAD}, // an alert
        {0, 23, END_HELLO_BAD}, // application data
        {0, 'G', END_HELLO_BAD}, {1, 2, END_HELLO_BAD}, {1, 4, END_HELLO_BAD},
        {2, 5, END_HELLO_BAD},   {2, 0, END_OK},        {2, 4, END_OK},
    };
    for (size_t i = 0; i < COUNT(faults); i++) {
        make_named(SPAN(NAME));
        wrap(30);
        wire.data[faults[i].at] = faults[i].value;
        assert_int_equal(read_end(bytes_span(&wire)), faults[i].end);
        if (faults[i].end == END_OK)
            continue;
        assert_int_equal(read_end(span_of(wire.data, faults[i].at + 1)), faults[i].end);
        wrap(30);
        wire.data[35 + faults[i].at] = faults[i].value; // in the second record
        assert_int_equal(read_end(bytes_span(&wire)), faults[i].end);
    }
    assert_int_equal(read_end(SPAN("\x16\x03\x01\0\0")), END_HELLO_BAD);     // an empty record
    assert_int_equal(read_end(SPAN("\x16\x03\x01\x40\x01")), END_HELLO_BAD); // 16385 bytes
    assert_int_equal(read_end(SPAN("\x16\x03\x01\0\x05\x02")), END_HELLO_BAD);
    assert_int_equal(read_end(SPAN("\x80\x2e\x01\x03\x01")), END_HELLO_BAD); // SSLv2
}

static void more_in_the_last_record_is_refused(void **state)
{
    (void)state;
    make_named(SPAN(NAME));
    add(&message, SPAN("x"));
    wrap(16384);
    assert_int_equal(read_end(bytes_span(&wire)), END_HELLO_BAD);
    assert_int_equal(read_end(span_first(bytes_span(&wire), 9)), END_HELLO_BAD);
    wrap(30);
    assert_int_equal(read_end(bytes_span(&wire)), END_HELLO_BAD);
}

// A padding extension that brings the message to `size` bytes.
static void make_big(size_t size)
{
    static uint8_t zeros[UINT16_MAX];
    begin();
    add_name(SPAN(NAME));
    size_t missing = size - message.size - 4;
    add_extension(21, span_of(zeros, missing));
    finish();
    assert_int_equal(message.size, size);
}

static void big_hellos_are_read_up_to_the_limit(void **state)
{
    (void)state;
    make_big(20000); // two records at least
    wrap(16384);
    assert_read_split(bytes_span(&wire));
    assert_name(NAME);
    make_big(60000);
    wrap(5000);
    assert_read_split(bytes_span(&wire));
    make_big(HELLO_MAX_BYTES - 4 * 5);
    wrap(16384);
    assert_int_equal(wire.size, HELLO_MAX_BYTES);
    assert_int_equal(read_end(bytes_span(&wire)), END_OK);
    assert_name(NAME);
}

// Refused, and never later than at the limit.
static void assert_too_big(void)
{
    assert_int_equal(read_end(bytes_span(&wire)), END_HELLO_TOO_BIG);
    assert_int_equal(read_end(span_first(bytes_span(&wire), HELLO_MAX_BYTES)), END_HELLO_TOO_BIG);
    bool was_refused = false;
    for (size_t size = 0; size <= HELLO_MAX_BYTES; size += 101) {
        struct parse parse = hello_read(span_first(bytes_span(&wire), size), &hello);
        assert_int_not_equal(parse.state, PARSE_DONE);
        assert_true(!was_refused || parse.end == END_HELLO_TOO_BIG);
        was_refused = parse.state == PARSE_BAD;
    }
    assert_true(was_refused);
}

static void bigger_hellos_are_refused(void **state)
{
    (void)state;
    make_big(HELLO_MAX_BYTES - 4 * 5 + 1);
    wrap(16384);
    assert_too_big();
    make_big(60000);
    wrap(20);
    assert_too_big();
    make_big(20000);
    wrap(1);
    assert_too_big();
    make_big(20000);
    set_number(1, 3, 0xffffff);
    wrap(16384);
    assert_int_equal(read_end(span_of(wire.data, 9)), END_HELLO_TOO_BIG);
}

// ---- the first bytes

struct first_case {
    struct span bytes;
    enum first_bytes first;
};

#define FIRST(text, kind)                                                                          \
    {                                                                                              \
        {(const uint8_t *)(text), sizeof(text) - 1}, FIRST_BYTES_##kind                            \
    }
#define T31 "0123456789012345678901234567890"

static const struct first_case firsts[] = {
    FIRST("", MORE),
    FIRST("\x16", MORE),
    FIRST("\x16\x03", MORE),
    FIRST("\x16\x03\x01", TLS),
    FIRST("\x16\x03\x04\xff", TLS),
    FIRST("\x16\x03\x05", OTHER),
    FIRST("\x16\x02", OTHER),
    FIRST("\x15\x03\x01", OTHER),
    FIRST("\x17", OTHER),
    FIRST("\x80\x2e\x01\x03\x01", OTHER),
    FIRST("G", MORE),
    FIRST("GET", MORE),
    FIRST("GET ", HTTP),
    FIRST("RDG_OUT_DATA /", HTTP),
    FIRST("get /", HTTP),
    FIRST("PRI * HTTP/2.0\r\n", HTTP),
    FIRST("\r", MORE),
    FIRST("\r\n", MORE),
    FIRST("\r\n\r", MORE),
    FIRST("\r\nGET ", HTTP),
    FIRST("\r\n\r\nGET ", HTTP),
    FIRST("\r\n\r\n\r", OTHER),
    FIRST("\rGET ", OTHER),
    FIRST("\n", OTHER),
    FIRST("GET\t", OTHER),
    FIRST("GET\r\n", OTHER),
    FIRST(" GET", OTHER),
    FIRST("GET/ ", OTHER),
    FIRST("{\"", OTHER),
    FIRST("\0", OTHER),
    FIRST("\xff", OTHER),
    FIRST(T31, MORE),
    FIRST(T31 " ", HTTP),
    FIRST(T31 "1", OTHER),
    FIRST(T31 "1 ", OTHER),
};

static void first_bytes_tell_what_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(firsts); i++)
        if (first_bytes_look(firsts[i].bytes) != firsts[i].first)
            fail_msg("case %zu: %u", i, (unsigned)first_bytes_look(firsts[i].bytes));
}

// Once told, more bytes change nothing; a part of what was told later is not told otherwise before.
static void first_bytes_never_change_their_mind(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(firsts); i++) {
        enum first_bytes before = FIRST_BYTES_MORE;
        for (size_t size = 0; size <= firsts[i].bytes.size; size++) {
            enum first_bytes now = first_bytes_look(span_first(firsts[i].bytes, size));
            assert_true(before == FIRST_BYTES_MORE || now == before);
            before = now;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_hellos_are_read),
        cmocka_unit_test(real_hellos_are_read_in_records_of_any_size),
        cmocka_unit_test(what_follows_a_hello_is_left_alone),
        cmocka_unit_test(names_are_made_plain),
        cmocka_unit_test(bad_names_are_refused),
        cmocka_unit_test(extensions_are_read_strictly),
        cmocka_unit_test(an_extension_given_twice_is_refused),
        cmocka_unit_test(versions_and_protocols_are_told),
        cmocka_unit_test(a_hello_without_extensions_is_read),
        cmocka_unit_test(a_length_that_lies_is_refused),
        cmocka_unit_test(every_shorter_message_is_refused),
        cmocka_unit_test(records_are_read_strictly),
        cmocka_unit_test(more_in_the_last_record_is_refused),
        cmocka_unit_test(big_hellos_are_read_up_to_the_limit),
        cmocka_unit_test(bigger_hellos_are_refused),
        cmocka_unit_test(first_bytes_tell_what_it_is),
        cmocka_unit_test(first_bytes_never_change_their_mind),
    };
    return cmocka_run_group_tests_name("wire/hello", tests, NULL, NULL);
}
