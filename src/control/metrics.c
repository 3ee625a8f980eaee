// SPDX-License-Identifier: Apache-2.0
// Printing metrics. Every name begins with handfast_, but for those of the process, which are the
// same everywhere.
#include "control/metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

// ---- gathering

void metrics_add_tally(struct tally *sum, const struct tally *tally)
{
    // a tally is nothing but counters, so it is summed as a row of numbers
    _Static_assert(sizeof(struct tally) % sizeof(uint64_t) == 0, "a tally holds counters only");
    uint64_t *to = (uint64_t *)(void *)sum;
    const uint64_t *from = (const uint64_t *)(const void *)tally;
    for (size_t i = 0; i < sizeof *sum / sizeof(uint64_t); i++)
        to[i] += tally_read(&from[i]);
}

static void gather_memory(struct metrics *metrics)
{
    unsigned long long pages = 0;
    unsigned long long resident = 0;
    uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    FILE *file = fopen("/proc/self/statm", "re");
    if (file && fscanf(file, "%llu %llu", &pages, &resident) == 2) {
        metrics->virtual_bytes = pages * page_bytes;
        metrics->resident_bytes = resident * page_bytes;
    }
    if (file)
        fclose(file);
}

static void gather_descriptors(struct metrics *metrics)
{
    DIR *folder = opendir("/proc/self/fd");
    struct rlimit limit = {0};
    while (folder && readdir(folder))
        metrics->descriptors++;
    if (folder) {
        metrics->descriptors -= 3; // ".", ".." and the one that reads them
        closedir(folder);
    }
    getrlimit(RLIMIT_NOFILE, &limit);
    metrics->descriptors_max = limit.rlim_cur;
}

static void gather_process(struct metrics *metrics)
{
    struct rusage usage = {0};
    getrusage(RUSAGE_SELF, &usage);
    metrics->cpu_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                     (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    gather_memory(metrics);
    gather_descriptors(metrics);
}

void metrics_gather(const struct supervisor *supervisor, struct metrics *ret_metrics)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    double now_s = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
    *ret_metrics = (struct metrics){
        .service = supervisor->service,
        .protections = supervisor->protections,
        .workers = supervisor->worker_count,
        .is_draining = supervisor->is_draining,
        .reloads = supervisor->reloads,
        .reloads_refused = supervisor->reloads_failed,
        .last_reload_was_adopted = !supervisor->last_reload_was_refused,
        .log_lines_lost = supervisor->journal ? journal_lost_lines(supervisor->journal) : 0,
        .started_s = now_s - (double)(loop_now_us() - supervisor->started_us) / US_PER_S,
    };
    for (unsigned i = 0; i < supervisor->worker_count; i++) {
        struct worker_gauges gauges;
        worker_gauges(supervisor->workers[i], &gauges);
        metrics_add_tally(&ret_metrics->tally, worker_tally(supervisor->workers[i]));
        ret_metrics->gauges.clients += gauges.clients;
        ret_metrics->gauges.exchanges += gauges.exchanges;
        ret_metrics->gauges.pins += gauges.pins;
        ret_metrics->gauges.links += gauges.links;
    }
    gather_process(ret_metrics);
}

// ---- the format

