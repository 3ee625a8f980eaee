// SPDX-License-Identifier: Apache-2.0
// Reads NTLM messages. Pure; every offset and length is compared with the message before it is
// used, and the challenge responses never leave this file.
#include "wire/ntlm.h"

#define FIELDS_BYTES      8 // length, allocated length, offset
#define TYPE1_FLAGS       12
#define TYPE1_DOMAIN      16
#define TYPE1_WORKSTATION 24
#define TYPE1_VERSION     32
#define TYPE2_TARGET      12
#define TYPE2_FLAGS       20
#define TYPE2_INFO        40
#define TYPE2_VERSION     48
#define TYPE3_LM          12
#define TYPE3_NT          20
#define TYPE3_DOMAIN      28
#define TYPE3_USER        36
#define TYPE3_WORKSTATION 44
#define TYPE3_KEY         52
#define TYPE3_FLAGS       60
#define TYPE3_VERSION     64
#define NTLMV1_BYTES      24
#define NTLMV2_AV_PAIRS   44 // after proof, header, time, client challenge and reserved bytes

enum av_id {
    AV_END = 0,
    AV_NETBIOS_COMPUTER = 1,
    AV_NETBIOS_DOMAIN = 2,
    AV_DNS_COMPUTER = 3,
    AV_DNS_DOMAIN = 4,
    AV_DNS_TREE = 5,
    AV_FLAGS = 6,
    AV_TIMESTAMP = 7,
    AV_TARGET_NAME = 9,
    AV_CHANNEL_BINDINGS = 10,
    AV_SEEN_BITS = 11,
};

static uint16_t u16_at(struct span s, size_t at)
{
    return (uint16_t)(s.data[at] | s.data[at + 1] << 8);
}

static uint32_t u32_at(struct span s, size_t at)
{
    return (uint32_t)u16_at(s, at) | (uint32_t)u16_at(s, at + 2) << 16;
}

static bool has(struct span s, size_t at, size_t bytes)
{
    return s.size >= at && s.size - at >= bytes;
}

// What the fields at `at` point to. Empty, and the message not whole, when that lies outside.
static struct span payload(struct span message, size_t at, struct ntlm *ntlm)
{
    if (!has(message, at, FIELDS_BYTES)) {
        ntlm->is_whole = false;
        return (struct span){0};
    }
    size_t length = u16_at(message, at);
    size_t offset = u32_at(message, at + 4);
    if (length == 0)
        return (struct span){0};
    if (!has(message, offset, length)) {
        ntlm->is_whole = false;
        return (struct span){0};
    }
    return span_first(span_after(message, offset), length);
}

// Where the payload begins, or the end of the message without any: older senders put it where newer
// ones have flags, version and MIC.
static size_t payload_start(struct span message, const uint8_t fields[], size_t count)
{
    size_t start = message.size;
    for (size_t i = 0; i < count; i++) {
        if (!has(message, fields[i], FIELDS_BYTES) || u16_at(message, fields[i]) == 0)
            continue;
        size_t offset = u32_at(message, fields[i] + 4u);
        if (offset < start)
            start = offset;
    }
    return start;
}

static void read_version(struct span message, size_t at, size_t start, struct ntlm *ntlm)
{
    if (!(ntlm->flags & NTLM_FLAG_VERSION) || !has(message, at, 8) || start < at + 8)
        return;
    ntlm->has_version = true;
    ntlm->version_major = message.data[at];
    ntlm->version_minor = message.data[at + 1];
    ntlm->version_build = u16_at(message, at + 2);
}

static uint64_t u64_of(struct span value)
{
    return u32_at(value, 0) | (uint64_t)u32_at(value, 4) << 32;
}

static void take_av_pair(unsigned id, struct span value, struct ntlm *ntlm)
{
    switch (id) {
    case AV_NETBIOS_COMPUTER:
        ntlm->netbios_computer = value;
        break;
    case AV_NETBIOS_DOMAIN:
        ntlm->netbios_domain = value;
        break;
    case AV_DNS_COMPUTER:
        ntlm->dns_computer = value;
        break;
    case AV_DNS_DOMAIN:
        ntlm->dns_domain = value;
        break;
    case AV_DNS_TREE:
        ntlm->dns_tree = value;
        break;
    case AV_FLAGS:
        ntlm->av_flags = value.size == 4 ? u32_at(value, 0) : 0;
        ntlm->has_mic = ntlm->av_flags & NTLM_AV_MIC;
        break;
    case AV_TIMESTAMP:
        ntlm->filetime = value.size == 8 ? u64_of(value) : 0;
        break;
    case AV_TARGET_NAME:
        ntlm->spn = value;
        break;
    case AV_CHANNEL_BINDINGS:
        ntlm->channel_binding = value.size == 16 ? value : (struct span){0};
        break;
    default:
        break;
    }
}

