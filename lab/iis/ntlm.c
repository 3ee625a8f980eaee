// SPDX-License-Identifier: Apache-2.0
// See ntlm.h. Layouts are those of MS-NLMP 2.2.1; every field is checked against the message's
// length before it is read.
#include "ntlm.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    FLAG_UNICODE = 0x1,
    FLAG_OEM = 0x2,
    FLAG_REQUEST_TARGET = 0x4,
    FLAG_SIGN = 0x10,
    FLAG_SEAL = 0x20,
    FLAG_NTLM = 0x200,
    FLAG_ALWAYS_SIGN = 0x8000,
    FLAG_TARGET_DOMAIN = 0x10000,
    FLAG_EXTENDED_SECURITY = 0x80000,
    FLAG_TARGET_INFO = 0x800000,
    FLAG_VERSION = 0x2000000,
    FLAG_128 = 0x20000000,
    FLAG_KEY_EXCHANGE = 0x40000000,
};
static const uint32_t FLAG_56 = 0x80000000;

enum {
    AV_END = 0,
    AV_COMPUTER = 1,
    AV_DOMAIN = 2,
    AV_DNS_COMPUTER = 3,
    AV_DNS_DOMAIN = 4,
    AV_DNS_TREE = 5,
    AV_FLAGS = 6,
    AV_TIMESTAMP = 7,
    AV_TARGET_NAME = 9,
    AV_BINDING = 10
};

enum { AV_FLAG_MIC = 0x2 };

static const uint8_t signature[8] = "NTLMSSP";

void ntlm_done(struct ntlm *n)
{
    buffer_done(&n->type1);
    buffer_done(&n->type2);
}

unsigned ntlm_type(struct span message)
{
    if (message.len < 12 || memcmp(message.at, signature, 8) != 0)
        return 0;
    uint32_t type = bytes_u32le(message.at + 8);
    return type >= 1 && type <= 3 ? type : 0;
}

static void add_wide(struct buffer *b, struct span text, bool upper)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.at[i];
        if (upper && c >= 'a' && c <= 'z')
            c = (uint8_t)(c - 32);
        buffer_add_u16le(b, c);
    }
}

static void add_av(struct buffer *b, uint16_t id, struct span text)
{
    buffer_add_u16le(b, id);
    buffer_add_u16le(b, (uint16_t)(text.len * 2));
    add_wide(b, text, false);
}

// 100 ns since 1601, the clock of Windows.
static uint64_t filetime_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return ((uint64_t)now.tv_sec + 11644473600) * 10000000 + (uint64_t)now.tv_nsec / 100;
}

static void add_target_info(struct buffer *b, const struct ntlm_place *place)
{
    struct buffer dns_computer = {0};
    for (const char *c = place->computer; *c; c++) {
        char small = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
        buffer_add(&dns_computer, &small, 1);
    }
    buffer_add_format(&dns_computer, ".%s", place->dns_domain);
    add_av(b, AV_DOMAIN, span_of(place->domain));
    add_av(b, AV_COMPUTER, span_of(place->computer));
    add_av(b, AV_DNS_DOMAIN, span_of(place->dns_domain));
    add_av(b, AV_DNS_COMPUTER, buffer_span(&dns_computer));
    add_av(b, AV_DNS_TREE, span_of(place->dns_domain));
    buffer_add_u16le(b, AV_TIMESTAMP);
    buffer_add_u16le(b, 8);
    buffer_add_u64le(b, filetime_now());
    buffer_add_u32le(b, AV_END);
    buffer_done(&dns_computer);
}

static uint32_t flags_to_offer(uint32_t asked)
{
    uint32_t always = FLAG_NTLM | FLAG_TARGET_DOMAIN | FLAG_TARGET_INFO | FLAG_REQUEST_TARGET;
    uint32_t if_asked = FLAG_SIGN | FLAG_SEAL | FLAG_ALWAYS_SIGN | FLAG_EXTENDED_SECURITY |
                        FLAG_VERSION | FLAG_128 | FLAG_KEY_EXCHANGE | FLAG_56;
    uint32_t letters = asked & FLAG_UNICODE ? FLAG_UNICODE : FLAG_OEM;
    return always | (asked & if_asked) | letters;
}

static void add_field(struct buffer *b, size_t len, size_t offset)
{
    buffer_add_u16le(b, (uint16_t)len);
    buffer_add_u16le(b, (uint16_t)len);
    buffer_add_u32le(b, (uint32_t)offset);
}

