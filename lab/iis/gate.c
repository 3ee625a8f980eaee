// SPDX-License-Identifier: Apache-2.0
// See gate.h. Any token starts by forgetting who was there: a login that fails leaves the
// connection with nobody, as the documented log triples suggest.
#include "gate.h"

#include <stdatomic.h>
#include <string.h>

#include "spnego.h"

void gate_init(struct gate *g, const struct settings *settings, const uint8_t *binding)
{
    *g = (struct gate){.settings = settings, .binding = binding};
}

void gate_done(struct gate *g)
{
    buffer_done(&g->user);
    buffer_done(&g->mech_types);
    ntlm_done(&g->ntlm);
    kerberos_login_done(&g->kerberos);
}

static void forget_login(struct gate *g)
{
    g->known_by = SCHEME_NONE;
    buffer_clear(&g->user);
}

static void forget_handshake(struct gate *g)
{
    g->challenged = false;
    buffer_clear(&g->ntlm.type1);
    buffer_clear(&g->ntlm.type2);
    buffer_clear(&g->mech_types);
}

// a->token stays what it is: empty, or the error that goes with the refusal.
static void refuse(struct gate *g, struct gate_answer *a, const char *why)
{
    forget_login(g);
    forget_handshake(g);
    kerberos_login_done(&g->kerberos);
    a->verdict = GATE_REFUSED;
    a->why = why;
}

static void pass(struct gate *g, struct gate_answer *a, enum gate_scheme scheme)
{
    forget_handshake(g);
    g->known_by = scheme;
    a->verdict = GATE_PASSED;
    a->decided_now = true;
}

// Type 1: raw, or inside the NegTokenInit `init`.
static void ntlm_begin(struct gate *g, struct span type1, const struct spnego_init *init,
                       struct gate_answer *a)
{
    a->leg = 1;
    if (!ntlm_challenge(&g->ntlm, type1, &g->settings->place)) {
        refuse(g, a, "malformed");
        return;
    }
    g->challenged = true;
    g->challenged_negotiate = a->negotiate;
    g->challenged_wrapped = init;
    struct span type2 = buffer_span(&g->ntlm.type2);
    if (init) {
        buffer_add_span(&g->mech_types, init->mech_types);
        enum spnego_state state = init->ntlm_first ? SPNEGO_INCOMPLETE : SPNEGO_REQUEST_MIC;
        spnego_add_response(&a->token, state, true, type2, (struct span){0});
    } else {
        buffer_add_span(&a->token, type2);
    }
    a->verdict = GATE_CONTINUED;
}

// The mechListMIC proves that nobody changed the list of mechanisms on the way.
static bool mech_list_mic_holds(const struct gate *g, const struct ntlm_login *login,
                                struct span mic)
{
    uint8_t expected[16];
    ntlm_sign(login, false, buffer_span(&g->mech_types), expected);
    return mic.len == 16 && memcmp(expected, mic.at, 16) == 0;
}

static void add_spnego_completion(const struct gate *g, const struct ntlm_login *login,
                                  bool with_mic, struct gate_answer *a)
{
    uint8_t mic[16];
    struct span sent = {0};
    if (with_mic) {
        ntlm_sign(login, true, buffer_span(&g->mech_types), mic);
        sent = (struct span){mic, sizeof mic};
    }
    spnego_add_response(&a->token, SPNEGO_COMPLETED, false, (struct span){0}, sent);
}

static void ntlm_finish(struct gate *g, struct span type3, struct span mech_list_mic, bool wrapped,
                        struct gate_answer *a)
{
    struct ntlm_login login;
    a->leg = 2;
    if (!g->challenged || g->challenged_negotiate != a->negotiate ||
        g->challenged_wrapped != wrapped) {
        refuse(g, a, "no-challenge");
        return;
    }
    const char *why =
        ntlm_verify(&g->ntlm, type3, &g->settings->users, &g->settings->place, &login);
    if (!why)
        why = protection_objects(&g->settings->protection, &login.claim, g->binding);
    if (!why && mech_list_mic.len && !mech_list_mic_holds(g, &login, mech_list_mic))
        why = "bad-mech-list-mic";
    if (why) {
        refuse(g, a, why);
        return;
    }
    buffer_add_format(&g->user, "%s\\%s", login.user->domain, login.user->name);
    if (wrapped)
        add_spnego_completion(g, &login, mech_list_mic.len > 0, a);
    pass(g, a, SCHEME_NTLM);
}

