// SPDX-License-Identifier: Apache-2.0
// What a codec says of the bytes it was shown: it wants more, it is done, or they are bad and why.
#pragma once

#include "base/status.h"

enum parse_state {
    PARSE_MORE = 0,
    PARSE_DONE,
    PARSE_BAD,
};

struct [[nodiscard]] parse {
    enum parse_state state;
    enum end end; // set when BAD
};

#define PARSED_MORE ((struct parse){PARSE_MORE, END_OK})
#define PARSED_DONE ((struct parse){PARSE_DONE, END_OK})

static inline struct parse parsed_bad(enum end end)
{
    return (struct parse){PARSE_BAD, end};
}
