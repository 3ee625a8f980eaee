// SPDX-License-Identifier: Apache-2.0
// The judgement and its words, both from one table.
#include "route/protection.h"

#include <string.h>

struct row {
    const char *word;
    const char *sentence;
    const char *advice;
    enum protection_outcome outcomes[PROTECTION_SETTINGS];
};

#define OUTCOME_PASSES    PROTECTION_PASSES
#define OUTCOME_FAILS     PROTECTION_FAILS
#define OUTCOME_PARTLY    PROTECTION_IN_PART
#define OUTCOME_ELSEWHERE PROTECTION_ELSEWHERE
#define OUTCOME_UNKNOWN   PROTECTION_UNSURE

static const struct row rows[] = {
#define PROTECTION(id, word, none, enforced, proxy, cohosting, sentence, advice)                   \
    {word,                                                                                         \
     sentence,                                                                                     \
     advice,                                                                                       \
     {OUTCOME_##none, OUTCOME_##enforced, OUTCOME_##proxy, OUTCOME_##cohosting}},
#include "route/protection.tbl"
#undef PROTECTION
};

static size_t count_equal(const struct protection_case *judged)
{
    size_t equal = 0;
    for (size_t i = 0; i < judged->front_count; i++)
        equal += memcmp(judged->front[i], judged->server, PROTECTION_SHA256_BYTES) == 0;
    return equal;
}

static enum protection judge_forward(const struct protection_case *judged)
{
    if (!judged->client_is_tls)
        return PROTECTION_UNBOUND;
    if (!judged->server_is_tls)
        return PROTECTION_PLAIN;
    if (!judged->server || judged->front_count == 0)
        return PROTECTION_UNKNOWN;
    size_t equal = count_equal(judged);
    if (equal == 0)
        return PROTECTION_DIFFERENT;
    return equal == judged->front_count ? PROTECTION_SAME : PROTECTION_PARTLY;
}

enum protection protection_judge(const struct protection_case *judged)
{
    switch (judged->way) {
    case PROTECTION_WAY_PASSTHROUGH:
        return PROTECTION_PASSTHROUGH;
    case PROTECTION_WAY_REDIRECT:
        return PROTECTION_REDIRECT;
    case PROTECTION_WAY_FORWARD:
        break;
    }
    return judge_forward(judged);
}

const char *protection_word(enum protection protection)
{
    return rows[protection].word;
}

const char *protection_sentence(enum protection protection)
{
    return rows[protection].sentence;
}

const char *protection_advice(enum protection protection)
{
    return rows[protection].advice;
}

enum protection_outcome protection_outcome(enum protection protection,
                                           enum protection_setting setting)
{
    return rows[protection].outcomes[setting];
}

const char *protection_setting_word(enum protection_setting setting)
{
    static const char *const words[] = {"none", "enforced", "proxy", "cohosting"};
    return words[setting];
}

const char *protection_outcome_word(enum protection_outcome outcome)
{
    static const char *const words[] = {"passes", "fails", "partly", "elsewhere", "unknown"};
    return words[outcome];
}
