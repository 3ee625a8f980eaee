// SPDX-License-Identifier: Apache-2.0
// Opening the sockets of a snapshot before anything changes.
#include "control/listening.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "control/supervisor.h"

#define CLOSING_TRIES 10
#define CLOSING_MS    20

static int *fd_of(const struct listening *listening, unsigned worker, size_t listener)
{
    return &listening->fds[worker * listening->count + listener];
}

static void refuse(struct findings *findings, const struct listener_config *config, size_t index,
                   const char *why)
{
    char path[64];
    snprintf(path, sizeof path, "listeners[%zu].bind", index);
    findings_add(findings, FINDING_ERROR, config->place, path,
                 "an address of this machine and a free port", NULL, "cannot listen on %s: %s",
                 config->bind, why);
}

static bool is_every_address(const struct address *address)
{
    static const uint8_t zeros[16];
    struct span bytes = address_bytes(address);
    return span_equal(bytes, span_of(zeros, bytes.size));
}

// Does one of these sockets have the address?
static bool is_ours(const struct listening *listening, const struct address *address)
{
    for (size_t i = 0; listening && i < listening->count; i++) {
        const struct address *own = &listening->addresses[i];
        if (address_port(own) == address_port(address) &&
            (is_every_address(own) || is_every_address(address) || address_equal(own, address)))
            return true;
    }
    return false;
}

// The first socket of an address. Workers close what the reload before took from them a moment
// after it, so a port may be ours for that long; otherwise another's is never joined.
static int open_first(struct address *address, const struct listening *now)
{
    int fd = listener_open(address, LISTENER_FIRST);
    if (fd >= 0 || errno != EADDRINUSE || !now)
        return fd;
    if (is_ours(now, address))
        return listener_open(address, LISTENER_FURTHER);
    for (unsigned i = 0; fd < 0 && errno == EADDRINUSE && i < CLOSING_TRIES; i++) {
        poll(NULL, 0, CLOSING_MS);
        fd = listener_open(address, LISTENER_FIRST);
    }
    return fd;
}

// One socket for each worker. The first may be given its port by the kernel; the others share it.
static bool open_one(struct listening *listening, const struct snapshot *snapshot, size_t i,
                     const struct listening *now, struct findings *findings)
{
    const struct listener_config *config = &snapshot->listeners[i];
    struct address *address = &listening->addresses[i];
    if (!address_parse(config->address, config->port, address)) {
        refuse(findings, config, i, "not an address");
        return false;
    }
    listening->turnstiles[i] = turnstile_new();
    for (unsigned worker = 0; worker < listening->workers; worker++) {
        int fd = worker == 0 ? open_first(address, now) : listener_open(address, LISTENER_FURTHER);
        if (fd < 0) {
            refuse(findings, config, i, strerror(errno));
            return false;
        }
        *fd_of(listening, worker, i) = fd;
    }
    return true;
}

static void keep(struct listening *listening, size_t i, const struct listening *now, size_t kept)
{
    listening->addresses[i] = now->addresses[kept];
    listening->turnstiles[i] = turnstile_ref(now->turnstiles[kept]);
}

static struct listening *listening_empty(size_t count, unsigned workers)
{
    struct listening *listening = calloc(1, sizeof *listening);
    CHECK(listening);
    listening->count = count;
    listening->workers = workers;
    listening->addresses = calloc(count + 1, sizeof *listening->addresses);
    listening->turnstiles = calloc(count + 1, sizeof(struct turnstile *));
    listening->fds = malloc((count * workers + 1) * sizeof *listening->fds);
    CHECK(listening->addresses && listening->turnstiles && listening->fds);
    for (size_t i = 0; i < count * workers; i++)
        listening->fds[i] = -1;
    return listening;
}

struct listening *listening_new(const struct snapshot *snapshot, unsigned workers,
                                const struct snapshot *old, const struct listening *now,
                                struct findings *findings)
{
    struct listening *listening = listening_empty(snapshot->listener_count, workers);
    bool is_open = true;
    for (size_t i = 0; i < snapshot->listener_count && is_open; i++) {
        const struct listener_config *config = &snapshot->listeners[i];
        size_t kept = old ? snapshot_listener(old, config->bind, config->nth) : SIZE_MAX;
        if (kept != SIZE_MAX)
            keep(listening, i, now, kept);
        else
            is_open = open_one(listening, snapshot, i, now, findings);
    }
    return is_open ? listening : listening_free(listening);
}

struct worker_socket *listening_take(struct listening *listening, unsigned worker)
{
    struct worker_socket *sockets = calloc(listening->count + 1, sizeof *sockets);
    CHECK(sockets);
    for (size_t i = 0; i < listening->count; i++) {
        sockets[i].fd = *fd_of(listening, worker, i);
        *fd_of(listening, worker, i) = -1;
        if (sockets[i].fd >= 0)
            sockets[i].turnstile = turnstile_ref(listening->turnstiles[i]);
    }
    return sockets;
}

void listening_say(const struct listening *listening, const struct snapshot *snapshot,
                   const struct snapshot *other, const char *words)
{
    for (size_t i = 0; i < listening->count; i++) {
        const struct listener_config *config = &snapshot->listeners[i];
        char text[ADDRESS_TEXT_MAX];
        if (other && snapshot_listener(other, config->bind, config->nth) != SIZE_MAX)
            continue;
        address_print(&listening->addresses[i], text);
        supervisor_say("%s %s (%s)", words, text, config->is_tls ? "TLS" : "plain");
    }
}

struct listening *listening_free(struct listening *listening)
{
    if (!listening)
        return NULL;
    for (size_t i = 0; i < listening->count * listening->workers; i++)
        if (listening->fds[i] >= 0)
            close(listening->fds[i]);
    for (size_t i = 0; i < listening->count; i++)
        turnstile_unref(listening->turnstiles[i]);
    free(listening->turnstiles);
    free(listening->addresses);
    free(listening->fds);
    free(listening);
    return NULL;
}
