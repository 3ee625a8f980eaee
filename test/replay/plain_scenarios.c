// SPDX-License-Identifier: Apache-2.0
// HTTP without logins: what may come in pieces, what is kept open, what ends.
#include "scenario.h"

#define HELLO      "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n"
#define ASK(path)   "GET " path " HTTP/1.1\r\nHost: {host}\r\n\r\n"
#define ASKED(path) "GET " path " HTTP/1.1\r\nHost: {host}\r\n{via 1}\r\n"

#define CHUNKS "5;name=\"a\\\"b\"\r\nhello\r\n1\r\n!\r\n0\r\nX-Sum: 7\r\n\r\n"

static const struct scenario scenarios[] = {
    {
        .name = "two anonymous requests",
        .hosts = {"a.example", "s.example", "t.example"},
        .clients = {{
            {SAY, "GET /one?x=1 HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n\r\n"},
            {HEAR, HELLO},
            {SAY, ASK("/two")},
            {HEAR, HELLO},
            {END},
            {HEAR_END},
        }},
        .rows = {
            {0, 1, "GET /one?x=1 HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n{via 1}\r\n", HELLO,
             0, 0},
            {0, 1, ASKED("/two"), HELLO, 0, 0},
        },
        .flags = SCENARIO_LOGIN,
        .links = 1,
    },
    {
        .name = "pipelined requests",
        .hosts = {"a.example", "s.example"},
        .clients = {{
            {SAY, "\r\n" ASK("/1") ASK("/2") ASK("/3")},
            {HEAR, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1"
                   "HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\n2"
                   "HTTP/1.1 200 Fine\r\nContent-Length: 1\r\n\r\n3"},
            {LEAVE},
        }},
        .rows = {
            {0, 1, ASKED("/1"), "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1", 0, 0},
            {0, 1, ASKED("/2"), "HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\n2", 0, 0},
            {0, 1, ASKED("/3"), "HTTP/1.1 200 Fine\r\nContent-Length: 1\r\n\r\n3", 0, 0},
        },
        .links = 1,
    },
    {
        .name = "a body with a length",
        .hosts = {"a.example", "s.example"},
        .clients = {{
            {SAY, "POST /form HTTP/1.1\r\nHost: {host}\r\nContent-Length: 12\r\n\r\nname=nobody!"
                  ASK("/after")},
            {HEAR, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n" HELLO},
            {END},
            {HEAR_END},
        }},
        .rows = {
            {0, 1, "POST /form HTTP/1.1\r\nHost: {host}\r\nContent-Length: 12\r\n{via 1}\r\n"
                   "name=nobody!",
             "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", 0, 0},
            {0, 1, ASKED("/after"), HELLO, 0, 0},
        },
        .links = 1,
    },
    {
        .name = "chunks and trailers both ways",
        .hosts = {"a.example", "s.example"},
        .clients = {{
            {SAY, "PUT /x HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n"
                  "Trailer: X-Sum\r\n\r\n" CHUNKS
                  ASK("/after")},
            {HEAR, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" CHUNKS HELLO},
            {END},
            {HEAR_END},
        }},
        .rows = {
            {0, 1, "PUT /x HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n"
                   "Trailer: X-Sum\r\n{via 1}\r\n" CHUNKS,
             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" CHUNKS, 0, 0},
            {0, 1, ASKED("/after"), HELLO, 0, 0},
        },
        .links = 1,
    },
    {
        .name = "an answer before the body has come",
        .hosts = {"a.example", "s.example"},
        .clients = {{
            {SAY, "POST /slow HTTP/1.1\r\nHost: {host}\r\nContent-Length: 10\r\n\r\n0123"},
            {HEAR, HELLO},
            {SAY, "456789" ASK("/after")},
            {HEAR, HELLO},
            {END},
            {HEAR_END},
        }},
        .rows = {
            {0, 1, "POST /slow HTTP/1.1\r\nHost: {host}\r\nContent-Length: 10\r\n{via 1}\r\n0123",
             HELLO, 1, 0},
            {1, 1, "456789", "", 0, 0},
            {0, 1, ASKED("/after"), HELLO, 0, 0},
        },
        .links = 1,
    },
    {
        .name = "an answer before the body has come, and the server closes",
        .hosts = {"a.example", "s.example"},
        .clients = {{
            {SAY, "POST /slow HTTP/1.1\r\nHost: {host}\r\nContent-Length: 10\r\n\r\n0123"},
            {HEAR, HELLO},
            {SAY, "456789" ASK("/after")},
            {HEAR, HELLO},
            {END},
            {HEAR_END},
        }},
        .rows = {
            {0, 1, "POST /slow HTTP/1.1\r\nHost: {host}\r\nContent-Length: 10\r\n{via 1}\r\n0123",
             "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n", 1,
             ROW_LEAVES},
            {0, 1, ASKED("/after"), HELLO, 0, 0},
        },
        .links = 2,
    },
    {
        .name = "a client that waits for 100",
        .hosts = {"a.example", "s.example"},
        .clients = {{
            {SAY, "POST /big HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\n"
                  "Expect: 100-continue\r\n\r\n"},
            {HEAR, "HTTP/1.1 100 Continue\r\n\r\n"},
            {SAY, "hello"},
            {HEAR, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" HELLO},
            {SAY, ASK("/after")},
            {HEAR, HELLO},
            {END},
            {HEAR_END},
        }},
        .rows = {
            {0, 1, "POST /big HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\n"
                   "Expect: 100-continue\r\n{via 1}\r\n",
             "HTTP/1.1 100 Continue\r\n\r\n", 1, 0},
            {1, 1, "hello", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" HELLO, 0, 0},
            {0, 1, ASKED("/after"), HELLO, 0, 0},
        },
        .links = 1,
    },
    {
        .name = "a client that waits for 100 and is refused",
        .hosts = {"a.example", "s.example"},
        .clients = {{
            {SAY, "POST /big HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\n"
                  "Expect: 100-continue\r\n\r\n"},
            {HEAR, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n"
                   "Connection: close\r\n\r\n"},
            {HEAR_END},
            {END},
        }},
        .rows = {
            {0, 1, "POST /big HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\n"
                   "Expect: 100-continue\r\n{via 1}\r\n",
             "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
             0, ROW_LEAVES},
        },
        .links = 1,
    },
    {
        .name = "answers without a body",
        .hosts = {"a.example", "s.example"},
        .clients = {{
            {SAY, "HEAD /1 HTTP/1.1\r\nHost: {host}\r\n\r\n" ASK("/2") ASK("/3") ASK("/4")},
            {HEAR, "HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n"
                   "HTTP/1.1 204 No Content\r\n\r\n"
                   "HTTP/1.1 304 Not Modified\r\nContent-Length: 600\r\nETag: \"x\"\r\n\r\n" HELLO},
            {END},
            {HEAR_END},
        }},
        .rows = {
            {0, 1, "HEAD /1 HTTP/1.1\r\nHost: {host}\r\n{via 1}\r\n", "HTTP/1.1 200 OK\r\n"
                   "Content-Length: 600\r\n\r\n", 0, 0},
            {0, 1, ASKED("/2"), "HTTP/1.1 204 No Content\r\n\r\n", 0, 0},
            {0, 1, ASKED("/3"), "HTTP/1.1 304 Not Modified\r\nContent-Length: 600\r\n"
             "ETag: \"x\"\r\n\r\n", 0, 0},
            {0, 1, ASKED("/4"), HELLO, 0, 0},
        },
        .links = 1,
    },
    {
        .name = "an answer that runs until the server closes",
        .hosts = {"a.example", "s.example"},
        .clients = {{
            {SAY, ASK("/old")},
            {HEAR, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
                   "as long as it takes"},
            {HEAR_END},
            {END},
        }},
        .rows = {
            {0, 1, ASKED("/old"), "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n"
             "as long as it takes", 0, ROW_ENDS},
        },
        .flags = SCENARIO_UNTIL_CLOSE,
        .links = 1,
    },
    {
        .name = "a server that closes after every answer",
        .hosts = {"a.example", "s.example"},
        .clients = {{
            {SAY, ASK("/1")},
            {HEAR, HELLO},
            {SAY, ASK("/2")},
            {HEAR, HELLO},
            {END},
            {HEAR_END},
        }},
        .rows = {
            {0, 1, ASKED("/1"), "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\n"
             "hello\n", 0, ROW_LEAVES},
            {0, 1, ASKED("/2"), "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\n"
             "hello\n", 0, ROW_LEAVES},
        },
        .links = 2,
    },
    {
        .name = "a server that says more than was asked",
        .hosts = {"a.example", "s.example"},
        .clients = {{
            {SAY, ASK("/1")},
            {HEAR, HELLO},
            {SAY, ASK("/2")},
            {HEAR, "HTTP/1.1 204 No Content\r\n\r\n"},
            {SAY, ASK("/3")},
            {HEAR, "HTTP/1.1 204 No Content\r\n\r\n"},
            {END},
            {HEAR_END},
        }},
        .rows = {
            {0, 1, ASKED("/1"), HELLO "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nwrong\n", 1, 0},
            {0, 1, ASKED("/2"), "HTTP/1.1 204 No Content\r\n\r\nwrong", 1, 0},
            {0, 1, ASKED("/3"), "HTTP/1.1 204 No Content\r\n\r\n", 1, 0},
        },
        .flags = SCENARIO_CALM,
        .links = 3,
    },
    {
        .name = "a server that closes instead of a second answer",
        .hosts = {"a.example", "s.example"},
        .clients = {{
            {SAY, ASK("/1")},
            {HEAR, HELLO},
            {SAY, ASK("/2")},
            {HEAR_END}, // without a word: it may ask again on a new connection
            {END},
        }},
        .rows = {
            {0, 1, ASKED("/1"), HELLO, 0, 0},
            {0, 1, ASKED("/2"), "", 0, ROW_LEAVES},
        },
        .flags = SCENARIO_CALM,
        .links = 1,
    },
    {
        .name = "a client that asks to close",
        .hosts = {"a.example", "s.example"},
        .clients = {{
            {SAY, "GET /last HTTP/1.1\r\nHost: {host}\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n"
                  "\r\n"},
            {HEAR, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n"},
            {HEAR_END},
            {END},
        }},
        .rows = {
            {0, 1, ASKED("/last"), HELLO, 0, 0},
        },
        .links = 1,
    },
    {
        .name = "an old client",
        .hosts = {"a.example", "s.example"},
        .clients = {{
            {SAY, "GET /1 HTTP/1.0\r\nHost: {host}\r\nConnection: keep-alive\r\n\r\n"},
            {HEAR, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: keep-alive\r\n\r\nhello\n"},
            {SAY, "GET /2 HTTP/1.0\r\nHost: {host}\r\nConnection: keep-alive\r\n\r\n"},
            {HEAR, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello!"},
            {HEAR_END},
            {END},
        }},
        .rows = {
            {0, 1, ASKED("/1"), HELLO, 0, 0},
            {0, 1, ASKED("/2"), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" CHUNKS, 0,
             0},
        },
        .links = 1,
    },
    {
        .name = "much data both ways",
        .hosts = {"a.example"},
        .clients = {{
            {SAY, "POST /bulk HTTP/1.1\r\nHost: {host}\r\nContent-Length: 140000\r\n\r\n"
                  "{fill 140000}"},
            {HEAR, "HTTP/1.1 200 OK\r\nContent-Length: 140000\r\n\r\n{fill 140000}"},
            {END},
            {HEAR_END},
        }},
        .rows = {
            {0, 1, "POST /bulk HTTP/1.1\r\nHost: {host}\r\nContent-Length: 140000\r\n{via 1}\r\n"
                   "{fill 140000}",
             "HTTP/1.1 200 OK\r\nContent-Length: 140000\r\n\r\n{fill 140000}", 0, 0},
        },
        .flags = SCENARIO_BULK,
        .links = 1,
    },
    {
        .name = "the next server when a connect is refused",
        .hosts = {"t.example"},
        .clients = {{
            {SAY, "POST /1 HTTP/1.1\r\nHost: {host}\r\nContent-Length: 3\r\n\r\nabc"},
            {HEAR, HELLO},
            {END},
            {HEAR_END},
        }},
        .rows = {
            {0, 1, "POST /1 HTTP/1.1\r\nHost: {host}\r\nContent-Length: 3\r\n{via 1}\r\nabc",
             HELLO, 0, 0},
        },
        .fates = {[3] = CONNECT_REFUSED},
        .links = 1,
    },
    {
        .name = "the next server when a connect is refused at once",
        .hosts = {"t.example"},
        .clients = {{
            {SAY, ASK("/1")},
            {HEAR, HELLO},
            {END},
            {HEAR_END},
        }},
        .rows = {
            {0, 1, ASKED("/1"), HELLO, 0, 0},
        },
        .fates = {[3] = CONNECT_REFUSED_AT_ONCE},
        .links = 1,
    },
    {
        .name = "the next server when a connect hangs",
        .hosts = {"t.example"},
        .clients = {{
            {SAY, ASK("/1")},
            {LATER, "5001"},
            {HEAR, HELLO},
            {END},
            {HEAR_END},
        }},
        .rows = {
            {0, 1, ASKED("/1"), HELLO, 0, 0},
        },
        .flags = SCENARIO_ALONE,
        .fates = {[3] = CONNECT_HANGS},
        .links = 1,
    },
};

const struct scenario_group plain_group = {"plain", scenarios, sizeof scenarios / sizeof
*scenarios};
