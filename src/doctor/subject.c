// SPDX-License-Identifier: Apache-2.0
// The command line of the doctor becomes a subject. Nothing is looked up or connected to here. The
// subject owns every text in it; passwords are wiped when it is done.
#include "doctor/subject.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/check.h"
#include "doctor/secret.h"
#include "wire/host.h"

#define PATIENCE_MS_DEFAULT 3000
#define PATIENCE_S_MAX      300

// Texts that live as long as the subject.
struct kept {
    struct kept *next;
    char text[];
};

static char *keep(struct subject *subject, const char *text, size_t size)
{
    struct kept *kept = malloc(sizeof *kept + size + 1);
    CHECK(kept != NULL);
    memcpy(kept->text, text, size);
    kept->text[size] = '\0';
    kept->next = subject->arena;
    subject->arena = kept;
    return kept->text;
}

static const char *keep_text(struct subject *subject, const char *text)
{
    return keep(subject, text, strlen(text));
}

static const char *keep_upper(struct subject *subject, const char *text, size_t size)
{
    char *kept = keep(subject, text, size);
    for (char *at = kept; *at != '\0'; at++)
        if (*at >= 'a' && *at <= 'z')
            *at = (char)(*at - 'a' + 'A');
    return kept;
}

__attribute__((format(printf, 1, 2))) static bool refuse(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("handfast: ", stderr);
    vfprintf(stderr, format, arguments);
    fputs("\n", stderr);
    va_end(arguments);
    return false;
}

// ---------------------------------------------------------------------------- addresses

// "http://" or "https://" in front of it? Moves `text` behind it.
static bool take_scheme(const char **text, bool *ret_is_tls)
{
    static const char plain[] = "http://", tls[] = "https://";
    *ret_is_tls = strncasecmp(*text, tls, strlen(tls)) == 0;
    if (!*ret_is_tls && strncasecmp(*text, plain, strlen(plain)) != 0)
        return false;
    *text += strlen(*ret_is_tls ? tls : plain);
    return true;
}

// Something as people type it, with its host and port told apart.
struct place {
    struct host host;
    bool has_scheme;
    bool is_tls;
    const char *rest; // behind the authority
};

static bool place_read(const char *text, struct place *ret_place)
{
    struct place place = {.rest = text};
    place.has_scheme = take_scheme(&place.rest, &place.is_tls);
    size_t size = strcspn(place.rest, "/?#");
    if (memchr(place.rest, '@', size) != NULL)
        return refuse("no account and no password may stand in a URL; use --as");
    // an IPv6 address may go without brackets where no port follows
    struct address bare;
    struct span authority = span_of(place.rest, size);
    char literal[ADDRESS_TEXT_MAX] = "";
    if (size > 0 && size < sizeof literal - 2 && memchr(place.rest, ':', size) != NULL) {
        snprintf(literal, sizeof literal, "%.*s", (int)size, place.rest);
        if (address_parse(literal, 0, &bare)) {
            snprintf(literal, sizeof literal, "[%.*s]", (int)size, place.rest);
            authority = span_text(literal);
        }
    }
    if (!host_parse(authority, &place.host))
        return refuse("'%s' is no host name or address, alone or with a port", text);
    place.rest += size;
    *ret_place = place;
    return true;
}

static bool read_url(struct subject *subject, const char *url)
{
    struct place place;
    if (subject->url != NULL)
        return refuse("one URL at a time: what is '%s'?", url);
    if (strstr(url, "://") != NULL && strncasecmp(url, "http", 4) != 0)
        return refuse("'%s' is neither http:// nor https://", url);
    for (const char *at = url; *at != '\0'; at++)
        if (*at <= ' ' || *at >= 0x7f)
            return refuse("a URL has no spaces and only ASCII characters; write others as %%XX, "
                          "and names as xn--");
    if (!place_read(url, &place))
        return false;
    subject->url = keep_text(subject, url);
    subject->is_tls = place.is_tls || !place.has_scheme;
    subject->host = keep(subject, (const char *)place.host.name, place.host.name_size);
    subject->port = place.host.port != 0 ? place.host.port : subject->is_tls ? 443 : 80;
    // "https://host?query" has an empty path
    int size = (int)strcspn(place.rest, "#");
    char *target = NULL;
    CHECK(asprintf(&target, "%s%.*s", place.rest[0] == '/' ? "" : "/", size, place.rest) >= 0);
    subject->target = keep_text(subject, target);
    free(target);
    return true;
}

