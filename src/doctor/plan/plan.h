// SPDX-License-Identifier: Apache-2.0
// The plan: what must be true outside Handfast (directory, DNS, servers, clients, firewall) for a
// configuration to carry Windows logins. Made from the configuration alone; asks nobody and
// changes nothing. Only plan_check looks at the world.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct plan;
struct snapshot;

#define PLAN_ADDRESSES_MAX 8

// What the configuration does not say. The texts are borrowed until plan_free.
struct plan_wish {
    const char *domain;  // DNS name of the domain; NULL: what the host names have in common
    const char *account; // the identity of the application pools: "svc-web", or "svc-web$", a group
                         // managed account; NULL: PLAN_ACCOUNT_ASSUMED
    const char *addresses[PLAN_ADDRESSES_MAX]; // of the load balancer, as clients reach it
    size_t address_count;
    bool is_same_certificate; // the servers of forwarded sites show the site's own certificate
};

#define PLAN_ACCOUNT_ASSUMED "svc-web"

// What is wrong with the wish, in words for the command line, or NULL. Everything that passes can
// stand in every document.
const char *plan_wish_problem(const struct plan_wish *wish);

// Reads the configuration and makes its plan. NULL when the file has errors; `ret_findings` is then
// what `handfast check` would print (malloc'ed).
struct plan *plan_load(const char *file, const struct plan_wish *wish, char **ret_findings);
// The same from a snapshot, which must outlive the plan.
struct plan *plan_new(const struct snapshot *snapshot, const struct plan_wish *wish);
struct plan *plan_free(struct plan *plan);

// The documents: the page first, then scripts and files.
size_t plan_document_count(const struct plan *plan);
// A file name without directory: letters, digits, '.', '-' and '_'; no two are the same.
const char *plan_document_name(const struct plan *plan, size_t index);
void plan_document_print(const struct plan *plan, size_t index, FILE *out);

// Writes every document into `directory`, which is made when it is not there; files of those names
// are replaced, one at a time and whole. False, with a sentence on stderr, when one cannot be
// written.
bool plan_write(const struct plan *plan, const char *directory);

// How to look at the world. Texts are borrowed for the call.
struct plan_glasses {
    const char *dns_server;  // "ADDRESS[:PORT]"; NULL: the system's, with its hosts file
    const char *ldap_server; // host name of a domain controller; NULL: found by DNS
    const char *user;        // of a simple bind inside TLS, user@domain; NULL: the ambient ticket
    const char *password_file;
    const char *ca_file;  // authorities of the domain controller; NULL: the system's
    unsigned patience_ms; // for one step
};

enum plan_verdict {
    PLAN_ALL_TRUE = 0,
    PLAN_SOME_MISSING = 1,
    PLAN_NOT_SEEN = 2, // nothing is known to be missing, but not all could be looked at
};

// Looks, and prints what is missing and what could not be looked at, and one line of counts.
enum plan_verdict plan_check(struct plan *plan, const struct plan_glasses *glasses, FILE *out);
