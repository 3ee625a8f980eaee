// SPDX-License-Identifier: Apache-2.0
// What is said in a login. Every page behind one names alice: whoever else hears it has been mixed
// up with her. The server keeps the identity for the link, as IIS does.
#pragma once

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
