// SPDX-License-Identifier: Apache-2.0
// How far has authentication tied a link to one person? One pure state machine; its table,
// binding.tbl, is the documentation. It decides nothing about sockets: whoever owns the link asks
// it and obeys.
#pragma once

#include <stdbool.h>

#include "wire/token.h"

enum binding {
#define STATE(id, word, standing, meaning) BINDING_##id,
#define EDGE(from, event, to)
#include "auth/binding.tbl"
#undef STATE
#undef EDGE
    BINDING_COUNT
};

// What happened on the link, as the two functions below read it from heads.
enum binding_event {
#define EVENT(id, word, meaning) BINDING_EVENT_##id,
#include "auth/binding_event.tbl"
#undef EVENT
    BINDING_EVENT_COUNT
};

// A request is about to be written. `credentials`: its Authorization value read by token_read, NULL
// without one. A request that has several values (Proxy-Authorization, or Authorization twice) is
// several events, one for each.
enum binding_event binding_event_of_request(const struct token *credentials);

// An answer has arrived: any status from 200, and 101. `challenges` are its WWW-Authenticate and
// Proxy-Authenticate values read by token_read, in order.
enum binding_event binding_event_of_response(unsigned status, const struct token *challenges,
                                             size_t challenge_count);

// The only way to change state. Every pair of state and event is defined.
enum binding binding_next(enum binding binding, enum binding_event event);

// May another client's request be written to this link? True only while no credentials and no
// challenge were ever seen on it. Once false it stays false: no edge leads back (proved by a test
// over the table).
bool binding_may_share(enum binding binding);

// Between two legs: a token was sent or a challenge token received, and the handshake is not
// finished. Nothing may drain, time out or reload such a pair (rule 5).
bool binding_is_between_legs(enum binding binding);

// Is the link tied to somebody whom the server accepted?
bool binding_is_bound(enum binding binding);

const char *binding_word(enum binding binding);
const char *binding_event_word(enum binding_event event);
