// SPDX-License-Identifier: Apache-2.0
// Reads the clear parts of Kerberos messages. Pure; nothing sealed is looked at.
#include "wire/kerberos.h"

#include "wire/spnego.h"

#define AP_REQ    DER_APPLICATION(14)
#define AP_REP    DER_APPLICATION(15)
#define KRB_ERROR 0x7eu // application 30
#define TICKET    DER_APPLICATION(1)

#define TOK_IAKERB_PROXY 0x0501u

static unsigned tok_of(enum kerberos_kind kind)
{
    static const uint16_t toks[] = {
        [KERBEROS_REQUEST] = 0x0100,
        [KERBEROS_REPLY] = 0x0200,
        [KERBEROS_ERROR] = 0x0300,
        [KERBEROS_IAKERB] = TOK_IAKERB_PROXY,
    };
    return toks[kind];
}

// PrincipalName in [n]: name-type [0], name-string [1].
static bool read_name(struct der *fields, unsigned n, struct kerberos *kerberos)
{
    struct der name;
    struct der parts;
    struct der part;

    if (!der_take_in(fields, n, DER_SEQUENCE, &name) || !der_seek(&name, DER_CONTEXT(1)) ||
        !der_take_in(&name, 1, DER_SEQUENCE, &parts))
        return false;
    while (parts.rest.size > 0) {
        if (!der_take(&parts, DER_STRING, &part))
            return parts.is_cut;
        if (kerberos->name_part_count < KERBEROS_NAME_PARTS_MAX)
            kerberos->name_parts[kerberos->name_part_count++] = part.rest;
    }
    return true;
}

// EncryptedData in [n]: etype [0], kvno [1] optional, cipher [2], which is not looked at.
static bool read_etype(struct der *fields, unsigned n, struct der *ret_seal, int *ret_etype)
{
    int64_t etype;

    if (!der_take_in(fields, n, DER_SEQUENCE, ret_seal) ||
        !der_take_integer_in(ret_seal, 0, DER_INTEGER, &etype) || etype < INT32_MIN ||
        etype > INT32_MAX)
        return false;
    *ret_etype = (int)etype;
    return true;
}

static bool read_seal(struct der *fields, struct kerberos *kerberos)
{
    struct der seal;
    int64_t kvno;

    if (!read_etype(fields, 3, &seal, &kerberos->etype))
        return false;
    // Some write this unsigned number as a signed one of the same 32 bits.
    if (der_take_integer_in(&seal, 1, DER_INTEGER, &kvno))
        kerberos->kvno = kvno & UINT32_MAX;
    return true;
}

// Ticket in [3]: realm [1], sname [2], enc-part [3].
static bool read_ticket(struct der *fields, struct kerberos *kerberos)
{
    struct der wrapped;
    struct der ticket;
    struct der ticket_fields;
    struct der realm;

    if (!der_take(fields, DER_CONTEXT(3), &wrapped))
        return false;
    kerberos->ticket_bytes = wrapped.is_cut ? 0 : wrapped.rest.size;
    if (!der_take(&wrapped, TICKET, &ticket) || !der_take(&ticket, DER_SEQUENCE, &ticket_fields) ||
        !der_seek(&ticket_fields, DER_CONTEXT(1)) ||
        !der_take_in(&ticket_fields, 1, DER_STRING, &realm))
        return false;
    kerberos->realm = realm.rest;
    return read_name(&ticket_fields, 2, kerberos) && read_seal(&ticket_fields, kerberos);
}

// A BIT STRING of 32 bits, first bit highest, in [2]. Anything else is left for others to judge.
static void read_options(struct der *fields, struct kerberos *kerberos)
{
    struct der bits;
    if (!der_take_in(fields, 2, DER_BITS, &bits) || bits.rest.size != 5)
        return;
    for (size_t i = 1; i < bits.rest.size; i++)
        kerberos->ap_options = kerberos->ap_options << 8 | bits.rest.data[i];
}

// What stands around the ticket is told where it can be read; only a broken ticket is refused.
static bool read_request(struct der message, struct kerberos *kerberos)
{
    struct der fields;
    struct der seal;

    if (!der_take(&message, DER_SEQUENCE, &fields))
        return false;
    struct der ahead = fields;
    if (der_seek(&ahead, DER_CONTEXT(2)))
        read_options(&ahead, kerberos);
    if (!der_seek(&fields, DER_CONTEXT(3)) || !read_ticket(&fields, kerberos))
        return false;
    bool has_sender = read_etype(&fields, 4, &seal, &kerberos->sender_etype);
    (void)has_sender; // 0 says as much
    return true;
}