// "NAME=PLACE" or "PLACE". The scheme and the port may be missing: as the URL has them then.
static bool read_node(struct subject *subject, const char *text)
{
    if (subject->node_count == SUBJECT_NODES_MAX)
        return refuse("more than %d nodes", SUBJECT_NODES_MAX);
    const char *equals = strchr(text, '=');
    const char *where = equals != NULL ? equals + 1 : text;
    struct place place;
    if (!place_read(where, &place))
        return false;
    struct subject_node node = {
        .host = keep(subject, (const char *)place.host.name, place.host.name_size),
        .port = place.host.port,
        .is_tls = place.is_tls,
    };
    node.name = equals != NULL ? keep(subject, text, (size_t)(equals - text)) : node.host;
    if (*node.name == '\0' || strlen(node.name) > HOST_NAME_MAX)
        return refuse("a node needs a name: --direct iis1=10.0.0.11:443");
    for (size_t i = 0; i < subject->node_count; i++)
        if (strcasecmp(subject->nodes[i].name, node.name) == 0)
            return refuse("two nodes are called '%s'", node.name);
    if (!place.has_scheme)
        node.is_tls = node.port == 0 ? subject->is_tls : node.port != 80;
    if (node.port == 0)
        node.port = node.is_tls ? 443 : 80;
    subject->nodes[subject->node_count++] = node;
    return true;
}

// ---------------------------------------------------------------------------- accounts

// Written alike, whatever the case of letters: Active Directory tells none apart by it.
static bool is_known(const struct subject *subject, const struct account *account)
{
    for (size_t i = 0; i < subject->account_count; i++) {
        const struct account *known = &subject->accounts[i];
        if (strcasecmp(known->user, account->user) == 0 &&
            strcasecmp(known->realm, account->realm) == 0 &&
            strcasecmp(known->ntlm_domain, account->ntlm_domain) == 0)
            return true;
    }
    return false;
}

// "user", "user@REALM" or "DOMAIN\user". Realms are upper case: Active Directory has no others.
static bool read_account(struct subject *subject, const char *text)
{
    if (subject->account_count == SUBJECT_ACCOUNTS_MAX)
        return refuse("more than %d accounts", SUBJECT_ACCOUNTS_MAX);
    const char *at = strrchr(text, '@'), *backslash = strchr(text, '\\');
    struct account account = {.realm = "", .ntlm_domain = ""};
    if (at != NULL && backslash != NULL)
        return refuse("write the account as user@REALM or as DOMAIN\\user, not both: '%s'", text);
    if (backslash != NULL) {
        account.user = keep_text(subject, backslash + 1);
        account.ntlm_domain = keep(subject, text, (size_t)(backslash - text));
        if (strchr(account.ntlm_domain, '.') != NULL)
            account.realm = keep_upper(subject, text, (size_t)(backslash - text));
    } else if (at != NULL) {
        account.user = keep(subject, text, (size_t)(at - text));
        account.realm = keep_upper(subject, at + 1, strlen(at + 1));
        account.ntlm_domain = account.realm;
    } else {
        account.user = keep_text(subject, text);
    }
    bool is_short = *account.user == '\0' || (at != NULL && *account.realm == '\0');
    if (is_short || strlen(text) > 256)
        return refuse("'%s' is no account: write user@REALM or DOMAIN\\user", text);
    if (is_known(subject, &account))
        return refuse("'%s' is given twice: a second --as is for another person", text);
    subject->accounts[subject->account_count++] = account;
    return true;
}

