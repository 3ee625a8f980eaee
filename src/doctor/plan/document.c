// SPDX-License-Identifier: Apache-2.0
// The list of documents, their file names, and writing them to a directory, each whole or not at
// all.
#include "doctor/plan/document.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "doctor/file.h"

// ---------------------------------------------------------------------------- pieces of documents

bool requirement_is_of(const struct requirement *requirement, enum plan_scope scope,
                       const char *owner)
{
    return requirement->scope == scope && (!owner || strcmp(requirement->owner, owner) == 0);
}

const char *plan_mark_word(enum plan_mark mark)
{
    static const char *const words[] = {"documented", "known", "concluded", "uncertain"};
    return words[mark];
}

void print_reason(FILE *out, const char *mark, const char *lead,
                  const struct requirement *requirement)
{
    fprintf(out, "\n%s %s", mark, lead);
    quote_comment(out, requirement->what);
    fprintf(out, ",\n%s because ", mark);
    quote_comment(out, requirement->why);
    if (requirement->mark == PLAN_CONCLUDED || requirement->mark == PLAN_UNCERTAIN)
        fprintf(out, " (%s)", plan_mark_word(requirement->mark));
    fputs(".\n", out);
}

void print_origin(FILE *out, const char *mark, const struct plan *plan, const char *what)
{
    fprintf(out, "%s %s\n%s Made by `handfast plan` from ", mark, what, mark);
    quote_comment(out, plan->snapshot->file);
    fputs(".\n", out);
}

// ---------------------------------------------------------------------------- names of documents

static bool is_taken(const struct plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->document_count; i++)
        if (strcasecmp(plan->documents[i].name, name) == 0)
            return true;
    return false;
}

// "iis-" + "iis1.example.com" + ".ps1": only what every file system takes, at most 120 bytes of it.
static const char *name_file(struct plan *plan, const char *prefix, const char *subject,
                             const char *suffix)
{
    char plain[121] = "";
    for (size_t i = 0; subject[i] && i + 1 < sizeof plain; i++) {
        char c = subject[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        plain[i] = is_letter || c == '-' || (c == '.' && i) ? c : '_';
        plain[i + 1] = '\0';
    }
    const char *name = plan_text(plan, "%s%s%s", prefix, plain, suffix);
    for (unsigned number = 2; is_taken(plan, name); number++)
        name = plan_text(plan, "%s%s-%u%s", prefix, plain, number, suffix);
    return name;
}

static void add(struct plan *plan, const char *name,
                void (*print)(const struct plan *, const char *, FILE *), const char *subject)
{
    plan->documents = plan_grow(plan->documents, plan->document_count, sizeof *plan->documents);
    plan->documents[plan->document_count++] = (struct plan_document){name, print, subject};
}

void plan_list_documents(struct plan *plan)
{
    add(plan, "plan.md", plan_print_page, NULL);
    add(plan, "active-directory.ps1", plan_print_domain_script, NULL);
    for (size_t i = 0; i < plan->server_count; i++) {
        const char *server = plan->servers[i].name;
        add(plan, name_file(plan, "iis-", server, ".ps1"), plan_print_node_script, server);
    }
    add(plan, "clients.ps1", plan_print_client_script, NULL);
    add(plan, "firefox-policies.json", plan_print_firefox, NULL);
    add(plan, "dns.zone", plan_print_zone, NULL);
    for (size_t i = 0; i < plan->requirement_count; i++) {
        const struct requirement *asked = &plan->requirements[i];
        bool is_site = asked->scope == PLAN_OF_SITE;
        if (asked->act == PLAN_ASK_CERTIFICATE)
            add(plan, name_file(plan, "certificate-", asked->owner, is_site ? ".cnf" : ".inf"),
                is_site ? plan_print_openssl_request : plan_print_certreq_request, asked->owner);
    }
    add(plan, "firewall.md", plan_print_firewall, NULL);
    add(plan, "keytab.md", plan_print_keytab, NULL);
}

size_t plan_document_count(const struct plan *plan)
{
    return plan->document_count;
}

const char *plan_document_name(const struct plan *plan, size_t index)
{
    return plan->documents[index].name;
}

void plan_document_print(const struct plan *plan, size_t index, FILE *out)
{
    plan->documents[index].print(plan, plan->documents[index].subject, out);
}

// ---------------------------------------------------------------------------- writing

struct printing {
    const struct plan *plan;
    size_t index;
};

static void print_document(const void *context, FILE *out)
{
    const struct printing *printing = context;
    plan_document_print(printing->plan, printing->index, out);
}

// Below `directory`, an open descriptor. False with errno.
static bool write_document(const struct plan *plan, size_t index, int directory)
{
    struct printing printing = {plan, index};
    return file_write(directory, plan_document_name(plan, index), 0644, print_document, &printing);
}

bool plan_write(const struct plan *plan, const char *directory)
{
    if (mkdir(directory, 0755) < 0 && errno != EEXIST) {
        fprintf(stderr, "handfast plan: cannot make %s: %s\n", directory, strerror(errno));
        return false;
    }
    int descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_written = descriptor >= 0;
    for (size_t i = 0; is_written && i < plan->document_count; i++)
        is_written = write_document(plan, i, descriptor);
    if (!is_written)
        fprintf(stderr, "handfast plan: cannot write into %s: %s\n", directory, strerror(errno));
    if (descriptor >= 0)
        close(descriptor);
    return is_written;
}
