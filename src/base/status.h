// SPDX-License-Identifier: Apache-2.0
// The one error idiom for what the world does to us (peers, kernel, limits): a must-use status that
// carries an `enum end`, a reason out of end.tbl. The same table gives the word in the log, the
// label in the metrics, the HTTP status of our own answer and the sentence a person reads.
#pragma once

#include <stdbool.h>

enum end {
#define END(id, word, side, http, sentence) END_##id,
#include "base/end.tbl"
#undef END
    END_COUNT
};

// Whose doing an end was. `nobody` marks the ordinary ends.
enum end_side {
    END_SIDE_NOBODY = 0,
    END_SIDE_CLIENT,
    END_SIDE_SERVER,
    END_SIDE_US,
    END_SIDE_OPERATOR,
};

struct [[nodiscard]] status {
    enum end end;
};

#define OK ((struct status){END_OK})

static inline bool is_ok(struct status status)
{
    return status.end == END_OK;
}

static inline struct status failed(enum end end)
{
    return (struct status){end};
}

// Passes a failure on to the caller. The only macro that returns.
#define TRY(expression)                                                                            \
    do {                                                                                           \
        struct status try_status_ = (expression);                                                  \
        if (!is_ok(try_status_))                                                                   \
            return try_status_;                                                                    \
    } while (0)

// The log and metrics word: lower case, underscores.
const char *end_word(enum end end);
// "client", "server", "us", "operator" or "nobody".
const char *end_side_word(enum end end);
enum end_side end_side(enum end end);
// HTTP status of the answer we give for it, 0 when no answer is given.
unsigned end_http_status(enum end end);
// One sentence for people, without a full stop.
const char *end_sentence(enum end end);
