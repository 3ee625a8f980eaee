// SPDX-License-Identifier: Apache-2.0
// Servers that are written as names may move: a thread of its own asks for the names again and
// again, because asking waits.
#pragma once

struct moves;
struct supervisor;

// Begins after the pause that the configuration in use tells (timeouts.resolve).
struct moves *moves_new(struct supervisor *supervisor);
// The configuration in use is another one: the pause before the next look is counted anew.
void moves_adopt(struct moves *moves);
struct moves *moves_free(struct moves *moves); // NULL is allowed; returns NULL
