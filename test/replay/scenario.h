// SPDX-License-Identifier: Apache-2.0
// What a scenario is: clients that say and expect to hear exact bytes, and a table of what servers
// expect to hear and say to it. Texts hold placeholders, which material.c fills in:
//   {host}             the host the scenario is played on
//   {via N}            the X-Forwarded-* lines of client N
//   {token NAME}       test/fixtures/token/NAME.txt
//   {hello NAME}       test/fixtures/hello/NAME.bin
//   {fill N}           N bytes of a pattern
//   {own|STATUS|WORD|ID|HOW|LOCATION}  our own answer for the end WORD; HOW: close, keep or alive
//   (HTTP/1.0), with
//                      "-head" behind it without a body; LOCATION may be left out
#pragma once

#include "fake_kernel.h"

#define PLAYERS_MAX 3
#define BESIDE      9 // the number of the client without credentials who runs beside the others

enum act_kind {
    ACT_NONE = 0, // the end of the list
    SAY,
    HEAR,
    HEAR_END, // we end our direction, and nothing more was said
    END,      // the client ends its direction
    LEAVE,    // the client closes
    PASS,     // the next client's turn
    LATER,    // milliseconds pass; `text` says how many
};

struct act {
    enum act_kind kind;
    const char *text;
};

enum {
    ROW_TIES = 1,   // the request carries credentials: from here on the link is this client's alone
    ROW_OFFERS = 2, // the answer carries a challenge, with the same effect
    ROW_LEGS =
        4, // the next leg is the client's: until it comes nothing may disturb the two (rule 5)
    ROW_ENDS = 8,    // the server ends its direction after its answer
    ROW_LEAVES = 16, // the server closes after its answer
};

#define ANY_STATE 1000u

// A server in `state` that has heard `heard` says `said` and goes to `next`.
struct row {
    unsigned state;
    int client; // whose request it is, from 1
    const char *heard;
    const char *said;
    unsigned next;
    unsigned flags;
};

enum {
    SCENARIO_LOGIN = 1,       // somebody without credentials runs beside at every step
    SCENARIO_PASSTHROUGH = 2, // comes in at the TLS listener
    SCENARIO_BULK = 4,        // too long for every byte: positions are sampled
    SCENARIO_ALONE = 16,      // the client beside would find no server, or no answer
    SCENARIO_CALM = 64,    // what happens depends on what comes first: played without disturbance
    SCENARIO_PLANTED = 32, // something in it is wrong, and must be found
    SCENARIO_UNTIL_CLOSE = 8, // only the end of the connection says that an answer is whole
};

struct scenario {
    const char *name;
    const char *hosts[4];
    struct act clients[PLAYERS_MAX][24];
    struct row rows[16];
    unsigned flags;
    enum connect_fate fates[SERVERS_MAX];
    size_t links; // that carry a request in an undisturbed run; 0: not checked
};

struct scenario_group {
    const char *name;
    const struct scenario *scenarios;
    size_t count;
};

extern const struct scenario_group plain_group;
extern const struct scenario_group login_group;
extern const struct scenario_group pin_group;
extern const struct scenario_group refusal_group;
extern const struct scenario_group relay_group;
extern const struct scenario_group planted_group;

// ---- material.c

// Appends `text` with its placeholders filled in.
void material_expand(const char *text, const char *host, struct bytes *out);
// The part of a token that must never be seen in a log: NULL after the last.
const char *material_secret(size_t index);
