// SPDX-License-Identifier: Apache-2.0
// See kerberos_client.h. One library context and one cache in memory for each client, used by one
// thread at a time: a lock stands around both.
#include "doctor/kerberos_client.h"

#include <errno.h>
#include <krb5/krb5.h>
#include <profile.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "doctor/frame.h"
#include "wire/kerberos.h"

// MIT's library says KERB_AP_OPTIONS_CBT only when its configuration says so, at the time a token
// is made. This is a configuration that asks us for that one line and the real one for all others.
struct profile {
    profile_t real;
    bool is_aware;
};

struct kerberos_client {
    pthread_mutex_t lock;
    struct profile profile;
    krb5_context context;
    krb5_ccache cache;
    krb5_principal self;
    char *principal; // owned text
    char realm[256];
    struct kerberos_ticket tgt;
    bool has_asked_kdc; // for the first ticket
};

struct kerberos_login {
    struct kerberos_client *client; // borrowed
    krb5_auth_context auth;
};

// ---- the configuration in between

static long profile_values(void *context, const char *const *names, char ***ret_values)
{
    static const char aware[] = "client_aware_channel_bindings";
    struct profile *profile = context;

    if (!names[0] || !names[1] || names[2] || strcmp(names[1], aware) != 0)
        return profile_get_values(profile->real, (const char **)names, ret_values);
    char **values = calloc(2, sizeof(*values));
    if (values)
        values[0] = strdup(profile->is_aware ? "true" : "false");
    *ret_values = values;
    return values && values[0] ? 0 : PROF_NO_RELATION;
}

static void profile_values_free(void *context, char **values)
{
    for (char **value = values; value && *value; value++)
        free(*value);
    free(values);
}

static krb5_error_code context_new(struct profile *profile, krb5_context *ret_context)
{
    struct profile_vtable vtable = {
        .minor_ver = 1, .get_values = profile_values, .free_values = profile_values_free};
    krb5_context plain = NULL;
    profile_t ours = NULL;

    krb5_error_code code = krb5_init_context(&plain);
    if (code)
        return code;
    code = krb5_get_profile(plain, &profile->real);
    krb5_free_context(plain);
    if (code)
        return code;
    code = (krb5_error_code)profile_init_vtable(&vtable, profile, &ours);
    if (code)
        return code;
    code = krb5_init_context_profile(ours, 0, ret_context);
    profile_abandon(ours);
    return code;
}

// ---- problems

// Failures of the library itself, by what they mean here.
static const char *local_name(krb5_error_code code)
{
    switch (code) {
    case KRB5_KDC_UNREACH:
    case KRB5_REALM_CANT_RESOLVE:
        return "KDC_UNREACHABLE";
    case KRB5_REALM_UNKNOWN:
    case KRB5_CONFIG_NODEFREALM:
    case KRB5_ERR_HOST_REALM_UNKNOWN:
        return "REALM_UNKNOWN";
    case KRB5_FCC_NOFILE:
    case KRB5_CC_NOTFOUND:
    case KRB5_CC_END:
    case KRB5_KT_NOTFOUND:
    case KRB5_LIBOS_CANTREADPWD:
    case ENOENT:
    case EACCES:
        return "NO_CREDENTIALS";
    case KRB5_KDCREP_SKEW:
        return "SKEW";
    case KRB5_KDCREP_MODIFIED:
        return "REPLY_MODIFIED";
    case KRB5_PARSE_MALFORMED:
        return "NAME_MALFORMED";
    default:
        return "LIBRARY";
    }
}

