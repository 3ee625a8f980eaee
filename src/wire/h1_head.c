// SPDX-License-Identifier: Apache-2.0
// Reads HTTP/1.1 heads into spans over the bytes they came in. On the hot path of every exchange:
// one pass in wide steps proves the bytes sane, then lines are found by memchr; nothing is copied
// or allocated.
#include "wire/h1_head.h"

#include "base/check.h"
#include "wire/host.h"
#include "wire/octet.h"

#define EMPTY_LINES_MAX 2
#define LENGTH_MAX      INT64_MAX

_Static_assert(FIELD_COUNT <= 64, "head.present has one bit per field");

// ---- the end of a head

static struct parse line_fits(size_t line_start, size_t line_end, const struct head_limits *limits)
{
    if (line_end - line_start > limits->line_bytes)
        return parsed_bad(END_HEADER_TOO_BIG);
    return line_end + 2 > limits->head_bytes ? parsed_bad(END_HEAD_TOO_BIG) : PARSED_DONE;
}

struct parse h1_head_end(struct span bytes, const struct head_limits *limits, size_t *scanned,
                         size_t *ret_head_bytes)
{
    size_t start = *scanned;
    for (;;) {
        size_t feed = start + span_find(span_after(bytes, start), '\n');
        bool is_ended = feed < bytes.size;
        bool has_return = feed > start && bytes.data[feed - 1] == '\r';
        size_t end = feed - (has_return ? 1 : 0);
        struct parse fit = line_fits(start, end, limits);
        *scanned = start;
        if (is_ended && !has_return)
            return parsed_bad(END_BARE_CR_LF);
        if (fit.state == PARSE_BAD)
            return fit;
        if (!is_ended)
            return PARSED_MORE;
        start = feed + 1;
        if (end == feed - 1 && end == *scanned) {
            *ret_head_bytes = start;
            return PARSED_DONE;
        }
    }
}

size_t h1_skip_empty_lines(struct span bytes)
{
    size_t skipped = 0;
    while (skipped < 2 * EMPTY_LINES_MAX &&
           span_starts_with(span_after(bytes, skipped), SPAN("\r\n")))
        skipped += 2;
    return skipped;
}

// ---- the bytes of a head

typedef uint8_t wide __attribute__((vector_size(16)));

static wide wide_load(const uint8_t *from)
{
    wide bytes;
    memcpy(&bytes, from, sizeof bytes);
    return bytes;
}

// Non-zero lanes where a byte may not stand in a head, given the byte that follows each.
static wide wide_faults(wide bytes, wide next)
{
    wide controls = (wide)(bytes < 0x20) & (wide)(bytes != '\t') & (wide)(bytes != '\r') &
                    (wide)(bytes != '\n');
    return controls | (wide)(bytes == 0x7f) | ((wide)(bytes == '\r') ^ (wide)(next == '\n'));
}

static bool wide_is_zero(wide bytes)
{
    uint64_t halves[2];
    memcpy(halves, &bytes, sizeof halves);
    return (halves[0] | halves[1]) == 0;
}

static bool is_fault(uint8_t c, uint8_t next)
{
    return ((c < 0x20 || c == 0x7f) && c != '\t' && c != '\r' && c != '\n') ||
           (c == '\r') != (next == '\n');
}

// Position of the first control byte, bare CR or (by the byte before it) bare LF; size - 1 when
// there is none, as the last byte has no next one: it must be the LF of the empty line.
static size_t find_fault(struct span bytes)
{
    size_t at = 0;
    size_t last = bytes.size - 1;
    while (at + sizeof(wide) <= last) {
        const uint8_t *from = bytes.data + at;
        if (!wide_is_zero(wide_faults(wide_load(from), wide_load(from + 1))))
            break;
        at += sizeof(wide);
    }
    while (at < last && !is_fault(bytes.data[at], bytes.data[at + 1]))
        at++;
    return at;
}

