// SPDX-License-Identifier: Apache-2.0
// Inside a play: what its two files share. play.c owns the worker and judges, cast.c acts.
#pragma once

#include "play.h"

struct player {
    const struct act *acts;
    const struct bytes *texts;
    struct wire *wire;
    size_t at;        // the act
    size_t judged;    // bytes of what it heard
    bool has_stopped; // a disturbance has ended its script
};

struct play {
    struct script *script;
    const struct plan *plan;
    struct io_thread io;
    struct keeper *keeper;
    struct entrance entrance;
    struct turnstile *turnstile;
    struct player players[PLAYERS_MAX];
    struct player beside;
    size_t player_count;
    size_t baton;
    size_t used;                       // links that carried a request of a player
    size_t begun;                      // requests of players, or parts of them, that servers heard
    const struct player *between_legs; // whose next leg must come through (rule 5)
    size_t must_reach;                 // its act
    bool is_lenient;                   // a disturbance may have ended scripts early
    bool has_fired;
    bool plays_beside; // only the client beside acts
    bool has_failed;
};

// ---- play.c

// The play has failed; only the first reason is printed.
void complain(struct play *play, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Prints a text below a complaint.
void complain_text(const struct play *play, const char *what, struct span text);

// ---- cast.c: each is true when somebody has acted

bool cast_servers(struct play *play);
bool cast_clients(struct play *play);
// Nobody else has anything to do, and the player whose turn it is wants time to pass.
bool cast_waits(struct play *play);
bool player_is_over(const struct player *player);