static void tell(krb5_context context, krb5_error_code code, struct kerberos_problem *ret_problem)
{
    long number = (long)code - ERROR_TABLE_BASE_krb5;
    char scratch[24];

    *ret_problem = (struct kerberos_problem){.code = -1};
    if (number > 0 && number < 128)
        ret_problem->code = (int)number;
    snprintf(ret_problem->name, sizeof(ret_problem->name), "%s",
             ret_problem->code > 0 ? kerberos_error_name(ret_problem->code, scratch)
                                   : local_name(code));
    const char *words = krb5_get_error_message(context, code);
    snprintf(ret_problem->text, sizeof(ret_problem->text), "%s", words ? words : "");
    krb5_free_error_message(context, words);
}

// ---- tickets

static void read_creds(krb5_context context, const krb5_creds *creds,
                       struct kerberos_ticket *ret_ticket)
{
    struct kerberos_ticket ticket = {.kvno = -1,
                                     .session_etype = creds->keyblock.enctype,
                                     .bytes = creds->ticket.length,
                                     .ends_s = (uint32_t)creds->times.endtime};
    krb5_ticket *inside = NULL;
    char *name = NULL;

    if (krb5_decode_ticket(&creds->ticket, &inside) == 0) {
        ticket.etype = inside->enc_part.enctype;
        ticket.kvno = inside->enc_part.kvno ? (int64_t)inside->enc_part.kvno : -1;
        if (krb5_unparse_name(context, inside->server, &name) == 0)
            snprintf(ticket.server, sizeof(ticket.server), "%s", name);
        krb5_free_unparsed_name(context, name);
        krb5_free_ticket(context, inside);
    }
    *ret_ticket = ticket;
}

// "HTTP/host" as a principal of our realm; a KDC that knows better refers us on.
static krb5_error_code service_principal(struct kerberos_client *client, const char *service,
                                         krb5_principal *ret_principal)
{
    krb5_error_code code = krb5_parse_name_flags(client->context, service,
                                                 KRB5_PRINCIPAL_PARSE_NO_REALM, ret_principal);
    if (code)
        return code;
    (*ret_principal)->type = KRB5_NT_SRV_INST;
    code = krb5_set_principal_realm(client->context, *ret_principal, client->realm);
    if (code)
        krb5_free_principal(client->context, *ret_principal);
    return code;
}

// The caller holds the lock and frees the credentials.
static krb5_error_code get_creds(struct kerberos_client *client, const char *service,
                                 krb5_creds **ret_creds)
{
    krb5_creds wanted = {.client = client->self};
    krb5_error_code code = service_principal(client, service, &wanted.server);

    if (code)
        return code;
    code = krb5_get_credentials(client->context, 0, client->cache, &wanted, ret_creds);
    krb5_free_principal(client->context, wanted.server);
    return code;
}

bool kerberos_client_ticket(struct kerberos_client *client, const char *service,
                            struct kerberos_ticket *ret_ticket,
                            struct kerberos_problem *ret_problem)
{
    krb5_creds *creds = NULL;

    pthread_mutex_lock(&client->lock);
    krb5_error_code code = get_creds(client, service, &creds);
    if (code)
        tell(client->context, code, ret_problem);
    else
        read_creds(client->context, creds, ret_ticket);
    krb5_free_creds(client->context, creds);
    pthread_mutex_unlock(&client->lock);
    return code == 0;
}

// ---- logging in

static krb5_error_code self_of_account(struct kerberos_client *client,
                                       const struct account *account)
{
    char name[512];
    const char *realm = account->realm ? account->realm : "";

    snprintf(name, sizeof(name), "%s%s%s", account->user, realm[0] ? "@" : "", realm);
    return krb5_parse_name(client->context, name, &client->self);
}

// Stores what a KDC gave in the cache of ours.
static krb5_error_code keep(struct kerberos_client *client, krb5_error_code code, krb5_creds *creds)
{
    if (code)
        return code;
    code = krb5_cc_initialize(client->context, client->cache, creds->client);
    if (code == 0)
        code = krb5_cc_store_cred(client->context, client->cache, creds);
    if (code == 0)
        read_creds(client->context, creds, &client->tgt);
    client->has_asked_kdc = code == 0;
    krb5_free_cred_contents(client->context, creds);
    return code;
}

