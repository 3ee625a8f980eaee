// SPDX-License-Identifier: Apache-2.0
// See kerberos.h.
#include "kerberos.h"

#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <krb5/krb5.h>
#include <stdio.h>
#include <string.h>

#include "spnego.h"

static gss_OID_desc mechs[] = {
    {9, (void *)"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"},
    {6, (void *)"\x2b\x06\x01\x05\x05\x02"},
};

// GSSAPI opens the keytab only with the first token; a mistake should show at the start.
static bool has_keys(const char *path)
{
    krb5_context context;
    krb5_keytab keytab = NULL;
    if (krb5_init_context(&context) != 0)
        return false;
    bool ok =
        krb5_kt_resolve(context, path, &keytab) == 0 && krb5_kt_have_content(context, keytab) == 0;
    if (keytab)
        krb5_kt_close(context, keytab);
    krb5_free_context(context);
    return ok;
}

bool kerberos_init(struct kerberos *k, const char *keytab, const char *replay_cache)
{
    struct buffer cache = {0};
    buffer_add_format(&cache, "%s%s",
                      replay_cache ? "file2:" : "none:", replay_cache ? replay_cache : "");
    buffer_add(&cache, "", 1);
    gss_key_value_element_desc pairs[] = {{"keytab", keytab}, {"rcache", (char *)cache.at}};
    gss_key_value_set_desc store = {2, pairs};
    gss_OID_set_desc wanted = {2, mechs};
    OM_uint32 major, minor;
    *k = (struct kerberos){.keytab = keytab};
    major = gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &wanted, GSS_C_ACCEPT,
                                  &store, &k->credential, NULL, NULL);
    buffer_done(&cache);
    if (GSS_ERROR(major) || !has_keys(keytab)) {
        fprintf(stderr, "handfast-iis: no Kerberos keys in %s\n", keytab);
        return false;
    }
    return true;
}

// The mechglue renumbers the minor codes, so only the text still tells the causes apart. It is
// English: this program never calls setlocale.
static const char *cause(OM_uint32 minor)
{
    static const char *const causes[][2] = {
        {"replay", "replayed"},  {"skew", "clock-skew"},    {"expired", "ticket-expired"},
        {"key table", "no-key"}, {"ntegrity", "wrong-key"},
    };
    OM_uint32 ignored, more = 0;
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    const char *word = "ticket-refused";
    if (GSS_ERROR(gss_display_status(&ignored, minor, GSS_C_MECH_CODE, &mechs[0], &more, &text)))
        return word;
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++)
        if (memmem(text.value, text.length, causes[i][0], strlen(causes[i][0])))
            word = causes[i][1];
    gss_release_buffer(&ignored, &text);
    return word;
}

static const char *refusal(OM_uint32 major, OM_uint32 minor)
{
    switch (GSS_ROUTINE_ERROR(major)) {
    case GSS_S_DUPLICATE_TOKEN:
        return "replayed";
    case GSS_S_DEFECTIVE_TOKEN:
        return "malformed";
    default:
        return cause(minor);
    }
}

static void add_name(struct buffer *out, gss_name_t name)
{
    OM_uint32 minor;
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    if (!GSS_ERROR(gss_display_name(&minor, name, &text, NULL)))
        buffer_add(out, text.value, text.length);
    gss_release_buffer(&minor, &text);
}

enum kerberos_step kerberos_accept(const struct kerberos *k, struct kerberos_login *login,
                                   struct span token, struct buffer *reply, struct buffer *name,
                                   const char **ret_why)
{
    gss_buffer_desc in = {token.len, (void *)(uintptr_t)token.at};
    gss_buffer_desc out = GSS_C_EMPTY_BUFFER;
    gss_name_t source = GSS_C_NO_NAME;
    OM_uint32 minor, ignored;
    OM_uint32 major =
        gss_accept_sec_context(&minor, &login->context, k->credential, &in,
                               GSS_C_NO_CHANNEL_BINDINGS, &source, NULL, &out, NULL, NULL, NULL);
    enum kerberos_step step = KERBEROS_REFUSED;
    if (GSS_ERROR(major)) {
        *ret_why = refusal(major, minor);
    } else if (major & GSS_S_CONTINUE_NEEDED) {
        step = KERBEROS_MORE;
    } else {
        step = KERBEROS_DONE;
        add_name(name, source);
    }
    buffer_add(reply, out.value, out.length);
    gss_release_buffer(&ignored, &out);
    gss_release_name(&ignored, &source);
    if (step != KERBEROS_MORE)
        kerberos_login_done(login);
    return step;
}

