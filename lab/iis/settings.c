// SPDX-License-Identifier: Apache-2.0
// The command line: one table that makes the options, the help, and for each switch the documented
// behaviour it models and how sure we are of it.
#include "settings.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum option_id {
    OPTION_HELP = 'h',
    OPTION_VERBOSE = 'v',
    OPTION_NAME = 256,
    OPTION_HTTP,
    OPTION_HTTPS,
    OPTION_CERT,
    OPTION_KEY,
    OPTION_KEYTAB,
    OPTION_REPLAY_CACHE,
    OPTION_USERS,
    OPTION_DOMAIN,
    OPTION_DNS_DOMAIN,
    OPTION_PROVIDERS,
    OPTION_KERBEROS,
    OPTION_SINGLE_REQUEST,
    OPTION_PROTECTION,
    OPTION_PROXY,
    OPTION_COHOSTING,
    OPTION_NO_SPN_CHECK,
    OPTION_SPN,
    OPTION_NO_AUTH,
    OPTION_SEVER_BODIES,
    OPTION_REFUSE_FIRST,
    OPTION_HOST,
    OPTION_HEADER_LIMIT,
    OPTION_REQUIRE_TLS,
    OPTION_REDIRECT_TO_TLS,
    OPTION_HTTP_LINKS,
    OPTION_LOGON,
    OPTION_KERBEROS_ERRORS,
    OPTION_SNI_NAME,
    OPTION_NO_NAME_CERT,
    OPTION_NO_NAME_KEY,
    OPTION_ASK_CLIENT_CERTIFICATE,
    OPTION_HTTP2,
    OPTION_IDLE,
    OPTION_STOP_ON_EOF,
};

struct row {
    enum option_id id;
    const char *name, *value;
    char mark; // V, R, I, U; '-' where the option models nothing
    const char *help;
};

