// SPDX-License-Identifier: Apache-2.0
// The journal writes log pages to standard output or a file on a thread of its own, so that a slow
// disk or a full pipe never holds up a worker.
#pragma once

#include "worker/worker.h"

struct journal;

// `target`: "stdout" or a path (opened for appending). NULL with errno when it cannot be opened.
struct journal *journal_new(const char *target);
// Any thread. Takes the page; drops it when too many are waiting.
void journal_take(void *journal, struct log_page *page);
// Opens the target, another one or the same anew (after rotation), and writes to it from the next
// page on. False with errno, and nothing has changed, when it cannot be opened. Any thread.
bool journal_reopen(struct journal *journal, const char *target);
// Lines dropped so far: the writer was behind, or could not write.
uint64_t journal_lost_lines(const struct journal *journal);
// Writes what is waiting and ends. A reader that takes nothing is waited for two seconds; then the
// writer is left alone, which is for the end of the process only.
struct journal *journal_free(struct journal *journal);
