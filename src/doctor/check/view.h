// SPDX-License-Identifier: Apache-2.0
// What several checks ask of the facts, in the words of people. Pure; nothing is allocated.
#pragma once

#include "doctor/facts.h"

// Fronts and nodes alike, in the order of the facts; NULL past the last.
const json_t *view_end(const struct facts *facts, size_t index);
const char *view_name(const json_t *end); // "front", "iis1"
bool view_is_node(const json_t *end);
// Its address, or its name where the address is not known: never empty.
const char *view_place(const json_t *end);

const char *view_host(const struct facts *facts); // of the URL, "" when unknown
bool view_has_account(const struct facts *facts);

// The first account as sentences name it: its principal, or as it was given.
const char *view_account(const struct facts *facts);

// Connected, shaken hands and got an answer to a first request.
bool view_answers(const json_t *end);
// Something came that is not in order as HTTP.
bool view_is_malformed(const json_t *answer);
bool view_offers(const json_t *answer, const char *scheme);
// It sends everybody on to a place that was not looked at: what counts is there.
bool view_leads_away(const json_t *front);
// So does the front, and no node asks for a login either: nothing that counts was looked at.
bool view_is_elsewhere(const struct facts *facts);
// For commands: where it leads, without a query; "URL" when that is not harmless or not absolute.
#define VIEW_URL_MAX 256
const char *view_redirect_url(const json_t *front, char out[VIEW_URL_MAX]);
// For sentences: the text, or "(not known)", or what is said instead, so that none has a hole.
const char *view_words(const json_t *from, const char *path);
const char *view_words_or(const json_t *from, const char *path, const char *otherwise);
bool view_offers_windows(const json_t *answer); // NTLM, Negotiate, Nego2 or Kerberos

// An outcome that was tried and is no login: refused, no challenge, closed, no answer, rejected,
// failed.
bool view_failed(const json_t *end, const char *path);
bool view_succeeded(const json_t *end, const char *path); // "ok" or "forbidden": known who it is

// Nodes whose fact at `path` is that text. The first; NULL: none.
const json_t *view_node_where(const struct facts *facts, const char *path, const char *text);
// The first that asks for Windows authentication when it is reached directly; NULL: none.
const json_t *view_node_that_offers(const struct facts *facts);
// One node asks for a login, and the answer `first` of the front is as another gives it, which does
// not: node_differs says so, and the load balancer is not to blame.
bool view_is_of_one_node(const struct facts *facts, const json_t *first);
// A node that logs in (`path` of an outcome) / that answers, was tried and does not.
const json_t *view_node_that_works(const struct facts *facts, const char *path);
const json_t *view_node_that_fails(const struct facts *facts, const char *path);
// Kerberos logs in, and NTLM is neither offered by its name nor accepted by any node: the site
// takes Kerberos alone, which is no fault. NTLM inside Negotiate fails there as it should.
bool view_is_kerberos_only(const struct facts *facts);
size_t view_node_count(const struct facts *facts);

// The ticket that was asked for in that way ("host", "canonical", …); NULL: none was.
const json_t *view_ticket(const struct facts *facts, const char *asked);
// Who holds that service name by LDAP: an array, NULL when it was not asked.
const json_t *view_holders(const struct facts *facts, const char *service, const char *host);

// Did the KDC give a ticket-granting ticket for the password? Then the account is right.
bool view_password_is_right(const struct facts *facts);

// For commands only: `text` when it is made of harmless characters, else the placeholder. What a
// server calls itself must never become part of a command that somebody pastes.
const char *view_harmless(const char *text, const char *placeholder);
// The NetBIOS domain as servers name it, or "DOMAIN"; the account that holds HTTP/host or
// "ACCOUNT".
const char *view_domain(const struct facts *facts);
const char *view_service_account(const struct facts *facts);
// The host of the URL, or "HOST".
const char *view_command_host(const struct facts *facts);
