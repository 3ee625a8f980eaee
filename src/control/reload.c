// SPDX-License-Identifier: Apache-2.0
// Reload in two phases: build everything that can fail, then hand the finished service over. A file
// that is wrong changes nothing and says why. Listeners, relays and pins are not touched.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/chores.h"
#include "control/moves.h"
#include "control/supervisor.h"

// The sockets are open since the start; a snapshot that listens elsewhere would silently not do so.
static void check_listeners(const struct supervisor *supervisor, const struct snapshot *snapshot,
                            struct findings *findings)
{
    const struct snapshot *old = supervisor->service->snapshot;
    bool differ = old->listener_count != snapshot->listener_count;
    for (size_t i = 0; !differ && i < old->listener_count; i++)
        differ = strcmp(old->listeners[i].bind, snapshot->listeners[i].bind) != 0;
    if (differ)
        findings_add(findings, FINDING_ERROR, snapshot->listeners[0].place, "listeners",
                     "the addresses the process was started with", "restart to listen elsewhere",
                     "the listeners differ from those in use");
}

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

static struct service *build(struct supervisor *supervisor, struct snapshot *snapshot,
                             struct findings *findings)
{
    if (supervisor->service) {
        check_listeners(supervisor, snapshot, findings);
        check_restart(supervisor, snapshot, findings);
    }
    if (findings->errors)
        return NULL;
    struct lookup *lookup = lookup_new();
    lookup_add_servers(lookup, snapshot);
    lookup_run(lookup);
    struct service *service =
        service_new(snapshot, supervisor->service, lookup, supervisor->tickets, findings);
    lookup_free(lookup);
    return service && reopen_log(supervisor, snapshot, findings) ? service : service_unref(service);
}

struct service *reload_build(struct supervisor *supervisor, char **ret_findings)
{
    struct findings *findings = findings_new(supervisor->config_file);
    struct snapshot *snapshot = snapshot_load(supervisor->config_file, findings);
    struct service *service = snapshot ? build(supervisor, snapshot, findings) : NULL;
    if (findings->count) {
        char *text = findings_print(findings);
        fputs(text, stderr);
        if (ret_findings)
            *ret_findings = text;
        else
            free(text);
    }
    snapshot_unref(snapshot);
    findings_free(findings);
    return service;
}

void reload_adopt(struct supervisor *supervisor, struct service *service)
{
    for (unsigned i = 0; i < supervisor->worker_count; i++)
        worker_adopt(supervisor->workers[i], service);
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
    chores_pause(supervisor->chores);
    struct service *service =
        supervisor->is_draining ? NULL : reload_build(supervisor, ret_findings);
    chores_resume(supervisor->chores);
    supervisor->last_reload_us = loop_now_us();
    supervisor->last_reload_was_refused = service == NULL;
    if (!service) {
        refuse(supervisor, supervisor->is_draining ? "the process is stopping"
                                                   : "the configuration in use has not changed");
        return false;
    }
    reload_adopt(supervisor, service);
    supervisor->reloads++;
    supervisor_say("reloaded %s", supervisor->config_file);
    return true;
}