static krb5_error_code open_by_password(struct kerberos_client *client,
                                        const struct account *account)
{
    krb5_creds creds = {0};
    krb5_error_code code = self_of_account(client, account);

    if (code)
        return code;
    code = krb5_get_init_creds_password(client->context, &creds, client->self, account->password,
                                        NULL, NULL, 0, NULL, NULL);
    return keep(client, code, &creds);
}

static krb5_error_code first_of_keytab(struct kerberos_client *client, krb5_keytab keytab)
{
    krb5_kt_cursor cursor;
    krb5_keytab_entry entry;
    krb5_error_code code = krb5_kt_start_seq_get(client->context, keytab, &cursor);

    if (code)
        return code;
    code = krb5_kt_next_entry(client->context, keytab, &entry, &cursor);
    if (code == 0) {
        code = krb5_copy_principal(client->context, entry.principal, &client->self);
        krb5_free_keytab_entry_contents(client->context, &entry);
    }
    krb5_kt_end_seq_get(client->context, keytab, &cursor);
    return code;
}

static krb5_error_code open_by_keytab(struct kerberos_client *client, const struct account *account)
{
    krb5_creds creds = {0};
    krb5_keytab keytab = NULL;
    krb5_error_code code = account->file ? krb5_kt_resolve(client->context, account->file, &keytab)
                                         : krb5_kt_default(client->context, &keytab);

    if (code)
        return code;
    code = account->user && account->user[0] ? self_of_account(client, account)
                                             : first_of_keytab(client, keytab);
    if (code == 0) {
        code = krb5_get_init_creds_keytab(client->context, &creds, client->self, keytab, 0, NULL,
                                          NULL);
        code = keep(client, code, &creds);
    }
    krb5_kt_close(client->context, keytab);
    return code;
}

static bool is_tgt(krb5_context context, const krb5_creds *creds)
{
    krb5_data first = creds->server->length ? creds->server->data[0] : (krb5_data){0};

    return span_equal(span_of(first.data, first.length), SPAN("krbtgt"));
}

// Only tickets that grant others are taken along: the rest are to be as the KDC would give them
// now.
static krb5_error_code take_tgts(struct kerberos_client *client, krb5_ccache from)
{
    krb5_cc_cursor cursor;
    krb5_creds creds;
    bool has_one = false;
    krb5_error_code code = krb5_cc_start_seq_get(client->context, from, &cursor);

    if (code)
        return code;
    while (code == 0 && krb5_cc_next_cred(client->context, from, &cursor, &creds) == 0) {
        if (is_tgt(client->context, &creds)) {
            code = krb5_cc_store_cred(client->context, client->cache, &creds);
            if (!has_one)
                read_creds(client->context, &creds, &client->tgt);
            has_one = true;
        }
        krb5_free_cred_contents(client->context, &creds);
    }
    krb5_cc_end_seq_get(client->context, from, &cursor);
    return code ? code : has_one ? 0 : KRB5_CC_NOTFOUND;
}

static krb5_error_code open_by_cache(struct kerberos_client *client, const struct account *account)
{
    krb5_ccache from = NULL;
    krb5_error_code code = account->file ? krb5_cc_resolve(client->context, account->file, &from)
                                         : krb5_cc_default(client->context, &from);

    if (code)
        return code;
    code = krb5_cc_get_principal(client->context, from, &client->self);
    if (code == 0)
        code = krb5_cc_initialize(client->context, client->cache, client->self);
    if (code == 0)
        code = take_tgts(client, from);
    krb5_cc_close(client->context, from);
    return code;
}