static const struct row rows[] = {
    {OPTION_NAME, "name", "NAME", '-', "name in every answer and in the NTLM challenge (iis1)"},
    {OPTION_HTTP, "http", "ADDR:PORT", '-', "listen in clear; repeatable; port 0: any"},
    {OPTION_HTTPS, "https", "ADDR:PORT", '-', "listen with TLS; repeatable"},
    {OPTION_CERT, "cert", "FILE", '-', "chain for the --https before it; twice for RSA and ECDSA"},
    {OPTION_KEY, "key", "FILE", '-', "its key; an --https without a pair takes the one before"},
    {OPTION_KEYTAB, "keytab", "FILE", '-', "Kerberos keys; without it Kerberos is refused"},
    {OPTION_REPLAY_CACHE, "replay-cache", "FILE", 'R',
     "refuse an AP-REQ seen before, as RFC 4120 asks and Windows does; default: accept it"},
    {OPTION_USERS, "users", "FILE", '-', "lines DOMAIN:user:password; without it NTLM is refused"},
    {OPTION_DOMAIN, "domain", "NAME", '-', "NetBIOS domain in the challenge (EXAMPLE)"},
    {OPTION_DNS_DOMAIN, "dns-domain", "NAME", '-', "DNS domain in the challenge (example.test)"},
    {OPTION_PROVIDERS, "providers", "LIST", 'V',
     "windowsAuthentication/providers, order as on IIS: negotiate,ntlm (default), ntlm,negotiate "
     "or one of them"},
    {OPTION_LOGON, "logon", "windows|basic|forms", 'V',
     "which authentication is enabled; basic and forms answer as such a site and let nobody in"},
    {OPTION_KERBEROS_ERRORS, "kerberos-errors", NULL, 'U',
     "the 401 for a refused ticket carries the KRB-ERROR, as IIS has been seen to do"},
    {OPTION_KERBEROS, "kerberos", "connection|request", 'U',
     "authPersistNonNTLM: Kerberos kept for the connection (default, what is seen in the field) or "
     "for one request; Microsoft's pages disagree on the default. Persistent-Auth says which"},
    {OPTION_SINGLE_REQUEST, "single-request", NULL, 'V',
     "authPersistSingleRequest: every login, NTLM too, is forgotten after its request"},
    {OPTION_PROTECTION, "extended-protection", "none|allow|require", 'V',
     "tokenChecking; a wrong or an explicitly empty binding fails already under allow, an absent "
     "one only under require (Kerberos column by analogy: I)"},
    {OPTION_PROXY, "proxy", NULL, 'V',
     "flag Proxy (1): any binding that is not empty will do, and the SPN must be one of --spn. "
     "Under allow a client that says nothing passes (I)"},
    {OPTION_COHOSTING, "proxy-cohosting", NULL, 'V',
     "flag ProxyCohosting (32), with --proxy: an empty or absent binding will do as well"},
    {OPTION_NO_SPN_CHECK, "no-service-name-check", NULL, 'V', "flag NoServiceNameCheck (2)"},
    {OPTION_SPN, "spn", "HTTP/NAME", 'V', "allowed service name for --proxy; repeatable"},
    {OPTION_NO_AUTH, "no-auth", "PREFIX", 'I',
     "anonymous access below PREFIX, answered without a person even on an authenticated "
     "connection; repeatable"},
    {OPTION_SEVER_BODIES, "sever-bodies", NULL, 'V',
     "a request body that arrives without authentication: 401, then the connection is cut"},
    {OPTION_REFUSE_FIRST, "refuse-first", NULL, 'V',
     "kernel mode: if the very first request already carries a token, one spurious 401"},
    {OPTION_HOST, "host", "NAME", 'V',
     "host header of the site's binding: http.sys answers 400 Invalid Hostname to any other; "
     "repeatable"},
    {OPTION_HEADER_LIMIT, "header-limit", "BYTES", 'V',
     "MaxFieldLength: a longer header line is 400 Request Header too long; default: none"},
    {OPTION_REQUIRE_TLS, "require-tls", NULL, 'V', "access sslFlags Ssl: 403.4 in clear"},
    {OPTION_REDIRECT_TO_TLS, "redirect-to-tls", NULL, 'I',
     "an application that sends whoever comes in clear to https://, unless X-Forwarded-Proto says "
     "https"},
    {OPTION_HTTP_LINKS, "http-links", NULL, 'I',
     "an application that makes absolute http:// redirects when it does not know of TLS before it"},
    {OPTION_SNI_NAME, "sni-name", "NAME", 'R',
     "SNI binding without a default one: a hello with another or no name is refused"},
    {OPTION_NO_NAME_CERT, "no-name-cert", "FILE", 'R',
     "the default binding's certificate, for hellos without a name"},
    {OPTION_NO_NAME_KEY, "no-name-key", "FILE", 'R', "its key"},
    {OPTION_ASK_CLIENT_CERTIFICATE, "ask-client-certificate", NULL, 'R',
     "clientcertnegotiation=enable: asked for in the handshake, any or none will do"},
    {OPTION_HTTP2, "http2", NULL, 'V',
     "offer h2; an anonymous request gets its 401, one with Authorization RST_STREAM 0xd "
     "HTTP_1_1_REQUIRED (that the 401 is served over h2: R)"},
    {OPTION_IDLE, "idle", "MS", 'V', "close an idle connection; connectionTimeout, default 120000"},
    {OPTION_VERBOSE, "verbose", NULL, '-', "one line per request on stderr, never a token"},
    {OPTION_STOP_ON_EOF, "stop-on-eof", NULL, '-',
     "end when stdin closes, so as to end with one's parent"},
    {OPTION_HELP, "help", NULL, '-', "this text"},
};

enum { ROWS = sizeof rows / sizeof rows[0] };

static void print_wrapped(const char *text)
{
    unsigned column = 0;
    for (const char *word = text; *word;) {
        unsigned len = (unsigned)strcspn(word, " ");
        if (column + len > 66) {
            printf("\n%30s", "");
            column = 0;
        }
        printf("%.*s ", (int)len, word);
        column += len + 1;
        word += len + (word[len] == ' ');
    }
    printf("\n");
}

static void print_help(void)
{
    printf(
        "handfast-iis: an HTTP server that authenticates the connection as IIS does.\n\n"
        "Always: challenges Negotiate then NTLM on two lines (V); one token line on a leg (R);\n"
        "NTLM bound to the connection (V); a new Type 1 starts again (R); a Type 3 without its\n"
        "Type 1 on the same connection is a plain 401 (R, I); NTLMv1 and anonymous NTLM refused;\n"
        "raw NTLM under Negotiate (V) and NTLM inside SPNEGO (V); a token on the 200 (R).\n\n"
        "Paths: any path names the person; /echo /headers /chunked?n= /bytes?n= /close\n"
        "/slow?ms= /drop /upgrade (with Upgrade: echo).\n\n"
        "Marks: V read in Microsoft's documentation or an IIS trace; R known standard or product\n"
        "document, not read again; I inferred from such facts; U disputed or unverified. None of\n"
        "it was compared with a Windows machine. '-' models nothing.\n\n");
    for (unsigned i = 0; i < ROWS; i++) {
        char left[64];
        snprintf(left, sizeof left, "--%s %s", rows[i].name, rows[i].value ? rows[i].value : "");
        if (strlen(left) > 25)
            printf("%s\n%25s", left, "");
        else
            printf("%-25s", left);
        printf(" %c   ", rows[i].mark);
        print_wrapped(rows[i].help);
    }
}