void kerberos_login_done(struct kerberos_login *login)
{
    OM_uint32 minor;
    if (login->context)
        gss_delete_sec_context(&minor, &login->context, GSS_C_NO_BUFFER);
    login->context = GSS_C_NO_CONTEXT;
}

// KERB_AP_OPTIONS_CBT in AD-AUTH-DATA-AP-OPTIONS: the client knows channel bindings.
static bool knows_bindings(krb5_context context, krb5_authdata **data)
{
    enum { AP_OPTIONS = 143, OPTION_CBT = 0x4000 };
    krb5_authdata **found = NULL;
    bool knows = false;
    if (krb5_find_authdata(context, NULL, data, AP_OPTIONS, &found) == 0 && found) {
        if (found[0] && found[0]->length == 4)
            knows = (bytes_u32le(found[0]->contents) & OPTION_CBT) != 0;
        krb5_free_authdata(context, found);
    }
    return knows;
}

// The checksum of type 0x8003 holds: length 16, the binding, the flags (RFC 4121 4.1.1).
static void read_binding(krb5_context context, const krb5_authenticator *a, struct claim *c)
{
    static const uint8_t zero[16];
    c->binding = CLAIM_SILENT;
    const krb5_checksum *sum = a->checksum;
    if (!sum || sum->checksum_type != 0x8003 || sum->length < 24)
        return;
    memcpy(c->bound_to, sum->contents + 4, 16);
    if (memcmp(c->bound_to, zero, 16) != 0)
        c->binding = CLAIM_BOUND;
    else if (knows_bindings(context, a->authorization_data))
        c->binding = CLAIM_EMPTY;
}

static void read_spn(krb5_context context, krb5_const_principal server, struct claim *c)
{
    char *name = NULL;
    if (krb5_unparse_name_flags(context, server, KRB5_PRINCIPAL_UNPARSE_NO_REALM, &name) != 0)
        return;
    snprintf(c->spn, sizeof c->spn, "%s", name);
    c->has_spn = true;
    krb5_free_unparsed_name(context, name);
}

static bool read_claim(krb5_context context, const char *path, struct span ap_req, struct claim *c)
{
    krb5_keytab keytab = NULL;
    krb5_auth_context auth = NULL;
    krb5_ticket *ticket = NULL;
    krb5_authenticator *a = NULL;
    krb5_data in = {.length = (unsigned)ap_req.len, .data = (char *)(uintptr_t)ap_req.at};
    bool ok =
        krb5_kt_resolve(context, path, &keytab) == 0 && krb5_auth_con_init(context, &auth) == 0;
    // Without DO_TIME no replay cache is asked: GSSAPI reads the same token again afterwards.
    ok = ok && krb5_auth_con_setflags(context, auth, 0) == 0 &&
         krb5_rd_req(context, &auth, &in, NULL, keytab, NULL, &ticket) == 0 &&
         krb5_auth_con_getauthenticator(context, auth, &a) == 0;
    if (ok) {
        read_binding(context, a, c);
        read_spn(context, ticket->server, c);
    }
    krb5_free_authenticator(context, a);
    krb5_free_ticket(context, ticket);
    if (auth)
        krb5_auth_con_free(context, auth);
    if (keytab)
        krb5_kt_close(context, keytab);
    return ok;
}

bool kerberos_claim(const struct kerberos *k, struct span token, struct claim *ret_claim)
{
    struct span ap_req;
    krb5_context context;
    struct claim claim = {0};
    if (!spnego_find_ap_req(token, &ap_req) || krb5_init_context(&context) != 0)
        return false;
    bool ok = read_claim(context, k->keytab, ap_req, &claim);
    krb5_free_context(context);
    if (ok)
        *ret_claim = claim;
    return ok;
}
