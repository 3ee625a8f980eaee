// SPDX-License-Identifier: Apache-2.0
// Header values to meaning: scheme words, lists of challenges, and the tokens of real clients and servers
// in test/fixtures/token. What must never come out is tested too.
#include "material.h"

#include "wire/base64.h"
#include "wire/token.h"

#define SCRATCH_BYTES (16 * 1024)

static void read_with(struct span value, size_t scratch_bytes, struct token *token)
{
    uint8_t *scratch = malloc(scratch_bytes ? scratch_bytes : 1);
    assert_non_null(scratch);
    memset(scratch, 0, scratch_bytes);
    struct span copy = exact_copy(value);
    memset(token, 0x5a, sizeof(*token));
    token_read(copy, scratch, scratch_bytes, token);
    for (size_t i = 0; i < scratch_bytes; i++)
        assert_int_equal(scratch[i], 0); // wiped
    free_span(copy);
    free(scratch);
}

static void read_text(const char *value, struct token *token)
{
    read_with(span_text(value), SCRATCH_BYTES, token);
}

static void knows_scheme_words(void **state)
{
    static const struct {
        const char *value;
        enum auth_scheme scheme;
        const char *parameter;
    } cases[] = {
        {"NTLM", AUTH_SCHEME_NTLM, ""},
        {"ntlm", AUTH_SCHEME_NTLM, ""},
        {"NTLM TlRM", AUTH_SCHEME_NTLM, "TlRM"},
        {"nTlM \t TlRM \t ", AUTH_SCHEME_NTLM, "TlRM"},
        {"  Negotiate YII=  ", AUTH_SCHEME_NEGOTIATE, "YII="},
        {"NEGOTIATE", AUTH_SCHEME_NEGOTIATE, ""},
        {"Nego2 abcd", AUTH_SCHEME_NEGO2, "abcd"},
        {"nego2", AUTH_SCHEME_NEGO2, ""},
        {"Kerberos YII", AUTH_SCHEME_KERBEROS, "YII"},
        {"Negotiate, NTLM", AUTH_SCHEME_NEGOTIATE, ""},
        {"NTLM TlRM, Basic realm=\"x\"", AUTH_SCHEME_NTLM, "TlRM"},
        {"Basic YWxpY2U6cHc=", AUTH_SCHEME_OTHER, "YWxpY2U6cHc="},
        {"Bearer abc", AUTH_SCHEME_OTHER, "abc"},
        {"Digest username=\"NTLM\", realm=\"a\"", AUTH_SCHEME_OTHER, "username=\"NTLM\", realm=\"a\""},
        // words that begin like ours and are not
        {"NTLMv2 abc", AUTH_SCHEME_OTHER, "abc"},
        {"NTL", AUTH_SCHEME_OTHER, ""},
        {"Nego", AUTH_SCHEME_OTHER, ""},
        {"Negotiated", AUTH_SCHEME_OTHER, ""},
        {"Nego2x", AUTH_SCHEME_OTHER, ""},
        {"X-NTLM abc", AUTH_SCHEME_OTHER, "abc"},
        // nothing, or no token
        {"", AUTH_SCHEME_NONE, ""},
        {" \t", AUTH_SCHEME_NONE, ""},
        {",NTLM", AUTH_SCHEME_NONE, ""},
        {"NTLM=abc", AUTH_SCHEME_NONE, ""},
        {"NTLM:abc", AUTH_SCHEME_NONE, ""},
        {"\"NTLM\"", AUTH_SCHEME_NONE, ""},
        {"NTLM\xc2\xa0 x", AUTH_SCHEME_NONE, ""},
        {"NTLM\nabc", AUTH_SCHEME_NONE, ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct span parameter;
        struct span value = exact_copy(span_text(cases[i].value));
        enum auth_scheme scheme = auth_scheme_of(value, &parameter);
        if (scheme != cases[i].scheme)
            fail_msg("\"%s\" is %s", cases[i].value, auth_scheme_word(scheme));
        assert_span_text(parameter, cases[i].parameter);
        free_span(value);
    }
}

static void says_which_schemes_bind(void **state)
{
    assert_true(auth_scheme_binds(AUTH_SCHEME_NTLM));
    assert_true(auth_scheme_binds(AUTH_SCHEME_NEGOTIATE));
    assert_true(auth_scheme_binds(AUTH_SCHEME_NEGO2));
    assert_true(auth_scheme_binds(AUTH_SCHEME_KERBEROS));
    assert_false(auth_scheme_binds(AUTH_SCHEME_OTHER));
    assert_false(auth_scheme_binds(AUTH_SCHEME_NONE));
}

static void cuts_lists_of_challenges(void **state)
{
    static const struct {
        const char *value;
        const char *challenges[4];
    } cases[] = {
        {"", {0}},
        {" , ,", {0}},
        {"NTLM", {"NTLM"}},
        {"Negotiate, NTLM", {"Negotiate", "NTLM"}},
        {",Negotiate,,NTLM,", {"Negotiate", "NTLM"}},
        {"Negotiate YII==, NTLM", {"Negotiate YII==", "NTLM"}},
        {"Basic realm=\"a\", charset=\"UTF-8\", NTLM", {"Basic realm=\"a\", charset=\"UTF-8\"", "NTLM"}},
        {"Basic realm=\"a, NTLM\"", {"Basic realm=\"a, NTLM\""}},
        {"Basic realm=\"a\\\", NTLM\", Negotiate", {"Basic realm=\"a\\\", NTLM\"", "Negotiate"}},
        {"Digest nonce = \"x\" , qop=auth, NTLM TlRM", {"Digest nonce = \"x\" , qop=auth", "NTLM TlRM"}},
        {"Basic realm=\"never closed, NTLM", {"Basic realm=\"never closed, NTLM"}},
        {"Basic realm=\"ends in \\", {"Basic realm=\"ends in \\"}},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct span copy = exact_copy(span_text(cases[i].value));
        struct span rest = copy;
        for (size_t n = 0; n < 4 && cases[i].challenges[n]; n++)
            assert_span_text(auth_challenge_cut(&rest), cases[i].challenges[n]);
        if (auth_challenge_cut(&rest).size || rest.size)
            fail_msg("\"%s\": something was left", cases[i].value);
        free_span(copy);
    }
}

static void prefers_what_binds(void **state)
{
    static const struct {
        const char *value;
        enum auth_scheme scheme;
        enum token_kind kind;
    } cases[] = {
        {"Basic realm=\"a\", NTLM", AUTH_SCHEME_NTLM, TOKEN_EMPTY},
        {"Basic realm=\"a\", Bearer", AUTH_SCHEME_OTHER, TOKEN_UNKNOWN},
        {"Bearer, Negotiate, NTLM", AUTH_SCHEME_NEGOTIATE, TOKEN_EMPTY},
        {"Negotiate, NTLM TlRMTVNTUAABAAAA", AUTH_SCHEME_NTLM, TOKEN_NTLM_NEGOTIATE},
        {"NTLM TlRMTVNTUAABAAAA, Negotiate", AUTH_SCHEME_NTLM, TOKEN_NTLM_NEGOTIATE},
        {"Basic realm=\", NTLM\"", AUTH_SCHEME_OTHER, TOKEN_UNKNOWN},
        {", , Negotiate", AUTH_SCHEME_NEGOTIATE, TOKEN_EMPTY},
        {"=, NTLM", AUTH_SCHEME_NTLM, TOKEN_EMPTY},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct token token;
        read_text(cases[i].value, &token);
        if (token.scheme != cases[i].scheme || token.kind != cases[i].kind)
            fail_msg("\"%s\": %s %s", cases[i].value, auth_scheme_word(token.scheme),
                     token_kind_word(token.kind));
    }
}

// What real clients and servers sent. NULL: empty.
struct expected {
    const char *file;
    enum token_kind kind;
    const char *mechanism;
    bool in_spnego;
    int neg_state;
    const char *domain, *user, *workstation, *server_name, *spn, *realm;
    unsigned ntlm_version;
    enum channel_binding_form binding;
    int etype, error;
    const char *mechs; // a digit each
};

#define IIS1 "iis1.example.test"
#define SPN  "HTTP/iis1.example.test"

static const struct expected captured[] = {
    {"curl-ntlm.1.request", TOKEN_NTLM_NEGOTIATE, "ntlm", .neg_state = -1, .error = -1},
    {"curl-ntlm.2.answer", TOKEN_NTLM_CHALLENGE, "ntlm", .neg_state = -1, .error = -1, .domain = "IIS1",
     .server_name = IIS1},
    {"curl-ntlm.3.request", TOKEN_NTLM_AUTHENTICATE, "ntlm", .neg_state = -1, .error = -1,
     .domain = "EXAMPLE", .user = "alice", .workstation = "WORKSTATION", .server_name = IIS1, .ntlm_version = 2},
    {"curl-ntlm-no-domain.3.request", TOKEN_NTLM_AUTHENTICATE, "ntlm", .neg_state = -1, .error = -1,
     .user = "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdw",
     .workstation = "WORKSTATION", .server_name = IIS1, .ntlm_version = 2},
    {"chromium-ntlm.1.request", TOKEN_NTLM_NEGOTIATE, "ntlm", .neg_state = -1, .error = -1},
    {"chromium-ntlm.2.answer", TOKEN_NTLM_CHALLENGE, "ntlm", .neg_state = -1, .error = -1,
     .domain = "IIS1", .server_name = IIS1},
    {"chromium-ntlm.3.request", TOKEN_NTLM_AUTHENTICATE, "ntlm", .neg_state = -1, .error = -1,
     .domain = "EXAMPLE", .user = "alice", .workstation = "client1", .spn = SPN, .server_name = IIS1, .ntlm_version = 2,
     .binding = CHANNEL_BINDING_PRESENT},
    {"firefox-ntlm.1.request", TOKEN_NTLM_NEGOTIATE, "ntlm", .neg_state = -1, .error = -1},
    {"firefox-ntlm.3.request", TOKEN_NTLM_AUTHENTICATE, "ntlm", .neg_state = -1, .error = -1,
     .user = "alice", .workstation = "WORKSTATION", .server_name = IIS1, .ntlm_version = 2},
    {"httpntlm.1.request", TOKEN_NTLM_NEGOTIATE, "ntlm", .neg_state = -1, .error = -1,
     .domain = "EXAMPLE", .workstation = "LAB"},
    {"httpntlm.3.request", TOKEN_NTLM_AUTHENTICATE, "ntlm", .neg_state = -1, .error = -1,
     .domain = "EXAMPLE", .user = "alice", .workstation = "LAB", .server_name = IIS1, .ntlm_version = 2},
    {"requests-ntlm.1.request", TOKEN_NTLM_NEGOTIATE, "ntlm", .neg_state = -1, .error = -1,
     .domain = "EXAMPLE"},
    {"requests-ntlm.2.answer", TOKEN_NTLM_CHALLENGE, "ntlm", .neg_state = -1, .error = -1},
    {"requests-ntlm.3.request", TOKEN_NTLM_AUTHENTICATE, "ntlm", .neg_state = -1, .error = -1,
     .domain = "EXAMPLE", .user = "alice", .ntlm_version = 2, .binding = CHANNEL_BINDING_PRESENT},

    {"curl-kerberos.1.request", TOKEN_KERBEROS_REQUEST, "kerberos", true, -1, .error = -1, .spn = SPN,
     .realm = "EXAMPLE.TEST", .etype = 18, .mechs = "1"},
    {"curl-kerberos.2.answer", TOKEN_KERBEROS_REPLY, "kerberos", true, 0, .error = -1, .mechs = "1"},
    {"firefox-kerberos.1.request", TOKEN_KERBEROS_REQUEST, "kerberos", true, -1, .error = -1, .spn = SPN,
     .realm = "EXAMPLE.TEST", .etype = 18, .mechs = "1"},
    {"firefox-kerberos.2.answer", TOKEN_SPNEGO_ONLY, "kerberos", true, 0, .error = -1, .mechs = "1"},
    {"requests-kerberos.1.request", TOKEN_KERBEROS_REQUEST, "kerberos", .neg_state = -1, .error = -1,
     .spn = SPN, .realm = "EXAMPLE.TEST", .etype = 18},
    {"requests-kerberos.2.answer", TOKEN_KERBEROS_REPLY, "kerberos", .neg_state = -1, .error = -1},
    {"mit-bare-kerberos.1.request", TOKEN_KERBEROS_REQUEST, "kerberos", .neg_state = -1, .error = -1,
     .spn = SPN, .realm = "EXAMPLE.TEST", .etype = 18},
    {"mit-kerberos-error.2.answer", TOKEN_KERBEROS_ERROR, "kerberos", .neg_state = -1, .error = 44,
     .spn = SPN, .realm = "EXAMPLE.TEST"},
    {"mit-spnego-error.2.answer", TOKEN_KERBEROS_ERROR, "kerberos", true, 2, .error = 44, .spn = SPN,
     .realm = "EXAMPLE.TEST"},
    {"mit-spnego-error.1.request", TOKEN_KERBEROS_REQUEST, "kerberos", true, -1, .error = -1, .spn = SPN,
     .realm = "EXAMPLE.TEST", .etype = 18, .mechs = "14"},

    {"curl-spnego-ntlm.1.request", TOKEN_NTLM_NEGOTIATE, "ntlm", true, -1, .error = -1, .mechs = "4"},
    {"curl-spnego-ntlm.2.answer", TOKEN_NTLM_CHALLENGE, "ntlm", true, 1, .error = -1, .domain = "EXAMPLE",
     .server_name = "client1", .mechs = "4"},
    {"curl-spnego-ntlm.3.request", TOKEN_NTLM_AUTHENTICATE, "ntlm", true, 1, .error = -1,
     .domain = "EXAMPLE", .user = "alice", .workstation = "IIS1", .spn = SPN, .server_name = "client1", .ntlm_version = 2},
    {"curl-spnego-ntlm.4.answer", TOKEN_SPNEGO_ONLY, "negotiate", true, 0, .error = -1},
    {"samba-spnego.1.request", TOKEN_NTLM_NEGOTIATE, "ntlm", true, -1, .error = -1, .mechs = "4"},
    {"samba-spnego.2.answer", TOKEN_SPNEGO_ONLY, "negotiate", true, -1, .error = -1, .mechs = "4"},
    {"samba-spnego.3.answer", TOKEN_NTLM_CHALLENGE, "ntlm", true, 1, .error = -1, .domain = "IIS1",
     .server_name = IIS1, .mechs = "4"},
    {"samba-spnego.4.request", TOKEN_NTLM_AUTHENTICATE, "ntlm", true, -1, .error = -1,
     .domain = "EXAMPLE", .user = "alice", .server_name = IIS1, .ntlm_version = 2, .binding = CHANNEL_BINDING_ZERO},
};

static struct span captured_value(const char *file, char *line, size_t capacity)
{
    char path[128];
    snprintf(path, sizeof(path), "token/%s.txt", file);
    return fixture(path, line, capacity);
}

static void check_text(const char *file, const char *what, const struct token_text *text,
                       const char *expected)
{
    if (!span_equal(token_text_span(text), span_text(expected)))
        fail_msg("%s: %s is \"%.*s\"", file, what, SPAN_PRINT(token_text_span(text)));
}

static void check_number(const char *file, const char *what, long long found, long long expected)
{
    if (found != expected)
        fail_msg("%s: %s is %lld, not %lld", file, what, found, expected);
}

static void check_texts(const struct expected *expected, const struct token *token)
{
    check_text(expected->file, "domain", &token->domain, expected->domain);
    check_text(expected->file, "user", &token->user, expected->user);
    check_text(expected->file, "workstation", &token->workstation, expected->workstation);
    check_text(expected->file, "server_name", &token->server_name, expected->server_name);
    check_text(expected->file, "spn", &token->spn, expected->spn);
    check_text(expected->file, "realm", &token->realm, expected->realm);
}

static void check_captured(const struct expected *expected, const struct token *token)
{
    const char *file = expected->file;
    check_number(file, "kind", token->kind, expected->kind);
    assert_string_equal(token_mechanism_word(token), expected->mechanism);
    check_number(file, "in_spnego", token->in_spnego, expected->in_spnego);
    check_number(file, "neg_state", token->neg_state, expected->neg_state);
    check_number(file, "ntlm_version", token->ntlm_version, expected->ntlm_version);
    check_number(file, "binding", token->binding, expected->binding);
    check_number(file, "etype", token->ticket_etype, expected->etype);
    check_number(file, "kvno", token->ticket_kvno, expected->etype ? 1 : -1);
    check_number(file, "krb_error", token->krb_error, expected->error);
    check_number(file, "base64_bad", token->base64_bad, false);
    check_number(file, "is_cut", token->is_cut, false);
    check_number(file, "mechs", (long long)token->mech_count,
                 (long long)span_text(expected->mechs).size);
    for (size_t i = 0; i < token->mech_count; i++)
        check_number(file, "mech", token->mechs[i], expected->mechs[i] - '0');
    check_texts(expected, token);
}

static void reads_what_real_clients_send(void **state)
{
    for (size_t i = 0; i < COUNT_OF(captured); i++) {
        char line[4096];
        struct token token;
        read_with(captured_value(captured[i].file, line, sizeof(line)), SCRATCH_BYTES, &token);
        check_captured(&captured[i], &token);
    }
}

// What tells one server and one client from another. The numbers were read from the same tokens with
// other tools (openssl asn1parse, and by hand).
static void reads_builds_and_sizes(void **state)
{
    static const struct {
        const char *file, *build, *netbios, *dns_domain;
        uint32_t flags, av_flags, ap_options;
        size_t ticket_bytes;
        int sender_etype;
    } cases[] = {
        {"curl-ntlm.1.request", .flags = 0x00088206},
        {"chromium-ntlm.2.answer", "6.1.0", "IIS1", "example.test", .flags = 0x028a8205},
        {"chromium-ntlm.3.request", .flags = 0x00088205, .av_flags = 2},
        {"httpntlm.3.request", "5.1.2600", .flags = 0xa2888205},
        {"requests-ntlm.1.request", "6.1.7601", .flags = 0xe2889032},
        {"curl-spnego-ntlm.2.answer", "6.2.0", "IIS1", .flags = 0xe2898215},
        {"curl-spnego-ntlm.3.request", "6.2.0", .flags = 0xe2898215, .av_flags = 2},
        {"samba-spnego.3.answer", "6.1.0", "IIS1", "example.test", .flags = 0x628a8205},
        {"curl-kerberos.1.request", .ap_options = 0x20000000, .ticket_bytes = 452, .sender_etype = 18},
        {"firefox-kerberos.1.request", .ap_options = 0, .ticket_bytes = 452, .sender_etype = 18},
        {"curl-kerberos.2.answer"},
        {"mit-kerberos-error.2.answer"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *file = cases[i].file;
        char line[4096], build[TOKEN_BUILD_MAX];
        struct token token;
        read_with(captured_value(file, line, sizeof(line)), SCRATCH_BYTES, &token);
        assert_span_text(span_of(build, token_build_print(&token.build, build)), cases[i].build);
        check_text(file, "server_netbios", &token.server_netbios, cases[i].netbios);
        check_text(file, "dns_domain", &token.dns_domain, cases[i].dns_domain);
        check_number(file, "ntlm_flags", token.ntlm_flags, cases[i].flags);
        check_number(file, "ntlm_av_flags", token.ntlm_av_flags, cases[i].av_flags);
        check_number(file, "ap_options", token.ap_options, cases[i].ap_options);
        check_number(file, "ticket_bytes", (long long)token.ticket_bytes, (long long)cases[i].ticket_bytes);
        check_number(file, "sender_etype", token.sender_etype, cases[i].sender_etype);
    }
}

static void prints_builds(void **state)
{
    static const struct {
        struct token_build build;
        const char *text;
    } cases[] = {
        {{true, 10, 0, 20348}, "10.0.20348"},
        {{true, 255, 255, 65535}, "255.255.65535"},
        {{true, 0, 0, 0}, "0.0.0"},
        {{false, 10, 0, 20348}, ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[TOKEN_BUILD_MAX];
        assert_span_text(span_of(text, token_build_print(&cases[i].build, text)), cases[i].text);
    }
}

static void names_encryption(void **state)
{
    assert_string_equal(token_etype_word(18), "aes256-cts-hmac-sha1-96");
    assert_string_equal(token_etype_word(23), "rc4-hmac");
    assert_null(token_etype_word(0));
    assert_null(token_etype_word(-133));
}

// Between 2020 and 2100, as FILETIME.
static void reads_the_clocks_of_servers(void **state)
{
    static const char *const files[] = {"chromium-ntlm.2.answer", "mit-kerberos-error.2.answer",
                                        "curl-spnego-ntlm.2.answer"};
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        char line[4096];
        struct token token;
        read_with(captured_value(files[i], line, sizeof(line)), SCRATCH_BYTES, &token);
        if (token.server_filetime < 132223104000000000 || token.server_filetime > 157469184000000000)
            fail_msg("%s: %llu", files[i], (unsigned long long)token.server_filetime);
    }
}

// The same token without padding, under another scheme, in other letters.
static void does_not_mind_how_a_token_is_carried(void **state)
{
    char line[4096], other[4096];
    struct token token;
    struct span value = captured_value("curl-ntlm.3.request", line, sizeof(line));
    while (value.data[value.size - 1] == '=')
        value.size--;
    snprintf(other, sizeof(other), "negotiate %.*s", SPAN_PRINT(span_after(value, 5)));
    read_text(other, &token);
    assert_int_equal(token.scheme, AUTH_SCHEME_NEGOTIATE);
    assert_int_equal(token.kind, TOKEN_NTLM_AUTHENTICATE);
    assert_false(token.in_spnego);
    assert_string_equal(token_mechanism_word(&token), "ntlm");
    assert_span_text(token_text_span(&token.user), "alice");
    snprintf(other, sizeof(other), "Kerberos %s",
             strchr((const char *)captured_value("mit-bare-kerberos.1.request", line, sizeof(line)).data, ' '));
    other[strcspn(other, "\n")] = 0;
    read_text(other, &token);
    assert_int_equal(token.scheme, AUTH_SCHEME_KERBEROS);
    assert_int_equal(token.kind, TOKEN_KERBEROS_REQUEST);
}

static void to_value(const char *hex, char *value, size_t capacity)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t room[2048];
    struct span bytes = hex_into(hex, room, sizeof(room) - 2);
    room[bytes.size] = room[bytes.size + 1] = 0;
    size_t at = (size_t)snprintf(value, capacity, "Negotiate ");
    for (size_t i = 0; i < bytes.size; i += 3) {
        uint32_t bits = (uint32_t)room[i] << 16 | (uint32_t)room[i + 1] << 8 | room[i + 2];
        assert_true(at + 5 < capacity);
        for (int shift = 18; shift >= 0; shift -= 6)
            value[at++] = digits[bits >> shift & 63];
    }
    value[at - (2 - (bytes.size + 2) % 3)] = 0; // without padding
}

#define O_NTLM   "06 0a 2b06010401823702020a "
#define O_KRB5   "06 09 2a864886f712010202 "
#define TYPE1    "4e544c4d53535000 01000000 00000000"

static void names_made_tokens(void **state)
{
    static const struct {
        const char *what, *hex;
        enum token_kind kind;
        const char *mechanism;
    } cases[] = {
        {"NegoEx", "4e45474f45585453 00000000", TOKEN_NEGOEX, "negotiate"},
        {"NegoEx in SPNEGO",
         "a0 1e 30 1c a0 0e 30 0c 06 0a 2b06010401823702021e a2 0a 04 08 4e45474f45585453", TOKEN_NEGOEX,
         "negotiate"},
        {"Kerberos preferred, NTLM carried",
         "a0 31 30 2f a0 19 30 17 " O_KRB5 O_NTLM "a2 12 04 10 " TYPE1, TOKEN_NTLM_NEGOTIATE, "ntlm"},
        {"IAKERB", "60 0e 06 06 2b0601050205 0501 30 02 a1 00", TOKEN_IAKERB, "kerberos"},
        {"SPNEGO in SPNEGO is not followed",
         "a0 1c 30 1a a2 18 04 16 a0 14 30 12 a2 10 04 0e " "4e544c4d53535000 01000000 0000", TOKEN_UNKNOWN,
         "negotiate"},
        {"accept-incomplete without a token", "a1 15 30 13 a0 03 0a 01 01 a1 0c " O_NTLM, TOKEN_SPNEGO_ONLY,
         "ntlm"},
        {"a SPNEGO list without a token", "a0 10 30 0e a0 0c 30 0a " "06 00 06 00 06 00 06 00 06 00",
         TOKEN_SPNEGO_ONLY, "negotiate"},
        {"no length", "60", TOKEN_UNKNOWN, "negotiate"},
        {"text", "68656c6c6f", TOKEN_UNKNOWN, "negotiate"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char value[4096];
        struct token token;
        to_value(cases[i].hex, value, sizeof(value));
        read_text(value, &token);
        if (token.kind != cases[i].kind || strcmp(token_mechanism_word(&token), cases[i].mechanism) != 0)
            fail_msg("%s: %s %s", cases[i].what, token_kind_word(token.kind), token_mechanism_word(&token));
    }
}

static void says_when_it_is_not_base64(void **state)
{
    static const char *const cases[] = {"NTLM %%%%", "Negotiate YII YII", "NTLM T", "Negotiate YII\xff",
                                        "Kerberos ====", "Negotiate token=\"YII\""};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct token token;
        read_text(cases[i], &token);
        assert_true(token.base64_bad);
        assert_int_equal(token.kind, TOKEN_UNKNOWN);
        assert_int_equal(token.token_bytes, 0);
    }
}

// Passwords and keys of other schemes are not even decoded: nothing of them is written anywhere.
static void leaves_other_schemes_alone(void **state)
{
    static const char *const cases[] = {"Basic YWxpY2U6cGFzc3dvcmQ=", "Bearer eyJhbGciOiJIUzI1NiJ9",
                                        "Digest username=\"a\", response=\"b\"", "=garbage", ""};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint8_t scratch[64];
        struct token token;
        memset(scratch, 0xaa, sizeof(scratch));
        token_read(span_text(cases[i]), scratch, sizeof(scratch), &token);
        for (size_t n = 0; n < sizeof(scratch); n++)
            assert_int_equal(scratch[n], 0xaa);
        assert_int_equal(token.token_bytes, 0);
        assert_string_equal(token_mechanism_word(&token), "none");
    }
}

