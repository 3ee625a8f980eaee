// SPDX-License-Identifier: Apache-2.0
// An entry: the first tickets of the accounts, got beside the looking, each account by a thread of
// its own. The Kerberos library asks every KDC again and again; who waits here does not wait for
// that. What comes too late is dropped by the thread that got it.
#pragma once

#include "doctor/kerberos_client.h"

struct entry;

// The texts of the subject are copied.
struct entry *entry_begin(const struct subject *subject);
// Waits, at most until `until_us` (as loop_now_us). A client that is not there by then is NULL, and
// the problem says that no KDC answers. Frees the entry; the caller frees the clients.
void entry_finish(struct entry *entry, uint64_t until_us,
                  struct kerberos_client *ret_clients[SUBJECT_ACCOUNTS_MAX],
                  struct kerberos_problem ret_problems[SUBJECT_ACCOUNTS_MAX]);
