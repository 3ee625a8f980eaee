// SPDX-License-Identifier: Apache-2.0
// The part of checking a configuration that needs OpenSSL or this machine: keys and certificates,
// ports, names. Adds to findings and changes nothing; for `check`, for the start and for a reload.
#pragma once

#include "config/config.h"

// Certificates and keys of sites and the authorities of pools: readable, matching, covering the
// hosts, in their time. Reads files; a few milliseconds for each.
void preflight_certificates(const struct snapshot *snapshot, struct findings *findings);

// May the log be written and the admin socket be made where they are said to be? Makes neither.
void preflight_files(const struct snapshot *snapshot, struct findings *findings);

// May this process listen where it is told to, for clients and for the metrics? Tries on sockets it
// throws away. A port that is in use is at most a warning, because that may be us: nothing is said
// when somebody answers at the admin socket.
void preflight_ports(const struct snapshot *snapshot, struct findings *findings);

// Do the names that clients are redirected to resolve? Asks the resolver of the machine, so it can
// take seconds: not for a running process.
void preflight_names(const struct snapshot *snapshot, struct findings *findings);

// What becomes of Extended Protection, as far as the file tells: pools in clear, clients in clear,
// sites with certificates of several kinds. Says nothing while there are errors.
void preflight_protection(const struct snapshot *snapshot, struct findings *findings);

// Clients without a server name are shown the certificate of the listener's default site: does it
// cover the names of the other sites? Reads files; says nothing while there are errors.
void preflight_unnamed(const struct snapshot *snapshot, struct findings *findings);

// Connects to every server of the pools that speak TLS and compares their certificates with those
// of the sites that forward to them. Takes as long as the slowest of them; nothing when there are
// errors.
void preflight_servers(struct snapshot *snapshot, struct findings *findings);

// All of them except the servers.
void preflight(const struct snapshot *snapshot, struct findings *findings);