// What is wrong with the bytes as such; `in_line` and `in_field` are the reasons for a control byte
// in the first line and in the others.
static struct status check_bytes(struct span head_bytes, enum end in_line, enum end in_field)
{
    if (!span_ends_with(head_bytes, SPAN("\r\n")) || head_bytes.data[0] == '\n')
        return failed(END_BARE_CR_LF);
    size_t at = find_fault(head_bytes);
    if (at == head_bytes.size - 1)
        return OK;
    if (head_bytes.data[at] == '\r' || head_bytes.data[at + 1] == '\n')
        return failed(END_BARE_CR_LF);
    return failed(span_find(head_bytes, '\n') < at ? in_field : in_line);
}

// Takes a line, without its CRLF, off the front of bytes that passed check_bytes.
static struct span take_line(struct span *rest)
{
    size_t feed = span_find(*rest, '\n');
    struct span line = span_first(*rest, feed - 1);
    *rest = span_after(*rest, feed + 1);
    return line;
}

// ---- fields

static const struct span field_names[FIELD_COUNT] = {
#define FIELD(id, name) [FIELD_##id] = {(const uint8_t *)(name), sizeof(name) - 1},
#include "wire/field.tbl"
#undef FIELD
};

struct span field_id_name(enum field_id id)
{
    CHECK(id < FIELD_COUNT);
    return field_names[id];
}

#define KNOWN_SIZE_MAX 19

// The only field that a name of this size and first letter can mean; 0 is FIELD_OTHER. A field that
// is missing here is found by the test of field.tbl.
static const uint8_t field_candidates[KNOWN_SIZE_MAX + 1][26] = {
    [2]['t' - 'a'] = FIELD_TE,
    [3]['v' - 'a'] = FIELD_VIA,
    [4]['h' - 'a'] = FIELD_HOST,
    [6]['e' - 'a'] = FIELD_EXPECT,
    [7]['a' - 'a'] = FIELD_ALT_SVC,
    [7]['t' - 'a'] = FIELD_TRAILER,
    [7]['u' - 'a'] = FIELD_UPGRADE,
    [9]['f' - 'a'] = FIELD_FORWARDED,
    [10]['c' - 'a'] = FIELD_CONNECTION,
    [10]['k' - 'a'] = FIELD_KEEP_ALIVE,
    [13]['a' - 'a'] = FIELD_AUTHORIZATION,
    [14]['c' - 'a'] = FIELD_CONTENT_LENGTH,
    [15]['f' - 'a'] = FIELD_FRONT_END_HTTPS,
    [15]['p' - 'a'] = FIELD_PERSISTENT_AUTH,
    [15]['x' - 'a'] = FIELD_X_FORWARDED_FOR,
    [16]['p' - 'a'] = FIELD_PROXY_CONNECTION,
    [16]['w' - 'a'] = FIELD_WWW_AUTHENTICATE,
    [16]['x' - 'a'] = FIELD_X_FORWARDED_HOST,
    [17]['t' - 'a'] = FIELD_TRANSFER_ENCODING,
    [17]['x' - 'a'] = FIELD_X_FORWARDED_PROTO,
    [18]['p' - 'a'] = FIELD_PROXY_AUTHENTICATE,
    [19]['p' - 'a'] = FIELD_PROXY_AUTHORIZATION,
};

static enum field_id field_candidate(struct span name)
{
    if (span_is_empty(name) || name.size > KNOWN_SIZE_MAX)
        return FIELD_OTHER;
    unsigned letter = ascii_lower(name.data[0]) - (unsigned)'a';
    enum field_id id = letter < 26 ? field_candidates[name.size][letter] : FIELD_OTHER;
    if (id == FIELD_X_FORWARDED_HOST && ascii_lower(name.data[12]) == 'p')
        id = FIELD_X_FORWARDED_PORT; // the one pair that size and letter do not tell apart
    return id;
}

enum field_id field_id_of(struct span name)
{
    enum field_id id = field_candidate(name);
    if (id == FIELD_OTHER)
        return FIELD_OTHER;
    return span_equal_nocase(name, field_names[id]) ? id : FIELD_OTHER;
}

