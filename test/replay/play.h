// SPDX-License-Identifier: Apache-2.0
// Plays one scenario once, with at most one disturbance, and judges what everybody heard. The play
// owns its worker (keeper, loop, service) and takes it down to nothing at the end; wires are the
// kernel's.
#pragma once

#include "mode/mode.h"
#include "scenario.h"

enum event {
    EVENT_NONE = 0, // only the pause
    EVENT_BESIDE,   // a client without credentials comes, asks, and goes
    EVENT_RELOAD,
    EVENT_RESET, // by the far end of the wire on which the cut fell
    EVENT_END,
    EVENT_LEAVE,
    EVENT_TIME,
    EVENT_DRAIN,
    EVENT_CLOSE_ALL,
    EVENT_COUNT,
};

const char *event_word(enum event event);
const char *stream_word(enum stream stream);

// Bytes stop when `at` of them have moved on `stream`; everything that can be done is done; then
// the event happens and bytes move again.
struct plan {
    enum stream stream; // STREAM_NONE: undisturbed
    size_t at;
    enum event event;
    uint64_t pass_ms; // of EVENT_TIME
    size_t dribble;   // see struct kernel
    bool is_backwards;
};

#define RESTS_KEPT 64

// A scenario on one host, its texts filled in.
struct script {
    const struct scenario *scenario;
    const char *host;
    struct snapshot *snapshot;
    struct bytes acts[PLAYERS_MAX][24];
    struct bytes heard[16];
    struct bytes said[16];
    struct bytes
        beside[4]; // what the client beside says and hears, and what the server hears and says
    struct service *service;
    struct bytes
        traces[STREAM_COUNT]; // of an undisturbed run, and how many requests servers heard in it
    size_t begun;
    size_t rests[STREAM_COUNT][RESTS_KEPT]; // where that run came to rest
    size_t rest_count;
};

void script_init(struct script *script, const struct scenario *scenario, const char *host,
                 struct snapshot *snapshot);
void script_done(struct script *script);

// True when nothing was wrong; else one line says what, with the plan that repeats it. An
// undisturbed run with all bytes at once sets the totals and must come first.
bool play(struct script *script, const struct plan *plan);
// The name of what is being played, for whoever dies in it.
const char *play_name(void);