static void make_long_options(struct option out[ROWS + 1])
{
    memset(out, 0, (ROWS + 1) * sizeof *out);
    for (unsigned i = 0; i < ROWS; i++) {
        out[i].name = rows[i].name;
        out[i].has_arg = rows[i].value ? required_argument : no_argument;
        out[i].val = (int)rows[i].id;
    }
}

static bool add_listener(struct settings *s, const char *address, bool tls)
{
    if (s->listener_count == SETTINGS_LISTENERS)
        return false;
    s->listeners[s->listener_count++] = (struct listener_settings){.address = address, .tls = tls};
    return true;
}

static bool add_pair_part(struct settings *s, const char *file, bool key)
{
    if (s->listener_count == 0)
        return false;
    struct listener_settings *l = &s->listeners[s->listener_count - 1];
    unsigned *count = key ? &l->key_count : &l->cert_count;
    if (!l->tls || *count == SETTINGS_PAIRS)
        return false;
    (key ? l->keys : l->certs)[(*count)++] = file;
    return true;
}

static bool set_providers(struct settings *s, const char *list)
{
    s->offer_negotiate = strcasecmp(list, "ntlm") != 0;
    s->offer_ntlm = strcasecmp(list, "negotiate") != 0;
    s->ntlm_first = strcasecmp(list, "ntlm,negotiate") == 0;
    return s->ntlm_first || strcasecmp(list, "negotiate,ntlm") == 0 || !s->offer_negotiate ||
           !s->offer_ntlm;
}

static bool set_kerberos(struct settings *s, const char *value)
{
    s->kerberos_per_request = strcmp(value, "request") == 0;
    return s->kerberos_per_request || strcmp(value, "connection") == 0;
}

static bool set_protection(struct settings *s, const char *value)
{
    static const char *const names[] = {"none", "allow", "require"};
    for (unsigned i = 0; i < 3; i++) {
        if (strcmp(value, names[i]) == 0) {
            s->protection.level = (enum protection_level)i;
            return true;
        }
    }
    return false;
}

static bool add_spn(struct settings *s, const char *value)
{
    if (s->protection.spn_count == SETTINGS_LIST)
        return false;
    s->spns[s->protection.spn_count++] = value;
    return true;
}

static bool add_open_path(struct settings *s, const char *value)
{
    if (s->open_path_count == SETTINGS_LIST || value[0] != '/')
        return false;
    s->open_paths[s->open_path_count++] = value;
    return true;
}

static bool add_host(struct settings *s, const char *value)
{
    if (s->host_count == SETTINGS_LIST)
        return false;
    s->hosts[s->host_count++] = value;
    return true;
}

static bool set_logon(struct settings *s, const char *value)
{
    static const char *const names[] = {"windows", "basic", "forms"};
    for (unsigned i = 0; i < 3; i++) {
        if (strcmp(value, names[i]) == 0) {
            s->logon = (enum logon)i;
            return true;
        }
    }
    return false;
}

static bool set_header_limit(struct settings *s, const char *value)
{
    char *end;
    s->header_limit = strtoul(value, &end, 10);
    return *value && !*end && s->header_limit > 0;
}

static bool set_idle(struct settings *s, const char *value)
{
    char *end;
    unsigned long ms = strtoul(value, &end, 10);
    s->idle_ms = (unsigned)ms;
    return *value && !*end && ms > 0 && ms < 1000000000;
}

// The options that only turn something on; false for any other.
static bool set_flag(struct settings *s, int id)
{
    bool *flag = id == OPTION_SINGLE_REQUEST           ? &s->single_request
                 : id == OPTION_PROXY                  ? &s->protection.proxy
                 : id == OPTION_COHOSTING              ? &s->protection.cohosting
                 : id == OPTION_NO_SPN_CHECK           ? &s->protection.no_spn_check
                 : id == OPTION_SEVER_BODIES           ? &s->sever_bodies
                 : id == OPTION_REFUSE_FIRST           ? &s->refuse_first
                 : id == OPTION_HTTP2                  ? &s->http2
                 : id == OPTION_REQUIRE_TLS            ? &s->require_tls
                 : id == OPTION_REDIRECT_TO_TLS        ? &s->redirect_to_tls
                 : id == OPTION_HTTP_LINKS             ? &s->http_links
                 : id == OPTION_KERBEROS_ERRORS        ? &s->tells_kerberos_error
                 : id == OPTION_ASK_CLIENT_CERTIFICATE ? &s->ask_client_certificate
                 : id == OPTION_VERBOSE                ? &s->verbose
                 : id == OPTION_STOP_ON_EOF            ? &s->stop_on_eof
                                                       : NULL;
    if (flag)
        *flag = true;
    return flag;
}

