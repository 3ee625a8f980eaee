// SPDX-License-Identifier: Apache-2.0
// Unix sockets: conversations on this machine, guarded by the permissions of a file.
#pragma once

#include <stdbool.h>

// Opens, binds with exactly these permissions and listens; a socket file that nobody serves any
// more is removed first. Returns the descriptor (for listener_init), or -1 and errno: EADDRINUSE
// when somebody serves it, EEXIST when there is a file of another kind, ENAMETOOLONG.
int local_listen(const char *path, unsigned mode);
// Connects, waiting. The descriptor, or -1 and errno. Not for a loop.
int local_connect(const char *path);
