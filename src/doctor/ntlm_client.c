// SPDX-License-Identifier: Apache-2.0
// See ntlm_client.h. Everything read of the Type 2 is bounded by its length; everything secret
// lives in `struct secrets` or in the message, and both are wiped.
#include "doctor/ntlm_client.h"

#include <locale.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <wctype.h>

#include "base/filetime.h"
#include "base/text.h"
#include "doctor/frame.h"
#include "tls/tls.h"
#include "wire/ntlm.h"

enum {
    FLAG_REQUEST_TARGET = 0x4,
    FLAG_SIGN = 0x10,
    FLAG_NTLM = 0x200,
    FLAG_ALWAYS_SIGN = 0x8000,
    FLAG_EXTENDED_SECURITY = 0x80000,
    FLAG_128 = 0x20000000,
    FLAG_KEY_EXCHANGE = 0x40000000,

    AV_END = 0,
    AV_FLAGS = 6,
    AV_TIME = 7,
    AV_SPN = 9,
    AV_BINDING = 10,

    TYPE1_BYTES = 40,
    TYPE2_MIN = 48, // with the fields of the TargetInfo
    HEAD_BYTES = 72,
    MIC_BYTES = 16,
    NAME_UNITS_MAX = 512, // UTF-16 units of one text we send
};

#define FLAG_56 0x80000000u

#define OUR_FLAGS                                                                                  \
    (NTLM_FLAG_UNICODE | FLAG_REQUEST_TARGET | FLAG_SIGN | FLAG_NTLM | FLAG_ALWAYS_SIGN |          \
     FLAG_EXTENDED_SECURITY | NTLM_FLAG_TARGET_INFO | NTLM_FLAG_VERSION | FLAG_128 |               \
     FLAG_KEY_EXCHANGE | FLAG_56)

// "10.0", no build: what every server takes from every client.
static const uint8_t version[8] = {10, 0, 0, 0, 0, 0, 0, 15};
static const uint8_t zeros[24];

static void put16(struct text *out, size_t value)
{
    text_add(out, span_of((const uint8_t[]){(uint8_t)value, (uint8_t)(value >> 8)}, 2));
}

static void put32(struct text *out, size_t value)
{
    put16(out, value & 0xffff);
    put16(out, value >> 16 & 0xffff);
}

static unsigned get16(const uint8_t *at)
{
    return at[0] | (unsigned)at[1] << 8;
}

static uint32_t get32(const uint8_t *at)
{
    return get16(at) | (uint32_t)get16(at + 2) << 16;
}

// ---- texts

struct wide {
    uint8_t bytes[2 * NAME_UNITS_MAX];
    size_t size;
};

static struct span wide_span(const struct wide *wide)
{
    return span_of(wide->bytes, wide->size);
}

static bool wide_add(struct wide *wide, uint32_t point)
{
    if (wide->size + 4 > sizeof(wide->bytes))
        return false;
    uint32_t high = point > 0xffff ? 0xd800 + ((point - 0x10000) >> 10) : point;
    uint32_t low = point > 0xffff ? 0xdc00 + ((point - 0x10000) & 0x3ff) : 0;
    for (int i = 0; i < (low ? 2 : 1); i++) {
        uint32_t unit = i ? low : high;
        wide->bytes[wide->size++] = (uint8_t)unit;
        wide->bytes[wide->size++] = (uint8_t)(unit >> 8);
    }
    return true;
}

// One character of UTF-8; a byte that begins none stands for itself, as in Latin-1.
static uint32_t take_point(struct span *text)
{
    uint8_t first = text->data[0];
    size_t more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc2 ? 1 : 0;
    uint32_t point = more ? first & (0x3fu >> more) : first;

    for (size_t i = 1; i <= more; i++) {
        if (i >= text->size || (text->data[i] & 0xc0) != 0x80) {
            *text = span_after(*text, 1);
            return first;
        }
        point = point << 6 | (text->data[i] & 0x3f);
    }
    *text = span_after(*text, more + 1);
    return point > 0x10ffff ? 0xfffd : point;
}

