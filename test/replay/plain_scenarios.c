// SPDX-License-Identifier: Apache-2.0
// HTTP without logins: what may come in pieces, what is kept open, what ends.
#include "scenario.h"

#define OK_TEXT "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n"

static const struct scenario scenarios[] = {
    {
        .name = "two anonymous requests",
        .hosts = {"a.example", "s.example"},
        .clients = {{
            {SAY, "GET /one?x=1 HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n\r\n"},
            {HEAR, OK_TEXT},
            {SAY, "GET /two HTTP/1.1\r\nHost: {host}\r\n\r\n"},
            {HEAR, OK_TEXT},
            {END},
            {HEAR_END},
        }},
        .rows = {
            {0, 1, "GET /one?x=1 HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n{via 1}\r\n", OK_TEXT, 0, 0},
            {0, 1, "GET /two HTTP/1.1\r\nHost: {host}\r\n{via 1}\r\n", OK_TEXT, 0, 0},
        },
        .links = 1,
    },
};

const struct scenario_group plain_group = {"plain", scenarios, sizeof scenarios / sizeof *scenarios};
