// SPDX-License-Identifier: Apache-2.0
// Reload in two phases: build everything that can fail, then hand the finished service over. A file
// that is wrong changes nothing and says why. Relays and pins are not touched, nor are listeners
// that both files have.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/chores.h"
#include "control/moves.h"
#include "control/supervisor.h"

static bool is_other_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) != 0 : a != b;
}

static void warn_of_restart(struct findings *findings, const char *path)
{
    findings_add(findings, FINDING_WARNING, (struct place){0}, path, NULL,
                 "restart for it to take effect", "differs from what the process was started with");
}

static bool is_off(const struct snapshot *snapshot)
{
    return strcmp(snapshot->log, "off") == 0;
}

// What is read once, at the start. The rest of the file is good without it, so these are warnings.
static void check_restart(const struct supervisor *supervisor, const struct snapshot *snapshot,
                          struct findings *findings)
{
    const struct snapshot *old = supervisor->service->snapshot;
    if (old->workers != snapshot->workers)
        warn_of_restart(findings, "workers");
    if (is_other_text(old->admin, snapshot->admin))
        warn_of_restart(findings, "admin");
    if (is_other_text(old->metrics, snapshot->metrics))
        warn_of_restart(findings, "metrics");
    if (is_off(snapshot) != !supervisor->journal)
        warn_of_restart(findings, "log");
}

// The last step that can fail. Without it the log would go on into a file that was moved away.
static bool reopen_log(struct supervisor *supervisor, const struct snapshot *snapshot,
                       struct findings *findings)
{
    if (!supervisor->journal || is_off(snapshot) ||
        journal_reopen(supervisor->journal, snapshot->log))
        return true;
    findings_add(findings, FINDING_ERROR, (struct place){0}, "log", "a file that can be written",
                 NULL, "%s: %s", snapshot->log, strerror(errno));
    return false;
}

// ---- what can fail

// Everything a reload hands over.
struct readied {
    struct service *service;
    struct listening *listening;
};

static struct service *build(struct supervisor *supervisor, struct snapshot *snapshot,
                             struct findings *findings)
{
    struct lookup *lookup = lookup_new();
    lookup_add_servers(lookup, snapshot);
    lookup_run(lookup);
    struct service *service =
        service_new(snapshot, supervisor->service, lookup, supervisor->tickets, findings);
    lookup_free(lookup);
    return service;
}

static struct service *load(struct supervisor *supervisor, struct findings *findings)
{
    struct snapshot *snapshot = snapshot_load(supervisor->config_file, findings);
    if (snapshot && supervisor->service)
        check_restart(supervisor, snapshot, findings);
    struct service *service = snapshot ? build(supervisor, snapshot, findings) : NULL;
    snapshot_unref(snapshot);
    return service;
}

static bool make_ready(struct supervisor *supervisor, struct findings *findings,
                       struct readied *ret_readied)
{
    struct service *service = load(supervisor, findings);
    if (!service)
        return false;
    struct listening *listening =
        listening_new(service->snapshot, supervisor->worker_count, supervisor->service->snapshot,
                      supervisor->listening, findings);
    if (listening && reopen_log(supervisor, service->snapshot, findings)) {
        *ret_readied = (struct readied){service, listening};
        return true;
    }
    listening_free(listening);
    service_unref(service);
    return false;
}

struct service *reload_first(struct supervisor *supervisor)
{
    struct findings *findings = findings_new(supervisor->config_file);
    struct service *service = load(supervisor, findings);
    supervisor_show(findings, NULL);
    findings_free(findings);
    return service;
}

// ---- handing over

static void adopt_listening(struct supervisor *supervisor, const struct snapshot *snapshot,
                            struct listening *listening)
{
    const struct snapshot *before = supervisor->service->snapshot;
    listening_say(listening, snapshot, before, "listening on");
    listening_say(supervisor->listening, before, snapshot, "no longer listening on");
    listening_free(supervisor->listening);
    supervisor->listening = listening;
}

static bool shows(const struct tls_server *tls, const struct tls_leaf *leaf)
{
    const struct tls_leaf *leaves = NULL;
    size_t count = tls_server_leaves(tls, &leaves);
    for (size_t i = 0; i < count; i++)
        if (memcmp(leaves[i].sha256, leaf->sha256, sizeof leaf->sha256) == 0)
            return true;
    return false;
}

static bool has_dropped(const struct tls_server *now, const struct tls_server *before)
{
    const struct tls_leaf *leaves = NULL;
    size_t count = before ? tls_server_leaves(before, &leaves) : 0;
    for (size_t i = 0; now && i < count; i++)
        if (!shows(now, &leaves[i]))
            return true;
    return false;
}

// What the workers do about it, in words, once for each site.
static void say_renewed(const struct service *before, const struct service *now)
{
    for (size_t i = 0; i < now->snapshot->site_count; i++) {
        const struct site_config *site = &now->snapshot->sites[i];
        for (size_t b = 0; site->mode == SITE_HTTP && b < before->snapshot->site_count; b++)
            if (strcmp(before->snapshot->sites[b].name, site->name) == 0 &&
                has_dropped(now->tls[i], before->tls[b]))
                supervisor_say("site %s shows another certificate: open connections on which "
                               "nobody is logged in are ended as soon as they rest",
                               site->name);
    }
}

void reload_adopt(struct supervisor *supervisor, struct service *service,
                  struct listening *listening)
{
    for (unsigned i = 0; i < supervisor->worker_count; i++)
        worker_adopt(supervisor->workers[i], service,
                     listening ? listening_take(listening, i) : NULL);
    if (listening)
        adopt_listening(supervisor, service->snapshot, listening);
    say_renewed(supervisor->service, service);
    protections_adopt(supervisor->protections, service);
    probes_adopt(supervisor->probes, service->pools, service->snapshot->pool_count);
    service_unref(supervisor->service);
    supervisor->service = service;
    moves_adopt(supervisor->moves);
}

static void refuse(struct supervisor *supervisor, const char *why)
{
    // the checks under way may have waited in vain while names were looked up
    probes_adopt(supervisor->probes, supervisor->service->pools,
                 supervisor->service->snapshot->pool_count);
    supervisor->reloads_failed++;
    supervisor_say("reload refused: %s", why);
}

bool reload(struct supervisor *supervisor, char **ret_findings)
{
    struct findings *findings = findings_new(supervisor->config_file);
    struct readied readied;
    chores_pause(supervisor->chores);
    bool is_ready = !supervisor->is_draining && make_ready(supervisor, findings, &readied);
    chores_resume(supervisor->chores);
    supervisor_show(findings, ret_findings);
    findings_free(findings);
    supervisor->last_reload_us = loop_now_us();
    supervisor->last_reload_was_refused = !is_ready;
    if (!is_ready) {
        refuse(supervisor, supervisor->is_draining ? "the process is stopping"
                                                   : "the configuration in use has not changed");
        return false;
    }
    reload_adopt(supervisor, readied.service, readied.listening);
    supervisor->reloads++;
    supervisor_say("reloaded %s", supervisor->config_file);
    return true;
}