// UTF-16LE. With `upper` (a locale of Unicode) in capitals. False when it is too long.
static bool wide_of(const char *text, locale_t upper, struct wide *ret_wide)
{
    struct span rest = span_text(text);

    ret_wide->size = 0;
    while (rest.size) {
        uint32_t point = take_point(&rest);
        if (upper)
            point = (uint32_t)towupper_l((wint_t)point, upper);
        if (!wide_add(ret_wide, point))
            return false;
    }
    return true;
}

// ---- the challenge

struct challenge {
    struct span message;
    const uint8_t *nonce; // 8 bytes
    uint32_t flags;
    struct span info;    // AV pairs without the end
    const uint8_t *time; // 8 bytes; NULL: none
};

// Walks the AV pairs and leaves out the end. False when one does not fit.
static bool read_info(struct span info, struct challenge *challenge)
{
    size_t at = 0;

    while (at + 4 <= info.size) {
        unsigned id = get16(info.data + at);
        size_t size = get16(info.data + at + 2);
        if (id == AV_END)
            break;
        if (size > info.size - at - 4)
            return false;
        if (id == AV_TIME && size == 8)
            challenge->time = info.data + at + 4;
        at += 4 + size;
    }
    challenge->info = span_first(info, at);
    return true;
}

static bool read_challenge(struct span message, struct challenge *ret_challenge)
{
    struct ntlm ntlm;

    if (!ntlm_read(message, &ntlm) || ntlm.type != 2 || message.size < TYPE2_MIN)
        return false;
    struct challenge challenge = {
        .message = message, .nonce = message.data + 24, .flags = ntlm.flags};
    size_t size = get16(message.data + 40);
    size_t offset = get32(message.data + 44);
    if (size && (offset > message.size || size > message.size - offset))
        return false;
    if (size && !read_info(span_of(message.data + offset, size), &challenge))
        return false;
    *ret_challenge = challenge;
    return true;
}

// ---- the answer

struct secrets {
    uint8_t owf[16];
    uint8_t base_key[16];
    uint8_t session_key[16];
    uint8_t sealed_key[16]; // not secret: sent
    struct ntlm_chance chance;
    struct wide password;
    uint8_t lm[24];
};