static void ask_ntlm(struct gate *g, struct span message, struct gate_answer *a)
{
    unsigned type = ntlm_type(message);
    if (type == 1) {
        forget_handshake(g);
        ntlm_begin(g, message, NULL, a);
    } else if (type == 3) {
        ntlm_finish(g, message, (struct span){0}, false, a);
    } else {
        refuse(g, a, "malformed");
    }
}

static void ask_kerberos(struct gate *g, struct span token, struct gate_answer *a)
{
    const struct settings *s = g->settings;
    struct claim claim;
    const char *why = NULL;
    bool first_leg = g->kerberos.context == GSS_C_NO_CONTEXT;
    a->leg = first_leg ? 1 : 2;
    if (!s->has_kerberos) {
        refuse(g, a, "no-keytab");
        return;
    }
    if (s->protection.level != PROTECTION_NONE && first_leg) {
        why = kerberos_claim(&s->kerberos, token, &claim)
                  ? protection_objects(&s->protection, &claim, g->binding)
                  : "ticket-refused";
        if (why) {
            refuse(g, a, why);
            return;
        }
    }
    switch (kerberos_accept(&s->kerberos, &g->kerberos, token, &a->token, &g->user, &why)) {
    case KERBEROS_DONE:
        pass(g, a, SCHEME_KERBEROS);
        break;
    case KERBEROS_MORE:
        a->verdict = GATE_CONTINUED;
        break;
    case KERBEROS_REFUSED:
        if (!s->tells_kerberos_error)
            buffer_clear(&a->token);
        refuse(g, a, why);
        break;
    }
}

// Under Negotiate anything may come: raw NTLM, NTLM in SPNEGO, Kerberos with or without SPNEGO.
static void ask_negotiate(struct gate *g, struct span token, struct gate_answer *a)
{
    struct spnego_init init;
    struct spnego_response response;
    if (ntlm_type(token)) {
        ask_ntlm(g, token, a);
    } else if (spnego_read_init(token, &init) && ntlm_type(init.token) == 1) {
        forget_handshake(g);
        ntlm_begin(g, init.token, &init, a);
    } else if (spnego_read_response(token, &response) && ntlm_type(response.token) == 3) {
        ntlm_finish(g, response.token, response.mic, true, a);
    } else {
        ask_kerberos(g, token, a);
    }
}

static bool spurious_refusal(const struct settings *s, bool has_token)
{
    static atomic_flag seen_one = ATOMIC_FLAG_INIT;
    return !atomic_flag_test_and_set(&seen_one) && s->refuse_first && has_token;
}

void gate_ask(struct gate *g, struct span authorization, struct gate_answer *ret_answer)
{
    const struct settings *s = g->settings;
    *ret_answer = (struct gate_answer){.verdict = GATE_PASSED};
    struct gate_answer *a = ret_answer;
    size_t len = 0;
    while (len < authorization.len && authorization.at[len] != ' ')
        len++;
    struct span scheme = span_cut(authorization, 0, len);
    struct span text = span_trim(span_cut(authorization, len, authorization.len));
    bool ntlm = s->offer_ntlm && span_is_word(scheme, "NTLM");
    a->negotiate = s->offer_negotiate && span_is_word(scheme, "Negotiate");
    if (spurious_refusal(s, ntlm || a->negotiate)) {
        refuse(g, a, "first-request");
        return;
    }
    if (!ntlm && !a->negotiate) {
        forget_handshake(g);
        kerberos_login_done(&g->kerberos);
        if (g->known_by == SCHEME_NONE)
            refuse(g, a, authorization.len ? "other-scheme" : "no-credentials");
        return;
    }
    forget_login(g);
    struct buffer token = {0};
    if (!buffer_add_unbase64(&token, text) || token.len == 0)
        refuse(g, a, "malformed");
    else if (ntlm)
        ask_ntlm(g, buffer_span(&token), a);
    else
        ask_negotiate(g, buffer_span(&token), a);
    buffer_done(&token);
}

void gate_request_ended(struct gate *g)
{
    bool kerberos_ends = g->known_by == SCHEME_KERBEROS && g->settings->kerberos_per_request;
    if (kerberos_ends || g->settings->single_request)
        forget_login(g);
}

void gate_add_person(const struct gate *g, struct buffer *out)
{
    if (g->known_by == SCHEME_NONE) {
        buffer_add_text(out, "-");
        return;
    }
    struct span name = buffer_span(&g->user);
    for (size_t i = 0; i < name.len; i++)
        if (name.at[i] == '\\')
            name = span_cut(name, i + 1, name.len);
    for (size_t i = 0; i < name.len && name.at[i] != '@'; i++) {
        uint8_t c = name.at[i];
        c = c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
        buffer_add(out, &c, 1);
    }
}
