// SPDX-License-Identifier: Apache-2.0
// libldap over a connection of ours, so that names are looked up and connections made with one
// patience. Owns the LDAP handle; results become JSON and are freed at once.
#include "doctor/directory.h"

#include <stdio.h>
#include <stdlib.h>

#include <gssapi/gssapi_krb5.h>
#include <ldap.h>
#include <openldap.h>
#include <sasl/sasl.h>

#include "base/check.h"
#include "base/clock.h"
#include "wire/utf8.h"

enum { VALUE_MAX = 1024 };

struct directory {
    LDAP *ldap;
    char base[512];
    struct timeval patience;
};

static void say(struct directory_problem *ret_problem, const char *what, const char *why)
{
    snprintf(ret_problem->text, sizeof ret_problem->text, "%.80s: %.100s", what, why);
}

// The library's words, and the server's or SASL's own where there are some.
static void say_result(LDAP *ldap, const char *what, int result,
                       struct directory_problem *ret_problem)
{
    char *more = NULL;
    char why[160];
    ldap_get_option(ldap, LDAP_OPT_DIAGNOSTIC_MESSAGE, &more);
    snprintf(why, sizeof why, "%.60s%s%.90s", ldap_err2string(result), more && *more ? "; " : "",
             more ? more : "");
    ldap_memfree(more);
    char clean[160];
    clean[utf8_from_bytes(span_text(why), clean, sizeof clean - 1)] = '\0';
    say(ret_problem, what, clean);
}

// ---- binding

// Where somebody would be asked: the defaults serve.
static int no_questions(LDAP *ldap, unsigned flags, void *defaults, void *questions)
{
    (void)ldap, (void)flags, (void)defaults;
    sasl_interact_t *question = questions;
    for (; question->id != SASL_CB_LIST_END; question++) {
        question->result = question->defresult ? question->defresult : "";
        question->len = (unsigned)strlen(question->result);
    }
    return LDAP_SUCCESS;
}

// The cache is named for this thread only.
static int bind_with_tickets(LDAP *ldap, const char *cache)
{
    OM_uint32 minor = 0;
    if (gss_krb5_ccache_name(&minor, cache, NULL) != GSS_S_COMPLETE)
        return LDAP_LOCAL_ERROR;
    ldap_set_option(ldap, LDAP_OPT_X_SASL_NOCANON, LDAP_OPT_ON);
    int result = ldap_sasl_interactive_bind_s(ldap, NULL, "GSSAPI", NULL, NULL, LDAP_SASL_QUIET,
                                              no_questions, NULL);
    gss_krb5_ccache_name(&minor, NULL, NULL);
    return result;
}

static int start_tls(LDAP *ldap, const char *ca_file)
{
    int demand = LDAP_OPT_X_TLS_DEMAND;
    int is_server = 0;
    ldap_set_option(ldap, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand);
    if (ca_file)
        ldap_set_option(ldap, LDAP_OPT_X_TLS_CACERTFILE, ca_file);
    ldap_set_option(ldap, LDAP_OPT_X_TLS_NEWCTX, &is_server);
    return ldap_start_tls_s(ldap, NULL, NULL);
}

static bool bind_as(LDAP *ldap, const struct directory_wish *wish,
                    struct directory_problem *ret_problem)
{
    const char *what = "the directory did not take the ticket";
    bool was_sent = false;
    int result = 0;
    if (wish->cache) {
        result = bind_with_tickets(ldap, wish->cache);
        if (result == LDAP_AUTH_UNKNOWN)
            what = "SASL has no GSSAPI on this machine (Debian: libsasl2-modules-gssapi-mit)";
    } else {
        what = "no TLS with the directory, so the password was not sent";
        result = start_tls(ldap, wish->ca_file);
        if (result == LDAP_SUCCESS) {
            struct berval password = {.bv_len = strlen(wish->password),
                                      .bv_val = (char *)(uintptr_t)wish->password};
            what = "the directory did not take the password";
            was_sent = true;
            result =
                ldap_sasl_bind_s(ldap, wish->user, LDAP_SASL_SIMPLE, &password, NULL, NULL, NULL);
        }
    }
    if (result != LDAP_SUCCESS)
        say_result(ldap, what, result, ret_problem);
    ret_problem->was_password_sent = was_sent && result != LDAP_SUCCESS;
    return result == LDAP_SUCCESS;
}

// ---- opening and closing

static LDAP *connect_to(const struct directory_wish *wish, struct directory_problem *ret_problem)
{
    struct dial *dial = NULL;
    LDAP *ldap = NULL;
    char url[320];
    struct status status =
        dial_open(wish->address, loop_now_us() + wish->patience_ms * US_PER_MS, &dial);
    if (!is_ok(status)) {
        say(ret_problem, "the directory cannot be reached", end_sentence(status.end));
        return NULL;
    }
    const char *form = strchr(wish->host, ':') ? "ldap://[%.255s]:%u" : "ldap://%.255s:%u";
    snprintf(url, sizeof url, form, wish->host, address_port(wish->address));
    int fd = dial_release(dial, wish->patience_ms);
    int result = ldap_init_fd(fd, LDAP_PROTO_TCP, url, &ldap);
    if (result != LDAP_SUCCESS) {
        say(ret_problem, "the directory cannot be asked", ldap_err2string(result));
        // without a handle the descriptor is still ours
        dial_discard(fd);
        return NULL;
    }
    return ldap;
}

