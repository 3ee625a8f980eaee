// SPDX-License-Identifier: Apache-2.0
// See users.h. Passwords are turned into NT hashes while reading and then forgotten.
#include "users.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"

static void nt_hash(const char *password, uint8_t out[16])
{
    struct buffer wide = {0};
    for (const char *p = password; *p; p++)
        buffer_add_u16le(&wide, (uint8_t)*p);
    digest_md4(buffer_span(&wide), out);
    buffer_done(&wide);
}

static bool is_ascii(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text > 126)
            return false;
    return true;
}

static bool users_add(struct users *u, char *line)
{
    char *name = strchr(line, ':');
    char *password = name ? strchr(name + 1, ':') : NULL;
    if (!password || !is_ascii(line))
        return false;
    *name++ = 0;
    *password++ = 0;
    struct user *all = realloc(u->all, (u->count + 1) * sizeof *all);
    if (!all)
        abort();
    u->all = all;
    struct user *one = &all[u->count++];
    one->domain = strdup(line);
    one->name = strdup(name);
    nt_hash(password, one->nt_hash);
    return true;
}

bool users_load(struct users *u, const char *path)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        fprintf(stderr, "handfast-iis: cannot read the user file %s\n", path);
        return false;
    }
    char line[1024];
    unsigned number = 0;
    bool ok = true;
    while (ok && fgets(line, sizeof line, file)) {
        number++;
        line[strcspn(line, "\r\n")] = 0;
        if (line[0] == 0 || line[0] == '#')
            continue;
        ok = users_add(u, line);
        if (!ok)
            fprintf(stderr, "handfast-iis: %s:%u: expected DOMAIN:user:password in ASCII\n", path,
                    number);
    }
    fclose(file);
    return ok;
}

const struct user *users_find(const struct users *u, struct span domain, struct span name,
                              const char *dns_domain)
{
    const uint8_t *at_sign = name.len ? memchr(name.at, '@', name.len) : NULL;
    if (at_sign && domain.len == 0) {
        size_t local = (size_t)(at_sign - name.at);
        domain = span_cut(name, local + 1, name.len);
        name = span_cut(name, 0, local);
    }
    for (size_t i = 0; i < u->count; i++) {
        const struct user *one = &u->all[i];
        bool domain_fits = domain.len == 0 || span_is_word(domain, one->domain) ||
                           span_is_word(domain, dns_domain);
        if (domain_fits && span_is_word(name, one->name))
            return one;
    }
    return NULL;
}