// The first pair of each kind counts, as for the server. False when the list has no proper end.
static bool read_av_pairs(struct span list, struct ntlm *ntlm)
{
    uint32_t seen = 0;

    while (has(list, 0, 4)) {
        unsigned id = u16_at(list, 0);
        size_t length = u16_at(list, 2);
        if (id == AV_END)
            return length == 0;
        if (!has(list, 4, length))
            return false;
        if (id < AV_SEEN_BITS && !(seen & 1u << id)) {
            seen |= 1u << id;
            take_av_pair(id, span_first(span_after(list, 4), length), ntlm);
        }
        list = span_after(list, 4 + length);
    }
    return false;
}

static void read_type1(struct span message, struct ntlm *ntlm)
{
    static const uint8_t fields[] = {TYPE1_DOMAIN, TYPE1_WORKSTATION};

    if (!has(message, TYPE1_FLAGS, 4)) {
        ntlm->is_whole = false;
        return;
    }
    ntlm->flags = u32_at(message, TYPE1_FLAGS);
    if (ntlm->flags & NTLM_FLAG_OEM_DOMAIN)
        ntlm->domain.bytes = payload(message, TYPE1_DOMAIN, ntlm);
    if (ntlm->flags & NTLM_FLAG_OEM_WORKSTATION)
        ntlm->workstation.bytes = payload(message, TYPE1_WORKSTATION, ntlm);
    read_version(message, TYPE1_VERSION, payload_start(message, fields, sizeof(fields)), ntlm);
}

static void read_type2(struct span message, struct ntlm *ntlm)
{
    static const uint8_t fields[] = {TYPE2_TARGET, TYPE2_INFO};

    if (!has(message, TYPE2_FLAGS, 4)) {
        ntlm->is_whole = false;
        return;
    }
    ntlm->flags = u32_at(message, TYPE2_FLAGS);
    ntlm->domain.bytes = payload(message, TYPE2_TARGET, ntlm);
    ntlm->domain.is_unicode = ntlm->flags & NTLM_FLAG_UNICODE;
    read_version(message, TYPE2_VERSION, payload_start(message, fields, sizeof(fields)), ntlm);
    if (!(ntlm->flags & NTLM_FLAG_TARGET_INFO))
        return;
    struct span info = payload(message, TYPE2_INFO, ntlm);
    if (info.size && !read_av_pairs(info, ntlm))
        ntlm->is_whole = false;
}

static void read_response(struct span message, struct ntlm *ntlm)
{
    struct span lm = payload(message, TYPE3_LM, ntlm);
    struct span nt = payload(message, TYPE3_NT, ntlm);

    if (nt.size == 0) {
        bool lm_is_empty = lm.size == 0 || (lm.size == 1 && lm.data[0] == 0);
        ntlm->is_anonymous = ntlm->is_whole && lm_is_empty && span_is_empty(ntlm->user.bytes);
        return;
    }
    ntlm->response_version = nt.size > NTLMV1_BYTES ? 2 : 1;
    if (nt.size <= NTLMV1_BYTES)
        return;
    if (!read_av_pairs(span_after(nt, NTLMV2_AV_PAIRS), ntlm))
        ntlm->is_whole = false;
}

static void read_type3(struct span message, struct ntlm *ntlm)
{
    static const uint8_t fields[] = {TYPE3_LM,   TYPE3_NT,          TYPE3_DOMAIN,
                                     TYPE3_USER, TYPE3_WORKSTATION, TYPE3_KEY};
    size_t start = payload_start(message, fields, sizeof(fields));

    if (start >= TYPE3_FLAGS)
        payload(message, TYPE3_KEY, ntlm); // only to see that it is there
    if (start >= TYPE3_FLAGS + 4 && has(message, TYPE3_FLAGS, 4))
        ntlm->flags = u32_at(message, TYPE3_FLAGS);
    read_version(message, TYPE3_VERSION, start, ntlm);
    bool is_unicode = ntlm->flags & NTLM_FLAG_UNICODE;
    ntlm->domain = (struct ntlm_name){payload(message, TYPE3_DOMAIN, ntlm), is_unicode};
    ntlm->user = (struct ntlm_name){payload(message, TYPE3_USER, ntlm), is_unicode};
    ntlm->workstation = (struct ntlm_name){payload(message, TYPE3_WORKSTATION, ntlm), is_unicode};
    read_response(message, ntlm);
}

bool ntlm_read(struct span message, struct ntlm *ret_ntlm)
{
    static const uint8_t signature[8] = "NTLMSSP";

    if (message.size < 12 || memcmp(message.data, signature, sizeof(signature)) != 0)
        return false;
    uint32_t type = u32_at(message, 8);
    if (type < 1 || type > 3)
        return false;
    *ret_ntlm = (struct ntlm){.type = type, .is_whole = true};
    if (type == 1)
        read_type1(message, ret_ntlm);
    else if (type == 2)
        read_type2(message, ret_ntlm);
    else
        read_type3(message, ret_ntlm);
    return true;
}
