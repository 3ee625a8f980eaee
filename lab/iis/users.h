// SPDX-License-Identifier: Apache-2.0
// The user file: lines `DOMAIN:user:password`, the form gss-ntlmssp reads too. Read once at the
// start and never changed afterwards, so every connection may look in it without a lock.
#pragma once

#include "bytes.h"

struct user {
    char *domain;
    char *name;
    uint8_t nt_hash[16]; // MD4 of the password in UTF-16LE, MS-NLMP 3.3.1 NTOWFv1
};

struct users {
    struct user *all;
    size_t count;
};

// False when the file cannot be read or holds a line of another form; says which on stderr.
bool users_load(struct users *u, const char *path);

// Looks up by name and domain, ASCII case ignored. An empty domain matches any; `dns_domain` is
// accepted as another spelling of the user's domain, as is `name@domain` with no domain.
// NULL when there is no such user. UTF-8 in.
const struct user *users_find(const struct users *u, struct span domain, struct span name,
                              const char *dns_domain);
