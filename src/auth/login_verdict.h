// SPDX-License-Identifier: Apache-2.0
// What became of a login, in one word, one sentence and one hint of what mends it: all out of
// login_verdict.tbl. Knows words only; attempt_judge finds the verdict.
#pragma once

#include <stdint.h>

enum login_verdict {
#define LOGIN_VERDICT(id, word, how, sentence, mend) JUDGED_##id,
#include "auth/login_verdict.tbl"
#undef LOGIN_VERDICT
    LOGIN_VERDICT_COUNT
};

enum login_how {
    LOGIN_HOW_GOOD = 0, // somebody was let in
    LOGIN_HOW_BAD,      // nobody was
    LOGIN_HOW_OPEN,     // nobody was judged
};

_Static_assert((int)LOGIN_VERDICT_COUNT <= 64, "a set of verdicts is one number");

// Remarks on a login are a set of verdicts, one bit each.
static inline uint64_t login_remark(enum login_verdict verdict)
{
    return 1ull << verdict;
}

const char *login_verdict_word(enum login_verdict verdict);
enum login_how login_verdict_how(enum login_verdict verdict);
// One sentence for people, without a full stop.
const char *login_verdict_sentence(enum login_verdict verdict);
const char *login_verdict_mend(enum login_verdict verdict);
