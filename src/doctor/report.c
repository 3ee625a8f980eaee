// SPDX-License-Identifier: Apache-2.0
// Prints a diagnosis: the verdict, then findings by weight, with commands on lines of their own
// that can be copied. Texts of findings are safe already; what comes from the facts is made so
// here. Nothing is judged here.
#include "doctor/report.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/check.h"
#include "doctor/check/view.h"

#define WIDTH_DEFAULT     96
#define WIDTH_MAX         110
#define EVIDENCE_SHOWN    2 // without -v
#define VERDICT_BYTES_MAX 2048

struct paper {
    FILE *out;
    size_t width;
    bool is_coloured;
    bool is_verbose;
};

static const char *const weight_words[] = {"cause", "fault", "risk", "note"};
static const char *const confidence_words[] = {"sure", "likely", "possible"};
static const char *const place_words[] = {"server", "domain", "client", "balancer", "dns"};
static const char *const place_titles[] = {"On each node", "In the domain", "On a client",
                                           "On the load balancer", "In DNS"};

// ---------------------------------------------------------------------------- lines

static struct paper paper_over(FILE *out, bool is_verbose)
{
    struct paper paper = {out, WIDTH_DEFAULT, false, is_verbose};
    int fd = fileno(out);
    if (fd < 0 || !isatty(fd))
        return paper;
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40)
        paper.width = size.ws_col < WIDTH_MAX ? size.ws_col : WIDTH_MAX;
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    paper.is_coloured =
        (no_color == NULL || *no_color == '\0') && term != NULL && strcmp(term, "dumb") != 0;
    return paper;
}

static void put_style(const struct paper *paper, const char *style)
{
    if (paper->is_coloured)
        fprintf(paper->out, "\x1b[%sm", style);
}

// What a terminal shows of it: characters, not bytes.
static size_t columns(const char *text, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += ((unsigned char)text[i] & 0xc0) != 0x80;
    return count;
}

