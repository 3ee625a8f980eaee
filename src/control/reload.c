// SPDX-License-Identifier: Apache-2.0
// Reload in two phases: build everything that can fail, then hand the finished service over. A file that is wrong changes
// nothing and says why. Listeners, relays and pins are not touched.
#include <stdio.h>
#include <stdlib.h>

#include "control/preflight.h"
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

struct service *reload_build(struct supervisor *supervisor, char **ret_findings)
{
    struct findings *findings = findings_new(supervisor->config_file);
    struct snapshot *snapshot = snapshot_load(supervisor->config_file, findings);
    struct service *service = NULL;
    if (snapshot && supervisor->service)
        check_listeners(supervisor, snapshot, findings);
    if (snapshot && findings->errors == 0)
        service = service_new(snapshot, supervisor->service, supervisor->tickets, findings);
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

bool reload(struct supervisor *supervisor, char **ret_findings)
{
    struct service *service = reload_build(supervisor, ret_findings);
    supervisor->last_reload_us = loop_now_us();
    supervisor->last_reload_was_refused = service == NULL;
    if (!service) {
        // the checks under way may have waited in vain while names were looked up
        probes_adopt(supervisor->probes, supervisor->service->pools, supervisor->service->snapshot->pool_count);
        supervisor->reloads_failed++;
        supervisor_say("reload refused: the configuration in use has not changed");
        return false;
    }
    for (unsigned i = 0; i < supervisor->worker_count; i++)
        worker_adopt(supervisor->workers[i], service);
    probes_adopt(supervisor->probes, service->pools, service->snapshot->pool_count);
    service_unref(supervisor->service);
    supervisor->service = service;
    supervisor->reloads++;
    if (supervisor->journal)
        journal_reopen(supervisor->journal);
    supervisor_say("reloaded %s", supervisor->config_file);
    return true;
}
