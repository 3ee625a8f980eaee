// SPDX-License-Identifier: Apache-2.0
// May this process listen where its configuration says? Its sockets live for one bind and never
// listen. Owns nothing beyond a call.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control/preflight.h"
#include "io/io.h"

// One address that is tried, and where it is written.
struct bind {
    struct place place;
    const char *path;
    const char *address;
    unsigned port;
    enum listener_company company;
};

static void refuse_port(const struct bind *bind, struct findings *findings)
{
    findings_add(findings, FINDING_ERROR, bind->place, bind->path, NULL,
                 "give the program CAP_NET_BIND_SERVICE (AmbientCapabilities= in its systemd "
                 "unit), or lower the sysctl net.ipv4.ip_unprivileged_port_start",
                 "user %u may not listen on port %u", (unsigned)geteuid(), bind->port);
}

static void warn_of_use(const struct bind *bind, struct findings *findings)
{
    char advice[128];
    snprintf(advice, sizeof advice,
             "unless this Handfast is running, find out by whom: ss -ltnp 'sport = :%u'",
             bind->port);
    findings_add(findings, FINDING_WARNING, bind->place, bind->path, NULL, advice,
                 "port %u is in use now", bind->port);
}

static void check_bind(const struct bind *bind, bool is_running, struct findings *findings)
{
    struct address address;
    bool is_address = address_parse(bind->address, bind->port, &address);
    int problem = is_address ? listener_try(&address, bind->company) : EADDRNOTAVAIL;
    if (problem == EACCES)
        refuse_port(bind, findings);
    else if (problem == EADDRNOTAVAIL)
        findings_add(findings, FINDING_ERROR, bind->place, bind->path, "an address of this machine",
                     "an address that moves between machines needs the sysctl "
                     "net.ipv4.ip_nonlocal_bind, or net.ipv6.ip_nonlocal_bind",
                     "this machine does not have the address %s", bind->address);
    else if (problem == EADDRINUSE && !is_running)
        warn_of_use(bind, findings);
    else if (problem && problem != EADDRINUSE)
        findings_add(findings, FINDING_ERROR, bind->place, bind->path, NULL, NULL,
                     "cannot listen there: %s", strerror(problem));
}

// Whoever checks the configuration of a running process finds its ports taken.
static bool is_running(const struct snapshot *snapshot)
{
    int fd = snapshot->admin ? local_connect(snapshot->admin) : -1;
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

void preflight_ports(const struct snapshot *snapshot, struct findings *findings)
{
    bool running = is_running(snapshot);
    for (size_t i = 0; i < snapshot->listener_count; i++) {
        const struct listener_config *listener = &snapshot->listeners[i];
        char path[64];
        snprintf(path, sizeof path, "listeners[%zu].bind", i);
        // a process of this user that serves already is joined without a word
        struct bind bind = {listener->place, path, listener->address, listener->port,
                            LISTENER_FURTHER};
        check_bind(&bind, running, findings);
    }
    struct bind metrics = {snapshot->metrics_place, "metrics", snapshot->metrics_address,
                           snapshot->metrics_port, LISTENER_ALONE};
    if (snapshot->metrics)
        check_bind(&metrics, running, findings);
}
