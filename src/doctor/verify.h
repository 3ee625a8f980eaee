// SPDX-License-Identifier: Apache-2.0
// The verification of a running configuration: logs in through every route as people do, and
// measures. It reads the configuration and speaks to the listeners and, for comparison, to the
// servers; it never touches the process itself, except through the `reload` it was given.
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "doctor/crowd.h"
#include "doctor/subject.h"

struct snapshot;

#define VERIFY_NAME_MAX  384
#define VERIFY_HOSTS_MAX 32

enum verify_mode {
    VERIFY_FORWARD = 0,
    VERIFY_PASSTHROUGH,
    VERIFY_REDIRECT, // followed to where it leads
};

enum verify_scheme {
    VERIFY_KERBEROS = 0,
    VERIFY_NTLM,
    VERIFY_NEGOTIATE, // NTLM inside Negotiate: a client that has no ticket
    VERIFY_SCHEMES,
};

// What was seen of Extended Protection on the way.
enum verify_protection {
    VERIFY_PROTECTION_UNKNOWN = 0,
    VERIFY_PROTECTION_OFF,    // any word about the channel is let in
    VERIFY_PROTECTION_PASSES, // a wrong word is refused, the right one is let in
    VERIFY_PROTECTION_PROXY,  // any channel will do, none will not
    VERIFY_PROTECTION_FAILS,  // the right word for what clients see is refused
};

// Of a reload: what became of connections that were logged in before it, and of logins during and
// after it; and what of a login that stood between its legs while it happened.
enum verify_reload {
    VERIFY_RELOAD_NOT_TRIED = 0,
    VERIFY_RELOAD_HELD,
    VERIFY_RELOAD_LOST,
};

// A row of the table: one way through the configuration, one scheme.
struct verify_row {
    char way[VERIFY_NAME_MAX]; // "portal /api/ -> api"
    char url[VERIFY_NAME_MAX];
    enum verify_mode mode;
    enum verify_scheme scheme;
    enum outcome outcome;
    char problem[256];     // why not, in words; "" when it works
    char certificate[256]; // why people would not go on after TLS, in words; "" when they would
    bool is_reached;       // somebody listens where the way begins
    bool is_leaking;       // a page named one of the accounts before anybody had logged in
    unsigned legs;         // requests of one login, the first one without credentials
    int64_t us;            // median of a login, from connect to page; -1: none worked
    int64_t direct_us;     // the same at the server itself; -1: it could not be reached or refused
    char direct[VERIFY_NAME_MAX]; // where that was, or why it could not be asked
    bool has_crowd;
    struct crowd_tally crowd;
    enum verify_protection protection;
    enum verify_reload reload;
    enum verify_reload between_legs; // not tried where a login has one leg only
    char reload_problem[256];        // of the login between its legs, in words; "" when it held
};

// A site into which no way could be tried.
struct verify_left_out {
    char site[VERIFY_NAME_MAX];
    char why[VERIFY_NAME_MAX]; // in words, with what to give
};

struct verify_wish {
    const char *file;              // the configuration
    const struct subject *subject; // accounts, address, authorities, DNS server, patience
    unsigned port;                 // connect to this port, whatever the listener says; 0: its own
    // Names to ask for, in lower case: of the sites that cover them, instead of a name of their own
    const char *hosts[VERIFY_HOSTS_MAX];
    size_t host_count;
    unsigned logins; // for one median
    unsigned lanes;  // of the crowd
    // Has the running process read its configuration again; NULL: not asked for.
    bool (*reload)(void *context);
    void *reload_context;
    void (*progress)(void *context, const char *words); // may be NULL
    void *progress_context;
};

struct verify_report {
    struct verify_row *rows; // owned
    size_t row_count;
    struct verify_left_out *left_out; // owned; also when nothing could be measured
    size_t left_out_count;
    bool was_reloaded;
    unsigned accounts;
    char problem[256]; // why nothing could be measured; "" when it could
    char *findings;    // then, what is wrong with the configuration, for people; NULL: nothing
};

// False with report->problem when nothing could be measured. The caller frees it in any case.
bool verify_run(const struct verify_wish *wish, struct verify_report *ret_report);
void verify_report_done(struct verify_report *report);

// A login that is offered and wanted works behind a certificate that people accept, nobody was
// mixed up, and the reload held.
bool verify_row_holds(const struct verify_row *row);
// The first of its problems, in words; "" when it works. What a reload broke is not among them.
const char *verify_row_problem(const struct verify_row *row);
// "yes", "untrusted" for a login behind a certificate that people would not accept, or the outcome.
const char *verify_row_works(const struct verify_row *row);
bool verify_holds(const struct verify_report *report);

// In one sentence, without its full stop.
const char *verify_summary(const struct verify_report *report);

const char *verify_mode_word(enum verify_mode mode);
const char *verify_scheme_word(enum verify_scheme scheme);
const char *verify_protection_word(enum verify_protection protection);
const char *verify_reload_word(enum verify_reload reload);
// Both in one, for people: "held, between legs too", "LOST between legs", "".
const char *verify_reload_words(const struct verify_row *row);
// "kept apart", "MIXED UP 3", "not measured"; `text` is returned.
#define VERIFY_ISOLATION_MAX 64
const char *verify_isolation(const struct verify_row *row, char text[VERIFY_ISOLATION_MAX]);

// {"configuration":…, "holds":…, "rows":[…]}; a new reference.
json_t *verify_json(const struct verify_report *report, const char *file);
// One page without anything from elsewhere: no script, no style, no image of another place.
void verify_html(const struct verify_report *report, const char *file, FILE *out);