// Wraps at blanks. `column` columns stand on the line already, further lines begin at `indent`.
static void put_wrapped(const struct paper *paper, size_t column, size_t indent, const char *text)
{
    bool is_first = true;
    while (*text != '\0') {
        size_t size = strcspn(text, " ");
        size_t wide = columns(text, size);
        if (!is_first && column + 1 + wide > paper->width) {
            fprintf(paper->out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (!is_first) {
            putc(' ', paper->out);
            column++;
        }
        fwrite(text, 1, size, paper->out);
        column += wide;
        is_first = false;
        text += size;
        text += strspn(text, " ");
    }
    putc('\n', paper->out);
}

static void put_labelled(const struct paper *paper, const char *label, const char *text)
{
    int size = fprintf(paper->out, "    %s: ", label);
    put_wrapped(paper, (size_t)(size > 0 ? size : 0), 6, text);
}

// ---------------------------------------------------------------------------- verdict

static bool is_tried(const json_t *front, const char *path)
{
    return view_succeeded(front, path) || view_failed(front, path) ||
           fact_is(front, path, "no ticket");
}

static bool is_kerberos_tried(const struct facts *facts)
{
    return is_tried(facts_front(facts), "kerberos.outcome") &&
           !fact_is(facts->root, "kerberos.client.error.name", "NO_CREDENTIALS"); // that is ours
}

static bool is_login_tried(const struct facts *facts)
{
    return is_kerberos_tried(facts) || is_tried(facts_front(facts), "ntlm.outcome");
}

static const char *state_words(const struct facts *facts)
{
    const json_t *front = facts_front(facts);
    bool ntlm_tried = is_tried(front, "ntlm.outcome");
    bool kerberos_tried = is_kerberos_tried(facts);
    bool ntlm = view_succeeded(front, "ntlm.outcome");
    bool kerberos = view_succeeded(front, "kerberos.outcome");
    if (ntlm && kerberos)
        return "Windows authentication works here, by Kerberos and by NTLM.";
    if (kerberos)
        return ntlm_tried && !view_is_kerberos_only(facts) ? "Kerberos works here, NTLM does not."
                                                           : "Kerberos works here.";
    if (ntlm)
        return kerberos_tried ? "NTLM works here, Kerberos does not." : "NTLM works here.";
    if (ntlm_tried || kerberos_tried)
        return "Windows authentication does not work here.";
    if (!view_answers(front))
        return "No page can be had here.";
    if (view_offers_windows(fact(front, "http.redirect.page")))
        return "The URL leads to another page of this site, where Windows authentication is "
               "offered; no login was tried there.";
    if (view_offers_windows(fact(front, "http.first")))
        return "Windows authentication is offered here; no login was tried.";
    return "Windows authentication is not offered here.";
}

// What stands in for the state where this URL only leads to another. The text is malloc'ed.
static char *elsewhere_words(const struct facts *facts)
{
    const json_t *front = facts_front(facts);
    char url[VIEW_URL_MAX], *text = NULL;
    char *location = finding_clean(fact_text(front, "http.redirect.location"));
    CHECK(asprintf(&text,
                   "People are redirected to %s: what counts is whether they can log in there "
                   "(handfast doctor %s).",
                   location, view_redirect_url(front, url)) >= 0);
    free(location);
    return text;
}

// Nodes were named, and this machine got to none of them.
static bool is_all_missed(const struct facts *facts)
{
    const json_t *node;
    bool is_any_closed = false;
    for (size_t i = 0; (node = facts_node(facts, i)) != NULL; i++) {
        if (!fact_is_false(node, "tcp.is_open"))
            return false;
        is_any_closed = true;
    }
    return is_any_closed;
}

// One to three sentences; `verdict` has room for VERDICT_BYTES_MAX.
static void write_verdict(const struct facts *facts, const struct diagnosis *diagnosis,
                          char *verdict)
{
    const struct finding *first = diagnosis->count > 0 ? &diagnosis->findings[0] : NULL;
    bool is_ill = diagnosis_is_ill(diagnosis),
         leads_away = !is_login_tried(facts) && view_leads_away(facts_front(facts));
    char *elsewhere = leads_away ? elsewhere_words(facts) : NULL;
    const char *state = leads_away ? elsewhere : state_words(facts);
    const char *nodes = is_all_missed(facts)
                            ? " None of the nodes could be reached from here, so nothing was "
                              "compared with them."
                            : "";
    if (!is_ill)
        snprintf(verdict, VERDICT_BYTES_MAX, "%s%s%s", state,
                 leads_away ? "" : " Nothing wrong was found.", nodes);
    else if (strcmp(first->id, "identity_mixed") == 0 ||
             strcmp(first->id, "connection_shared") == 0)
        snprintf(verdict, VERDICT_BYTES_MAX, "People are mixed up here. %s", first->what);
    else
        snprintf(verdict, VERDICT_BYTES_MAX, "%s %s%s%s", state,
                 first->weight == WEIGHT_CAUSE ? "The first cause: " : "Worth mending first: ",
                 first->what, nodes);
    free(elsewhere);
}

// ---------------------------------------------------------------------------- findings

static void put_remedies(const struct paper *paper, const struct finding *finding)
{
    for (size_t i = 0; i < finding->remedy_count; i++) {
        const struct remedy *remedy = &finding->remedies[i];
        bool is_same_place = i > 0 && remedy->place == finding->remedies[i - 1].place;
        if (is_same_place) {
            fputs("      ", paper->out);
            put_wrapped(paper, 6, 6, remedy->what);
        } else {
            put_labelled(paper, place_titles[remedy->place], remedy->what);
        }
        if (remedy->command == NULL)
            continue;
        // never wrapped: it is there to be copied
        put_style(paper, "36");
        fprintf(paper->out, "          %s", remedy->command);
        put_style(paper, "0");
        putc('\n', paper->out);
    }
}

static void put_finding(const struct paper *paper, size_t number, const struct finding *finding)
{
    static const char *const styles[] = {"1;31", "1;33", "1;33", "1;32"};
    put_style(paper, styles[finding->weight]);
    int column = fprintf(paper->out, "%2zu. %s", number, weight_words[finding->weight]);
    put_style(paper, "0");
    if (finding->place != NULL)
        column += fprintf(paper->out, " at %s", finding->place);
    column += fprintf(paper->out, ": ");
    put_style(paper, "1");
    put_wrapped(paper, (size_t)(column > 0 ? column : 0), 4, finding->what);
    put_style(paper, "0");
    if (finding->cause != NULL)
        put_labelled(paper, "Why", finding->cause);
    size_t shown = finding->evidence_count;
    if (!paper->is_verbose && shown > EVIDENCE_SHOWN)
        shown = EVIDENCE_SHOWN;
    for (size_t i = 0; i < shown; i++)
        put_labelled(paper, "Seen", finding->evidence[i]);
    put_remedies(paper, finding);
    fprintf(paper->out, "    (%s; %s)\n\n", finding->id, confidence_words[finding->confidence]);
}

static bool has_word(const char *text, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word)) {
        char before = at == text ? ' ' : at[-1], after = at[size];
        bool is_inside = (before >= 'A' && before <= 'Z') || before == '-' ||
                         (after >= 'A' && after <= 'Z') || after == '-' || after == '_';
        if (!is_inside)
            return true;
    }
    return false;
}

