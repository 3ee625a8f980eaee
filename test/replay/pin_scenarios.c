// SPDX-License-Identifier: Apache-2.0
// What could part a client from its link, or bring two clients to one: servers that close, shared
// links, requests behind a login.
#include "login_texts.h"
#include "scenario.h"

static const struct scenario scenarios[] = {
    {
        .name = "the server ends between the legs",
        .hosts = {"a.example", "s.example"},
        .clients = {{
            {SAY, ASK_WITH("/", "requests-ntlm.1.request")},
            {HEAR, CHALLENGE("requests-ntlm.2.answer")},
            {HEAR_END},
            {END},
        }},
        .rows = {
            {0, 1, ASKED_WITH(1, "/", "requests-ntlm.1.request"),
             CHALLENGE("requests-ntlm.2.answer"), 1, ROW_TIES | ROW_ENDS},
        },
        .flags = SCENARIO_LOGIN,
        .links = 1,
    },
    {
        .name = "the server closes between the legs",
        .hosts = {"a.example", "s.example"},
        .clients = {{
            {SAY, ASK_WITH("/", "requests-ntlm.1.request")},
            {HEAR, CHALLENGE("requests-ntlm.2.answer")},
            {HEAR_END},
            {LEAVE},
        }},
        .rows = {
            {0, 1, ASKED_WITH(1, "/", "requests-ntlm.1.request"),
             CHALLENGE("requests-ntlm.2.answer"), 1, ROW_TIES | ROW_LEAVES},
        },
        .flags = SCENARIO_LOGIN,
        .links = 1,
    },
    {
        .name = "the server says that it closes after the login",
        .hosts = {"a.example", "s.example"},
        .clients = {{
            {SAY, ASK_WITH("/", "mit-bare-kerberos.1.request")},
            {HEAR, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nalice\n"},
            {HEAR_END},
            {END},
        }},
        .rows = {
            {0, 1, ASKED_WITH(1, "/", "mit-bare-kerberos.1.request"),
             "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nalice\n", 1,
             ROW_TIES | ROW_ENDS},
        },
        .flags = SCENARIO_LOGIN,
        .links = 1,
    },
    {
        .name = "a shared link, then somebody logs in on it",
        .hosts = {"s.example"},
        .clients = {
            {
                {SAY, ASK("/open")},
                {HEAR, HELLO},
                {PASS},
                {SAY, ASK("/open")},
                {HEAR, HELLO},
                {END},
                {HEAR_END},
            },
            {
                {SAY, ASK("/")},
                {HEAR, OFFER},
                {SAY, ASK_WITH("/", "chromium-ntlm.1.request")},
                {HEAR, CHALLENGE("chromium-ntlm.2.answer")},
                {SAY, ASK_WITH("/", "chromium-ntlm.3.request")},
                {HEAR, ALICE},
                {PASS},
                {SAY, ASK("/again")},
                {HEAR, ALICE},
                {END},
                {HEAR_END},
            },
        },
        .rows = {
            {0, 1, ASKED(1, "/open"), HELLO, 0, 0},
            {0, 2, ASKED(2, "/"), OFFER, 1, ROW_OFFERS},
            {1, 2, ASKED_WITH(2, "/", "chromium-ntlm.1.request"),
             CHALLENGE("chromium-ntlm.2.answer"), 2, ROW_TIES | ROW_LEGS},
            {2, 2, ASKED_WITH(2, "/", "chromium-ntlm.3.request"), ALICE, 3, ROW_TIES},
            {3, 2, ASKED(2, "/again"), ALICE, 3, ROW_TIES},
        },
        .flags = SCENARIO_LOGIN,
        .links = 2, // the first became the second client's
    },
    {
        .name = "credentials never take a shared link",
        .hosts = {"s.example"},
        .clients = {
            {
                {SAY, ASK("/open")},
                {HEAR, HELLO},
                {PASS},
                {SAY, ASK("/open")},
                {HEAR, HELLO},
                {LEAVE},
            },
            {
                {SAY, "GET / HTTP/1.1\r\nHost: {host}\r\nauthorization: bASIC YWxpY2U6eA==\r\n\r\n"
                      },
                {HEAR, ALICE},
                {PASS},
                {SAY, ASK("/again")},
                {HEAR, ALICE},
                {LEAVE},
            },
        },
        .rows = {
            {0, 1, ASKED(1, "/open"), HELLO, 0, 0},
            {0, 2, "GET / HTTP/1.1\r\nHost: {host}\r\nauthorization: bASIC YWxpY2U6eA==\r\n"
                   "{via 2}\r\n", ALICE, 1, ROW_TIES},
            {1, 2, ASKED(2, "/again"), ALICE, 1, ROW_TIES},
        },
        .flags = SCENARIO_LOGIN,
        .links = 2,
    },
    {
        .name = "a page that offers a login beside its answer",
        .hosts = {"s.example"},
        .clients = {
            {
                {SAY, ASK("/open")},
                {HEAR, "HTTP/1.1 200 OK\r\nWWW-Authenticate: negotiate\r\nContent-Length: 6\r\n\r\n"
                       "hello\n"},
                {PASS},
                {SAY, ASK("/open")},
                {HEAR, "HTTP/1.1 200 OK\r\nWWW-Authenticate: negotiate\r\nContent-Length: 6\r\n\r\n"
                       "hello\n"},
                {END},
                {HEAR_END},
            },
            {
                {SAY, ASK("/other")},
                {HEAR, HELLO},
                {END},
                {HEAR_END},
            },
        },
        .rows = {
            {0, 1, ASKED(1, "/open"), "HTTP/1.1 200 OK\r\nWWW-Authenticate: negotiate\r\n"
             "Content-Length: 6\r\n\r\nhello\n", 0,
             ROW_OFFERS},
            {0, 2, ASKED(2, "/other"), HELLO, 0, 0},
        },
        .flags = SCENARIO_LOGIN,
        .links = 2,
    },
    {
        .name = "pipelined behind a login",
        .hosts = {"a.example", "s.example"},
        .clients = {{
            {SAY, ASK("/open") ASK_WITH("/", "mit-bare-kerberos.1.request") ASK("/again")},
            {HEAR, HELLO ALICE ALICE},
            {END},
            {HEAR_END},
        }},
        .rows = {
            {0, 1, ASKED(1, "/open"), HELLO, 0, 0},
            {0, 1, ASKED_WITH(1, "/", "mit-bare-kerberos.1.request"), ALICE, 1, ROW_TIES},
            {1, 1, ASKED(1, "/again"), ALICE, 1, ROW_TIES},
        },
        .flags = SCENARIO_LOGIN,
    },
    {
        .name = "a login that connects to the second server",
        .hosts = {"t.example"},
        .clients = {{
            {SAY, ASK_WITH("/", "curl-ntlm.1.request")},
            {HEAR, CHALLENGE("curl-ntlm.2.answer")},
            {SAY, ASK_WITH("/", "curl-ntlm.3.request")},
            {HEAR, ALICE},
            {END},
            {HEAR_END},
        }},
        .rows = {
            {0, 1, ASKED_WITH(1, "/", "curl-ntlm.1.request"), CHALLENGE("curl-ntlm.2.answer"), 2,
             ROW_TIES | ROW_LEGS},
            {2, 1, ASKED_WITH(1, "/", "curl-ntlm.3.request"), ALICE, 3, ROW_TIES},
        },
        .fates = {[3] = CONNECT_REFUSED},
        .flags = SCENARIO_LOGIN,
        .links = 1,
    },
};

const struct scenario_group pin_group = {"pin", scenarios, sizeof scenarios / sizeof *scenarios};