static void set_options(struct directory *directory, unsigned patience_ms)
{
    int version = LDAP_VERSION3;
    directory->patience =
        (struct timeval){.tv_sec = (time_t)(patience_ms / MS_PER_S),
                         .tv_usec = (suseconds_t)(patience_ms % MS_PER_S * US_PER_MS)};
    ldap_set_option(directory->ldap, LDAP_OPT_PROTOCOL_VERSION, &version);
    ldap_set_option(directory->ldap, LDAP_OPT_NETWORK_TIMEOUT, &directory->patience);
    ldap_set_option(directory->ldap, LDAP_OPT_TIMEOUT, &directory->patience);
    // another server would be asked without our patience, and with our credentials
    ldap_set_option(directory->ldap, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
}

static void find_base(struct directory *directory)
{
    static const char *const wanted[] = {"defaultNamingContext", NULL};
    struct directory_problem problem;
    json_t *root = directory_search(directory, "", false, "(objectClass=*)", wanted, 1, &problem);
    const char *base =
        json_string_value(json_array_get(json_object_get(json_array_get(root, 0), wanted[0]), 0));
    snprintf(directory->base, sizeof directory->base, "%s", base ? base : "");
    json_decref(root);
}

struct directory *directory_open(const struct directory_wish *wish,
                                 struct directory_problem *ret_problem)
{
    LDAP *ldap = connect_to(wish, ret_problem);
    if (!ldap)
        return NULL;
    struct directory *directory = calloc(1, sizeof *directory);
    CHECK(directory);
    directory->ldap = ldap;
    set_options(directory, wish->patience_ms);
    if (!bind_as(ldap, wish, ret_problem))
        return directory_close(directory);
    find_base(directory);
    return directory;
}

struct directory *directory_close(struct directory *directory)
{
    if (directory)
        ldap_unbind_ext_s(directory->ldap, NULL, NULL);
    free(directory);
    return NULL;
}

const char *directory_base(const struct directory *directory)
{
    return directory->base;
}

// ---- searching

static json_t *clean_text(const char *bytes, size_t size)
{
    char text[VALUE_MAX];
    size_t clean = utf8_from_bytes(span_of(bytes, size), text, sizeof text);
    json_t *node = json_stringn(text, clean);
    CHECK(node);
    return node;
}

static json_t *values_of(LDAP *ldap, LDAPMessage *entry, const char *attribute)
{
    struct berval **values = ldap_get_values_len(ldap, entry, attribute);
    json_t *list = values ? json_array() : NULL;
    for (size_t i = 0; values && values[i] && i < DIRECTORY_VALUES_MAX; i++)
        json_array_append_new(list, clean_text(values[i]->bv_val, values[i]->bv_len));
    ldap_value_free_len(values);
    return list;
}

static json_t *entry_of(LDAP *ldap, LDAPMessage *entry, const char *const attributes[])
{
    char *dn = ldap_get_dn(ldap, entry);
    json_t *node = json_object();
    json_object_set_new(node, "dn", clean_text(dn ? dn : "", dn ? strlen(dn) : 0));
    ldap_memfree(dn);
    for (size_t i = 0; attributes[i]; i++) {
        json_t *values = values_of(ldap, entry, attributes[i]);
        if (values)
            json_object_set_new(node, attributes[i], values);
    }
    return node;
}

json_t *directory_search(struct directory *directory, const char *base, bool is_subtree,
                         const char *filter, const char *const attributes[], size_t limit,
                         struct directory_problem *ret_problem)
{
    LDAPMessage *found = NULL;
    LDAP *ldap = directory->ldap;
    int result = ldap_search_ext_s(ldap, base, is_subtree ? LDAP_SCOPE_SUBTREE : LDAP_SCOPE_BASE,
                                   filter, (char **)(uintptr_t)attributes, 0, NULL, NULL,
                                   &directory->patience, (int)limit, &found);
    if (result != LDAP_SUCCESS && result != LDAP_SIZELIMIT_EXCEEDED) {
        say_result(ldap, "the search failed", result, ret_problem);
        ldap_msgfree(found);
        return NULL;
    }
    json_t *entries = json_array();
    LDAPMessage *entry = ldap_first_entry(ldap, found);
    for (; entry && json_array_size(entries) < limit; entry = ldap_next_entry(ldap, entry))
        json_array_append_new(entries, entry_of(ldap, entry, attributes));
    ldap_msgfree(found);
    return entries;
}

bool directory_filter(const char *attribute, const char *value, char *ret_filter, size_t capacity)
{
    size_t used = (size_t)snprintf(ret_filter, capacity, "(%s=", attribute);
    for (; *value && used + sizeof "\\xx)" <= capacity; value++) {
        bool has_meaning = strchr("*()\\", *value) || (uint8_t)*value < 0x20;
        used += (size_t)snprintf(ret_filter + used, capacity - used, has_meaning ? "\\%02x" : "%c",
                                 (uint8_t)*value);
    }
    if (*value || used + 2 > capacity)
        return false;
    memcpy(ret_filter + used, ")", 2);
    return true;
}