bool ntlm_challenge(struct ntlm *n, struct span type1, const struct ntlm_place *place)
{
    if (ntlm_type(type1) != 1 || type1.len < 16)
        return false;
    buffer_clear(&n->type1);
    buffer_add_span(&n->type1, type1);
    if (RAND_bytes(n->challenge, sizeof n->challenge) != 1)
        abort();
    uint32_t flags = flags_to_offer(bytes_u32le(type1.at + 12));
    struct buffer target = {0}, info = {0};
    if (flags & FLAG_UNICODE)
        add_wide(&target, span_of(place->domain), false);
    else
        buffer_add_text(&target, place->domain);
    add_target_info(&info, place);

    struct buffer *out = &n->type2;
    buffer_clear(out);
    buffer_add(out, signature, 8);
    buffer_add_u32le(out, 2);
    add_field(out, target.len, 56);
    buffer_add_u32le(out, flags);
    buffer_add(out, n->challenge, 8);
    buffer_add_u64le(out, 0);
    add_field(out, info.len, 56 + target.len);
    static const uint8_t version[8] = {10, 0, 0x7c, 0x4f, 0, 0, 0, 15}; // 10.0.20348
    static const uint8_t no_version[8] = {0};
    buffer_add(out, flags & FLAG_VERSION ? version : no_version, 8);
    buffer_add_span(out, buffer_span(&target));
    buffer_add_span(out, buffer_span(&info));
    buffer_done(&target);
    buffer_done(&info);
    return true;
}

// The Type 3 taken apart; the spans point into the message.
struct type3 {
    struct span nt, domain, user, key;
    uint32_t flags;
    size_t payload; // where the first non-empty field begins
};

static bool read_field(struct span message, size_t at, struct type3 *t, struct span *ret_field)
{
    size_t len = bytes_u16le(message.at + at);
    size_t offset = bytes_u32le(message.at + at + 4);
    if (len == 0) {
        *ret_field = (struct span){0};
        return true;
    }
    if (offset > message.len || len > message.len - offset || offset < 64)
        return false;
    if (offset < t->payload)
        t->payload = offset;
    *ret_field = span_cut(message, offset, len);
    return true;
}

static bool read_type3(struct span message, struct type3 *t)
{
    if (ntlm_type(message) != 3 || message.len < 64)
        return false;
    *t = (struct type3){.payload = message.len, .flags = bytes_u32le(message.at + 60)};
    struct span unused;
    return read_field(message, 12, t, &unused) && read_field(message, 20, t, &t->nt) &&
           read_field(message, 28, t, &t->domain) && read_field(message, 36, t, &t->user) &&
           read_field(message, 44, t, &unused) && read_field(message, 52, t, &t->key);
}

// To bytes one can compare with the user file. A character outside ASCII becomes '?', which
// stands in no user's name.
static void add_narrow(struct buffer *b, struct span text, bool wide)
{
    for (size_t i = 0; i + (wide ? 1 : 0) < text.len; i += wide ? 2 : 1) {
        uint16_t c = wide ? bytes_u16le(text.at + i) : text.at[i];
        uint8_t narrow = c < 127 ? (uint8_t)c : '?';
        buffer_add(b, &narrow, 1);
    }
}

// Finds an AV pair in the NTLMv2 blob. The list begins at byte 44 of the response.
static bool find_av(struct span nt, uint16_t id, struct span *ret_value)
{
    size_t at = 44;
    while (at + 4 <= nt.len) {
        uint16_t found = bytes_u16le(nt.at + at);
        size_t len = bytes_u16le(nt.at + at + 2);
        if (found == AV_END || len > nt.len - at - 4)
            return false;
        if (found == id) {
            *ret_value = span_cut(nt, at + 4, len);
            return true;
        }
        at += 4 + len;
    }
    return false;
}

static void read_claim(struct span nt, struct claim *c)
{
    static const uint8_t zero[16];
    *c = (struct claim){.binding = CLAIM_SILENT};
    struct span value;
    if (find_av(nt, AV_BINDING, &value) && value.len == 16) {
        memcpy(c->bound_to, value.at, 16);
        c->binding = memcmp(zero, value.at, 16) == 0 ? CLAIM_EMPTY : CLAIM_BOUND;
    }
    if (find_av(nt, AV_TARGET_NAME, &value) && value.len > 0) {
        struct buffer name = {0};
        add_narrow(&name, value, true);
        size_t len = name.len < sizeof c->spn ? name.len : sizeof c->spn - 1;
        memcpy(c->spn, name.at, len);
        c->has_spn = true;
        buffer_done(&name);
    }
}

// MS-NLMP 3.3.2: proof = HMAC-MD5(NTOWFv2, challenge ‖ blob); the session base key follows.
static bool proof_holds(const struct ntlm *n, const struct type3 *t, const struct user *user,
                        struct span user_name, struct span domain, uint8_t ret_base_key[16])
{
    struct buffer text = {0};
    uint8_t owf[16], proof[16];
    add_wide(&text, user_name, true);
    add_wide(&text, domain, false);
    digest_hmac_md5(user->nt_hash, buffer_span(&text), owf);
    buffer_clear(&text);
    buffer_add(&text, n->challenge, 8);
    buffer_add_span(&text, span_cut(t->nt, 16, t->nt.len));
    digest_hmac_md5(owf, buffer_span(&text), proof);
    buffer_done(&text);
    digest_hmac_md5(owf, (struct span){proof, 16}, ret_base_key);
    return CRYPTO_memcmp(proof, t->nt.at, 16) == 0;
}

