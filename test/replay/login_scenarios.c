// SPDX-License-Identifier: Apache-2.0
// Logins, with tokens of real clients. Every page behind a login names alice: whoever else hears it
// has been mixed up with her. The server keeps the identity for the link, as IIS does.
#include "scenario.h"

#define OFFER                                                                                      \
    "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Negotiate\r\nWWW-Authenticate: NTLM\r\n"       \
    "Content-Length: 9\r\n\r\nno entry\n"
#define CHALLENGE(token)                                                                           \
    "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: {token " token "}\r\nContent-Length: 0\r\n\r\n"
#define ALICE "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nalice\n"
#define ALICE_WITH(token)                                                                          \
    "HTTP/1.1 200 OK\r\nWWW-Authenticate: {token " token "}\r\nPersistent-Auth: true\r\n"          \
    "Content-Length: 6\r\n\r\nalice\n"
#define HELLO "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n"

#define ASK(path) "GET " path " HTTP/1.1\r\nHost: {host}\r\n\r\n"
#define ASK_WITH(path, token)                                                                      \
    "GET " path " HTTP/1.1\r\nHost: {host}\r\nAuthorization: {token " token "}\r\n\r\n"
#define ASKED(n, path) "GET " path " HTTP/1.1\r\nHost: {host}\r\n{via " #n "}\r\n"
#define ASKED_WITH(n, path, token)                                                                 \
    "GET " path " HTTP/1.1\r\nHost: {host}\r\nAuthorization: {token " token "}\r\n{via " #n "}\r\n"

