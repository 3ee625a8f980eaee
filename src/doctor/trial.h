// SPDX-License-Identifier: Apache-2.0
// A trial: one login of a client of ours, from the connection to the last answer, with everything
// that was answered on the way. What it says about the channel and the service can be chosen. It
// owns its call and its answers; tokens never leave it.
#pragma once

#include "doctor/call.h"
#include "doctor/kerberos_client.h"
#include "doctor/ntlm_client.h"
#include "wire/token.h"

enum outcome {
    OUTCOME_OK = 0,
    OUTCOME_REFUSED,      // 401 after the last leg
    OUTCOME_NO_CHALLENGE, // the leg that should bring a token did not
    OUTCOME_CLOSED,       // no connection, or it was ended where an answer or a leg was to come
    OUTCOME_NO_ANSWER,    // nothing came within the patience: no connection, no answer
    OUTCOME_FORBIDDEN,
    OUTCOME_REJECTED,    // another status of 4xx
    OUTCOME_FAILED,      // 5xx
    OUTCOME_NOT_OFFERED, // the server does not ask for that scheme, or for none at all: it answers
                         // whoever has not logged in with a page, a redirect, 403, 404, …
    OUTCOME_NO_TICKET,
    OUTCOME_NOT_TRIED,
    OUTCOME_COUNT,
};
const char *outcome_word(enum outcome outcome);

// Where to log in.
struct trial_way {
    struct address address;
    struct call_wish call;
    const char *host;   // of Host
    const char *target; // path and query
};

enum trial_scheme {
    TRIAL_NTLM = 0,    // NTLM by its own name; where only Negotiate is offered, in SPNEGO
    TRIAL_NTLM_NAMED,  // NTLM by its own name only
    TRIAL_SPNEGO_NTLM, // NTLM in SPNEGO, by the name Negotiate
    TRIAL_KERBEROS,    // in SPNEGO, by the name Negotiate
    TRIAL_KERBEROS_BARE,
};

enum trial_binding {
    TRIAL_BINDING_OWN = 0, // to the certificate that this connection shows; empty without TLS. So
                           // Windows does
    TRIAL_BINDING_RANDOM,
    TRIAL_BINDING_ABSENT,
    TRIAL_BINDING_EMPTY, // "there is no channel"
    TRIAL_BINDING_GIVEN,
};

struct trial_wish {
    enum trial_scheme scheme;
    const struct account *account;    // NTLM: with a password
    struct kerberos_client *kerberos; // Kerberos; NULL: OUTCOME_NO_TICKET
    const char *spn;
    enum trial_binding binding;
    uint8_t binding_bytes[16]; // TRIAL_BINDING_GIVEN
    bool skips_first;          // begins with a token, and does not ask without credentials first
    bool stops_between;        // NTLM: leaves the challenge for trial_go_on to answer
};

#define TRIAL_ANSWERS_MAX 3 // without credentials, first token, second token

struct trial {
    enum outcome outcome;
    struct call *call; // NULL when it could not be opened
    struct call_problem call_problem;
    struct call_answer answers[TRIAL_ANSWERS_MAX]; // of all requests, in order
    size_t answer_count;
    const char *scheme; // "NTLM", "Negotiate", or "" when none was offered; static
    // to the first and the second token; NULL: not sent. They point into answers
    const struct call_answer *first, *second;
    struct token challenge; // of the Type 2; kind TOKEN_EMPTY: there was none
    struct token error;     // a KRB-ERROR; kind TOKEN_EMPTY: there was none
    enum kerberos_mutual mutual;
    struct kerberos_problem problem; // of OUTCOME_NO_TICKET
    const char *ntlm_problem;        // why there is no Type 3; NULL; static
    char *type1;                     // base64, what the challenge answers; owned
    bool is_between;                 // the challenge has come and was not answered: not tried yet
    uint64_t took_us;                // from the first connect to the last answer
};

// Logs in on a connection of its own. The caller frees with trial_done, whatever came of it.
void trial_make(const struct trial_way *way, const struct trial_wish *wish,
                struct trial *ret_trial);
// Logs in once more on the connection of `earlier`, which loses it.
void trial_make_again(struct trial *earlier, const struct trial_way *way,
                      const struct trial_wish *wish, struct trial *ret_trial);
// The last leg of a trial that is_between, on its connection, with the way and wish it began with.
void trial_go_on(struct trial *trial, const struct trial_way *way, const struct trial_wish *wish);
void trial_done(struct trial *trial);

// The last answer; NULL when there is none.
const struct call_answer *trial_last(const struct trial *trial);
// Was a password judged, as far as can be seen: a Type 3 was sent?
bool trial_has_sent_password(const struct trial *trial);
// Asks on the connection of the trial without credentials. The caller frees the answer.
void trial_ask_again(struct trial *trial, const struct trial_way *way,
                     struct call_answer *ret_answer);

// Does the page show that word, as a word of its own and in any case of letters?
bool trial_page_shows(const struct call_answer *answer, const char *word);
