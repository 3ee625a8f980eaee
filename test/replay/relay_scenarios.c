// SPDX-License-Identifier: Apache-2.0
// Bytes both ways: passthrough chosen by the hello of real clients, and connections after 101.
#include "scenario.h"

#define UPGRADE                                                                                    \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"

static const struct scenario scenarios[] = {
    {
        .name = "passthrough, the client ends",
        .hosts = {"p"},
        .clients = {{
            {SAY, "{hello openssl-tls12}"},
            {HEAR, "server hello"},
            {SAY, "finished"},
            {HEAR, "data"},
            {END},
            {HEAR_END},
        }},
        .rows = {
            {0, 1, "{hello openssl-tls12}", "server hello", 1, 0},
            {1, 1, "finished", "data", 2, 0},
        },
        .flags = SCENARIO_PASSTHROUGH,
        .links = 1,
    },
    {
        .name = "passthrough, the server ends",
        .hosts = {"p"},
        .clients = {{
            {SAY, "{hello python-upper-dot}"},
            {HEAR, "server hello"},
            {SAY, "still"},
            {HEAR_END},
            {END},
        }},
        .rows = {
            {0, 1, "{hello python-upper-dot}", "server hello", 1, ROW_ENDS},
            {1, 1, "still", "", 2, 0},
        },
        .flags = SCENARIO_PASSTHROUGH,
        .links = 1,
    },
    {
        .name = "passthrough to the second server",
        .hosts = {"p"},
        .clients = {{
            {SAY, "{hello openssl}"},
            {HEAR, "server hello"},
            {LEAVE},
        }},
        .rows = {
            {0, 1, "{hello openssl}", "server hello", 1, 0},
        },
        .flags = SCENARIO_PASSTHROUGH,
        .fates = {[3] = CONNECT_REFUSED},
        .links = 1,
    },
    {
        .name = "passthrough to a named server",
        .hosts = {"p"},
        .clients = {{
            {SAY, "{hello wget}"},
            {HEAR, "server hello"},
            {LEAVE},
        }},
        .rows = {
            {0, 1, "{hello wget}", "server hello", 1, 0},
        },
        .flags = SCENARIO_PASSTHROUGH,
        .fates = {[1] = CONNECT_REFUSED},
        .links = 1,
    },
    {
        .name = "passthrough of much data",
        .hosts = {"p"},
        .clients = {{
            {SAY, "{hello openssl-tls12}{fill 60000}"},
            {HEAR, "{fill 120000}"},
            {SAY, "{fill 40000}"},
            {HEAR, "done"},
            {END},
            {HEAR_END},
        }},
        .rows = {
            {0, 1, "{hello openssl-tls12}{fill 60000}", "{fill 120000}", 1, 0},
            {1, 1, "{fill 40000}", "done", 2, 0},
        },
        .flags = SCENARIO_PASSTHROUGH | SCENARIO_BULK,
        .links = 1,
    },
    {
        .name = "HTTP to the TLS port",
        .hosts = {"p"},
        .clients = {{
            {SAY, "GET / HTTP/1.1\r\nHost: www.example.test\r\n\r\n"},
            {HEAR, "{own|400 Bad Request|http_on_tls_port|1|close}"},
            {HEAR_END},
            {END},
        }},
        .flags = SCENARIO_PASSTHROUGH,
    },
    {
        .name = "an upgrade",
        .hosts = {"a.example", "s.example"},
        .clients = {{
            {SAY, "GET /chat HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\n"
                  "Upgrade: websocket\r\n\r\nearly"},
            {HEAR, UPGRADE "welcome"},
            {SAY, "ping"},
            {HEAR, "pong"},
            {END},
            {HEAR_END},
        }},
        .rows = {
            {0, 1, "GET /chat HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
                   "Connection: Upgrade\r\n{via 1}\r\n",
             UPGRADE "welcome", 1, 0},
            {1, 1, "early", "", 2, 0},
            {2, 1, "ping", "pong", 2, 0},
        },
        .links = 1,
    },
    {
        .name = "an upgrade after a login",
        .hosts = {"a.example", "s.example"},
        .clients = {{
            {SAY, "GET /chat HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
                  "Connection: Upgrade\r\n"
                  "Authorization: {token mit-bare-kerberos.1.request}\r\n\r\n"},
            {HEAR, UPGRADE},
            {SAY, "who am I?"},
            {HEAR, "alice"},
            {END},
            {HEAR_END},
        }},
        .rows = {
            {0, 1, "GET /chat HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
                   "Authorization: {token mit-bare-kerberos.1.request}\r\nConnection: Upgrade\r\n"
                   "{via 1}\r\n",
             UPGRADE, 1, ROW_TIES},
            {1, 1, "who am I?", "alice", 1, ROW_TIES},
        },
        .flags = SCENARIO_LOGIN,
        .links = 1,
    },
    {
        .name = "an upgrade that is refused",
        .hosts = {"a.example", "s.example"},
        .clients = {{
            {SAY, "GET /chat HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\n"
                  "Upgrade: websocket\r\n\r\n"},
            {HEAR, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno"},
            {END},
            {HEAR_END},
        }},
        .rows = {
            {0, 1, "GET /chat HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
                   "Connection: Upgrade\r\n{via 1}\r\n",
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno", 1, 0},
        },
        .links = 1,
    },
};

const struct scenario_group relay_group = {"relay", scenarios, sizeof scenarios / sizeof
*scenarios};
