// SPDX-License-Identifier: Apache-2.0
// What can be read in the clear from an Authorization or WWW-Authenticate value of Windows
// authentication: never a key, never a response that could be cracked. All texts are bounded copies
// in UTF-8.
// Sources: RFC 4178 (SPNEGO), RFC 4120 (Kerberos), [MS-NLMP] 2.2 (NTLM), RFC 4559, [MS-NEGOEX].
#pragma once

#include "base/span.h"

#define TOKEN_TEXT_MAX 256

struct token_text {
    char data[TOKEN_TEXT_MAX];
    size_t size;
};

static inline struct span token_text_span(const struct token_text *text)
{
    return span_of(text->data, text->size);
}

// The scheme word of an Authorization or WWW-Authenticate value, any case.
enum auth_scheme {
    AUTH_SCHEME_NONE = 0, // empty or not a token
    AUTH_SCHEME_NTLM,
    AUTH_SCHEME_NEGOTIATE,
    AUTH_SCHEME_NEGO2,
    AUTH_SCHEME_KERBEROS,
    AUTH_SCHEME_OTHER, // Basic, Bearer, Digest and all the rest: belongs to one request
};

// What the token really is, whatever scheme carried it.
enum token_kind {
    TOKEN_EMPTY = 0,         // a bare scheme
    TOKEN_UNKNOWN,           // none of the decoders knows it, or it belongs to AUTH_SCHEME_OTHER
    TOKEN_NTLM_NEGOTIATE,    // Type 1
    TOKEN_NTLM_CHALLENGE,    // Type 2
    TOKEN_NTLM_AUTHENTICATE, // Type 3
    TOKEN_KERBEROS_REQUEST,  // AP-REQ
    TOKEN_KERBEROS_REPLY,    // AP-REP
    TOKEN_KERBEROS_ERROR,    // KRB-ERROR
    TOKEN_NEGOEX,
    TOKEN_SPNEGO_ONLY, // a SPNEGO message without a mechanism token (e.g. accept-complete)
    TOKEN_IAKERB,      // a message for the KDC, carried by the server
};

enum channel_binding_form {
    CHANNEL_BINDING_ABSENT = 0,
    CHANNEL_BINDING_ZERO,
    CHANNEL_BINDING_PRESENT,
};

// The Windows build of a sender, as NTLM's Version says it: 10.0.20348 of one server, 10.0.17763 of
// another. Clients that are no Windows write what they like.
struct token_build {
    bool is_known;
    uint8_t major;
    uint8_t minor;
    uint16_t build;
};

#define TOKEN_BUILD_MAX 16 // "255.255.65535"

struct token {
    enum auth_scheme scheme;
    enum token_kind kind;
    bool in_spnego;     // wrapped in SPNEGO
    bool base64_bad;    // the text after the scheme is not base64
    bool is_cut;        // larger than the scratch: read by its front part
    int neg_state;      // SPNEGO response: enum spnego_state; -1: none
    size_t token_bytes; // decoded size
    // NTLM
    uint32_t ntlm_flags;
    unsigned ntlm_version; // Type 3: 1 or 2; 0 when anonymous or not known
    bool ntlm_anonymous;
    bool ntlm_has_mic;
    uint32_t ntlm_av_flags;            // Type 3 AV 6
    struct token_build build;          // of the sender: any type
    struct token_text domain;          // Type 3 (Type 2: NetBIOS domain of the server)
    struct token_text user;            // Type 3
    struct token_text workstation;     // Type 3
    struct token_text server_name;     // Type 2: DNS computer name, else the NetBIOS one; Type 3:
                                       // the one whose challenge the client answers
    struct token_text server_netbios;  // Type 2
    struct token_text dns_domain;      // Type 2: of the server
    struct token_text forest;          // Type 2
    struct token_text spn;             // Type 3 AV 9, or sname of the Kerberos ticket
    enum channel_binding_form binding; // Type 3 AV 10
    uint8_t binding_hash[16];          // when present
    uint64_t server_filetime;          // Type 2 AV 7, or stime of a KRB-ERROR; 0: none
    // Kerberos
    struct token_text realm;
    int ticket_etype;    // 0: none
    int64_t ticket_kvno; // -1: none
    int krb_error;       // KRB-ERROR code; -1: none
    int sender_etype;    // of the authenticator; 0: none
    uint32_t ap_options; // enum kerberos_ap_option
    size_t ticket_bytes; // 0: none
    // NegoEx
    uint8_t negoex_types[8]; // enum negoex_type, in order
    size_t negoex_count;
    uint8_t negoex_scheme[16]; // GUID of the preferred provider; zeros: none
    // SPNEGO: mechanisms in the order offered; of a response, the one the server chose
    uint8_t mechs[8]; // enum token_mech
    size_t mech_count;
};

enum token_mech {
    TOKEN_MECH_OTHER = 0,
    TOKEN_MECH_KERBEROS,
    TOKEN_MECH_MS_KERBEROS,
    TOKEN_MECH_KERBEROS_U2U,
    TOKEN_MECH_NTLM,
    TOKEN_MECH_NEGOEX,
    TOKEN_MECH_IAKERB,
};

// Cuts the first challenge off a header value that may list several (`NTLM, Basic realm="a, b"`);
// `rest` continues at the next one. Empty when there is none left. RFC 9110 section 11.6.1.
struct span auth_challenge_cut(struct span *rest);

// The scheme word of one challenge or of credentials, and its parameter: the token68 of a scheme
// that binds, everything behind the word for the others.
enum auth_scheme auth_scheme_of(struct span value, struct span *ret_parameter);

// NTLM, Negotiate, Nego2 and Kerberos tie a whole connection to a person; the others one request.
bool auth_scheme_binds(enum auth_scheme scheme);

// Decodes a whole header value into `token`. Of several challenges in one value it reads the first
// that binds, with a token if one has a token; otherwise the first. Parameters of AUTH_SCHEME_OTHER
// are passwords and keys: they are never decoded. `scratch` takes the decoded bytes (wiped before
// returning); a token that does not fit is read by its front part. Never fails: what cannot be read
// is TOKEN_UNKNOWN.
void token_read(struct span value, uint8_t *scratch, size_t scratch_bytes, struct token *ret_token);

// "ntlm", "negotiate", "nego2", "kerberos", "other", "none"
const char *auth_scheme_word(enum auth_scheme scheme);
// "type1", "type2", "type3", "ap_req", "ap_rep", "krb_error", "negoex", "iakerb", "spnego",
// "unknown", "empty"
const char *token_kind_word(enum token_kind kind);
// "kerberos", "ms_kerberos", "kerberos_u2u", "ntlm", "negoex", "iakerb", "other"
const char *token_mech_word(enum token_mech mech);
// "10.0.20348", without an end; how many bytes, 0 when it is not known.
size_t token_build_print(const struct token_build *build, char ret_text[TOKEN_BUILD_MAX]);
// The Kerberos encryption as Microsoft and MIT call it: "aes256-cts-hmac-sha1-96", "rc4-hmac";
// NULL for numbers nobody uses.
const char *token_etype_word(int etype);
// As people say it: "ntlm", "kerberos", "negotiate" (SPNEGO of unknown content) or "none".
const char *token_mechanism_word(const struct token *token);