// The account that --password-file, --ccache or --keytab speaks of: the last one named. Tickets
// know whose they are, so --ccache may stand alone.
static struct account *account_proven(struct subject *subject, const char *option, bool may_start)
{
    if (subject->account_count == 0 && may_start)
        subject->accounts[subject->account_count++] =
            (struct account){.user = "", .realm = "", .ntlm_domain = ""};
    if (subject->account_count == 0) {
        refuse("%s needs to know whose it is: --as user@REALM before it", option);
        return NULL;
    }
    struct account *account = &subject->accounts[subject->account_count - 1];
    if (account->proof == PROOF_NONE)
        return account;
    refuse("%s: the account already has a password, a cache or a keytab", option);
    return NULL;
}

static bool read_password(struct subject *subject, const char *file)
{
    struct account *account = account_proven(subject, "--password-file", false);
    if (account == NULL)
        return false;
    account->password = secret_read_file(file);
    account->proof = PROOF_PASSWORD;
    return account->password != NULL;
}

static bool read_tickets(struct subject *subject, enum proof proof, const char *file)
{
    bool is_cache = proof == PROOF_CCACHE;
    struct account *account = account_proven(subject, is_cache ? "--ccache" : "--keytab", is_cache);
    if (account == NULL)
        return false;
    account->proof = proof;
    account->file = file != NULL ? keep_text(subject, file) : NULL;
    return true;
}

// Asks for the passwords that no option gave.
static bool ask_passwords(struct subject *subject)
{
    for (size_t i = 0; i < subject->account_count; i++) {
        struct account *account = &subject->accounts[i];
        if (account->proof != PROOF_NONE)
            continue;
        account->password = secret_ask(account->user);
        account->proof = PROOF_PASSWORD;
        if (account->password == NULL)
            return false;
    }
    return true;
}

// ---------------------------------------------------------------------------- options

enum {
    OPTION_AS = 256,
    OPTION_PASSWORD_FILE,
    OPTION_CCACHE,
    OPTION_KEYTAB,
    OPTION_DIRECT,
    OPTION_DNS,
    OPTION_ADDRESS,
    OPTION_CA,
    OPTION_LDAP,
    OPTION_SLOW,
    OPTION_RESOURCE,
    OPTION_PATIENCE,
};

static const struct option options[] = {
    {"as", required_argument, NULL, OPTION_AS},
    {"password-file", required_argument, NULL, OPTION_PASSWORD_FILE},
    {"ccache", optional_argument, NULL, OPTION_CCACHE},
    {"keytab", required_argument, NULL, OPTION_KEYTAB},
    {"direct", required_argument, NULL, OPTION_DIRECT},
    {"dns", required_argument, NULL, OPTION_DNS},
    {"address", required_argument, NULL, OPTION_ADDRESS},
    {"ca", required_argument, NULL, OPTION_CA},
    {"ldap", optional_argument, NULL, OPTION_LDAP},
    {"slow", no_argument, NULL, OPTION_SLOW},
    {"resource", required_argument, NULL, OPTION_RESOURCE},
    {"patience", required_argument, NULL, OPTION_PATIENCE},
    {NULL, 0, NULL, 0},
};

// What is read before the URL is known, but needs it.
struct command_line {
    int argc;
    char **argv;
    const char *nodes[SUBJECT_NODES_MAX + 1];
    size_t node_count;
};

static bool is_url(const char *text)
{
    bool is_tls;
    return take_scheme(&text, &is_tls);
}

// The value of an option that may go without: the next word, unless that is an option or the URL.
static const char *optional_value(const struct command_line *line)
{
    if (optarg != NULL)
        return optarg;
    if (optind >= line->argc || line->argv[optind][0] == '-' || is_url(line->argv[optind]))
        return NULL;
    return line->argv[optind++];
}

// --direct takes what follows too, as long as it reads NAME=PLACE.
static void take_nodes(struct command_line *line)
{
    const char *text = optarg;
    while (text != NULL && line->node_count <= SUBJECT_NODES_MAX) {
        line->nodes[line->node_count++] = text;
        text = optind < line->argc ? line->argv[optind] : NULL;
        if (text == NULL || text[0] == '-' || is_url(text) || strchr(text, '=') == NULL)
            return;
        optind++;
    }
}