static struct span trim_blanks(const uint8_t *from, const uint8_t *to)
{
    while (from < to && (*from == ' ' || *from == '\t'))
        from++;
    while (from < to && (to[-1] == ' ' || to[-1] == '\t'))
        to--;
    return span_of(from, (size_t)(to - from));
}

static struct status field_parse(struct span line, struct field *field)
{
    size_t colon = 0;
    while (colon < line.size && octet_is(line.data[colon], OCTET_TOKEN))
        colon++;
    if (colon == 0 && (line.data[0] == ' ' || line.data[0] == '\t'))
        return failed(END_HEADER_FOLDED);
    if (colon == 0 || colon == line.size || line.data[colon] != ':')
        return failed(END_HEADER_BAD);
    field->name = span_first(line, colon);
    field->value = trim_blanks(line.data + colon + 1, line.data + line.size);
    field->line = line;
    field->id = field_id_of(field->name);
    return OK;
}

static struct status fields_parse(struct span rest, struct head *head)
{
    head->field_count = 0;
    head->present = 0;
    for (;;) {
        if (span_is_empty(rest))
            return failed(END_HEADER_BAD);
        struct span line = take_line(&rest);
        if (span_is_empty(line))
            return span_is_empty(rest) ? OK : failed(END_HEADER_BAD);
        if (head->field_count == HEAD_FIELDS_MAX)
            return failed(END_HEAD_TOO_BIG);
        struct field *field = &head->fields[head->field_count++];
        TRY(field_parse(line, field));
        head->present |= 1ull << field->id;
    }
}

static bool head_has(const struct head *head, enum field_id id)
{
    return (head->present >> id & 1) != 0;
}

const struct field *head_field(const struct head *head, enum field_id id)
{
    CHECK(id > FIELD_OTHER && id < FIELD_COUNT);
    if (!head_has(head, id))
        return NULL;
    const struct field *field = head->fields;
    while (field->id != id)
        field++;
    return field;
}

static bool is_repeated(const struct head *head, const struct field *first)
{
    const struct field *end = head->fields + head->field_count;
    for (const struct field *field = first + 1; field < end; field++)
        if (field->id == first->id)
            return true;
    return false;
}

static bool value_lists(struct span value, struct span token)
{
    while (!span_is_empty(value)) {
        struct span item = span_cut(&value, ',');
        if (span_equal_nocase(trim_blanks(item.data, item.data + item.size), token))
            return true;
    }
    return false;
}

bool head_lists(const struct head *head, enum field_id id, struct span token)
{
    if (!head_has(head, id))
        return false;
    for (size_t i = 0; i < head->field_count; i++)
        if (head->fields[i].id == id && value_lists(head->fields[i].value, token))
            return true;
    return false;
}

bool head_field_is_hop(const struct head *head, const struct field *field)
{
    switch (field->id) {
    case FIELD_CONNECTION:
    case FIELD_KEEP_ALIVE:
    case FIELD_PROXY_CONNECTION:
    case FIELD_TE:
    case FIELD_TRANSFER_ENCODING:
    case FIELD_UPGRADE:
        return true;
    case FIELD_OTHER:
        return head_lists(head, FIELD_CONNECTION, field->name);
    default:
        return false;
    }
}

// ---- what the fields mean for the connection

// Every other field is compared with every name that Connection lists, so the list must be short.
static bool has_few_options(const struct head *head)
{
    size_t commas = 0;
    for (size_t i = 0; head_has(head, FIELD_CONNECTION) && i < head->field_count; i++) {
        const struct field *field = &head->fields[i];
        for (size_t at = 0; field->id == FIELD_CONNECTION && at < field->value.size; at++)
            commas += field->value.data[at] == ',';
    }
    return commas < HEAD_OPTIONS_MAX;
}

static bool is_upgrade(const struct head *head)
{
    return head->minor_version == 1 && head_has(head, FIELD_UPGRADE) &&
           head_lists(head, FIELD_CONNECTION, SPAN("upgrade"));
}

static bool is_persistent(const struct head *head)
{
    if (head_lists(head, FIELD_CONNECTION, SPAN("close")))
        return false;
    return head->minor_version == 1 || head_lists(head, FIELD_CONNECTION, SPAN("keep-alive"));
}

