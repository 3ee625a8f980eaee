// SPDX-License-Identifier: Apache-2.0
// The three NTLM messages, as far as they can be read in the clear. The challenge responses are
// looked at for their length and their AV pairs and are never handed out: they could be cracked.
// Sources: [MS-NLMP] 2.2.1.1 to 2.2.1.3 (messages), 2.2.2.1 (AV_PAIR), 2.2.2.7 (NTLMv2 response).
#pragma once

#include "base/span.h"

enum ntlm_flag {
    NTLM_FLAG_UNICODE = 0x1,
    NTLM_FLAG_OEM = 0x2,
    NTLM_FLAG_ANONYMOUS = 0x800,
    NTLM_FLAG_OEM_DOMAIN = 0x1000,
    NTLM_FLAG_OEM_WORKSTATION = 0x2000,
    NTLM_FLAG_TARGET_INFO = 0x800000,
    NTLM_FLAG_VERSION = 0x2000000,
};

enum ntlm_av_flag {
    NTLM_AV_CONSTRAINED = 0x1,
    NTLM_AV_MIC = 0x2,
    NTLM_AV_UNTRUSTED_SPN = 0x4, // the SPN came from a source that nobody vouches for
};

// A name as it stands in the message.
struct ntlm_name {
    struct span bytes;
    bool is_unicode; // UTF-16LE; otherwise the sender's OEM code page
};

// All spans point into the message. What it does not carry, or what points outside it, is empty.
struct ntlm {
    unsigned type;  // 1 NEGOTIATE, 2 CHALLENGE, 3 AUTHENTICATE
    uint32_t flags; // 0 in a Type 3 of the oldest form, which has none
    bool is_whole;  // every field and AV pair lies inside the message
    bool has_version;
    uint8_t version_major;
    uint8_t version_minor;
    uint16_t version_build;       // of the sender's Windows: tells one node from another
    struct ntlm_name domain;      // Types 1 and 3; in a Type 2 the TargetName
    struct ntlm_name user;        // Type 3
    struct ntlm_name workstation; // Types 1 and 3
    unsigned response_version;    // Type 3: 1 or 2; 0 when there is no response
    bool is_anonymous;            // Type 3 without name and response
    // AV pairs of the TargetInfo (Type 2) or of the NTLMv2 response (Type 3); texts are UTF-16LE
    struct span netbios_computer;
    struct span netbios_domain;
    struct span dns_computer;
    struct span dns_domain;
    struct span dns_tree;
    struct span spn;             // Type 3
    struct span channel_binding; // Type 3: 16 bytes, or empty when the pair is absent
    uint32_t av_flags;           // Type 3: enum ntlm_av_flag
    bool has_mic;                // announced in the AV flags
    uint64_t filetime;           // 100 ns since 1601-01-01; 0: none
};

// False when the bytes do not begin like an NTLM message of type 1, 2 or 3; what is behind the
// beginning is read as far as it can be. The bytes may be the front part of a longer message.
bool ntlm_read(struct span message, struct ntlm *ret_ntlm);