// An address, with a port where that is allowed. Kept as it was given.
static bool read_literal(struct subject *subject, const char *option, bool may_have_port,
                         const char **ret_text)
{
    struct place place;
    if (is_url(optarg) || !place_read(optarg, &place) || *place.rest != '\0' ||
        !place.host.is_address || (place.host.port != 0 && !may_have_port))
        return refuse("%s takes an IP address%s, not '%s'", option,
                      may_have_port ? ", alone or with a port" : "", optarg);
    *ret_text = keep_text(subject, optarg);
    return true;
}

static bool read_patience(struct subject *subject)
{
    char *end;
    long seconds = strtol(optarg, &end, 10);
    if (*end != '\0' || end == optarg || seconds < 1 || seconds > PATIENCE_S_MAX)
        return refuse("--patience takes 1 to %d seconds, not '%s'", PATIENCE_S_MAX, optarg);
    subject->patience_ms = (unsigned)seconds * 1000;
    return true;
}

static bool read_ca(struct subject *subject)
{
    if (access(optarg, R_OK) != 0)
        return refuse("cannot read %s", optarg);
    subject->ca_file = keep_text(subject, optarg);
    return true;
}

static bool read_ldap(struct subject *subject, const char *server)
{
    subject->asks_ldap = true;
    subject->ldap_server = server != NULL ? keep_text(subject, server) : NULL;
    return true;
}

static bool read_option(struct subject *subject, struct command_line *line, int option)
{
    switch (option) {
    case OPTION_AS:
        return read_account(subject, optarg);
    case OPTION_PASSWORD_FILE:
        return read_password(subject, optarg);
    case OPTION_CCACHE:
        return read_tickets(subject, PROOF_CCACHE, optional_value(line));
    case OPTION_KEYTAB:
        return read_tickets(subject, PROOF_KEYTAB, optarg);
    case OPTION_DIRECT:
        take_nodes(line);
        return true;
    case OPTION_DNS:
        return read_literal(subject, "--dns", true, &subject->dns_server);
    case OPTION_ADDRESS:
        return read_literal(subject, "--address", false, &subject->address);
    case OPTION_CA:
        return read_ca(subject);
    case OPTION_LDAP:
        return read_ldap(subject, optional_value(line));
    case OPTION_SLOW:
        subject->is_slow = true;
        return true;
    case OPTION_RESOURCE:
        subject->resource = keep_text(subject, optarg);
        return true;
    case OPTION_PATIENCE:
        return read_patience(subject);
    case 1: // a word that is no option
        return read_url(subject, optarg);
    default: // getopt has said why
        return false;
    }
}

bool subject_read(int argc, char **argv, struct subject *ret_subject)
{
    struct subject subject = {.patience_ms = PATIENCE_MS_DEFAULT};
    struct command_line line = {.argc = argc, .argv = argv};
    bool is_good = true;
    int option;
    optind = 0; // from the start, even if options were read before
    while (is_good && (option = getopt_long(argc, argv, "-", options, NULL)) != -1)
        is_good = read_option(&subject, &line, option);
    for (; is_good && optind < argc; optind++) // behind "--"
        is_good = read_url(&subject, argv[optind]);
    if (is_good && subject.url == NULL)
        is_good = refuse("which URL? For example: handfast doctor https://app.example.com/");
    for (size_t i = 0; is_good && i < line.node_count; i++)
        is_good = read_node(&subject, line.nodes[i]);
    if (!is_good || !ask_passwords(&subject)) {
        subject_done(&subject);
        return false;
    }
    *ret_subject = subject;
    return true;
}

void subject_done(struct subject *subject)
{
    for (size_t i = 0; i < subject->account_count; i++)
        subject->accounts[i].password = secret_free(subject->accounts[i].password);
    for (struct kept *kept = subject->arena; kept != NULL;) {
        struct kept *next = kept->next;
        free(kept);
        kept = next;
    }
    *subject = (struct subject){0};
}