static bool draw_chance(const struct ntlm_wish *wish, struct ntlm_chance *ret_chance)
{
    struct timespec now;

    if (wish->chance) {
        *ret_chance = *wish->chance;
        return true;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    if (getrandom(ret_chance, sizeof(*ret_chance), 0) != sizeof(*ret_chance))
        return false;
    ret_chance->filetime = filetime_of_unix(now.tv_sec, now.tv_nsec);
    return true;
}

// NTOWFv2 of [MS-NLMP] 3.3.2.
static bool make_owf(const struct account *account, locale_t upper, struct secrets *secrets)
{
    uint8_t hash[16];
    uint8_t names[sizeof(((struct wide *)0)->bytes) * 2];
    struct wide user;
    struct wide domain;

    if (!wide_of(account->password, (locale_t)0, &secrets->password) ||
        !wide_of(account->user, upper, &user) ||
        !wide_of(account->ntlm_domain, (locale_t)0, &domain))
        return false;
    memcpy(names, user.bytes, user.size);
    memcpy(names + user.size, domain.bytes, domain.size);
    bool is_made = digest_md4(wide_span(&secrets->password), hash) &&
                   digest_hmac_md5(hash, span_of(names, user.size + domain.size), secrets->owf);
    explicit_bzero(hash, sizeof(hash));
    return is_made;
}

static void put_av(struct text *out, unsigned id, struct span value)
{
    put16(out, id);
    put16(out, value.size);
    text_add(out, value);
}

// The AV pairs of the server, without those that are the client's to say, then ours.
static bool put_pairs(struct text *out, const struct challenge *challenge,
                      const struct ntlm_wish *wish)
{
    struct wide spn;

    for (struct span rest = challenge->info; rest.size >= 4;) {
        unsigned id = get16(rest.data);
        struct span value = span_of(rest.data + 4, get16(rest.data + 2));
        if (id != AV_FLAGS && id != AV_SPN && id != AV_BINDING)
            put_av(out, id, value);
        rest = span_after(rest, 4 + value.size);
    }
    if (!wish->is_without_mic)
        put_av(out, AV_FLAGS, SPAN("\2\0\0\0"));
    if (wish->spn && !wide_of(wish->spn, (locale_t)0, &spn))
        return false;
    if (wish->spn)
        put_av(out, AV_SPN, wide_span(&spn));
    if (wish->binding != NTLM_BINDING_ABSENT)
        put_av(out, AV_BINDING,
               span_of(wish->binding == NTLM_BINDING_GIVEN ? wish->binding_bytes : zeros, 16));
    put32(out, AV_END);
    return true;
}

// NTLMv2_CLIENT_CHALLENGE behind 16 bytes for the proof; [MS-NLMP] 2.2.2.7.
static bool put_response(struct text *out, const struct challenge *challenge,
                         const struct ntlm_wish *wish, const struct ntlm_chance *chance)
{
    text_add(out, span_of(zeros, 16));
    text_add(out, SPAN("\1\1\0\0\0\0\0\0"));
    if (challenge->time) {
        text_add(out, span_of(challenge->time, 8));
    } else {
        put32(out, chance->filetime & 0xffffffff);
        put32(out, chance->filetime >> 32);
    }
    text_add(out, span_of(chance->challenge, 8));
    text_add(out, span_of(zeros, 4));
    if (!put_pairs(out, challenge, wish))
        return false;
    text_add(out, span_of(zeros, 4));
    return !out->cut && out->size <= UINT16_MAX;
}

// The proof over what stands in `response` behind its first 16 bytes, and the keys that follow.
static bool prove(const struct challenge *challenge, struct text *response, struct secrets *secrets)
{
    uint8_t *bytes = (uint8_t *)response->data;

    // the server's nonce stands where the last 8 bytes of the proof will
    memcpy(bytes + 8, challenge->nonce, 8);
    if (!digest_hmac_md5(secrets->owf, span_of(bytes + 8, response->size - 8), bytes))
        return false;
    if (!digest_hmac_md5(secrets->owf, span_of(bytes, 16), secrets->base_key))
        return false;
    memcpy(secrets->session_key, secrets->base_key, 16);
    if (!(challenge->flags & FLAG_KEY_EXCHANGE))
        return true;
    memcpy(secrets->session_key, secrets->chance.session_key, 16);
    return digest_rc4(secrets->base_key, secrets->session_key, secrets->sealed_key, 16);
}

// LMv2 where the server gives no time; 24 zeros otherwise ([MS-NLMP] 3.1.5.1.2).
static bool make_lm(const struct challenge *challenge, struct secrets *secrets)
{
    uint8_t both[16];

    if (challenge->time)
        return true;
    memcpy(both, challenge->nonce, 8);
    memcpy(both + 8, secrets->chance.challenge, 8);
    memcpy(secrets->lm + 16, secrets->chance.challenge, 8);
    return digest_hmac_md5(secrets->owf, span_of(both, 16), secrets->lm);
}

struct field {
    size_t at; // in the head
    struct span value;
};

// [MS-NLMP] 2.2.1.3, with room for the MIC when one is wished for.
static bool put_authenticate(struct text *out, const struct account *account,
                             const struct challenge *challenge, const struct ntlm_wish *wish,
                             const struct secrets *secrets, struct span response)
{
    bool has_key = challenge->flags & FLAG_KEY_EXCHANGE;
    struct wide domain;
    struct wide user;

    if (!wide_of(account->ntlm_domain, (locale_t)0, &domain) ||
        !wide_of(account->user, (locale_t)0, &user))
        return false;
    const struct field fields[] = {
        {28, wide_span(&domain)},
        {36, wide_span(&user)},
        {44, SPAN("H\0A\0N\0D\0F\0A\0S\0T\0")},
        {12, span_of(secrets->lm, sizeof(secrets->lm))},
        {20, response},
        {52, span_of(secrets->sealed_key, has_key ? 16 : 0)},
    };
    text_add(out, SPAN("NTLMSSP\0\3\0\0\0"));
    text_add(out, span_of((const uint8_t[60 - 12]){0}, 60 - 12));
    put32(out, (challenge->flags & OUR_FLAGS) | NTLM_FLAG_UNICODE | NTLM_FLAG_VERSION);
    text_add(out, span_of(version, sizeof(version)));
    text_add(out, span_of(zeros, wish->is_without_mic ? 0 : MIC_BYTES));
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        struct text head = text_over(out->data + fields[i].at, 8);
        put16(&head, fields[i].value.size);
        put16(&head, fields[i].value.size);
        put32(&head, out->size);
        text_add(out, fields[i].value);
    }
    return !out->cut;
}

