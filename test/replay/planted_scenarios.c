// SPDX-License-Identifier: Apache-2.0
// Scenarios with something wrong in them, one for each thing that is judged and can be wrong
// without changing the code under test. Each must be found.
#include "scenario.h"

#define HELLO "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n"
#define ALICE "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nalice\n"

#define ASK(path)      "GET " path " HTTP/1.1\r\nHost: {host}\r\n\r\n"
#define ASKED(n, path) "GET " path " HTTP/1.1\r\nHost: {host}\r\n{via " #n "}\r\n"

// One client that asks once, a server that knows one request, and what else the client does.
#define PLANTED(what, known, answer, row_flags, ...)                                               \
    {                                                                                              \
        .name = what, .hosts = {"a.example"}, .clients = {{{SAY, ASK("/")}, __VA_ARGS__}},         \
        .rows = {{0, 1, known, answer, 0, row_flags}}, .flags = SCENARIO_PLANTED,                  \
    }

// Two clients that ask one after the other, and a server that ties its link to the first.
#define PLANTED_PAIR(what, on, first_flags, second_flags)                                          \
    {                                                                                              \
        .name = what, .hosts = {on},                                                               \
        .clients = {{{SAY, ASK("/1")}, {HEAR, HELLO}, {END}, {HEAR_END}},                          \
                    {{SAY, ASK("/2")}, {HEAR, HELLO}, {END}, {HEAR_END}}},                         \
        .rows = {{0, 1, ASKED(1, "/1"), HELLO, 0, first_flags},                                    \
                 {0, 2, ASKED(2, "/2"), HELLO, 0, second_flags}},                                  \
        .flags = SCENARIO_PLANTED,                                                                 \
    }

static const struct scenario scenarios[] = {
    PLANTED("a wrong byte", ASKED(1, "/"), ALICE, 0, {HEAR, HELLO}, {END}, {HEAR_END}),
    PLANTED("too little", ASKED(1, "/"), HELLO, 0, {HEAR, HELLO "more"}, {END}, {HEAR_END}),
    PLANTED("too much", ASKED(1, "/"), HELLO, 0, {HEAR, "HTTP/1.1 200 OK\r\n"}, {END}, {HEAR_END}),
    PLANTED("no end", ASKED(1, "/"), HELLO, 0, {HEAR, HELLO}, {HEAR_END}),
    PLANTED("another request", ASKED(1, "/other"), HELLO, 0, {HEAR, HELLO}, {END}, {HEAR_END}),
    PLANTED("a request without who it is from", ASK("/"), HELLO, 0, {HEAR, HELLO}, {END},
            {HEAR_END}),
    PLANTED("an answer of our own", ASKED(1, "/"), "nonsense\r\n\r\n", 0, {HEAR, HELLO}, {END},
            {HEAR_END}),
    // the server saw credentials where we saw none: the pool lends the link again
    PLANTED_PAIR("a tied link that serves another", "s.example", ROW_TIES, 0),
    PLANTED_PAIR("an offer that nobody else saw", "s.example", ROW_OFFERS, 0),
    PLANTED_PAIR("credentials on a link of others", "s.example", 0, ROW_TIES),
    {
        .name = "a pin whose end is not noticed", // none was sent, so we see no pin to lose
        .hosts = {"a.example"},
        .clients = {{{SAY, ASK("/")}, {HEAR, HELLO}}},
        .rows = {{0, 1, ASKED(1, "/"), HELLO, 0, ROW_TIES | ROW_ENDS}},
        .flags = SCENARIO_PLANTED,
    },
    {
        .name = "another number of links",
        .hosts = {"a.example"},
        .clients = {{{SAY, ASK("/")}, {HEAR, HELLO}, {END}, {HEAR_END}}},
        .rows = {{0, 1, ASKED(1, "/"), HELLO, 0, 0}},
        .flags = SCENARIO_PLANTED,
        .links = 2,
    },
};

const struct scenario_group planted_group = {"planted", scenarios, sizeof scenarios / sizeof
*scenarios};
