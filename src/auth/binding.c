// SPDX-License-Identifier: Apache-2.0
// The binding machine. Pure: tables made of binding.tbl and binding_event.tbl, and two functions
// that read events from what the heads said.
#include "auth/binding.h"

#include "base/check.h"
#include "wire/spnego.h"

enum standing {
    STANDING_SHARED = 0,
    STANDING_OWNED,
    STANDING_LEGS,
    STANDING_BOUND,
};

static const struct {
    const char *word;
    enum standing standing;
} states[BINDING_COUNT] = {
#define STATE(id, word, standing, meaning) [BINDING_##id] = {word, STANDING_##standing},
#define EDGE(from, event, to)
#include "auth/binding.tbl"
#undef STATE
#undef EDGE
};

// A pair given twice is a compiler's warning; with as many edges as pairs, none is missing.
static const uint8_t edges[BINDING_COUNT][BINDING_EVENT_COUNT] = {
#define STATE(id, word, standing, meaning)
#define EDGE(from, event, to) [BINDING_##from][BINDING_EVENT_##event] = BINDING_##to,
#include "auth/binding.tbl"
#undef STATE
#undef EDGE
};

enum {
    EDGES_GIVEN = 0
#define STATE(id, word, standing, meaning)
#define EDGE(from, event, to) +1
#include "auth/binding.tbl"
#undef STATE
#undef EDGE
};

_Static_assert((int)EDGES_GIVEN == (int)BINDING_COUNT * (int)BINDING_EVENT_COUNT,
               "every pair of state and event has its edge");

static bool cannot_prove(const struct token *token)
{
    if (token->kind == TOKEN_EMPTY || token->kind == TOKEN_NTLM_NEGOTIATE)
        return true;
    // Only a NegTokenInit lists mechanisms without a state. It opens; a NegTokenResp may end.
    return token->kind == TOKEN_SPNEGO_ONLY && token->neg_state == -1 && token->mech_count > 0;
}

enum binding_event binding_event_of_request(const struct token *credentials)
{
    if (!credentials)
        return BINDING_EVENT_PLAIN_ASKED;
    if (!auth_scheme_binds(credentials->scheme))
        return BINDING_EVENT_OTHER_ASKED;
    return cannot_prove(credentials) ? BINDING_EVENT_TOKEN_OPENS : BINDING_EVENT_TOKEN_PROVES;
}

// What the challenges of one answer say together.
struct said {
    bool is_windows; // at least one challenge is of a scheme that binds
    bool has_token;  // one of those carries a token that is no refusal
    bool is_reject;  // one carries a refusal
};

static struct said listen(const struct token *challenges, size_t count)
{
    struct said said = {0};
    for (size_t i = 0; i < count; i++) {
        const struct token *challenge = &challenges[i];
        if (!auth_scheme_binds(challenge->scheme))
            continue;
        said.is_windows = true;
        if (challenge->in_spnego && challenge->neg_state == SPNEGO_REJECTED)
            said.is_reject = true;
        else if (challenge->kind != TOKEN_EMPTY)
            said.has_token = true;
    }
    return said;
}

// Does a server give this answer before it looks at credentials?
static bool is_unread(unsigned status)
{
    return status == 400 || status == 408 || status == 414 || status == 421 || status == 431 ||
           status == 503 || status == 505;
}

enum binding_event binding_event_of_response(unsigned status, const struct token *challenges,
                                             size_t challenge_count)
{
    struct said said = listen(challenges, challenge_count);

    if (said.is_reject && !said.has_token)
        return BINDING_EVENT_CHALLENGED;
    if (status == 401 || status == 407) {
        if (said.has_token)
            return BINDING_EVENT_CONTINUED;
        return said.is_windows ? BINDING_EVENT_CHALLENGED : BINDING_EVENT_UNAUTHORISED;
    }
    if (said.is_windows)
        return BINDING_EVENT_ANSWERED_BESIDE;
    return is_unread(status) ? BINDING_EVENT_UNREAD : BINDING_EVENT_ANSWERED;
}

enum binding binding_next(enum binding binding, enum binding_event event)
{
    CHECK(binding < BINDING_COUNT && event < BINDING_EVENT_COUNT);
    return (enum binding)edges[binding][event];
}

static enum standing standing_of(enum binding binding)
{
    CHECK(binding < BINDING_COUNT);
    return states[binding].standing;
}

bool binding_may_share(enum binding binding)
{
    return standing_of(binding) == STANDING_SHARED;
}

bool binding_is_between_legs(enum binding binding)
{
    return standing_of(binding) == STANDING_LEGS;
}

bool binding_is_bound(enum binding binding)
{
    return standing_of(binding) == STANDING_BOUND;
}

const char *binding_word(enum binding binding)
{
    CHECK(binding < BINDING_COUNT);
    return states[binding].word;
}

const char *binding_event_word(enum binding_event event)
{
    static const char *const words[BINDING_EVENT_COUNT] = {
#define EVENT(id, word, meaning) [BINDING_EVENT_##id] = word,
#include "auth/binding_event.tbl"
#undef EVENT
    };
    CHECK(event < BINDING_EVENT_COUNT);
    return words[event];
}
