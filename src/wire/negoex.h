// SPDX-License-Identifier: Apache-2.0
// NegoEx: which messages a token holds and which security providers it names. What those providers
// say to one another is not looked at.
// Source: [MS-NEGOEX] 2.2.6 (messages), 2.2.5 (vectors).
#pragma once

#include "base/span.h"

#define NEGOEX_MESSAGES_MAX 8
#define NEGOEX_GUID_BYTES   16

enum negoex_type {
    NEGOEX_INITIATOR_NEGO = 0,
    NEGOEX_ACCEPTOR_NEGO,
    NEGOEX_INITIATOR_META_DATA,
    NEGOEX_ACCEPTOR_META_DATA,
    NEGOEX_CHALLENGE,
    NEGOEX_AP_REQUEST,
    NEGOEX_VERIFY,
    NEGOEX_ALERT,
};

struct negoex {
    uint8_t types[NEGOEX_MESSAGES_MAX]; // enum negoex_type, in order; the first of many
    size_t type_count;
    // The providers on offer, of the first NEGO message: GUIDs, the preferred one first. Without
    // such a message the one that the first message is for.
    struct span schemes;
    bool is_whole; // nothing is left over, and every length holds
};

// False when the bytes do not begin like NegoEx; what is behind the beginning is read as far as it
// can be.
bool negoex_read(struct span token, struct negoex *ret_negoex);
