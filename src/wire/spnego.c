// SPDX-License-Identifier: Apache-2.0
// Reads SPNEGO. Pure and without recursion: SPNEGO inside SPNEGO is not followed.
#include "wire/spnego.h"

#define NEG_TOKEN_INIT DER_CONTEXT(0)
#define NEG_TOKEN_RESP DER_CONTEXT(1)

#define OID(...)                                                                                   \
    {                                                                                              \
        (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})                     \
    }

static const struct {
    struct span oid;
    enum token_mech mech;
} mechs[] = {
    {OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02), TOKEN_MECH_KERBEROS},
    // 1.2.840.48018.1.2.2: an encoding slip of Windows 2000 that every Windows still offers
    {OID(0x2a, 0x86, 0x48, 0x82, 0xf7, 0x12, 0x01, 0x02, 0x02), TOKEN_MECH_MS_KERBEROS},
    {OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02, 0x03), TOKEN_MECH_KERBEROS_U2U},
    {OID(0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0a), TOKEN_MECH_NTLM},
    {OID(0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x1e), TOKEN_MECH_NEGOEX},
    {OID(0x2b, 0x06, 0x01, 0x05, 0x02, 0x05), TOKEN_MECH_IAKERB},
};

static const struct span spnego_oid = OID(0x2b, 0x06, 0x01, 0x05, 0x05, 0x02);

enum token_mech spnego_mech_of(struct span oid)
{
    for (size_t i = 0; i < sizeof(mechs) / sizeof(mechs[0]); i++)
        if (span_equal(mechs[i].oid, oid))
            return mechs[i].mech;
    return TOKEN_MECH_OTHER;
}

static bool read_mech_types(struct der *fields, struct spnego *spnego)
{
    struct der list;
    struct der oid;

    if (!der_is_at(fields, DER_CONTEXT(0)))
        return true; // left out by some when there is only one mechanism
    if (!der_take_in(fields, 0, DER_SEQUENCE, &list))
        return false;
    while (list.rest.size > 0) {
        if (!der_take(&list, DER_OID, &oid))
            return list.is_cut;
        if (spnego->mech_count < SPNEGO_MECHS_MAX)
            spnego->mechs[spnego->mech_count++] = (uint8_t)spnego_mech_of(oid.rest);
    }
    return true;
}

static bool read_inner_token(struct der *fields, struct spnego *spnego)
{
    if (!der_seek(fields, DER_CONTEXT(2)))
        return fields->rest.size == 0 || fields->is_cut;
    return der_take_in(fields, 2, DER_OCTETS, &spnego->mech_token);
}

static bool read_response_fields(struct der *fields, struct spnego *spnego)
{
    struct der oid;
    int64_t state;

    if (der_is_at(fields, DER_CONTEXT(0))) {
        if (!der_take_integer_in(fields, 0, DER_ENUMERATED, &state))
            return false;
        if (state < SPNEGO_COMPLETED || state > SPNEGO_REQUEST_MIC)
            return false;
        spnego->neg_state = (int)state;
    }
    if (der_is_at(fields, DER_CONTEXT(1))) {
        if (!der_take_in(fields, 1, DER_OID, &oid))
            return false;
        spnego->mechs[spnego->mech_count++] = (uint8_t)spnego_mech_of(oid.rest);
    }
    return true;
}

// Takes the GSS frame off, if there is one and it names SPNEGO.
static bool unframe(struct der *message)
{
    struct der frame;
    struct der oid;

    if (!der_is_at(message, DER_APPLICATION(0)))
        return true;
    if (!der_take(message, DER_APPLICATION(0), &frame) || !der_take(&frame, DER_OID, &oid))
        return false;
    *message = frame;
    return span_equal(oid.rest, spnego_oid);
}

bool spnego_read(struct der message, struct spnego *ret_spnego)
{
    struct spnego spnego = {.neg_state = -1};
    struct der choice;
    struct der fields;

    if (!unframe(&message))
        return false;
    spnego.is_response = der_is_at(&message, NEG_TOKEN_RESP);
    if (!der_take(&message, spnego.is_response ? NEG_TOKEN_RESP : NEG_TOKEN_INIT, &choice) ||
        !der_take(&choice, DER_SEQUENCE, &fields))
        return false;
    if (spnego.is_response ? !read_response_fields(&fields, &spnego)
                           : !read_mech_types(&fields, &spnego))
        return false;
    if (!read_inner_token(&fields, &spnego))
        return false;
    *ret_spnego = spnego;
    return true;
}