// Over all three messages; [MS-NLMP] 3.1.5.1.2.
static bool put_mic(struct span type1, struct span type2, struct text *type3,
                    const uint8_t session_key[16])
{
    size_t size = type1.size + type2.size + type3->size;
    char *all = malloc(size);

    if (!all)
        return false;
    struct text text = text_over(all, size);
    text_add(&text, type1);
    text_add(&text, type2);
    text_add(&text, text_span(type3));
    bool is_put =
        digest_hmac_md5(session_key, text_span(&text), (uint8_t *)type3->data + HEAD_BYTES);
    explicit_bzero(all, size);
    free(all);
    return is_put;
}

// Everything between the challenge and the bytes of the Type 3; `room` is split between them.
static const char *answer(struct span type1, const struct challenge *challenge,
                          const struct account *account, const struct ntlm_wish *wish,
                          locale_t upper, struct text *response, struct text *type3,
                          struct secrets *secrets)
{
    if (!draw_chance(wish, &secrets->chance))
        return "no randomness";
    if (!put_response(response, challenge, wish, &secrets->chance))
        return "a name is too long";
    if (!make_owf(account, upper, secrets) || !make_lm(challenge, secrets) ||
        !prove(challenge, response, secrets))
        return "OpenSSL here has no MD4, MD5 or RC4: its legacy provider is missing, or a name is "
               "too long";
    if (!put_authenticate(type3, account, challenge, wish, secrets, text_span(response)))
        return "a name is too long";
    if (!wish->is_without_mic && !put_mic(type1, challenge->message, type3, secrets->session_key))
        return "no memory";
    return NULL;
}

static char *authenticate(struct span type1, const struct frame *type2,
                          const struct account *account, const struct ntlm_wish *wish,
                          const char **ret_problem)
{
    struct challenge challenge;
    struct secrets secrets = {.lm = {0}};
    size_t room = type2->inner.size + 8 * 1024;
    char *base64 = NULL;

    *ret_problem = "the server's token is no NTLM challenge";
    if (!read_challenge(type2->inner, &challenge))
        return NULL;
    *ret_problem = "no memory";
    char *bytes = malloc(2 * room);
    locale_t upper = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (bytes && upper) {
        struct text response = text_over(bytes, room);
        struct text type3 = text_over(bytes + room, room);
        *ret_problem = answer(type1, &challenge, account, wish, upper, &response, &type3, &secrets);
        if (!*ret_problem)
            base64 = type2->in_spnego ? frame_response(text_span(&type3))
                                      : frame_plain(text_span(&type3));
        explicit_bzero(bytes, 2 * room);
    }
    if (upper)
        freelocale(upper);
    free(bytes);
    explicit_bzero(&secrets, sizeof(secrets));
    return base64;
}

char *ntlm_client_authenticate(const char *type1, const char *type2, const struct account *account,
                               const struct ntlm_wish *wish, const char **ret_problem)
{
    struct frame first;
    struct frame second;
    char *base64 = NULL;

    *ret_problem = "the server's token is not base64";
    if (!frame_open(type1, &first))
        return NULL;
    if (frame_open(type2, &second)) {
        base64 = authenticate(first.inner, &second, account, wish, ret_problem);
        frame_done(&second);
    }
    frame_done(&first);
    return base64;
}

char *ntlm_client_negotiate(bool in_spnego)
{
    char bytes[TYPE1_BYTES];
    struct text type1 = text_over(bytes, sizeof(bytes));

    text_add(&type1, SPAN("NTLMSSP\0\1\0\0\0"));
    put32(&type1, OUR_FLAGS);
    text_add(&type1, span_of(zeros, 16)); // neither domain nor workstation
    text_add(&type1, span_of(version, sizeof(version)));
    return in_spnego ? frame_init(TOKEN_MECH_NTLM, text_span(&type1))
                     : frame_plain(text_span(&type1));
}