static krb5_error_code open_account(struct kerberos_client *client, const struct account *account)
{
    krb5_error_code code = krb5_cc_new_unique(client->context, "MEMORY", NULL, &client->cache);

    if (code)
        return code;
    if (account->proof == PROOF_PASSWORD)
        code = open_by_password(client, account);
    else if (account->proof == PROOF_KEYTAB)
        code = open_by_keytab(client, account);
    else
        code = open_by_cache(client, account);
    if (code)
        return code;
    snprintf(client->realm, sizeof(client->realm), "%.*s", (int)client->self->realm.length,
             client->self->realm.data);
    return krb5_unparse_name(client->context, client->self, &client->principal);
}

struct kerberos_client *kerberos_client_new(const struct account *account,
                                            struct kerberos_problem *ret_problem)
{
    struct kerberos_client *client = calloc(1, sizeof(*client));

    *ret_problem = (struct kerberos_problem){.code = -1, .name = "LIBRARY", .text = "no memory"};
    if (!client)
        return NULL;
    pthread_mutex_init(&client->lock, NULL);
    krb5_error_code code = context_new(&client->profile, &client->context);
    if (code == 0)
        code = open_account(client, account);
    if (code == 0)
        return client;
    tell(client->context, code, ret_problem);
    return kerberos_client_free(client);
}

struct kerberos_client *kerberos_client_free(struct kerberos_client *client)
{
    if (!client)
        return NULL;
    if (client->context) {
        if (client->cache)
            krb5_cc_destroy(client->context, client->cache);
        krb5_free_principal(client->context, client->self);
        krb5_free_unparsed_name(client->context, client->principal);
        krb5_free_context(client->context);
    }
    if (client->profile.real)
        profile_abandon(client->profile.real);
    pthread_mutex_destroy(&client->lock);
    free(client);
    return NULL;
}

const char *kerberos_client_principal(const struct kerberos_client *client)
{
    return client->principal;
}

const char *kerberos_client_realm(const struct kerberos_client *client)
{
    return client->realm;
}

bool kerberos_client_cache(struct kerberos_client *client, char *ret_name, size_t capacity)
{
    const char *name = krb5_cc_get_name(client->context, client->cache);
    int size = snprintf(ret_name, capacity, "MEMORY:%s", name);
    return size > 0 && (size_t)size < capacity;
}

void kerberos_client_tgt(const struct kerberos_client *client, struct kerberos_ticket *ret_ticket)
{
    *ret_ticket = client->tgt;
}

bool kerberos_client_clock(struct kerberos_client *client, int64_t *ret_offset_s)
{
    krb5_timestamp seconds = 0;
    krb5_int32 microseconds = 0;

    pthread_mutex_lock(&client->lock);
    bool is_known = client->has_asked_kdc &&
                    krb5_get_time_offsets(client->context, &seconds, &microseconds) == 0;
    pthread_mutex_unlock(&client->lock);
    *ret_offset_s = seconds;
    return is_known;
}

// ---- one login

// The checksum of RFC 4121 section 4.1.1, which carries the channel binding.
static void make_checksum(const struct kerberos_wish *wish, uint8_t ret_checksum[24])
{
    static const uint8_t mutual_replay_sequence_integrity = 0x2e;

    memset(ret_checksum, 0, 24);
    ret_checksum[0] = 16;
    if (wish->binding == KERBEROS_BOUND)
        memcpy(ret_checksum + 4, wish->binding_bytes, 16);
    ret_checksum[20] = mutual_replay_sequence_integrity;
}

static krb5_error_code make_request(struct kerberos_client *client, krb5_auth_context *auth,
                                    krb5_creds *creds, const struct kerberos_wish *wish,
                                    krb5_data *ret_request)
{
    uint8_t checksum[24];
    krb5_data data = {.length = sizeof(checksum), .data = (char *)checksum};
    krb5_error_code code = krb5_auth_con_init(client->context, auth);

    if (code)
        return code;
    make_checksum(wish, checksum);
    krb5_auth_con_setflags(client->context, *auth, KRB5_AUTH_CONTEXT_DO_SEQUENCE);
    krb5_auth_con_set_req_cksumtype(client->context, *auth, 0x8003);
    client->profile.is_aware = wish->binding != KERBEROS_UNBOUND;
    return krb5_mk_req_extended(client->context, auth,
                                AP_OPTS_MUTUAL_REQUIRED | AP_OPTS_USE_SUBKEY |
                                    AP_OPTS_ETYPE_NEGOTIATION,
                                &data, creds, ret_request);
}

