// SPDX-License-Identifier: Apache-2.0
// The documents of a plan, one printer each. Internal to plan. They only print requirements; what
// is required was decided before.
#pragma once

#include "doctor/plan/model.h"
#include "doctor/plan/quote.h"

// In PowerShell: one line for each thing that was looked at.
#define SCRIPT_WRITE_STATE                                                                         \
    "# One line for each thing that was looked at.\n"                                              \
    "function Write-State([string]$State, [string]$What) {\n"                                      \
    "    Write-Output ('{0,-8} {1}' -f $State, $What)\n"                                           \
    "}\n"

// `subject`: the server or site a document is for, else NULL.
void plan_print_page(const struct plan *plan, const char *subject, FILE *out);
void plan_print_firewall(const struct plan *plan, const char *subject, FILE *out);
void plan_print_keytab(const struct plan *plan, const char *subject, FILE *out);
void plan_print_domain_script(const struct plan *plan, const char *subject, FILE *out);
void plan_print_node_script(const struct plan *plan, const char *server, FILE *out);
void plan_print_client_script(const struct plan *plan, const char *subject, FILE *out);
void plan_print_firefox(const struct plan *plan, const char *subject, FILE *out);
void plan_print_zone(const struct plan *plan, const char *subject, FILE *out);
void plan_print_openssl_request(const struct plan *plan, const char *site, FILE *out);
void plan_print_certreq_request(const struct plan *plan, const char *server, FILE *out);

// Is it of that scope and owner? `owner` NULL: any.
bool requirement_is_of(const struct requirement *requirement, enum plan_scope scope,
                       const char *owner);
// "documented", "known", "concluded" or "uncertain".
const char *plan_mark_word(enum plan_mark mark);
// Two comment lines: `lead` and what is required, and why, with the mark if it leaves doubt.
void print_reason(FILE *out, const char *mark, const char *lead,
                  const struct requirement *requirement);
// The head of a script or file: what it is, from what it was made.
void print_origin(FILE *out, const char *mark, const struct plan *plan, const char *what);
// The part of the firewall table that belongs to one scope and owner, or all of it.
void plan_print_firewall_rows(const struct plan *plan, enum plan_scope scope, const char *owner,
                              FILE *out);
void plan_print_keytab_recipe(const struct plan *plan, FILE *out);
