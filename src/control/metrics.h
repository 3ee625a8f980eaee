// SPDX-License-Identifier: Apache-2.0
// What Prometheus reads: the tallies of all workers, the servers, and the process, in its text
// format (version 0.0.4).
#pragma once

#include "control/supervisor.h"

// All that is printed, gathered at one moment.
struct metrics {
    struct tally tally; // sum over the workers
    struct worker_gauges gauges;
    const struct service *service;
    const struct protections *protections; // NULL: not judged yet
    unsigned workers;
    bool is_draining;
    uint64_t reloads;
    uint64_t reloads_refused;
    bool last_reload_was_adopted;
    uint64_t log_lines_lost; // by the writer
    double started_s;        // since 1970
    // the process
    double cpu_s;
    uint64_t resident_bytes;
    uint64_t virtual_bytes;
    uint64_t descriptors;
    uint64_t descriptors_max;
};

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

void metrics_gather(const struct supervisor *supervisor, struct metrics *ret_metrics);
// What does not fit is cut, and text->cut says so.
void metrics_print(struct text *text, const struct metrics *metrics);
// Adds what `tally` has counted so far to `sum`, reading it while its worker runs.
void metrics_add_tally(struct tally *sum, const struct tally *tally);