static void derive_session_key(const struct type3 *t, const uint8_t base_key[16], uint8_t out[16])
{
    memcpy(out, base_key, 16);
    if ((t->flags & FLAG_KEY_EXCHANGE) && (t->flags & (FLAG_SIGN | FLAG_SEAL)) &&
        t->key.len == 16) {
        struct rc4 r;
        rc4_init(&r, (struct span){base_key, 16});
        rc4_apply(&r, t->key.at, out, 16);
    }
}

static bool mic_announced(struct span nt)
{
    struct span value;
    return find_av(nt, AV_FLAGS, &value) && value.len == 4 &&
           (bytes_u32le(value.at) & AV_FLAG_MIC) != 0;
}

// The MIC stands at 72, or at 64 where the client sends no version.
static bool mic_holds(const struct ntlm *n, struct span type3, const struct type3 *t,
                      const uint8_t session_key[16])
{
    static const uint8_t zero[16];
    size_t at = t->payload >= 88 ? 72 : 64;
    if (t->payload < at + 16)
        return false;
    struct buffer all = {0};
    uint8_t mic[16];
    buffer_add_span(&all, buffer_span(&n->type1));
    buffer_add_span(&all, buffer_span(&n->type2));
    buffer_add_span(&all, span_cut(type3, 0, at));
    buffer_add(&all, zero, 16);
    buffer_add_span(&all, span_cut(type3, at + 16, type3.len));
    digest_hmac_md5(session_key, buffer_span(&all), mic);
    buffer_done(&all);
    return CRYPTO_memcmp(mic, type3.at + at, 16) == 0;
}

static const char *verify(struct ntlm *n, struct span message, const struct users *users,
                          const struct ntlm_place *place, struct buffer names[2],
                          struct ntlm_login *login)
{
    struct type3 t;
    if (!read_type3(message, &t))
        return "malformed";
    if (t.nt.len == 0)
        return "anonymous";
    if (t.nt.len == 24)
        return "ntlmv1";
    if (t.nt.len < 48 || t.nt.at[16] != 1)
        return "malformed";
    bool wide = t.flags & FLAG_UNICODE;
    add_narrow(&names[0], t.user, wide);
    add_narrow(&names[1], t.domain, wide);
    struct span user = buffer_span(&names[0]), domain = buffer_span(&names[1]);
    login->user = users_find(users, domain, user, place->dns_domain);
    if (!login->user)
        return "no-such-user";
    uint8_t base_key[16];
    if (!proof_holds(n, &t, login->user, user, domain, base_key))
        return "bad-password";
    login->flags = t.flags;
    derive_session_key(&t, base_key, login->session_key);
    read_claim(t.nt, &login->claim);
    if (mic_announced(t.nt) && !mic_holds(n, message, &t, login->session_key))
        return "bad-mic";
    return NULL;
}

const char *ntlm_verify(struct ntlm *n, struct span type3, const struct users *users,
                        const struct ntlm_place *place, struct ntlm_login *ret_login)
{
    if (n->type2.len == 0)
        return "no-challenge";
    struct buffer names[2] = {0};
    struct ntlm_login login = {0};
    const char *why = verify(n, type3, users, place, names, &login);
    buffer_done(&names[0]);
    buffer_done(&names[1]);
    if (!why)
        *ret_login = login;
    return why;
}

static void derive_key(const uint8_t session_key[16], size_t key_len, bool from_server,
                       const char *purpose, uint8_t out[16])
{
    struct buffer text = {0};
    buffer_add(&text, session_key, key_len);
    buffer_add_format(&text, "session key to %s %s key magic constant",
                      from_server ? "server-to-client" : "client-to-server", purpose);
    buffer_add(&text, "", 1);
    digest_md5(buffer_span(&text), out);
    buffer_done(&text);
}

void ntlm_sign(const struct ntlm_login *login, bool from_server, struct span message,
               uint8_t out[16])
{
    uint8_t key[16], sum[16];
    derive_key(login->session_key, 16, from_server, "signing", key);
    struct buffer text = {0};
    buffer_add_u32le(&text, 0);
    buffer_add_span(&text, message);
    digest_hmac_md5(key, buffer_span(&text), sum);
    buffer_done(&text);
    if (login->flags & FLAG_KEY_EXCHANGE) {
        size_t strength = login->flags & FLAG_128 ? 16 : login->flags & FLAG_56 ? 7 : 5;
        derive_key(login->session_key, strength, from_server, "sealing", key);
        struct rc4 r;
        rc4_init(&r, (struct span){key, 16});
        rc4_apply(&r, sum, sum, 8);
    }
    memcpy(out, "\x01\0\0\0", 4);
    memcpy(out + 4, sum, 8);
    memset(out + 12, 0, 4);
}