// Which words of the shown commands the reader has to replace.
static void put_legend(const struct paper *paper, const struct diagnosis *diagnosis, size_t shown)
{
    static const char *const words[] = {"SITE", "ACCOUNT", "POOL",        "THUMBPRINT", "ZONE",
                                        "NAME", "ADDRESS", "CERTIFICATE", "FILE",       "REALM",
                                        "NODE", "DOMAIN",  "USER",        "PRINCIPAL",  "HOST"};
    size_t found = 0;
    for (size_t w = 0; w < sizeof words / sizeof words[0]; w++) {
        bool is_there = false;
        for (size_t i = 0; i < shown; i++)
            for (size_t j = 0; j < diagnosis->findings[i].remedy_count; j++) {
                const char *command = diagnosis->findings[i].remedies[j].command;
                is_there |= command != NULL && has_word(command, words[w]);
            }
        if (is_there)
            fprintf(paper->out, "%s%s", found++ == 0 ? "In commands, put in your own: " : ", ",
                    words[w]);
    }
    if (found > 0)
        fputs(".\n", paper->out);
}

// ---------------------------------------------------------------------------- facts in brief

static void put_fact(const struct paper *paper, const char *label, const char *text)
{
    char *clean = finding_clean(text);
    put_labelled(paper, label, clean);
    free(clean);
}

// What stands between two texts: nothing where one of them is missing.
static const char *gap(const char *before, const char *after, const char *between)
{
    return *before != '\0' && *after != '\0' ? between : "";
}

static void put_http(const struct paper *paper, const json_t *end)
{
    char text[512];
    const json_t *challenges = fact(end, "http.first.challenges");
    const char *reason = fact_text(end, "http.first.reason");
    size_t size =
        (size_t)snprintf(text, sizeof text, "%lld%s%.64s", fact_number(end, "http.first.status", 0),
                         *reason != '\0' ? " " : "", reason);
    for (size_t i = 0; i < json_array_size(challenges) && size < sizeof text; i++)
        size += (size_t)snprintf(text + size, sizeof text - size, "%s%.24s",
                                 i == 0 ? ", offers " : ", ",
                                 view_words(json_array_get(challenges, i), "scheme"));
    put_fact(paper, "HTTP", text);
}

// What a handshake ended with, and the certificate it showed.
static void put_tls(const struct paper *paper, const json_t *end)
{
    char text[1024];
    const char *problem = fact_text(end, "tls.problem");
    const char *subject = fact_text(end, "tls.certificate.subject");
    const char *print = fact_text(end, "tls.certificate.sha256");
    int size = snprintf(text, sizeof text, "%.32s%s%.64s%s%.200s", fact_text(end, "tls.version"),
                        gap(fact_text(end, "tls.version"), fact_text(end, "tls.cipher"), " "),
                        fact_text(end, "tls.cipher"),
                        gap(fact_text(end, "tls.cipher"), problem, " "), problem);
    snprintf(text + size, sizeof text - (size_t)size, "%s%.300s%s%.16s%s",
             gap(text, *subject != '\0' ? subject : print, "; "), subject,
             *print == '\0'     ? ""
             : *subject == '\0' ? "SHA-256 "
                                : ", SHA-256 ",
             print, *print != '\0' ? "…" : "");
    put_fact(paper, "TLS", *text != '\0' ? text : fact_bool(end, "tls.ok") ? "ok" : "fails");
}

