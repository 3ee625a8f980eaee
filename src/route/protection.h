// SPDX-License-Identifier: Apache-2.0
// Will a login that is bound to its TLS channel (Extended Protection) pass on its way through us?
// A pure judgement from how we stand between client and server and which certificates the two of
// them see. It compares bytes and asks nobody.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PROTECTION_SHA256_BYTES = 32 };

// What a way through us does to channel bindings; src/route/protection.tbl says what follows.
enum protection {
#define PROTECTION(id, ...) PROTECTION_##id,
#include "route/protection.tbl"
#undef PROTECTION
    PROTECTION_COUNT
};

// How a server may be set (IIS: windowsAuthentication/extendedProtection).
enum protection_setting {
    PROTECTION_SET_NONE = 0,  // tokenChecking None
    PROTECTION_SET_ENFORCED,  // Allow or Require, flags None; http.sys Medium or Strict
    PROTECTION_SET_PROXY,     // Allow or Require, flag Proxy, and the SPN
    PROTECTION_SET_COHOSTING, // Allow or Require, flags Proxy and ProxyCohosting, and the SPN
    PROTECTION_SETTINGS
};

// What becomes of a client that binds to the certificate it was shown, as Windows does.
enum protection_outcome {
    PROTECTION_PASSES = 0,
    PROTECTION_FAILS,
    PROTECTION_IN_PART,   // some clients pass, some fail
    PROTECTION_ELSEWHERE, // decided at another site
    PROTECTION_UNSURE,
};

enum protection_way {
    PROTECTION_WAY_FORWARD = 0,
    PROTECTION_WAY_PASSTHROUGH,
    PROTECTION_WAY_REDIRECT,
};

struct protection_case {
    enum protection_way way;
    bool client_is_tls;
    bool server_is_tls;
    // SHA-256 of the leaves that clients may be shown, one after another.
    const uint8_t (*front)[PROTECTION_SHA256_BYTES];
    size_t front_count;
    const uint8_t *server; // SHA-256 of the leaf the server shows; NULL: not seen yet
};

enum protection protection_judge(const struct protection_case *judged);

// "different"
const char *protection_word(enum protection protection);
// What it means, without a full stop.
const char *protection_sentence(enum protection protection);
// What to do about it; "" where there is nothing to do.
const char *protection_advice(enum protection protection);
enum protection_outcome protection_outcome(enum protection protection,
                                           enum protection_setting setting);
// "none", "enforced", "proxy", "cohosting"
const char *protection_setting_word(enum protection_setting setting);
// "passes", "fails", "partly", "elsewhere", "unknown"
const char *protection_outcome_word(enum protection_outcome outcome);
