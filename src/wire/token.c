// SPDX-License-Identifier: Apache-2.0
// From a header value to what can be said of it: scheme, kind of token, names. The decoded bytes
// live in the caller's scratch and are wiped before returning; only names and numbers come out.
#include "wire/token.h"

#include "base/filetime.h"
#include "base/text.h"
#include "wire/base64.h"
#include "wire/kerberos.h"
#include "wire/negoex.h"
#include "wire/ntlm.h"
#include "wire/spnego.h"
#include "wire/utf8.h"

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static bool is_token_char(uint8_t c)
{
    if ((c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z'))
        return true;
    return c != 0 && c < 0x80 && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

// The token at the front of `s`, which may be empty (RFC 9110 section 5.6.2).
static struct span front_token(struct span s)
{
    size_t size = 0;
    while (size < s.size && is_token_char(s.data[size]))
        size++;
    return span_first(s, size);
}

static struct span after_blanks(struct span s)
{
    while (s.size > 0 && is_blank(s.data[0]))
        s = span_after(s, 1);
    return s;
}

// Where the list element at the front of `s` ends: at a comma outside quotes, or at the end.
static size_t element_size(struct span s)
{
    bool is_quoted = false;
    for (size_t i = 0; i < s.size; i++) {
        uint8_t c = s.data[i];
        if (c == '"')
            is_quoted = !is_quoted;
        else if (c == '\\' && is_quoted)
            i++;
        else if (c == ',' && !is_quoted)
            return i;
    }
    return s.size;
}

// Does this list element belong to the challenge before it, as a parameter (name = value)?
static bool is_continuation(struct span element)
{
    element = span_trim(element);
    struct span name = front_token(element);
    struct span behind = after_blanks(span_after(element, name.size));
    return name.size > 0 && behind.size > 0 && behind.data[0] == '=';
}

struct span auth_challenge_cut(struct span *rest)
{
    while (rest->size > 0 && (is_blank(rest->data[0]) || rest->data[0] == ','))
        *rest = span_after(*rest, 1);
    size_t end = element_size(*rest);
    while (end < rest->size) {
        struct span next = span_after(*rest, end + 1);
        size_t next_size = element_size(next);
        if (!is_continuation(span_first(next, next_size)))
            break;
        end += 1 + next_size;
    }
    struct span challenge = span_trim(span_first(*rest, end));
    *rest = span_after(*rest, end + 1);
    return challenge;
}

static const struct {
    struct span name;
    enum auth_scheme scheme;
} schemes[] = {
    {SPAN("NTLM"), AUTH_SCHEME_NTLM},
    {SPAN("Negotiate"), AUTH_SCHEME_NEGOTIATE},
    {SPAN("Nego2"), AUTH_SCHEME_NEGO2},
    {SPAN("Kerberos"), AUTH_SCHEME_KERBEROS},
};

static enum auth_scheme scheme_named(struct span name)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (span_equal_nocase(name, schemes[i].name))
            return schemes[i].scheme;
    return AUTH_SCHEME_OTHER;
}

enum auth_scheme auth_scheme_of(struct span value, struct span *ret_parameter)
{
    value = span_trim(value);
    struct span name = front_token(value);
    struct span behind = span_after(value, name.size);

    *ret_parameter = (struct span){0};
    if (name.size == 0 || (behind.size > 0 && !is_blank(behind.data[0]) && behind.data[0] != ','))
        return AUTH_SCHEME_NONE;
    enum auth_scheme scheme = scheme_named(name);
    if (auth_scheme_binds(scheme))
        behind = span_first(behind, span_find(behind, ',')); // base64 has no comma
    *ret_parameter = span_trim(behind);
    return scheme;
}

bool auth_scheme_binds(enum auth_scheme scheme)
{
    return scheme == AUTH_SCHEME_NTLM || scheme == AUTH_SCHEME_NEGOTIATE ||
           scheme == AUTH_SCHEME_NEGO2 || scheme == AUTH_SCHEME_KERBEROS;
}

// The challenge of a value that says most about Windows authentication.
static enum auth_scheme choose(struct span value, struct span *ret_parameter)
{
    struct span rest = value;
    enum auth_scheme chosen = auth_scheme_of(auth_challenge_cut(&rest), ret_parameter);

    while (rest.size > 0 && !(auth_scheme_binds(chosen) && ret_parameter->size > 0)) {
        struct span parameter;
        enum auth_scheme scheme = auth_scheme_of(auth_challenge_cut(&rest), &parameter);
        if (!auth_scheme_binds(scheme) || (auth_scheme_binds(chosen) && parameter.size == 0))
            continue;
        chosen = scheme;
        *ret_parameter = parameter;
    }
    return chosen;
}

static void copy_name(struct ntlm_name name, struct token_text *text)
{
    text->size = name.is_unicode ? utf8_from_utf16le(name.bytes, text->data, sizeof(text->data))
                                 : utf8_from_oem(name.bytes, text->data, sizeof(text->data));
}

static void copy_utf16(struct span bytes, struct token_text *text)
{
    copy_name((struct ntlm_name){bytes, true}, text);
}

static bool is_zero(struct span s)
{
    for (size_t i = 0; i < s.size; i++)
        if (s.data[i] != 0)
            return false;
    return true;
}

static void take_channel_binding(struct span binding, struct token *token)
{
    if (binding.size != sizeof(token->binding_hash))
        return;
    memcpy(token->binding_hash, binding.data, binding.size);
    token->binding = is_zero(binding) ? CHANNEL_BINDING_ZERO : CHANNEL_BINDING_PRESENT;
}

static void copy_server_name(const struct ntlm *ntlm, struct token *token)
{
    bool has_dns = ntlm->dns_computer.size > 0;
    copy_utf16(has_dns ? ntlm->dns_computer : ntlm->netbios_computer, &token->server_name);
}

static void take_challenge(const struct ntlm *ntlm, struct token *token)
{
    token->kind = TOKEN_NTLM_CHALLENGE;
    if (ntlm->netbios_domain.size > 0)
        copy_utf16(ntlm->netbios_domain, &token->domain);
    else
        copy_name(ntlm->domain, &token->domain);
    copy_server_name(ntlm, token);
    copy_utf16(ntlm->netbios_computer, &token->server_netbios);
    copy_utf16(ntlm->dns_domain, &token->dns_domain);
    copy_utf16(ntlm->dns_tree, &token->forest);
    token->server_filetime = ntlm->filetime;
}

static void take_authenticate(const struct ntlm *ntlm, struct token *token)
{
    token->kind = TOKEN_NTLM_AUTHENTICATE;
    copy_name(ntlm->domain, &token->domain);
    copy_name(ntlm->user, &token->user);
    copy_name(ntlm->workstation, &token->workstation);
    copy_utf16(ntlm->spn, &token->spn);
    copy_server_name(ntlm, token);
    token->ntlm_version = ntlm->response_version;
    token->ntlm_anonymous = ntlm->is_anonymous;
    token->ntlm_has_mic = ntlm->has_mic;
    token->ntlm_av_flags = ntlm->av_flags;
    take_channel_binding(ntlm->channel_binding, token);
}

static void take_ntlm(const struct ntlm *ntlm, struct token *token)
{
    token->ntlm_flags = ntlm->flags;
    token->build = (struct token_build){ntlm->has_version, ntlm->version_major, ntlm->version_minor,
                                        ntlm->version_build};
    if (ntlm->type == 2) {
        take_challenge(ntlm, token);
    } else if (ntlm->type == 3) {
        take_authenticate(ntlm, token);
    } else {
        token->kind = TOKEN_NTLM_NEGOTIATE;
        copy_name(ntlm->domain, &token->domain);
        copy_name(ntlm->workstation, &token->workstation);
    }
}

static void append(struct span bytes, struct token_text *text)
{
    text->size += utf8_from_bytes(bytes, text->data + text->size, sizeof(text->data) - text->size);
}

static void take_kerberos(const struct kerberos *kerberos, struct token *token)
{
    static const enum token_kind kinds[] = {
        [KERBEROS_REQUEST] = TOKEN_KERBEROS_REQUEST,
        [KERBEROS_REPLY] = TOKEN_KERBEROS_REPLY,
        [KERBEROS_ERROR] = TOKEN_KERBEROS_ERROR,
        [KERBEROS_IAKERB] = TOKEN_IAKERB,
    };

    token->kind = kinds[kerberos->kind];
    append(kerberos->realm, &token->realm);
    for (size_t i = 0; i < kerberos->name_part_count; i++) {
        if (i > 0)
            append(SPAN("/"), &token->spn);
        append(kerberos->name_parts[i], &token->spn);
    }
    token->ticket_etype = kerberos->etype;
    token->ticket_kvno = kerberos->kvno;
    token->krb_error = kerberos->error;
    token->sender_etype = kerberos->sender_etype;
    token->ap_options = kerberos->ap_options;
    token->ticket_bytes = kerberos->ticket_bytes;
    if (kerberos->server_time >= 0)
        token->server_filetime = filetime_of_unix(kerberos->server_time, 0);
}

static void take_negoex(const struct negoex *negoex, struct token *token)
{
    _Static_assert(sizeof(token->negoex_types) == sizeof(negoex->types), "the same messages");
    token->kind = TOKEN_NEGOEX;
    memcpy(token->negoex_types, negoex->types, sizeof(token->negoex_types));
    token->negoex_count = negoex->type_count;
    if (negoex->schemes.size >= sizeof(token->negoex_scheme))
        memcpy(token->negoex_scheme, negoex->schemes.data, sizeof(token->negoex_scheme));
}

// Names a mechanism's own token by what it is, not by what was announced.
static void take_mechanism(struct der bytes, struct token *token)
{
    struct ntlm ntlm;
    struct negoex negoex;
    struct kerberos kerberos;

    if (ntlm_read(bytes.rest, &ntlm))
        take_ntlm(&ntlm, token);
    else if (negoex_read(bytes.rest, &negoex))
        take_negoex(&negoex, token);
    else if (kerberos_read(bytes, &kerberos))
        take_kerberos(&kerberos, token);
    else
        token->kind = TOKEN_UNKNOWN;
}

static void take_spnego(const struct spnego *spnego, struct token *token)
{
    _Static_assert(sizeof(token->mechs) == sizeof(spnego->mechs), "the same mechanisms");
    token->in_spnego = true;
    token->neg_state = spnego->neg_state;
    memcpy(token->mechs, spnego->mechs, sizeof(token->mechs));
    token->mech_count = spnego->mech_count;
    if (spnego->mech_token.rest.size == 0)
        token->kind = TOKEN_SPNEGO_ONLY;
    else
        take_mechanism(spnego->mech_token, token);
}

static void take_bytes(struct der bytes, struct token *token)
{
    struct spnego spnego;

    if (spnego_read(bytes, &spnego))
        take_spnego(&spnego, token);
    else
        take_mechanism(bytes, token);
}

void token_read(struct span value, uint8_t *scratch, size_t scratch_bytes, struct token *ret_token)
{
    struct token token = {.neg_state = -1, .ticket_kvno = -1, .krb_error = -1};
    struct span parameter;
    size_t written;

    token.scheme = choose(value, &parameter);
    token.kind = parameter.size ? TOKEN_UNKNOWN : TOKEN_EMPTY;
    if (auth_scheme_binds(token.scheme) && parameter.size) {
        if (base64_decode(parameter, scratch, scratch_bytes, &written, &token.token_bytes)) {
            token.is_cut = written < token.token_bytes;
            take_bytes(der_over(span_of(scratch, written), token.is_cut), &token);
        } else {
            token.base64_bad = true;
        }
        explicit_bzero(scratch, parameter.size < scratch_bytes ? parameter.size : scratch_bytes);
    }
    *ret_token = token;
}

const char *auth_scheme_word(enum auth_scheme scheme)
{
    static const char *const words[] = {
        [AUTH_SCHEME_NONE] = "none",           [AUTH_SCHEME_NTLM] = "ntlm",
        [AUTH_SCHEME_NEGOTIATE] = "negotiate", [AUTH_SCHEME_NEGO2] = "nego2",
        [AUTH_SCHEME_KERBEROS] = "kerberos",   [AUTH_SCHEME_OTHER] = "other",
    };
    return words[scheme];
}

const char *token_kind_word(enum token_kind kind)
{
    static const char *const words[] = {
        [TOKEN_EMPTY] = "empty",
        [TOKEN_UNKNOWN] = "unknown",
        [TOKEN_NTLM_NEGOTIATE] = "type1",
        [TOKEN_NTLM_CHALLENGE] = "type2",
        [TOKEN_NTLM_AUTHENTICATE] = "type3",
        [TOKEN_KERBEROS_REQUEST] = "ap_req",
        [TOKEN_KERBEROS_REPLY] = "ap_rep",
        [TOKEN_KERBEROS_ERROR] = "krb_error",
        [TOKEN_NEGOEX] = "negoex",
        [TOKEN_SPNEGO_ONLY] = "spnego",
        [TOKEN_IAKERB] = "iakerb",
    };
    return words[kind];
}

const char *token_mech_word(enum token_mech mech)
{
    static const char *const words[] = {
        [TOKEN_MECH_OTHER] = "other",
        [TOKEN_MECH_KERBEROS] = "kerberos",
        [TOKEN_MECH_MS_KERBEROS] = "ms_kerberos",
        [TOKEN_MECH_KERBEROS_U2U] = "kerberos_u2u",
        [TOKEN_MECH_NTLM] = "ntlm",
        [TOKEN_MECH_NEGOEX] = "negoex",
        [TOKEN_MECH_IAKERB] = "iakerb",
    };
    return words[mech];
}

size_t token_build_print(const struct token_build *build, char ret_text[TOKEN_BUILD_MAX])
{
    struct text text = text_over(ret_text, TOKEN_BUILD_MAX);
    if (build->is_known)
        text_add_printf(&text, "%u.%u.%u", build->major, build->minor, build->build);
    return text.size;
}

const char *token_etype_word(int etype)
{
    switch (etype) {
    case 1:
        return "des-cbc-crc";
    case 3:
        return "des-cbc-md5";
    case 17:
        return "aes128-cts-hmac-sha1-96";
    case 18:
        return "aes256-cts-hmac-sha1-96";
    case 19:
        return "aes128-cts-hmac-sha256-128";
    case 20:
        return "aes256-cts-hmac-sha384-192";
    case 23:
        return "rc4-hmac";
    case 24:
        return "rc4-hmac-exp";
    default:
        return NULL;
    }
}

// The mechanism that a server chose, or that the scheme leaves no doubt about.
static const char *announced_mechanism(const struct token *token)
{
    if (token->scheme == AUTH_SCHEME_NTLM)
        return "ntlm";
    if (token->scheme == AUTH_SCHEME_KERBEROS)
        return "kerberos";
    bool is_chosen = token->neg_state != -1 && token->mech_count == 1;
    if (is_chosen && token->mechs[0] == TOKEN_MECH_NTLM)
        return "ntlm";
    if (is_chosen && token->mechs[0] != TOKEN_MECH_NEGOEX && token->mechs[0] != TOKEN_MECH_OTHER)
        return "kerberos";
    return "negotiate";
}

const char *token_mechanism_word(const struct token *token)
{
    if (!auth_scheme_binds(token->scheme))
        return "none";
    switch (token->kind) {
    case TOKEN_NTLM_NEGOTIATE:
    case TOKEN_NTLM_CHALLENGE:
    case TOKEN_NTLM_AUTHENTICATE:
        return "ntlm";
    case TOKEN_KERBEROS_REQUEST:
    case TOKEN_KERBEROS_REPLY:
    case TOKEN_KERBEROS_ERROR:
    case TOKEN_IAKERB:
        return "kerberos";
    default:
        return announced_mechanism(token);
    }
}
