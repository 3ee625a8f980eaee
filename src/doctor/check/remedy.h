// SPDX-License-Identifier: Apache-2.0
// Remedies that several checks give: what to set in a load balancer, for any product and for those
// that are known. Words in capitals in a command stand for what only the reader knows.
#pragma once

#include "doctor/facts.h"
#include "doctor/finding.h"

// The tool of IIS, as cmd.exe finds it, and the section that most commands are about.
#define REMEDY_APPCMD "%%windir%%\\system32\\inetsrv\\appcmd"
#define REMEDY_WINDOWS                                                                             \
    REMEDY_APPCMD " set config \"SITE\" -section:system.webServer/security/authentication/"        \
                  "windowsAuthentication"

// Every client connection gets a server connection of its own, for the whole life of both.
void remedy_own_link(struct finding *finding);
// HTTP/1.1 and persistent connections on both sides.
void remedy_keep_alive(struct finding *finding);
// 401 pages and their WWW-Authenticate lines pass untouched.
void remedy_untouched_answers(struct finding *finding);
// Header lines of 64 KiB.
void remedy_large_headers(struct finding *finding);
// The Host that the client sent.
void remedy_keep_host(struct finding *finding);
// The server name in the handshake with the nodes.
void remedy_send_sni(struct finding *finding, const struct facts *facts);
// What channel bindings need: the same certificate on both sides, passing through, or the flag
// Proxy with the names people type.
void remedy_bindings(struct finding *finding, const struct facts *facts);
// No HTTP/2 towards people.
void remedy_no_h2(struct finding *finding);
// 401 counts as healthy.
void remedy_health(struct finding *finding);