static void family(struct text *text, const char *name, const char *type, const char *help)
{
    text_add_printf(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void plain_u64(struct text *text, const char *name, const char *type, const char *help,
                      uint64_t value)
{
    family(text, name, type, help);
    text_add_printf(text, "%s %llu\n", name, (unsigned long long)value);
}

static void plain_double(struct text *text, const char *name, const char *type, const char *help,
                         double value)
{
    family(text, name, type, help);
    text_add_printf(text, "%s %.3f\n", name, value);
}

// Backslash, double quote and line feed are what the format escapes.
static void label(struct text *text, const char *name, const char *value, char before)
{
    text_add_printf(text, "%c%s=\"", before, name);
    for (; *value; value++) {
        if (*value == '\\' || *value == '"')
            text_add_printf(text, "\\%c", *value);
        else if (*value == '\n')
            text_add_string(text, "\\n");
        else
            text_add(text, span_of(value, 1));
    }
    text_add_string(text, "\"");
}

static void value_u64(struct text *text, uint64_t value)
{
    text_add_printf(text, "} %llu\n", (unsigned long long)value);
}

// ---- what the workers counted

static void print_counts(struct text *text, const struct tally *tally)
{
    for (enum tally_id id = 0; id < TALLY_COUNT; id++) {
        const char *name = tally_name(id);
        text_add_printf(text,
                        "# HELP handfast_%s %s\n# TYPE handfast_%s counter\nhandfast_%s %llu\n",
                        name, tally_help(id), name, name, (unsigned long long)tally->counts[id]);
    }
}

static void print_statuses(struct text *text, const struct tally *tally)
{
    static const char *const classes[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
    family(text, "handfast_responses_total", "counter",
           "Exchanges by the class of the status answered");
    for (size_t i = 0; i < 6; i++) {
        text_add_string(text, "handfast_responses_total");
        label(text, "class", classes[i], '{');
        value_u64(text, tally->statuses[i]);
    }
}

static void print_ends(struct text *text, const struct tally *tally)
{
    family(text, "handfast_ends_total", "counter",
           "Exchanges, relays and clients by how they ended and whose doing it was");
    for (enum end end = END_OK; end < END_COUNT; end++) {
        text_add_string(text, "handfast_ends_total");
        label(text, "end", end_word(end), '{');
        label(text, "by", end_side_word(end), ',');
        value_u64(text, tally->ends[end]);
    }
}

static void print_pins_ended(struct text *text, const struct tally *tally)
{
    family(text, "handfast_pins_ended_total", "counter",
           "Pins by what ended them and whose doing it was");
    for (enum end end = END_OK; end < END_COUNT; end++) {
        text_add_string(text, "handfast_pins_ended_total");
        label(text, "end", end_word(end), '{');
        label(text, "by", end_side_word(end), ',');
        value_u64(text, tally->pins_ended[end]);
    }
}

static void print_logins_of(struct text *text, const struct tally *tally,
                            enum login_mechanism scheme, enum login_leg leg)
{
    for (enum login_outcome outcome = 0; outcome < LOGIN_OUTCOMES; outcome++) {
        text_add_string(text, "handfast_logins_total");
        label(text, "scheme", login_mechanism_word(scheme), '{');
        label(text, "leg", login_leg_word(leg), ',');
        label(text, "outcome", login_outcome_word(outcome), ',');
        value_u64(text, tally->logins[scheme][leg][outcome]);
    }
}

static void print_logins(struct text *text, const struct tally *tally)
{
    family(text, "handfast_logins_total", "counter",
           "Exchanges that carried Windows credentials, by scheme, leg and outcome");
    for (enum login_mechanism scheme = 0; scheme < LOGIN_MECHANISMS; scheme++)
        for (enum login_leg leg = 0; leg < LOGIN_LEGS; leg++)
            print_logins_of(text, tally, scheme, leg);
}

static void print_attempts(struct text *text, const struct tally *tally)
{
    family(text, "handfast_login_attempts_total", "counter",
           "Logins by scheme and by what became of them");
    for (enum attempt_mechanism scheme = 0; scheme < ATTEMPT_MECHANISMS; scheme++) {
        for (enum login_verdict verdict = 0; verdict < LOGIN_VERDICT_COUNT; verdict++) {
            text_add_string(text, "handfast_login_attempts_total");
            label(text, "scheme", attempt_mechanism_word(scheme), '{');
            label(text, "verdict", login_verdict_word(verdict), ',');
            value_u64(text, tally->attempts[scheme][verdict]);
        }
    }
}

static void print_histogram(struct text *text, const char *name, const char *help,
                            const struct histogram *histogram)
{
    static const uint64_t bounds[HISTOGRAM_BOUNDS] = HISTOGRAM_BOUNDS_US;
    uint64_t count = 0;
    family(text, name, "histogram", help);
    for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++) {
        count += histogram->counts[i];
        text_add_printf(text, "%s_bucket{le=\"%g\"} %llu\n", name, (double)bounds[i] / US_PER_S,
                        (unsigned long long)count);
    }
    count += histogram->counts[HISTOGRAM_BOUNDS];
    text_add_printf(text, "%s_bucket{le=\"+Inf\"} %llu\n", name, (unsigned long long)count);
    text_add_printf(text, "%s_sum %llu.%06llu\n", name,
                    (unsigned long long)(histogram->sum_us / US_PER_S),
                    (unsigned long long)(histogram->sum_us % US_PER_S));
    text_add_printf(text, "%s_count %llu\n", name, (unsigned long long)count);
}

// ---- servers

// One value of one server; `tally` is its sum over the workers.
typedef uint64_t server_value_fn(const struct server *server, const struct server_tally *tally);

static uint64_t is_up(const struct server *server, const struct server_tally *tally)
{
    return server->health.run.verdict != VERDICT_DOWN;
}

static uint64_t is_checked(const struct server *server, const struct server_tally *tally)
{
    return server->health.run.verdict != VERDICT_UNTRIED;
}

static uint64_t links(const struct server *server, const struct server_tally *tally)
{
    return atomic_load(&server->links);
}

static uint64_t links_opened(const struct server *server, const struct server_tally *tally)
{
    return tally->links_opened;
}

static uint64_t exchanges(const struct server *server, const struct server_tally *tally)
{
    return tally->exchanges;
}

static uint64_t connect_errors(const struct server *server, const struct server_tally *tally)
{
    return tally->connect_errors;
}

static uint64_t bytes_to_server(const struct server *server, const struct server_tally *tally)
{
    return tally->bytes_to_server;
}

static uint64_t bytes_from_server(const struct server *server, const struct server_tally *tally)
{
    return tally->bytes_from_server;
}

static uint64_t checks_passed(const struct server *server, const struct server_tally *tally)
{
    return server->health.checks_passed;
}

static uint64_t checks_failed(const struct server *server, const struct server_tally *tally)
{
    return server->health.checks_failed;
}

static uint64_t rises(const struct server *server, const struct server_tally *tally)
{
    return server->health.rises;
}

static uint64_t falls(const struct server *server, const struct server_tally *tally)
{
    return server->health.falls;
}

static const struct server_row {
    const char *name;
    const char *type;
    const char *help;
    server_value_fn *value;
} server_rows[] = {
    {"handfast_server_up", "gauge", "1 unless health checks have found the server down", is_up},
    {"handfast_server_checked", "gauge",
     "1 when a health check has said something about the server", is_checked},
    {"handfast_server_links", "gauge", "Links open to the server", links},
    {"handfast_server_links_opened_total", "counter", "Links opened to the server", links_opened},
    {"handfast_server_exchanges_total", "counter", "Exchanges sent to the server", exchanges},
    {"handfast_server_connect_errors_total", "counter", "Links that failed to open",
     connect_errors},
    {"handfast_server_sent_bytes_total", "counter",
     "Bytes sent to the server, above TLS; of a relay when it ended", bytes_to_server},
    {"handfast_server_received_bytes_total", "counter",
     "Bytes received from the server, above TLS; of a relay when it ended", bytes_from_server},
    {"handfast_server_checks_passed_total", "counter", "Health checks the server passed",
     checks_passed},
    {"handfast_server_checks_failed_total", "counter", "Health checks the server failed",
     checks_failed},
    {"handfast_server_rises_total", "counter", "Times the server was found up after it was not",
     rises},
    {"handfast_server_falls_total", "counter", "Times the server was found down after it was not",
     falls},
};

static void print_server_row(struct text *text, const struct service *service,
                             const struct server_row *row)
{
    family(text, row->name, row->type, row->help);
    for (size_t p = 0; p < service->snapshot->pool_count; p++) {
        const struct pool *pool = service->pools[p];
        for (size_t i = 0; i < pool->server_count; i++) {
            struct server_tally tally;
            server_tally_sum(pool->servers[i], &tally);
            text_add_string(text, row->name);
            label(text, "pool", pool->config->name, '{');
            label(text, "server", pool->servers[i]->name, ',');
            value_u64(text, row->value(pool->servers[i], &tally));
        }
    }
}

static void print_servers(struct text *text, const struct service *service)
{
    for (size_t i = 0; i < sizeof server_rows / sizeof server_rows[0]; i++)
        print_server_row(text, service, &server_rows[i]);
}

static void print_protections(struct text *text, const struct protections *protections)
{
    const struct protection_entry *entries;
    size_t count = protections ? protections_entries(protections, &entries) : 0;
    family(text, "handfast_protection", "gauge",
           "What becomes of channel bindings (Extended Protection) between clients of a site and a "
           "server");
    for (size_t i = 0; i < count; i++) {
        text_add_string(text, "handfast_protection");
        label(text, "site", entries[i].site->name, '{');
        label(text, "mode", way_word(entries[i].kind), ',');
        label(text, "client", entries[i].client_is_tls ? "tls" : "plain", ',');
        label(text, "pool", entries[i].pool->config->name, ',');
        label(text, "server", entries[i].server->name, ',');
        label(text, "verdict", protection_word(entries[i].verdict), ',');
        value_u64(text, 1);
    }
}

// ---- the process

static void print_reloads(struct text *text, const struct metrics *metrics)
{
    family(text, "handfast_reloads_total", "counter", "Reloads by outcome");
    text_add_printf(text, "handfast_reloads_total{outcome=\"adopted\"} %llu\n",
                    (unsigned long long)metrics->reloads);
    text_add_printf(text, "handfast_reloads_total{outcome=\"refused\"} %llu\n",
                    (unsigned long long)metrics->reloads_refused);
    plain_u64(text, "handfast_last_reload_adopted", "gauge", "1 unless the last reload was refused",
              metrics->last_reload_was_adopted);
}

static void print_gauges(struct text *text, const struct metrics *metrics)
{
    plain_u64(text, "handfast_clients", "gauge", "Clients connected", metrics->gauges.clients);
    plain_u64(text, "handfast_exchanges", "gauge", "Exchanges under way",
              metrics->gauges.exchanges);
    plain_u64(text, "handfast_pins", "gauge", "Links tied to one client", metrics->gauges.pins);
    plain_u64(text, "handfast_links", "gauge", "Links to servers", metrics->gauges.links);
    plain_u64(text, "handfast_workers", "gauge", "Worker threads", metrics->workers);
    plain_u64(text, "handfast_draining", "gauge",
              "1 while the process finishes what is open and takes nothing new",
              metrics->is_draining);
}

static void print_process(struct text *text, const struct metrics *metrics)
{
    family(text, "handfast_info", "gauge", "The running version");
    text_add_string(text, "handfast_info");
    label(text, "version", HANDFAST_VERSION, '{');
    value_u64(text, 1);
    plain_double(text, "process_start_time_seconds", "gauge",
                 "Start of the process, seconds since 1970", metrics->started_s);
    plain_double(text, "process_cpu_seconds_total", "counter", "User and system time",
                 metrics->cpu_s);
    plain_u64(text, "process_resident_memory_bytes", "gauge", "Resident memory",
              metrics->resident_bytes);
    plain_u64(text, "process_virtual_memory_bytes", "gauge", "Virtual memory",
              metrics->virtual_bytes);
    plain_u64(text, "process_open_fds", "gauge", "Open descriptors", metrics->descriptors);
    plain_u64(text, "process_max_fds", "gauge", "Limit of open descriptors",
              metrics->descriptors_max);
}

void metrics_print(struct text *text, const struct metrics *metrics)
{
    struct tally tally = metrics->tally;
    tally.counts[TALLY_LOG_LINES_LOST] += metrics->log_lines_lost;
    print_counts(text, &tally);
    print_statuses(text, &tally);
    print_logins(text, &tally);
    print_attempts(text, &tally);
    print_ends(text, &tally);
    print_pins_ended(text, &tally);
    print_histogram(text, "handfast_connect_seconds", "Time to open a link, TLS included",
                    &tally.connect);
    print_histogram(text, "handfast_first_byte_seconds",
                    "From a request's head to the first byte of its answer", &tally.first_byte);
    print_histogram(text, "handfast_exchange_seconds",
                    "From a request's head to the end of the exchange", &tally.total);
    print_gauges(text, metrics);
    print_servers(text, metrics->service);
    print_protections(text, metrics->protections);
    print_reloads(text, metrics);
    print_process(text, metrics);
}