static void assert_absent(const struct token *token, const uint8_t *secret, size_t size)
{
    for (size_t at = 0; at + 8 <= size; at += 8)
        if (memmem(token, sizeof(*token), secret + at, 8))
            fail_msg("a secret came out");
}

// The proof and the client's challenge of NTLM, and the sealed end of a Kerberos request, stay inside.
static void lets_no_secret_out(void **state)
{
    size_t secrets = 0;
    for (size_t i = 0; i < COUNT_OF(captured); i++) {
        char line[4096];
        uint8_t bytes[4096];
        size_t size, total;
        struct token token;
        struct span value = captured_value(captured[i].file, line, sizeof(line));
        struct span text = span_after(value, span_find(value, ' ') + 1);
        assert_true(base64_decode(text, bytes, sizeof(bytes), &size, &total));
        read_with(value, SCRATCH_BYTES, &token);
        if (token.kind == TOKEN_NTLM_AUTHENTICATE && !token.in_spnego) {
            size_t at = (size_t)(bytes[24] | bytes[25] << 8);
            assert_absent(&token, bytes + at, 44);
            secrets++;
        } else if (token.kind == TOKEN_KERBEROS_REQUEST) {
            assert_absent(&token, bytes + size - 64, 64);
            secrets++;
        }
    }
    assert_true(secrets >= 8);
}

