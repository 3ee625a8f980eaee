// SPDX-License-Identifier: Apache-2.0
// Writes a file whole or not at all: beside it first, then in its place. Never follows a link that
// lies where the file should be, and never cuts short what is there.
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

// `name` below `directory`, an open descriptor or AT_FDCWD; `print` writes what is in it. A new
// file gets `mode`, less the umask, whatever the one before it had; a link is replaced. What is
// there and is no regular file (a pipe, a device) is written directly, and so is an open descriptor
// by one of its names: /dev/stdout, /dev/stderr, /dev/fd/N, /proc/self/fd/N. False with errno; a
// file that was there is unchanged then.
bool file_write(int directory, const char *name, mode_t mode,
                void (*print)(const void *context, FILE *out), const void *context);
