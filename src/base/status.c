// SPDX-License-Identifier: Apache-2.0
// Words and sentences for the reasons of end.tbl.
#include "base/status.h"

#include "base/check.h"

static const struct {
    const char *word;
    const char *sentence;
    unsigned http;
    enum end_side side;
} ends[END_COUNT] = {
#define END(id, w, s, h, text) [END_##id] = {w, text, h, END_SIDE_##s},
#include "base/end.tbl"
#undef END
};

const char *end_word(enum end end)
{
    CHECK(end < END_COUNT);
    return ends[end].word;
}

enum end_side end_side(enum end end)
{
    CHECK(end < END_COUNT);
    return ends[end].side;
}

const char *end_side_word(enum end end)
{
    static const char *const words[] = {
        [END_SIDE_NOBODY] = "nobody",     [END_SIDE_CLIENT] = "client",
        [END_SIDE_SERVER] = "server",     [END_SIDE_US] = "us",
        [END_SIDE_OPERATOR] = "operator",
    };
    return words[end_side(end)];
}

unsigned end_http_status(enum end end)
{
    CHECK(end < END_COUNT);
    return ends[end].http;
}

const char *end_sentence(enum end end)
{
    CHECK(end < END_COUNT);
    return ends[end].sentence;
}
