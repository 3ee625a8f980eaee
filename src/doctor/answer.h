// SPDX-License-Identifier: Apache-2.0
// The head of an answer read into a call_answer: strictly for its framing, and as far as one can
// where it is not in order, because a bad answer is what the doctor came for. Pure but for the
// copies of tokens, which the answer owns.
#pragma once

#include "doctor/call.h"

// Where the body ends, as RFC 9112 section 6.3 has it.
struct answer_framing {
    enum body_kind kind;
    uint64_t length;
};

// Fills the answer from a whole head. END_OK, or why the head is not in order: then what can be
// read is there all the same, `problem` says what is wrong, is_persistent is false and the framing
// is "until close".
enum end answer_read_head(struct span head, bool to_head, struct call_answer *answer,
                          struct answer_framing *ret_framing);

// What came before a head broke off, with `end`, may still tell a status, and why it is no head.
void answer_read_remains(struct span bytes, enum end end, struct call_answer *answer);

// The status of "HTTP/1.x NNN", 0 when that is not how the bytes begin.
unsigned answer_status(struct span bytes);

// Do these first bytes begin as an HTTP/1 answer does? True also while they are too few to tell.
bool answer_may_begin(struct span bytes);

// Seconds since 1970 of an HTTP date (IMF-fixdate, RFC 9110 section 5.6.7); 0 when it is none.
int64_t answer_date(struct span text);