// Body and length by the fields alone: BODY_NONE when neither is there.
static struct status framing_parse(struct head *head)
{
    const struct field *length = head_field(head, FIELD_CONTENT_LENGTH);
    const struct field *encoding = head_field(head, FIELD_TRANSFER_ENCODING);
    head->body = BODY_NONE;
    head->length = 0;
    if (length && (encoding || is_repeated(head, length)))
        return failed(END_FRAMING_AMBIGUOUS);
    if (encoding) {
        if (head->minor_version == 0 || is_repeated(head, encoding) ||
            !span_equal_nocase(encoding->value, SPAN("chunked")))
            return failed(END_ENCODING_BAD);
        head->body = BODY_CHUNKED;
    }
    if (length) {
        if (!span_to_u64(length->value, &head->length) || head->length > LENGTH_MAX)
            return failed(END_LENGTH_BAD);
        head->body = BODY_LENGTH;
    }
    return OK;
}

// "HTTP/" DIGIT "." DIGIT; any other text is not a version at all.
static bool version_parse(struct span text, unsigned *ret_major, unsigned *ret_minor)
{
    if (text.size != 8 || !span_starts_with(text, SPAN("HTTP/")) || text.data[6] != '.')
        return false;
    unsigned major = text.data[5] - (unsigned)'0';
    unsigned minor = text.data[7] - (unsigned)'0';
    if (major > 9 || minor > 9)
        return false;
    *ret_major = major;
    *ret_minor = minor;
    return true;
}

// ---- requests

static bool is_token(struct span text)
{
    for (size_t i = 0; i < text.size; i++)
        if (!octet_is(text.data[i], OCTET_TOKEN))
            return false;
    return !span_is_empty(text);
}

static struct status request_line_parse(struct span line, struct request_head *request)
{
    unsigned major = 0;
    unsigned minor = 0;
    request->method = span_cut(&line, ' ');
    request->target_text = span_cut(&line, ' ');
    if (!is_token(request->method) || span_is_empty(request->target_text) ||
        !version_parse(line, &major, &minor))
        return failed(END_REQUEST_LINE_BAD);
    if (major != 1 || minor > 1)
        return failed(END_REQUEST_VERSION);
    request->head.minor_version = minor;
    request->is_head = span_equal(request->method, SPAN("HEAD"));
    request->is_connect = span_equal(request->method, SPAN("CONNECT"));
    bool is_options = span_equal(request->method, SPAN("OPTIONS"));
    if (!target_parse(request->target_text, request->is_connect, is_options, &request->target))
        return failed(END_REQUEST_TARGET_BAD);
    return OK;
}

static unsigned port_or(const struct host *host, unsigned standard)
{
    return host->port ? host->port : standard;
}

// Does the authority of the target name what Host names? A port that is left out is the one of the
// scheme; for CONNECT, which has no scheme, the one of the target.
static bool authority_agrees(const struct target *target, const struct host *host)
{
    struct host authority;
    if (!host_parse(target->authority, &authority))
        return false;
    unsigned standard = target->is_https ? 443 : 80;
    if (target->form == TARGET_AUTHORITY)
        standard = authority.port;
    return span_equal(host_name(&authority), host_name(host)) &&
           port_or(&authority, standard) == port_or(host, standard);
}

static struct status host_field_parse(struct request_head *request)
{
    struct host host;
    const struct field *field = head_field(&request->head, FIELD_HOST);
    request->host = field ? field->value : request->target.authority;
    if (!field)
        return request->head.minor_version == 0 ? OK : failed(END_HOST_MISSING);
    if (is_repeated(&request->head, field))
        return failed(END_HOST_REPEATED);
    if (!host_parse(field->value, &host))
        return failed(END_HOST_BAD);
    if (!span_is_empty(request->target.authority) && !authority_agrees(&request->target, &host))
        return failed(END_HOST_MISMATCH);
    return OK;
}