static void put_ntlm(const struct paper *paper, const json_t *end)
{
    char text[512];
    const char *computer = fact_text(end, "ntlm.server.dns_computer");
    const char *domain = fact_text(end, "ntlm.server.domain");
    bool is_known = *computer != '\0' || *domain != '\0';
    snprintf(text, sizeof text, "%.32s%s%.128s%s%.64s", fact_text(end, "ntlm.outcome"),
             is_known ? "; the server is " : "", computer,
             *domain == '\0'     ? ""
             : *computer != '\0' ? " of "
                                 : "of ",
             domain);
    put_fact(paper, "NTLM", text);
}

static void put_kerberos(const struct paper *paper, const json_t *end)
{
    char text[512];
    const char *outcome = fact_text(end, "kerberos.outcome"), *spn = fact_text(end, "kerberos.spn");
    const char *error = fact_text(end, "kerberos.krb_error.name");
    snprintf(text, sizeof text, "%.32s%s%.256s%s%.64s", outcome, gap(outcome, spn, " for "), spn,
             gap(outcome, error, ", the server says "), error);
    put_fact(paper, "Kerberos", text);
}

static void put_end(const struct paper *paper, const json_t *end)
{
    char *name = finding_clean(view_name(end)), *address = finding_clean(fact_text(end, "address"));
    fprintf(paper->out, "  %s%s%s\n", name, gap(name, address, ", "), address);
    free(name);
    free(address);
    if (fact_is_false(end, "tcp.is_open"))
        put_fact(paper, "TCP", view_words(end, "tcp.error"));
    if (fact_is_known(end, "tls.ok"))
        put_tls(paper, end);
    if (view_answers(end))
        put_http(paper, end);
    if (*fact_text(end, "ntlm.outcome") != '\0')
        put_ntlm(paper, end);
    if (*fact_text(end, "kerberos.outcome") != '\0')
        put_kerberos(paper, end);
}

static void put_tickets(const struct paper *paper, const struct facts *facts)
{
    const json_t *tickets = fact(facts->root, "kerberos.tickets");
    char text[512];
    if (fact_is_known(facts->root, "kerberos.client"))
        put_fact(paper, "account", view_words(facts->root, "kerberos.client.principal"));
    for (size_t i = 0; i < json_array_size(tickets); i++) {
        const json_t *ticket = json_array_get(tickets, i);
        if (fact_bool(ticket, "ok"))
            snprintf(text, sizeof text, "%.256s: encryption type %lld, kvno %lld, %lld bytes",
                     view_words(ticket, "spn"), fact_number(ticket, "etype", 0),
                     fact_number(ticket, "kvno", -1), fact_number(ticket, "bytes", 0));
        else
            snprintf(text, sizeof text, "%.256s: %.64s", view_words(ticket, "spn"),
                     view_words(ticket, "error.name"));
        put_fact(paper, "ticket", text);
    }
}

static void put_second_account(const struct paper *paper, const struct facts *facts)
{
    const json_t *account = fact(facts->root, "kerberos.accounts.1");
    char text[512];
    if (account == NULL)
        return;
    snprintf(text, sizeof text, "%.200s; %.256s",
             view_words(facts->root, "subject.accounts.1.name"),
             view_words(account, fact_is_known(account, "error") ? "error.text" : "principal"));
    put_fact(paper, "second account", text);
}

static void put_directory(const struct paper *paper, const struct facts *facts)
{
    const json_t *ldap = fact(facts->root, "ldap");
    const char *server = fact_text(ldap, "server"), *error = fact_text(ldap, "error");
    char text[600];
    if (!fact_is_known(facts->root, "ldap"))
        return;
    snprintf(text, sizeof text, "%.255s%s%.250s%s%zu names asked about", server,
             gap(server, error, ": "), error, *server != '\0' || *error != '\0' ? ", " : "",
             fact_count(ldap, "holders"));
    put_fact(paper, "directory", text);
}

