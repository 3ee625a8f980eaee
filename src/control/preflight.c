// SPDX-License-Identifier: Apache-2.0
// Looks at certificates, and has the rest looked at, before anything is served. Never changes the
// machine. Owns nothing beyond a call.
#include "control/preflight.h"

#include <stdio.h>
#include <time.h>

#include "base/check.h"
#include "control/protection.h"
#include "tls/tls.h"

#define SECONDS_PER_DAY  86400
#define EXPIRY_SOON_DAYS 14

// ---------------------------------------------------------------------------- certificates

static void check_dates(const struct certificate_config *certificate, const char *path,
                        const struct tls_certificate_facts *facts, struct findings *findings)
{
    int64_t now = (int64_t)time(NULL);
    char day[DAY_BYTES];
    if (facts->not_before_s > now) {
        day_text(facts->not_before_s, day);
        findings_add(findings, FINDING_WARNING, certificate->place, path, NULL,
                     "browsers refuse it until then; is the clock right?",
                     "the certificate in %s is not valid before %s", certificate->chain, day);
    }
    day_text(facts->not_after_s, day);
    if (facts->not_after_s < now)
        findings_add(findings, FINDING_WARNING, certificate->place, path, NULL,
                     "browsers refuse it: renew it", "the certificate in %s expired on %s",
                     certificate->chain, day);
    else if (facts->not_after_s < now + EXPIRY_SOON_DAYS * SECONDS_PER_DAY)
        findings_add(findings, FINDING_WARNING, certificate->place, path, NULL, "renew it",
                     "the certificate in %s expires on %s", certificate->chain, day);
}

static bool check_certificate(struct tls_server *server,
                              const struct certificate_config *certificate, const char *path,
                              struct findings *findings)
{
    struct tls_problem problem = {0};
    struct tls_certificate_facts facts;
    if (!tls_server_add(server, certificate->chain, certificate->key, &facts, &problem)) {
        findings_add(findings, FINDING_ERROR, certificate->place, path,
                     "a PEM chain and the private key of its first certificate, both readable",
                     NULL, "%s", problem.text);
        return false;
    }
    check_dates(certificate, path, &facts, findings);
    return true;
}

static bool is_covered(const struct site_config *site, const char *host)
{
    for (size_t i = 0; i < site->certificate_count; i++)
        if (tls_certificate_covers(site->certificates[i].chain, host))
            return true;
    return false;
}

static void check_hosts(const struct site_config *site, size_t site_index,
                        struct findings *findings)
{
    for (size_t i = 0; i < site->host_count; i++) {
        char path[64];
        if (is_covered(site, site->hosts[i]))
            continue;
        snprintf(path, sizeof path, "sites[%zu].hosts[%zu]", site_index, i);
        findings_add(findings, FINDING_ERROR, site->certificates[0].place, path,
                     "its name among the certificate's subject alternative names",
                     "add a certificate, or move the host to another site",
                     "no certificate of site %s covers %s", site->name, site->hosts[i]);
    }
}

static void check_site(const struct site_config *site, size_t index, struct tls_tickets *tickets,
                       struct findings *findings)
{
    if (site->certificate_count == 0)
        return;
    struct tls_server *server = tls_server_new(tickets, site->name);
    CHECK(server);
    bool all_read = true;
    for (size_t i = 0; i < site->certificate_count; i++) {
        char path[64];
        snprintf(path, sizeof path, "sites[%zu].certificates[%zu]", index, i);
        if (!check_certificate(server, &site->certificates[i], path, findings))
            all_read = false;
    }
    // a file that could not be read may be the one that covers the hosts
    if (all_read)
        check_hosts(site, index, findings);
    tls_server_free(server);
}

static void check_authorities(const struct pool_config *pool, size_t index,
                              struct findings *findings)
{
    if (!pool->tls.enabled)
        return;
    struct tls_problem problem = {0};
    struct tls_client *client = tls_client_new(pool->tls.ca, pool->tls.verify, &problem);
    if (!client) {
        char path[64];
        snprintf(path, sizeof path, "pools[%zu].tls", index);
        findings_add(findings, FINDING_ERROR, pool->tls.place, path,
                     "a readable file of PEM certificates", NULL, "%s", problem.text);
        return;
    }
    tls_client_free(client);
}

void preflight_certificates(const struct snapshot *snapshot, struct findings *findings)
{
    struct tls_tickets *tickets = tls_tickets_new();
    CHECK(tickets);
    for (size_t i = 0; i < snapshot->site_count; i++)
        check_site(&snapshot->sites[i], i, tickets, findings);
    for (size_t i = 0; i < snapshot->pool_count; i++)
        check_authorities(&snapshot->pools[i], i, findings);
    tls_tickets_free(tickets);
}

// ---------------------------------------------------------------------------- all

void preflight(const struct snapshot *snapshot, struct findings *findings)
{
    preflight_certificates(snapshot, findings);
    preflight_files(snapshot, findings);
    preflight_ports(snapshot, findings);
    preflight_names(snapshot, findings);
    preflight_protection(snapshot, findings);
    preflight_unnamed(snapshot, findings);
}
