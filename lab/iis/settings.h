// SPDX-License-Identifier: Apache-2.0
// Everything the command line decides. Filled once before the first connection, read-only after.
#pragma once

#include "kerberos.h"
#include "ntlm.h"
#include "protection.h"
#include "users.h"

enum { SETTINGS_LISTENERS = 16, SETTINGS_PAIRS = 4, SETTINGS_LIST = 32 };

struct listener_settings {
    const char *address; // ADDR:PORT, port 0 lets the kernel choose
    bool tls;
    const char *certs[SETTINGS_PAIRS], *keys[SETTINGS_PAIRS];
    unsigned cert_count, key_count;
};

enum logon { LOGON_WINDOWS = 0, LOGON_BASIC, LOGON_FORMS };

struct settings {
    const char *name;
    struct listener_settings listeners[SETTINGS_LISTENERS];
    unsigned listener_count;
    const char *keytab, *replay_cache, *user_file;
    struct ntlm_place place;
    bool offer_negotiate, offer_ntlm, ntlm_first;
    enum logon logon;          // anything but Windows authentication never lets anybody in
    bool tells_kerberos_error; // a refused ticket's 401 carries the KRB-ERROR
    bool kerberos_per_request; // authPersistNonNTLM = false
    bool single_request;       // authPersistSingleRequest = true
    struct protection protection;
    const char *spns[SETTINGS_LIST];
    const char *open_paths[SETTINGS_LIST]; // prefixes where anonymous access is enabled
    unsigned open_path_count;
    bool sever_bodies;                // a body on an unauthenticated connection cuts it
    const char *hosts[SETTINGS_LIST]; // the only names of Host that are served; none: any
    unsigned host_count;
    size_t header_limit;                    // of one header line, in bytes; 0: none
    bool require_tls;                       // 403.4 in clear
    bool redirect_to_tls;                   // 302 to https:// unless X-Forwarded-Proto says https
    bool http_links;                        // 302 to http:// where it should be https://
    const char *sni_name;                   // the only server name that is answered; NULL: any
    const char *no_name_cert, *no_name_key; // shown to clients without a server name
    bool ask_client_certificate;
    bool refuse_first; // the first request of all, if it carries a token, is refused
    bool http2;
    bool verbose;
    bool stop_on_eof;
    unsigned idle_ms;

    struct kerberos kerberos;
    bool has_kerberos;
    struct users users;
    char computer[16];
};

// Reads the command line. 0 to go on, else the exit code plus one (so --help is 1, a mistake 3).
int settings_read(struct settings *s, int argc, char **argv);