static void put_facts(const struct paper *paper, const struct facts *facts)
{
    const json_t *end;
    put_style(paper, "1");
    fputs("What was seen\n", paper->out);
    put_style(paper, "0");
    for (size_t i = 0; (end = view_end(facts, i)) != NULL; i++)
        put_end(paper, end);
    if (fact_is_known(facts->root, "kerberos") || fact_is_known(facts->root, "ldap"))
        fputs("  The domain\n", paper->out);
    put_tickets(paper, facts);
    put_second_account(paper, facts);
    put_directory(paper, facts);
}

// ---------------------------------------------------------------------------- whole reports

void report_print(FILE *out, const struct facts *facts, const struct diagnosis *diagnosis,
                  bool is_verbose)
{
    struct paper paper = paper_over(out, is_verbose);
    char verdict[VERDICT_BYTES_MAX];
    write_verdict(facts, diagnosis, verdict);
    char *url = finding_clean(fact_text(facts->root, "subject.url"));
    fprintf(out, "%s\n", url);
    free(url);
    put_style(&paper, diagnosis_is_ill(diagnosis) ? "1;31" : "1;32");
    put_wrapped(&paper, 0, 0, verdict);
    put_style(&paper, "0");
    putc('\n', out);
    size_t shown = 0;
    while (shown < diagnosis->count &&
           (is_verbose || diagnosis->findings[shown].weight < WEIGHT_NOTE)) {
        put_finding(&paper, shown + 1, &diagnosis->findings[shown]);
        shown++;
    }
    put_legend(&paper, diagnosis, shown);
    if (is_verbose)
        put_facts(&paper, facts);
    else if (shown < diagnosis->count)
        fprintf(out, "%zu note%s more with -v.\n", diagnosis->count - shown,
                diagnosis->count - shown == 1 ? "" : "s");
}

static json_t *text_or_null(const char *text)
{
    return text != NULL ? json_string(text) : json_null();
}

static json_t *finding_to_json(const struct finding *finding)
{
    json_t *evidence = json_array(), *remedies = json_array();
    for (size_t i = 0; i < finding->evidence_count; i++)
        json_array_append_new(evidence, json_string(finding->evidence[i]));
    for (size_t i = 0; i < finding->remedy_count; i++) {
        const struct remedy *remedy = &finding->remedies[i];
        json_array_append_new(remedies, json_pack("{s:s,s:s,s:o}", "place",
                                                  place_words[remedy->place], "what", remedy->what,
                                                  "command", text_or_null(remedy->command)));
    }
    json_t *node = json_pack(
        "{s:s,s:s,s:s,s:o,s:s,s:o,s:o,s:o}", "id", finding->id, "weight",
        weight_words[finding->weight], "confidence", confidence_words[finding->confidence], "place",
        text_or_null(finding->place), "what", finding->what, "cause", text_or_null(finding->cause),
        "evidence", evidence, "remedies", remedies);
    CHECK(node != NULL);
    return node;
}

void report_print_json(FILE *out, const struct facts *facts, const struct diagnosis *diagnosis)
{
    char verdict[VERDICT_BYTES_MAX];
    write_verdict(facts, diagnosis, verdict);
    json_t *findings = json_array();
    for (size_t i = 0; i < diagnosis->count; i++)
        json_array_append_new(findings, finding_to_json(&diagnosis->findings[i]));
    bool is_ill = diagnosis_is_ill(diagnosis);
    json_t *healthy = !is_ill && view_is_elsewhere(facts) ? json_null() : json_boolean(!is_ill);
    json_t *root = json_pack("{s:s,s:o,s:o,s:O}", "verdict", verdict, "healthy", healthy,
                             "findings", findings, "facts", facts->root);
    CHECK(root != NULL);
    // it may be read on a terminal: what reorders or controls one stays escaped
    json_dumpf(root, out, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_ENSURE_ASCII);
    putc('\n', out);
    json_decref(root);
}
