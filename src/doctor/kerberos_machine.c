// SPDX-License-Identifier: Apache-2.0
// What this machine is told about Kerberos: the keys of a keytab, the KDCs of krb5.conf. Declared
// in kerberos_client.h; never says what a key is.
#include <krb5/krb5.h>
#include <profile.h>
#include <stdio.h>
#include <stdlib.h>

#include "doctor/kerberos_client.h"

static void read_entry(krb5_context context, const krb5_keytab_entry *entry,
                       struct kerberos_key *ret_key)
{
    char *name = NULL;

    *ret_key = (struct kerberos_key){.kvno = entry->vno, .etype = entry->key.enctype};
    if (krb5_unparse_name(context, entry->principal, &name) == 0)
        snprintf(ret_key->principal, sizeof(ret_key->principal), "%s", name);
    krb5_free_unparsed_name(context, name);
}

static krb5_error_code read_keytab(krb5_context context, krb5_keytab keytab,
                                   struct kerberos_key *ret_keys, size_t max, size_t *ret_count)
{
    krb5_kt_cursor cursor;
    krb5_keytab_entry entry;
    krb5_error_code code = krb5_kt_start_seq_get(context, keytab, &cursor);

    if (code)
        return code;
    size_t count = 0;
    while (krb5_kt_next_entry(context, keytab, &entry, &cursor) == 0) {
        if (count < max)
            read_entry(context, &entry, &ret_keys[count]);
        count++;
        krb5_free_keytab_entry_contents(context, &entry);
    }
    krb5_kt_end_seq_get(context, keytab, &cursor);
    *ret_count = count;
    return 0;
}

size_t kerberos_keytab_read(const char *file, struct kerberos_key *ret_keys, size_t max,
                            struct kerberos_problem *ret_problem)
{
    krb5_context context = NULL;
    krb5_keytab keytab = NULL;
    size_t count = 0;

    *ret_problem = (struct kerberos_problem){.code = -1, .name = "NO_KEYTAB"};
    if (krb5_init_context(&context) != 0)
        return 0;
    krb5_error_code code =
        file ? krb5_kt_resolve(context, file, &keytab) : krb5_kt_default(context, &keytab);
    if (code == 0) {
        code = read_keytab(context, keytab, ret_keys, max, &count);
        krb5_kt_close(context, keytab);
    }
    if (code) {
        const char *words = krb5_get_error_message(context, code);
        snprintf(ret_problem->text, sizeof(ret_problem->text), "%s", words);
        krb5_free_error_message(context, words);
    }
    krb5_free_context(context);
    return count;
}

// "kdc.example.com", "kdc.example.com:88", "[::1]:88"; false for proxies over HTTPS.
static bool read_kdc(const char *value, struct kerberos_kdc *ret_kdc)
{
    struct span text = span_text(value);
    uint64_t port = 88;

    if (strstr(value, "://"))
        return false;
    if (text.size && text.data[0] == '[') {
        text = span_after(text, 1);
        struct span host = span_cut(&text, ']');
        if (text.size && !span_to_u64(span_after(text, 1), &port))
            return false;
        text = host;
    } else {
        struct span host = span_cut(&text, ':');
        if (text.size && !span_to_u64(text, &port))
            return false;
        text = host;
    }
    if (!text.size || text.size >= sizeof(ret_kdc->host) || port == 0 || port > 65535)
        return false;
    *ret_kdc = (struct kerberos_kdc){.port = (unsigned)port};
    memcpy(ret_kdc->host, text.data, text.size);
    return true;
}

size_t kerberos_realm_kdcs(const char *realm, struct kerberos_kdc *ret_kdcs, size_t max)
{
    const char *path[] = {"realms", realm, "kdc", NULL};
    krb5_context context = NULL;
    profile_t profile = NULL;
    char **values = NULL;
    size_t count = 0;

    if (krb5_init_context(&context) != 0)
        return 0;
    if (krb5_get_profile(context, &profile) == 0) {
        if (profile_get_values(profile, path, &values) == 0) {
            for (char **value = values; *value && count < max; value++)
                count += read_kdc(*value, &ret_kdcs[count]);
            profile_free_list(values);
        }
        profile_release(profile);
    }
    krb5_free_context(context);
    return count;
}

bool kerberos_host_realm(const char *host, char ret_realm[256])
{
    krb5_context context = NULL;
    char **realms = NULL;
    bool is_named = false;

    if (krb5_init_context(&context) != 0)
        return false;
    if (krb5_get_host_realm(context, host, &realms) == 0) {
        is_named = realms[0] && realms[0][0];
        if (is_named)
            snprintf(ret_realm, 256, "%s", realms[0]);
        krb5_free_host_realm(context, realms);
    }
    krb5_free_context(context);
    return is_named;
}