static char *frame_request(const krb5_data *request, bool is_bare)
{
    size_t size = 0;
    uint8_t *framed = frame_kerberos(span_of(request->data, request->length), &size);
    char *base64 = NULL;

    if (framed)
        base64 = is_bare ? frame_plain(span_of(framed, size))
                         : frame_init(TOKEN_MECH_KERBEROS, span_of(framed, size));
    free(framed);
    return base64;
}

char *kerberos_login_start(struct kerberos_client *client, const char *service,
                           const struct kerberos_wish *wish, struct kerberos_login **ret_login,
                           struct kerberos_problem *ret_problem)
{
    struct kerberos_login *login = calloc(1, sizeof(*login));
    krb5_creds *creds = NULL;
    krb5_data request = {0};
    char *base64 = NULL;

    *ret_problem = (struct kerberos_problem){.code = -1, .name = "LIBRARY", .text = "no memory"};
    if (!login)
        return NULL;
    login->client = client;
    pthread_mutex_lock(&client->lock);
    krb5_error_code code = get_creds(client, service, &creds);
    if (code == 0)
        code = make_request(client, &login->auth, creds, wish, &request);
    if (code == 0)
        base64 = frame_request(&request, wish->is_bare);
    else
        tell(client->context, code, ret_problem);
    krb5_free_data_contents(client->context, &request);
    krb5_free_creds(client->context, creds);
    pthread_mutex_unlock(&client->lock);
    if (base64) {
        *ret_login = login;
        *ret_problem = (struct kerberos_problem){.code = -1};
    } else {
        kerberos_login_free(login);
    }
    return base64;
}

// The AP-REP without the frame of RFC 4121; empty when there is none.
static struct span reply_of(struct span inner)
{
    struct der der = der_over(inner, false);
    struct der content;
    struct der oid;
    struct kerberos kerberos;

    if (!kerberos_read(der, &kerberos) || kerberos.kind != KERBEROS_REPLY)
        return (struct span){0};
    if (!der_take(&der, DER_APPLICATION(0), &content) || !der_take(&content, DER_OID, &oid))
        return inner; // not framed
    return span_after(content.rest, 2);
}

enum kerberos_mutual kerberos_login_finish(struct kerberos_login *login, const char *base64)
{
    krb5_ap_rep_enc_part *part = NULL;
    struct frame frame;

    if (!base64 || !frame_open(base64, &frame))
        return KERBEROS_MUTUAL_ABSENT;
    struct span reply = reply_of(frame.inner);
    enum kerberos_mutual mutual = KERBEROS_MUTUAL_ABSENT;
    if (reply.size) {
        krb5_data data = {.length = (unsigned)reply.size, .data = (char *)reply.data};
        krb5_context context = login->client->context;
        pthread_mutex_lock(&login->client->lock);
        bool is_read = krb5_rd_rep(context, login->auth, &data, &part) == 0;
        krb5_free_ap_rep_enc_part(context, part);
        pthread_mutex_unlock(&login->client->lock);
        mutual = is_read ? KERBEROS_MUTUAL_OK : KERBEROS_MUTUAL_BAD;
    }
    frame_done(&frame);
    return mutual;
}

struct kerberos_login *kerberos_login_free(struct kerberos_login *login)
{
    if (!login)
        return NULL;
    pthread_mutex_lock(&login->client->lock);
    if (login->auth)
        krb5_auth_con_free(login->client->context, login->auth);
    pthread_mutex_unlock(&login->client->lock);
    free(login);
    return NULL;
}
