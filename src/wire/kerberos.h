// SPDX-License-Identifier: Apache-2.0
// What a Kerberos token shows without a key: which service it is for, which key the service needs,
// and what the server complained about. Tickets and authenticators are never handed out.
// Sources: RFC 4120 sections 5.2.3 (time), 5.3, 5.5.1 and 5.9.1; RFC 4121 section 4.1 (framing).
#pragma once

#include "wire/der.h"

#define KERBEROS_NAME_PARTS_MAX 4

enum kerberos_kind {
    KERBEROS_REQUEST = 0, // AP-REQ
    KERBEROS_REPLY,       // AP-REP
    KERBEROS_ERROR,       // KRB-ERROR
    KERBEROS_IAKERB,      // a message to or from a KDC, carried by the server
};

struct kerberos {
    enum kerberos_kind kind;
    struct span realm; // of the service: from the ticket, or from the error
    struct span name_parts[KERBEROS_NAME_PARTS_MAX]; // sname: "HTTP", "www.example.test"
    size_t name_part_count;
    int etype;           // of the ticket; 0: none
    int sender_etype;    // of the authenticator: the session key's; 0: none, or behind a cut
    uint32_t ap_options; // of a request: enum kerberos_ap_option
    size_t ticket_bytes; // 0: none, or cut
    int64_t kvno;        // of the key the ticket is sealed with; -1: none
    int error;           // error-code; -1: none
    int64_t server_time; // of an error: seconds since 1970-01-01; -1: none
};

enum kerberos_ap_option {
    KERBEROS_USE_SESSION_KEY = 0x40000000,
    KERBEROS_MUTUAL_REQUIRED = 0x20000000,
};

// Reads a Kerberos message, with or without its GSS frame. False when it is something else or
// broken in a part that is read.
bool kerberos_read(struct der message, struct kerberos *ret_kerberos);
