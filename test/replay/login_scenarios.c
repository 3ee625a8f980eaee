// SPDX-License-Identifier: Apache-2.0
// Logins that succeed, with tokens of real clients.
#include "login_texts.h"
#include "scenario.h"

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
};

const struct scenario_group login_group = {"login", scenarios,
                                           sizeof scenarios / sizeof *scenarios};
