// SPDX-License-Identifier: Apache-2.0
// See spnego.h. A DER reader of definite lengths, and a writer that builds from the inside out.
#include "spnego.h"

static const uint8_t oid_spnego[] = {0x2b, 6, 1, 5, 5, 2};
static const uint8_t oid_ntlm[] = {0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 2, 0x0a};
static const uint8_t oid_kerberos[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 1, 2, 2};
static const uint8_t oid_ms_kerberos[] = {0x2a, 0x86, 0x48, 0x82, 0xf7, 0x12, 1, 2, 2};

#define SPAN(array) ((struct span){array, sizeof array})

// Takes one element off the front of *in.
static bool der_take(struct span *in, uint8_t *ret_tag, struct span *ret_value)
{
    if (in->len < 2)
        return false;
    size_t len = in->at[1], head = 2;
    if (len & 0x80) {
        size_t more = len & 0x7f;
        if (more == 0 || more > 4 || in->len < 2 + more)
            return false;
        len = 0;
        for (size_t i = 0; i < more; i++)
            len = len << 8 | in->at[2 + i];
        head += more;
    }
    if (len > in->len - head)
        return false;
    *ret_tag = in->at[0];
    *ret_value = span_cut(*in, head, len);
    *in = span_cut(*in, head + len, in->len);
    return true;
}

static bool der_enter(struct span in, uint8_t tag, struct span *ret_value)
{
    uint8_t found;
    struct span value;
    if (!der_take(&in, &found, &value) || found != tag)
        return false;
    *ret_value = value;
    return true;
}

static void read_mech_types(struct span list, struct spnego_init *init)
{
    struct span oid;
    uint8_t tag;
    for (bool first = true; der_take(&list, &tag, &oid); first = false) {
        bool ntlm = tag == 6 && span_is(oid, SPAN(oid_ntlm));
        init->ntlm_offered |= ntlm;
        init->ntlm_first |= ntlm && first;
        init->kerberos_offered |= span_is(oid, SPAN(oid_kerberos));
        init->kerberos_offered |= span_is(oid, SPAN(oid_ms_kerberos));
    }
}

bool spnego_read_init(struct span in, struct spnego_init *ret_init)
{
    struct span body = in, value, oid;
    uint8_t tag;
    if (der_enter(in, 0x60, &body))
        if (!der_take(&body, &tag, &oid) || tag != 6 || !span_is(oid, SPAN(oid_spnego)))
            return false;
    if (!der_enter(body, 0xa0, &body) || !der_enter(body, 0x30, &body))
        return false;
    struct spnego_init init = {0};
    while (body.len > 0) {
        if (!der_take(&body, &tag, &value))
            return false;
        if (tag == 0xa0) {
            struct span list;
            init.mech_types = value;
            if (!der_enter(value, 0x30, &list))
                return false;
            read_mech_types(list, &init);
        } else if (tag == 0xa2 && !der_enter(value, 0x04, &init.token)) {
            return false;
        }
    }
    *ret_init = init;
    return init.mech_types.len > 0;
}

bool spnego_read_response(struct span in, struct spnego_response *ret_response)
{
    struct span body, value;
    uint8_t tag;
    if (!der_enter(in, 0xa1, &body) || !der_enter(body, 0x30, &body))
        return false;
    struct spnego_response response = {0};
    while (body.len > 0) {
        if (!der_take(&body, &tag, &value))
            return false;
        if (tag == 0xa2 && !der_enter(value, 0x04, &response.token))
            return false;
        if (tag == 0xa3 && !der_enter(value, 0x04, &response.mic))
            return false;
    }
    *ret_response = response;
    return true;
}

static void der_add(struct buffer *out, uint8_t tag, struct span value)
{
    uint8_t head[4] = {tag, (uint8_t)value.len};
    size_t len = 2;
    if (value.len > 255) {
        head[1] = 0x82;
        head[2] = (uint8_t)(value.len >> 8);
        head[3] = (uint8_t)value.len;
        len = 4;
    } else if (value.len > 127) {
        head[1] = 0x81;
        head[2] = (uint8_t)value.len;
        len = 3;
    }
    buffer_add(out, head, len);
    buffer_add_span(out, value);
}

// [tag] { inner_tag value }
static void der_add_wrapped(struct buffer *out, uint8_t tag, uint8_t inner_tag, struct span value)
{
    struct buffer inner = {0};
    der_add(&inner, inner_tag, value);
    der_add(out, tag, buffer_span(&inner));
    buffer_done(&inner);
}

void spnego_add_response(struct buffer *out, enum spnego_state state, bool name_mech,
                         struct span token, struct span mic)
{
    struct buffer fields = {0};
    uint8_t code = (uint8_t)state;
    der_add_wrapped(&fields, 0xa0, 0x0a, (struct span){&code, 1});
    if (name_mech)
        der_add_wrapped(&fields, 0xa1, 0x06, SPAN(oid_ntlm));
    if (token.len)
        der_add_wrapped(&fields, 0xa2, 0x04, token);
    if (mic.len)
        der_add_wrapped(&fields, 0xa3, 0x04, mic);
    der_add_wrapped(out, 0xa1, 0x30, buffer_span(&fields));
    buffer_done(&fields);
}

bool spnego_find_ap_req(struct span in, struct span *ret_ap_req)
{
    struct spnego_init init;
    struct span oid;
    uint8_t tag;
    if (spnego_read_init(in, &init))
        in = init.token;
    if (!der_enter(in, 0x60, &in) || !der_take(&in, &tag, &oid))
        return false;
    if (tag != 6 || !span_is(oid, SPAN(oid_kerberos)))
        return false;
    if (in.len < 3 || in.at[0] != 1 || in.at[1] != 0)
        return false;
    *ret_ap_req = span_cut(in, 2, in.len);
    return true;
}
