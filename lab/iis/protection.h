// SPDX-License-Identifier: Apache-2.0
// Extended Protection for Authentication: what a token claims about its channel and its service,
// and whether a given setting accepts that. One judgement for NTLM and Kerberos, without state.
#pragma once

#include "bytes.h"

enum protection_level { PROTECTION_NONE, PROTECTION_ALLOW, PROTECTION_REQUIRE };

// The IIS settings tokenChecking, flags and spn.
struct protection {
    enum protection_level level;
    bool proxy;        // flag Proxy: any non-empty binding will do, the SPN must be listed
    bool cohosting;    // flag ProxyCohosting: with Proxy, not even that
    bool no_spn_check; // flag NoServiceNameCheck
    const char **spns; // borrowed from the command line
    size_t spn_count;
};

enum claim_binding {
    CLAIM_SILENT, // nothing said: no AV pair 10; a zero Bnd without KERB_AP_OPTIONS_CBT
    CLAIM_EMPTY,  // "I know channel bindings and there is no channel"
    CLAIM_BOUND,  // 16 bytes that are not zero
};

struct claim {
    enum claim_binding binding;
    uint8_t bound_to[16];
    bool has_spn;
    char spn[256]; // UTF-8; longer names are cut and will match nothing
};

// NULL: accepted. Otherwise one word for the log: `bad-binding` or `bad-spn`.
// `own` is the binding of this connection's certificate, NULL on a connection without TLS.
const char *protection_objects(const struct protection *p, const struct claim *c,
                               const uint8_t *own);

// MD5 over gss_channel_bindings with "tls-server-end-point:" and the certificate hash
// (RFC 5929 section 4.1, RFC 4121 section 4.1.1.2).
void protection_binding(struct span certificate_hash, uint8_t out[16]);