// The options that keep their text; NULL for any other.
static const char **text_option(struct settings *s, int id)
{
    return id == OPTION_NAME           ? &s->name
           : id == OPTION_KEYTAB       ? &s->keytab
           : id == OPTION_REPLAY_CACHE ? &s->replay_cache
           : id == OPTION_USERS        ? &s->user_file
           : id == OPTION_DOMAIN       ? &s->place.domain
           : id == OPTION_DNS_DOMAIN   ? &s->place.dns_domain
           : id == OPTION_SNI_NAME     ? &s->sni_name
           : id == OPTION_NO_NAME_CERT ? &s->no_name_cert
           : id == OPTION_NO_NAME_KEY  ? &s->no_name_key
                                       : NULL;
}

static bool set_option(struct settings *s, int id, const char *value)
{
    const char **text = text_option(s, id);
    if (text) {
        *text = value;
        return true;
    }
    switch (id) {
    case OPTION_HTTP:
    case OPTION_HTTPS:
        return add_listener(s, value, id == OPTION_HTTPS);
    case OPTION_CERT:
    case OPTION_KEY:
        return add_pair_part(s, value, id == OPTION_KEY);
    case OPTION_PROVIDERS:
        return set_providers(s, value);
    case OPTION_KERBEROS:
        return set_kerberos(s, value);
    case OPTION_PROTECTION:
        return set_protection(s, value);
    case OPTION_SPN:
        return add_spn(s, value);
    case OPTION_NO_AUTH:
        return add_open_path(s, value);
    case OPTION_HOST:
        return add_host(s, value);
    case OPTION_LOGON:
        return set_logon(s, value);
    case OPTION_HEADER_LIMIT:
        return set_header_limit(s, value);
    case OPTION_IDLE:
        return set_idle(s, value);
    default:
        return set_flag(s, id);
    }
}

// An --https without a pair takes the one of the --https before it.
static bool fill_pairs(struct settings *s)
{
    const struct listener_settings *with_pair = NULL;
    for (unsigned i = 0; i < s->listener_count; i++) {
        struct listener_settings *l = &s->listeners[i];
        if (!l->tls)
            continue;
        if (l->cert_count == 0 && l->key_count == 0 && with_pair) {
            const char *address = l->address;
            *l = *with_pair;
            l->address = address;
        }
        if (l->cert_count == 0 || l->cert_count != l->key_count)
            return false;
        with_pair = l;
    }
    return true;
}

static bool settings_finish(struct settings *s)
{
    if (s->listener_count == 0) {
        fprintf(stderr, "handfast-iis: nothing to listen on: give --http or --https\n");
        return false;
    }
    if (!fill_pairs(s)) {
        fprintf(stderr, "handfast-iis: every --https needs as many --cert as --key\n");
        return false;
    }
    for (unsigned i = 0; i + 1 < sizeof s->computer && s->name[i]; i++)
        s->computer[i] =
            (char)(s->name[i] >= 'a' && s->name[i] <= 'z' ? s->name[i] - 32 : s->name[i]);
    s->place.computer = s->computer;
    s->protection.spns = s->spns;
    s->has_kerberos = s->keytab != NULL;
    if (s->keytab && !kerberos_init(&s->kerberos, s->keytab, s->replay_cache))
        return false;
    return !s->user_file || users_load(&s->users, s->user_file);
}

int settings_read(struct settings *s, int argc, char **argv)
{
    enum { EXIT_FINE = 1, EXIT_FAILED = 2, EXIT_USAGE = 3 };
    struct option long_options[ROWS + 1];
    *s = (struct settings){.name = "iis1",
                           .place = {.domain = "EXAMPLE", .dns_domain = "example.test"},
                           .offer_negotiate = true,
                           .offer_ntlm = true,
                           .idle_ms = 120000};
    make_long_options(long_options);
    for (int id; (id = getopt_long(argc, argv, "hv", long_options, NULL)) != -1;) {
        if (id == '?')
            return EXIT_USAGE;
        if (id == OPTION_HELP) {
            print_help();
            return EXIT_FINE;
        }
        if (!set_option(s, id, optarg)) {
            fprintf(stderr, "handfast-iis: not a good value: %s (see --help)\n",
                    optarg ? optarg : argv[optind - 1]);
            return EXIT_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "handfast-iis: not an option: %s\n", argv[optind]);
        return EXIT_USAGE;
    }
    return settings_finish(s) ? 0 : EXIT_FAILED;
}
