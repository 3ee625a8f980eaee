// SPDX-License-Identifier: Apache-2.0
// Fuzzes token_read on whole header values, and the binding on what it says: scratch wiped, texts clean
// UTF-8 and bounded, other schemes' secrets not decoded, and no credentials or Windows challenge without an end
// of sharing.
#include <stdlib.h>

#include "auth/auth.h"
#include "base/check.h"
#include "wire/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Clean text comes out of utf8_from_bytes as it went in.
static void check_text(const struct token_text *text)
{
    char again[TOKEN_TEXT_MAX];
    CHECK(text->size <= TOKEN_TEXT_MAX);
    CHECK(utf8_from_bytes(token_text_span(text), again, sizeof(again)) == text->size);
    CHECK(memcmp(again, text->data, text->size) == 0);
}

static void check_binding(const struct token *token)
{
    static const unsigned statuses[] = {101, 200, 400, 401, 403, 407, 500, 503};
    CHECK(!binding_may_share(binding_next(BINDING_FREE, binding_event_of_request(token))));
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        enum binding_event event = binding_event_of_response(statuses[i], token, 1);
        bool may_share = binding_may_share(binding_next(BINDING_FREE, event));
        CHECK(may_share == !auth_scheme_binds(token->scheme));
    }
}

static void read(struct span value, size_t scratch_bytes, struct token *token)
{
    uint8_t *scratch = calloc(1, scratch_bytes ? scratch_bytes : 1);
    CHECK(scratch);
    token_read(value, scratch, scratch_bytes, token);
    for (size_t i = 0; i < scratch_bytes; i++)
        CHECK(scratch[i] == 0);
    free(scratch);

    const struct token_text *texts[] = {&token->domain,      &token->user, &token->workstation,
                                        &token->server_name, &token->spn,  &token->realm,
                                        &token->server_netbios, &token->dns_domain, &token->forest};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        check_text(texts[i]);
    CHECK(auth_scheme_word(token->scheme) && token_kind_word(token->kind) && token_mechanism_word(token));
    CHECK(token->mech_count <= sizeof(token->mechs));
    CHECK(token->negoex_count <= sizeof(token->negoex_types));
    char build[TOKEN_BUILD_MAX];
    CHECK(token_build_print(&token->build, build) < TOKEN_BUILD_MAX);
    CHECK(auth_scheme_binds(token->scheme) || (token->token_bytes == 0 && token->user.size == 0));
    CHECK(!token->base64_bad || token->kind == TOKEN_UNKNOWN);
    CHECK(token->is_cut == (token->token_bytes > scratch_bytes));
    check_binding(token);
}

static void check_cuts(struct span value)
{
    struct span rest = value;
    while (rest.size > 0) {
        size_t before = rest.size;
        struct span challenge = auth_challenge_cut(&rest);
        CHECK(rest.size < before && challenge.size <= before);
    }
}

static void read_twice(struct span value, size_t scratch_bytes)
{
    struct token whole, cut;

    read(value, value.size, &whole);
    CHECK(!whole.is_cut);
    read(value, scratch_bytes, &cut);
    CHECK(cut.scheme == whole.scheme && cut.token_bytes == whole.token_bytes);
}

// The bytes as a token: a fuzzer seldom keeps base64 whole by itself.
static void read_as_token(const uint8_t *data, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char scheme[] = "Negotiate ";
    size_t at = sizeof(scheme) - 1;
    char *value = malloc(at + size / 3 * 4 + 4);
    CHECK(value);
    memcpy(value, scheme, at);
    for (size_t i = 0; i < size; i += 3) {
        uint32_t bits = (uint32_t)data[i] << 16;
        if (i + 1 < size)
            bits |= (uint32_t)data[i + 1] << 8;
        if (i + 2 < size)
            bits |= data[i + 2];
        for (int shift = 18; shift >= 0; shift -= 6)
            value[at++] = digits[bits >> shift & 63];
    }
    at -= (3 - size % 3) % 3;
    read_twice(span_of(value, at), size % 301);
    free(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span value = span_of(data, size);

    check_cuts(value);
    read_twice(value, size % 301);
    read_as_token(data, size);
    return 0;
}