// Upgrade = 1#( token [ "/" token ] ); a comma after the last one is forgiven.
static bool is_protocol_list(struct span value)
{
    do {
        struct span item = span_cut(&value, ',');
        item = trim_blanks(item.data, item.data + item.size);
        size_t slash = span_find(item, '/');
        if (!is_token(span_first(item, slash)))
            return false;
        if (slash < item.size && !is_token(span_after(item, slash + 1)))
            return false;
    } while (!span_is_empty(value));
    return true;
}

static struct status upgrade_parse(struct request_head *request)
{
    struct head *head = &request->head;
    head->wants_upgrade = is_upgrade(head);
    if (!head->wants_upgrade)
        return OK;
    for (size_t i = 0; i < head->field_count; i++)
        if (head->fields[i].id == FIELD_UPGRADE && !is_protocol_list(head->fields[i].value))
            return failed(END_UPGRADE_BAD);
    return request->is_connect ? failed(END_UPGRADE_BAD) : OK;
}

struct status h1_request_parse(struct span head_bytes, struct request_head *ret_head)
{
    struct head *head = &ret_head->head;
    TRY(check_bytes(head_bytes, END_REQUEST_LINE_BAD, END_HEADER_BAD));
    struct span rest = head_bytes;
    TRY(request_line_parse(take_line(&rest), ret_head));
    TRY(fields_parse(rest, head));
    if (!has_few_options(head))
        return failed(END_HEADER_BAD);
    TRY(host_field_parse(ret_head));
    TRY(framing_parse(head));
    if (ret_head->is_connect && (head->body == BODY_CHUNKED || head->length > 0))
        return failed(END_FRAMING_AMBIGUOUS);
    TRY(upgrade_parse(ret_head));
    head->is_persistent = is_persistent(head);
    ret_head->expects_continue =
        head->minor_version == 1 && head_lists(head, FIELD_EXPECT, SPAN("100-continue"));
    return OK;
}

// ---- responses

// "HTTP/1.x" SP 3DIGIT [ SP reason ]: many servers leave the last space out.
static bool status_line_parse(struct span line, struct response_head *response)
{
    unsigned major = 0;
    uint64_t status = 0;
    struct span version = span_cut(&line, ' ');
    struct span digits = span_cut(&line, ' ');
    if (!version_parse(version, &major, &response->head.minor_version) || major != 1 ||
        response->head.minor_version > 1)
        return false;
    if (digits.size != 3 || !span_to_u64(digits, &status) || status < 100)
        return false;
    response->status = (unsigned)status;
    response->reason = line;
    return true;
}

static bool has_no_body(unsigned status, bool to_head, bool to_connect)
{
    return to_head || status < 200 || status == 204 || status == 304 ||
           (to_connect && status < 300);
}

static void response_body(struct response_head *response, bool to_head, bool to_connect)
{
    struct head *head = &response->head;
    if (has_no_body(response->status, to_head, to_connect)) {
        head->body = BODY_NONE;
        head->length = 0;
    } else if (head->body == BODY_NONE) {
        head->body = BODY_UNTIL_CLOSE;
    }
    head->is_persistent = head->body != BODY_UNTIL_CLOSE && is_persistent(head);
    head->wants_upgrade = is_upgrade(head);
}

struct status h1_response_parse(struct span head_bytes, bool to_head, bool to_connect,
                                struct response_head *ret_head)
{
    struct span rest = head_bytes;
    if (!is_ok(check_bytes(head_bytes, END_RESPONSE_BAD, END_RESPONSE_BAD)) ||
        !status_line_parse(take_line(&rest), ret_head))
        return failed(END_RESPONSE_BAD);
    struct status fields = fields_parse(rest, &ret_head->head);
    if (fields.end == END_HEAD_TOO_BIG)
        return failed(END_RESPONSE_TOO_BIG);
    if (!is_ok(fields) || !has_few_options(&ret_head->head))
        return failed(END_RESPONSE_BAD);
    if (!is_ok(framing_parse(&ret_head->head)))
        return failed(END_RESPONSE_FRAMING);
    response_body(ret_head, to_head, to_connect);
    return OK;
}