static bool number_at(struct span digits, size_t at, size_t count, int64_t *ret_value)
{
    uint64_t value;
    if (!span_to_u64(span_first(span_after(digits, at), count), &value))
        return false;
    *ret_value = (int64_t)value;
    return true;
}

// Days from 1970-01-01 to a date of the Gregorian calendar, counted from March so that a leap day
// ends a year.
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t march_year = month > 2 ? year : year - 1;
    int64_t march_month = month > 2 ? month - 3 : month + 9;
    int64_t era_years = march_year * 365 + march_year / 4 - march_year / 100 + march_year / 400;
    return era_years + (153 * march_month + 2) / 5 + day - 1 - 719468;
}

// KerberosTime: YYYYMMDDHHMMSSZ, nothing else. -1 for anything else.
static int64_t seconds_of(struct span text)
{
    int64_t year, month, day, hour, minute, second;

    if (text.size != 15 || text.data[14] != 'Z' || !number_at(text, 0, 4, &year) ||
        !number_at(text, 4, 2, &month) || !number_at(text, 6, 2, &day) ||
        !number_at(text, 8, 2, &hour) || !number_at(text, 10, 2, &minute) ||
        !number_at(text, 12, 2, &second))
        return -1;
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 ||
        second > 60)
        return -1;
    return days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
}

static bool read_error(struct der message, struct kerberos *kerberos)
{
    struct der fields;
    struct der text;
    int64_t code;

    if (!der_take(&message, DER_SEQUENCE, &fields) || !der_seek(&fields, DER_CONTEXT(4)))
        return false;
    if (der_take_in(&fields, 4, DER_TIME, &text))
        kerberos->server_time = seconds_of(text.rest);
    if (!der_seek(&fields, DER_CONTEXT(6)) ||
        !der_take_integer_in(&fields, 6, DER_INTEGER, &code) || code < 0 || code > INT32_MAX)
        return false;
    kerberos->error = (int)code;
    if (der_seek(&fields, DER_CONTEXT(9)) && der_take_in(&fields, 9, DER_STRING, &text)) {
        kerberos->realm = text.rest;
        return read_name(&fields, 10, kerberos);
    }
    return true;
}

static bool is_kerberos(struct span oid)
{
    enum token_mech mech = spnego_mech_of(oid);
    return mech == TOKEN_MECH_KERBEROS || mech == TOKEN_MECH_MS_KERBEROS ||
           mech == TOKEN_MECH_KERBEROS_U2U || mech == TOKEN_MECH_IAKERB;
}

// Takes the GSS frame off, if there is one. `ret_tok` is the TOK_ID in it, 0 without a frame.
static bool unframe(struct der *message, unsigned *ret_tok)
{
    struct der frame;
    struct der oid;

    *ret_tok = 0;
    if (!der_is_at(message, DER_APPLICATION(0)))
        return true;
    if (!der_take(message, DER_APPLICATION(0), &frame) || !der_take(&frame, DER_OID, &oid) ||
        !is_kerberos(oid.rest) || frame.rest.size < 2)
        return false;
    *ret_tok = (unsigned)frame.rest.data[0] << 8 | frame.rest.data[1];
    frame.rest = span_after(frame.rest, 2);
    *message = frame;
    return true;
}

bool kerberos_read(struct der message, struct kerberos *ret_kerberos)
{
    struct kerberos kerberos = {.kvno = -1, .error = -1, .server_time = -1};
    struct der content;
    unsigned tok;
    unsigned tag;
    bool is_read = false;

    if (!unframe(&message, &tok))
        return false;
    if (tok == TOK_IAKERB_PROXY) {
        kerberos.kind = KERBEROS_IAKERB;
        *ret_kerberos = kerberos;
        return true;
    }
    if (!der_next(&message, &tag, &content))
        return false;
    if (tag == AP_REQ) {
        kerberos.kind = KERBEROS_REQUEST;
        is_read = read_request(content, &kerberos);
    } else if (tag == AP_REP) {
        kerberos.kind = KERBEROS_REPLY;
        is_read = der_is_at(&content, DER_SEQUENCE);
    } else if (tag == KRB_ERROR) {
        kerberos.kind = KERBEROS_ERROR;
        is_read = read_error(content, &kerberos);
    }
    if (!is_read || (tok != 0 && tok != tok_of(kerberos.kind)))
        return false;
    *ret_kerberos = kerberos;
    return true;
}
