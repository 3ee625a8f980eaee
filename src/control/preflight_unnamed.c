// SPDX-License-Identifier: Apache-2.0
// Clients that say no server name, or one that no site has, are shown the certificate of the
// listener's default site. Finds the names for which that is a certificate of somebody else. Reads
// the files of certificates; owns nothing.
#include <stdio.h>

#include "control/preflight.h"
#include "tls/tls.h"

static bool terminates(const struct site_config *site)
{
    return site->mode == SITE_HTTP && site->certificate_count > 0;
}

static bool covers(const struct site_config *site, const char *host)
{
    for (size_t i = 0; i < site->certificate_count; i++)
        if (tls_certificate_covers(site->certificates[i].chain, host))
            return true;
    return false;
}

struct missed {
    const struct site_config *site; // of the first host; NULL: none
    const char *host;
    size_t count;
};

static struct missed find_missed(const struct snapshot *snapshot,
                                 const struct site_config *default_site)
{
    struct missed missed = {0};
    for (size_t i = 0; i < snapshot->site_count; i++) {
        const struct site_config *site = &snapshot->sites[i];
        if (site == default_site || !terminates(site))
            continue;
        for (size_t j = 0; j < site->host_count; j++) {
            if (covers(default_site, site->hosts[j]))
                continue;
            if (missed.count++ == 0) {
                missed.site = site;
                missed.host = site->hosts[j];
            }
        }
    }
    return missed;
}

static void warn(const struct listener_config *listener, size_t index,
                 const struct site_config *default_site, const struct missed *missed,
                 struct findings *findings)
{
    char path[64];
    char more[48] = "";
    snprintf(path, sizeof path, "listeners[%zu].default_site", index);
    if (missed->count > 1)
        snprintf(more, sizeof more, " and %zu more", missed->count - 1);
    findings_add(
        findings, FINDING_WARNING, listener->place, path, NULL,
        "have the certificate of the default site cover all names, or leave default_site "
        "out: such clients are then refused at once",
        "clients that send no server name, or an unknown one, are shown the certificate of "
        "site %s, which does not cover %s of site %s%s: on such a connection they see a "
        "certificate of another name, bind their logins to it, and get 421 for the hosts "
        "of other sites",
        default_site->name, missed->host, missed->site->name, more);
}

void preflight_unnamed(const struct snapshot *snapshot, struct findings *findings)
{
    if (findings->errors) // a file that cannot be read covers nothing
        return;
    for (size_t i = 0; i < snapshot->listener_count; i++) {
        const struct listener_config *listener = &snapshot->listeners[i];
        if (!listener->is_tls || listener->site_index == SIZE_MAX)
            continue;
        const struct site_config *default_site = &snapshot->sites[listener->site_index];
        if (!terminates(default_site))
            continue;
        struct missed missed = find_missed(snapshot, default_site);
        if (missed.count)
            warn(listener, i, default_site, &missed, findings);
    }
}