static const struct scenario scenarios[] = {
    {
        .name = "NTLM after a 401",
        .hosts = {"a.example", "s.example", "t.example"},
        .clients = {{
            {SAY, ASK("/")},
            {HEAR, OFFER},
            {SAY, ASK_WITH("/", "curl-ntlm.1.request")},
            {HEAR, CHALLENGE("curl-ntlm.2.answer")},
            {SAY, ASK_WITH("/", "curl-ntlm.3.request")},
            {HEAR, ALICE},
            {SAY, ASK("/again")},
            {HEAR, ALICE},
            {END},
            {HEAR_END},
        }},
        .rows = {
            {0, 1, ASKED(1, "/"), OFFER, 1, ROW_OFFERS},
            {1, 1, ASKED_WITH(1, "/", "curl-ntlm.1.request"), CHALLENGE("curl-ntlm.2.answer"), 2,
             ROW_TIES | ROW_LEGS},
            {2, 1, ASKED_WITH(1, "/", "curl-ntlm.3.request"), ALICE, 3, ROW_TIES},
            {3, 1, ASKED(1, "/again"), ALICE, 3, ROW_TIES},
        },
        .flags = SCENARIO_LOGIN,
        .links = 1,
    },
    {
        .name = "NTLM in Negotiate, four legs",
        .hosts = {"a.example", "s.example"},
        .clients = {{
            {SAY, ASK_WITH("/", "curl-spnego-ntlm.1.request")},
            {HEAR, CHALLENGE("curl-spnego-ntlm.2.answer")},
            {SAY, ASK_WITH("/", "curl-spnego-ntlm.3.request")},
            {HEAR, ALICE_WITH("curl-spnego-ntlm.4.answer")},
            {SAY, ASK("/again")},
            {HEAR, ALICE},
            {LEAVE},
        }},
        .rows = {
            {0, 1, ASKED_WITH(1, "/", "curl-spnego-ntlm.1.request"),
             CHALLENGE("curl-spnego-ntlm.2.answer"), 1,
             ROW_TIES | ROW_LEGS},
            {1, 1, ASKED_WITH(1, "/", "curl-spnego-ntlm.3.request"),
             ALICE_WITH("curl-spnego-ntlm.4.answer"), 2, ROW_TIES},
            {2, 1, ASKED(1, "/again"), ALICE, 2, ROW_TIES},
        },
        .flags = SCENARIO_LOGIN,
        .links = 1,
    },
    {
        .name = "NTLM with a body in the last leg",
        .hosts = {"a.example", "s.example"},
        .clients = {{
            {SAY, "POST /form HTTP/1.1\r\nHost: {host}\r\n"
                  "Authorization: {token firefox-ntlm.1.request}\r\n"
                  "Content-Length: 0\r\n\r\n"},
            {HEAR, CHALLENGE("firefox-ntlm.2.answer")},
            {SAY, "POST /form HTTP/1.1\r\nHost: {host}\r\n"
                  "Authorization: {token firefox-ntlm.3.request}\r\n"
                  "Content-Length: 7\r\n\r\npayload"},
            {HEAR, ALICE},
            {END},
            {HEAR_END},
        }},
        .rows = {
            {0, 1, "POST /form HTTP/1.1\r\nHost: {host}\r\n"
                   "Authorization: {token firefox-ntlm.1.request}\r\n"
                   "Content-Length: 0\r\n{via 1}\r\n",
             CHALLENGE("firefox-ntlm.2.answer"), 1, ROW_TIES | ROW_LEGS},
            {1, 1, "POST /form HTTP/1.1\r\nHost: {host}\r\n"
                   "Authorization: {token firefox-ntlm.3.request}\r\n"
                   "Content-Length: 7\r\n{via 1}\r\npayload",
             ALICE, 2, ROW_TIES},
        },
        .flags = SCENARIO_LOGIN,
        .links = 1,
    },
    {
        .name = "Kerberos unasked",
        .hosts = {"a.example", "s.example"},
        .clients = {{
            {SAY, ASK_WITH("/", "mit-bare-kerberos.1.request")},
            {HEAR, ALICE_WITH("mit-bare-kerberos.2.answer")},
            {SAY, ASK("/again")},
            {HEAR, ALICE},
            {END},
            {HEAR_END},
        }},
        .rows = {
            {0, 1, ASKED_WITH(1, "/", "mit-bare-kerberos.1.request"),
             ALICE_WITH("mit-bare-kerberos.2.answer"), 1, ROW_TIES},
            {1, 1, ASKED(1, "/again"), ALICE, 1, ROW_TIES},
        },
        .flags = SCENARIO_LOGIN,
        .links = 1,
    },
    {
        .name = "Kerberos unasked, answered without a token",
        .hosts = {"s.example"},
        .clients = {{
            {SAY, ASK_WITH("/", "curl-kerberos.1.request")},
            {HEAR, ALICE},
            {END},
            {HEAR_END},
        }},
        .rows = {
            {0, 1, ASKED_WITH(1, "/", "curl-kerberos.1.request"), ALICE, 1, ROW_TIES},
        },
        .flags = SCENARIO_LOGIN,
        .links = 1,
    },
    {
        .name = "Kerberos after a 401",
        .hosts = {"a.example", "s.example"},
        .clients = {{
            {SAY, ASK("/")},
            {HEAR, OFFER},
            {SAY, ASK_WITH("/", "firefox-kerberos.1.request")},
            {HEAR, ALICE_WITH("firefox-kerberos.2.answer")},
            {SAY, ASK("/again")},
            {HEAR, ALICE},
            {END},
            {HEAR_END},
        }},
        .rows = {
            {0, 1, ASKED(1, "/"), OFFER, 1, ROW_OFFERS},
            {1, 1, ASKED_WITH(1, "/", "firefox-kerberos.1.request"),
             ALICE_WITH("firefox-kerberos.2.answer"), 2, ROW_TIES},
            {2, 1, ASKED(1, "/again"), ALICE, 2, ROW_TIES},
        },
        .flags = SCENARIO_LOGIN,
        .links = 1,
    },
    {
        .name = "a 401 while the body comes",
        .hosts = {"a.example", "s.example"},
        .clients = {{
            {SAY, "POST /form HTTP/1.1\r\nHost: {host}\r\nContent-Length: 10\r\n\r\n0123"},
            {HEAR, OFFER},
            {SAY, "456789" ASK_WITH("/form", "curl-ntlm.1.request")},
            {HEAR, CHALLENGE("curl-ntlm.2.answer")},
            {SAY, ASK_WITH("/form", "curl-ntlm.3.request")},
            {HEAR, ALICE},
            {END},
            {HEAR_END},
        }},
        .rows = {
            {0, 1, "POST /form HTTP/1.1\r\nHost: {host}\r\nContent-Length: 10\r\n{via 1}\r\n0123",
             OFFER, 1, ROW_OFFERS},
            {1, 1, "456789", "", 2, ROW_TIES},
            {2, 1, ASKED_WITH(1, "/form", "curl-ntlm.1.request"), CHALLENGE("curl-ntlm.2.answer"),
             3, ROW_TIES | ROW_LEGS},
            {3, 1, ASKED_WITH(1, "/form", "curl-ntlm.3.request"), ALICE, 4, ROW_TIES},
        },
        .flags = SCENARIO_LOGIN,
        .links = 1,
    },
    {
        .name = "a 401 while the body comes, and the server closes",
        .hosts = {"a.example", "s.example"},
        .clients = {{
            {SAY, "POST /form HTTP/1.1\r\nHost: {host}\r\nContent-Length: 10\r\n\r\n0123"},
            {HEAR, "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM\r\nContent-Length: 9\r\n"
                   "Connection: close\r\n\r\nno entry\n"},
            {SAY, "456789"},
            {HEAR_END},
            {END},
        }},
        .rows = {
            {0, 1, "POST /form HTTP/1.1\r\nHost: {host}\r\nContent-Length: 10\r\n{via 1}\r\n0123",
             "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM\r\nContent-Length: 9\r\n"
             "Connection: close\r\n\r\n"
             "no entry\n", 1, ROW_OFFERS | ROW_LEAVES},
            {1, 1, "456789", "", 1, ROW_TIES}, // what was on its way already
        },
        .flags = SCENARIO_LOGIN,
    },
    {
        .name = "a 401 instead of 100",
        .hosts = {"a.example", "s.example"},
        .clients = {{
            {SAY, "POST /form HTTP/1.1\r\nHost: {host}\r\nContent-Length: 4\r\n"
                  "Expect: 100-continue\r\n\r\n"},
            {HEAR, OFFER},
            {SAY, "body" ASK_WITH("/form", "mit-bare-kerberos.1.request")},
            {HEAR, ALICE},
            {END},
            {HEAR_END},
        }},
        .rows = {
            {0, 1, "POST /form HTTP/1.1\r\nHost: {host}\r\nContent-Length: 4\r\n"
                   "Expect: 100-continue\r\n{via 1}\r\n", OFFER,
             1, ROW_OFFERS},
            {1, 1, "body" ASKED_WITH(1, "/form", "mit-bare-kerberos.1.request"), ALICE, 2,
             ROW_TIES},
        },
        .flags = SCENARIO_LOGIN,
        .links = 1,
    },
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

const struct scenario_group login_group = {"login", scenarios, sizeof scenarios / sizeof
*scenarios};
