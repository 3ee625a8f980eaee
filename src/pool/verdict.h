// SPDX-License-Identifier: Apache-2.0
// What health says of a server, as pure functions: how results in a row make a verdict, which
// answer counts as healthy, and how long to wait for the next check. Never looks at a clock or a
// socket.
#pragma once

#include "config/config.h"
#include "wire/h1_head.h"

enum verdict {
    VERDICT_UNTRIED = 0, // served until a check says otherwise
    VERDICT_UP,
    VERDICT_DOWN,
};

const char *verdict_word(enum verdict verdict);

// How far a server has come on the way to another verdict.
struct verdict_run {
    enum verdict verdict;
    unsigned passed; // checks in a row; one of the two is always 0
    unsigned failed;
};

// Adds one result. True when the verdict has changed. The first check of all decides alone, because
// until then nothing is known; after that `rise` passes or `fall` failures in a row do (each at
// least 1).
bool verdict_note(struct verdict_run *run, bool has_passed, unsigned rise, unsigned fall);

// The wait before the next check: the interval, moved by up to a tenth either way, so that many
// balancers and many servers do not fall into step. `random` is any number. At least 1.
uint64_t verdict_wait_ms(uint64_t interval_ms, uint64_t random);

// Is this answer that of a healthy server? One of the expected statuses; without any given, 200 to
// 399, and 401 when it offers a scheme (RFC 9110 section 11.6.1): a server that asks who is there
// is alive.
bool verdict_accepts(const struct health_config *health, const struct response_head *head);