// Less room than the token needs, down to nothing.
static void reads_the_front_of_what_does_not_fit(void **state)
{
    char line[4096];
    struct span value = captured_value("curl-kerberos.1.request", line, sizeof(line));
    bool was_named = false;
    for (size_t room = 0; room < 753; room++) {
        struct token token;
        read_with(value, room, &token);
        assert_true(token.is_cut);
        assert_int_equal(token.token_bytes, 753);
        bool is_named = token.kind == TOKEN_KERBEROS_REQUEST;
        if (was_named || room == 256)
            assert_true(is_named);
        if (is_named)
            assert_span_text(token_text_span(&token.spn), SPN);
        was_named = is_named;
    }
    value = captured_value("curl-ntlm.3.request", line, sizeof(line));
    for (size_t room = 0; room < 128; room++) {
        struct token token;
        read_with(value, room, &token);
        assert_int_equal(token.kind, room < 12 ? TOKEN_UNKNOWN : TOKEN_NTLM_AUTHENTICATE);
    }
}

static void bounds_names(void **state)
{
    // Type 3 of the oldest form: a user name of 1000 bytes at 52, in OEM, then in Unicode
    static char hex[4096], value[4096];
    struct token token;
    size_t at = (size_t)snprintf(hex, sizeof(hex), "4e544c4d53535000 03000000 0000000000000000 0000000000000000 "
                                                   "0000000000000000 e803e80334000000 0000000000000000 ");
    for (int i = 0; i < 1000; i++)
        at += (size_t)snprintf(hex + at, sizeof(hex) - at, "%s", i % 2 ? "42" : "e9");
    to_value(hex, value, sizeof(value));
    read_text(value, &token);
    assert_int_equal(token.kind, TOKEN_NTLM_AUTHENTICATE);
    assert_int_equal(token.user.size, TOKEN_TEXT_MAX); // 64 pairs of three bytes and one
    assert_int_equal(token.user.data[255], 'B');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_scheme_words),
        cmocka_unit_test(says_which_schemes_bind),
        cmocka_unit_test(cuts_lists_of_challenges),
        cmocka_unit_test(prefers_what_binds),
        cmocka_unit_test(reads_what_real_clients_send),
        cmocka_unit_test(reads_builds_and_sizes),
        cmocka_unit_test(prints_builds),
        cmocka_unit_test(names_encryption),
        cmocka_unit_test(reads_the_clocks_of_servers),
        cmocka_unit_test(does_not_mind_how_a_token_is_carried),
        cmocka_unit_test(names_made_tokens),
        cmocka_unit_test(says_when_it_is_not_base64),
        cmocka_unit_test(leaves_other_schemes_alone),
        cmocka_unit_test(lets_no_secret_out),
        cmocka_unit_test(reads_the_front_of_what_does_not_fit),
        cmocka_unit_test(bounds_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
