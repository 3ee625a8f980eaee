// SPDX-License-Identifier: Apache-2.0
// What we answer ourselves: requests that are refused, servers that cannot be reached or do not
// speak HTTP, redirects.
#include "scenario.h"

#define ASK(path)   "GET " path " HTTP/1.1\r\nHost: {host}\r\n\r\n"
#define ASKED(path) "GET " path " HTTP/1.1\r\nHost: {host}\r\n{via 1}\r\n"

// A request that is refused and ends the client.
#define REFUSED(what, request, status, word)                                                       \
    {                                                                                              \
        .name = what, .hosts = {"a.example"}, .clients = {{                                        \
            {SAY, request},                                                                        \
            {HEAR, "{own|" status "|" word "|1|close}"},                                           \
            {HEAR_END},                                                                            \
            {END},                                                                                 \
        }},                                                                                        \
    }

// A server that says something else than an answer.
#define UNANSWERED(what, words, row_flags, word)                                                   \
    {                                                                                              \
        .name = what, .hosts = {"a.example", "s.example"}, .clients = {{                           \
            {SAY, ASK("/")},                                                                       \
            {HEAR, "{own|502 Bad Gateway|" word "|1|keep}"},                                       \
            {END},                                                                                 \
            {HEAR_END},                                                                            \
        }},                                                                                        \
        .rows = {{0, 1, ASKED("/"), words, 0, row_flags}}, .links = 1,                             \
    }

static const struct scenario scenarios[] = {
    REFUSED("no host", "GET / HTTP/1.1\r\n\r\n", "400 Bad Request", "host_missing"),
    REFUSED("a bare LF", "GET / HTTP/1.1\nHost: {host}\r\n\r\n", "400 Bad Request", "bare_cr_lf"),
    REFUSED("two lengths",
            "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1\r\n"
            "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "400 Bad Request", "framing_ambiguous"),
    REFUSED("another encoding",
            "POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: gzip\r\n\r\n",
            "400 Bad Request", "encoding_bad"),
    REFUSED("a folded line", "GET / HTTP/1.1\r\nHost: {host}\r\nX: 1\r\n 2\r\n\r\n",
            "400 Bad Request", "header_folded"),
    REFUSED("another version", "GET / HTTP/2.0\r\nHost: {host}\r\n\r\n",
            "505 HTTP Version Not Supported", "request_version"),
    REFUSED("two kinds of credentials",
            "GET / HTTP/1.1\r\nHost: {host}\r\nAuthorization: Basic eA==\r\n"
            "Authorization: {token curl-ntlm.1.request}\r\n\r\n",
            "400 Bad Request", "header_repeated"),
    REFUSED("a request behind a bad one", "GET /\r\n\r\n" ASK("/secret"), "400 Bad Request",
            "request_line_bad"),
    {
        .name = "a login through a proxy",
        .hosts = {"a.example", "s.example"},
        .clients = {{
            {SAY, "GET / HTTP/1.1\r\nHost: {host}\r\nVia: 1.1 squid\r\n"
                  "Authorization: {token curl-ntlm.1.request}\r\n\r\n"},
            {HEAR, "{own|403 Forbidden|login_through_proxy|1|keep}"},
            {END},
            {HEAR_END},
        }},
    },
    {
        .name = "an unknown host and an unknown path",
        .flags = SCENARIO_ALONE,
        .hosts = {"n.example"},
        .clients = {{
            {SAY, "GET / HTTP/1.1\r\nHost: other.example\r\n\r\n" ASK("/") "HEAD /x HTTP/1.1\r\n"
                  "Host: {host}\r\n\r\n"},
            {HEAR, "{own|421 Misdirected Request|no_site|1|keep}{own|404 Not Found|no_route|2|keep}"
                   "{own|404 Not Found|no_route|3|keep-head}"},
            {END},
            {HEAR_END},
        }},
    },
    {
        .name = "a bad chunk",
        .hosts = {"a.example", "s.example"},
        .clients = {{
            {SAY, "POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n"
                  "abc\r\nx\r\n"},
            {HEAR, "{own|400 Bad Request|chunk_bad|1|close}"},
            {HEAR_END},
            {END},
        }},
        .rows = {
            {0, 1, "POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n{via 1}\r\n"
                   "3\r\nabc\r\n", "", 1, 0},
        },
    },
    {
        .name = "no server listens",
        .hosts = {"t.example"},
        .clients = {{
            {SAY, ASK("/")},
            {HEAR, "{own|502 Bad Gateway|connect_refused|1|keep}"},
            {END},
            {HEAR_END},
        }},
        .flags = SCENARIO_ALONE,
        .fates = {[3] = CONNECT_REFUSED, [4] = CONNECT_REFUSED_AT_ONCE},
    },
    {
        .name = "no server accepts",
        .hosts = {"t.example"},
        .clients = {{
            {SAY, ASK("/")},
            {LATER, "5001"},
            {LATER, "5001"},
            {HEAR, "{own|504 Gateway Timeout|connect_timeout|1|keep}"},
            {END},
            {HEAR_END},
        }},
        .flags = SCENARIO_ALONE,
        .fates = {[3] = CONNECT_HANGS, [4] = CONNECT_HANGS},
    },
    {
        .name = "a server that does not answer",
        .hosts = {"a.example", "s.example"},
        .clients = {{
            {SAY, ASK("/")},
            {LATER, "300001"},
            {HEAR, "{own|504 Gateway Timeout|server_timeout|1|keep}"},
            {END},
            {HEAR_END},
        }},
        .rows = {{0, 1, ASKED("/"), "", 0, 0}},
        .links = 1,
    },
    UNANSWERED("a server that ends without an answer", "", ROW_ENDS, "server_closed"),
    UNANSWERED("a server that ends in its head", "HTTP/1.1 200 OK\r\nContent-", ROW_ENDS,
    "server_closed"),
    UNANSWERED("a server that does not speak HTTP", "220 mail.example ESMTP\r\n\r\n", 0,
    "response_bad"),
    UNANSWERED("an answer with two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
    "Content-Length: 2\r\n\r\nx", 0,
               "response_framing"),
    UNANSWERED("a switch nobody asked for",
               "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", 0, "response_bad"),
    {
        .name = "redirected to a server",
        .flags = SCENARIO_ALONE,
        .hosts = {"r.example"},
        .clients = {{
            {SAY, ASK("/x?y=1") "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\n\r\n"
                  "hello" ASK("/")},
            {HEAR, "{own|302 Found|redirected|1|keep|https://iis5.example/x?y=1}"
                   "{own|307 Temporary Redirect|redirected|2|keep|https://iis5.example/}"
                   "{own|302 Found|redirected|3|keep|https://iis5.example/}"},
            {END},
            {HEAR_END},
        }},
    },
    {
        .name = "redirected to https",
        .flags = SCENARIO_ALONE,
        .hosts = {"h.example"},
        .clients = {{
            {SAY, ASK("/x?y=1")},
            {HEAR, "{own|308 Permanent Redirect|redirected|1|keep|https://h.example/x?y=1}"},
            {END},
            {HEAR_END},
        }},
    },
};

const struct scenario_group refusal_group = {"refusal", scenarios, sizeof scenarios / sizeof
*scenarios};
