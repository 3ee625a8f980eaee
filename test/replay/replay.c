// SPDX-License-Identifier: Apache-2.0
// The replay ring: every scenario of a group, disturbed at every byte of every stream in every way.
//     replay GROUP            all of it
//     replay GROUP NAME       the scenarios whose name begins like that
// Prints each run that fails with what repeats it, then one count; exit status 1 if one failed.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "play.h"

#define FAILURES_SHOWN 20
#define TOKEN_EDGE     12 // bytes around a place that make it look like the inside of a token
#define TOKEN_STEP     32

static const struct scenario_group *const groups[] = {&plain_group,   &login_group, &pin_group,
                                                      &refusal_group, &relay_group, &planted_group};

static const char http_yaml[] =
    "listeners: [{bind: '192.0.2.80:80'}]\n"
    "sites:\n"
    "  - {name: dedicated, hosts: [a.example], plain_http: serve, routes: [{path: /, forward: "
    "dedicated}]}\n"
    "  - {name: shared, hosts: [s.example], plain_http: serve, routes: [{path: /, forward: "
    "shared}]}\n"
    "  - {name: twins, hosts: [t.example], plain_http: serve, routes: [{path: /, forward: "
    "twins}]}\n"
    "  - {name: one-path, hosts: [n.example], plain_http: serve, routes: [{path: /app/, forward: "
    "dedicated}]}\n"
    "  - {name: redirected, hosts: [r.example], plain_http: serve, routes: [{path: /, redirect: "
    "single}]}\n"
    "  - {name: secure, hosts: [h.example], routes: [{path: /, forward: dedicated}]}\n"
    "pools:\n"
    "  - {name: dedicated, servers: [{name: iis1.example, address: '10.0.0.1:80'}]}\n"
    "  - {name: shared, links: shared, servers: [{name: iis2.example, address: '10.0.0.2:80'}]}\n"
    "  - {name: single, servers: [{name: iis5.example, address: '10.0.0.5:443', redirect_port: "
    "443}]}\n"
    "  - name: twins\n"
    "    servers:\n"
    "      - {name: iis3.example, address: '10.0.0.3:80'}\n"
    "      - {name: iis4.example, address: '10.0.0.4:80'}\n";

static const char passthrough_yaml[] =
    "listeners: [{bind: '192.0.2.80:443'}]\n"
    "sites:\n"
    "  - {name: any, hosts: [www.example.test], passthrough: any}\n"
    "  - {name: named, hosts: [localhost], passthrough: named}\n"
    "pools:\n"
    "  - name: any\n"
    "    servers:\n"
    "      - {name: iis3.example, address: '10.0.0.3:443'}\n"
    "      - {name: iis4.example, address: '10.0.0.4:443'}\n"
    "  - name: named\n"
    "    servers:\n"
    "      - {name: iis1.example, address: '10.0.0.1:443'}\n"
    "      - {name: localhost, address: '10.0.0.2:443'}\n";

// Just beyond every timeout there is by default, from lingering to the idle relay.
static const uint64_t beyond_ms[] = {2001,   5001,   10001,  30001,  55001,
                                     115001, 120001, 300001, 3600001};

#define BEYOND_COUNT (sizeof beyond_ms / sizeof *beyond_ms)

struct score {
    unsigned long runs;
    unsigned long failures;
};

static void run(struct score *score, struct script *script, struct plan plan)
{
    if (score->failures >= FAILURES_SHOWN)
        return;
    score->runs++;
    score->failures += !play(script, &plan);
}

// One place inside a token is like the next: only letters and digits as far as one can see.
static bool is_dull(struct span trace, size_t at)
{
    if (at < TOKEN_EDGE || at + TOKEN_EDGE >= trace.size)
        return false;
    for (size_t i = at - TOKEN_EDGE; i < at + TOKEN_EDGE; i++) {
        uint8_t c = trace.data[i];
        bool is_token = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || c == '+' || c == '/';
        if (!is_token)
            return false;
    }
    return true;
}

// Where a stream is cut: at every byte, but for the inside of tokens and bulk, where some are
// taken.
static size_t next_position(const struct script *script, struct span trace, size_t at)
{
    size_t total = trace.size;
    bool is_bulk = script->scenario->flags & SCENARIO_BULK;
    bool is_inside = at > 200 && at + 20 < total;
    if (is_bulk && is_inside)
        return at + 4999;
    return at + (is_dull(trace, at) && is_dull(trace, at + TOKEN_STEP) ? TOKEN_STEP : 1);
}

// Pieces, resets and ends are tried at every byte. What we do ourselves comes between two steps of
// ours, so that every fourth byte, and wherever everybody waits, is enough.
static bool is_sparse(enum event event)
{
    return event != EVENT_NONE && event != EVENT_RESET && event != EVENT_END;
}

static void disturb_stream(struct score *score, struct script *script, enum stream stream,
                           enum event event)
{
    struct span trace = bytes_span(&script->traces[stream]);
    size_t count = 0;
    for (size_t at = 0; at <= trace.size; at = next_position(script, trace, at), count++) {
        uint64_t pass_ms = event == EVENT_TIME ? beyond_ms[at % BEYOND_COUNT] : 0;
        if (!is_sparse(event) || count % 4 == 0)
            run(score, script, (struct plan){stream, at, event, pass_ms, 0, count / 4 % 2});
    }
}

static void disturb_rests(struct score *score, struct script *script, enum stream stream,
                          enum event event)
{
    const size_t *rests = script->rests[stream];
    size_t times = event == EVENT_TIME ? BEYOND_COUNT : 1;
    for (size_t i = 0; i < script->rest_count; i++) {
        if (i > 0 && rests[i] == rests[i - 1])
            continue; // somebody else has moved
        for (size_t t = 0; t < times; t++)
            run(score, script, (struct plan){stream, rests[i], event, beyond_ms[t], 0, false});
    }
}

static bool concerns(const struct scenario *scenario, enum event event)
{
    return event != EVENT_BESIDE || scenario->flags & SCENARIO_LOGIN;
}

static void disturb(struct score *score, struct script *script)
{
    for (unsigned stream = 0; stream < STREAM_COUNT; stream++) {
        for (unsigned i = 0; i < EVENT_COUNT; i++) {
            enum event event = (enum event)i;
            if (!concerns(script->scenario, event))
                continue;
            disturb_stream(score, script, (enum stream)stream, event);
            if (is_sparse(event))
                disturb_rests(score, script, (enum stream)stream, event);
        }
    }
}

// A check that cannot fail proves nothing.
static void play_planted(struct score *score, struct script *script)
{
    struct plan plan = {.stream = STREAM_NONE};
    score->runs++;
    if (!play(script, &plan))
        return;
    score->failures++;
    fprintf(stderr, "FAILED %s: nothing wrong was found\n", play_name());
}

static void play_scenario(struct score *score, const struct scenario *scenario, const char *host,
                          struct snapshot *snapshot)
{
    struct script script;
    size_t step = scenario->flags & SCENARIO_BULK ? 1009 : 1;
    script_init(&script, scenario, host, snapshot);
    unsigned long failures = score->failures;
    if (scenario->flags & SCENARIO_PLANTED) {
        play_planted(score, &script);
        script_done(&script);
        return;
    }
    run(score, &script, (struct plan){.stream = STREAM_NONE});
    run(score, &script, (struct plan){.stream = STREAM_NONE, .dribble = step});
    run(score, &script,
        (struct plan){.stream = STREAM_NONE, .dribble = step, .is_backwards = true});
    if (score->failures == failures && !(scenario->flags & SCENARIO_CALM))
        disturb(score, &script);
    script_done(&script);
}

static struct snapshot *read_config(const char *yaml)
{
    struct findings *findings = findings_new("replay.yaml");
    struct snapshot *snapshot = snapshot_parse("replay.yaml", span_text(yaml), findings);
    if (!snapshot) {
        fputs(findings_print(findings), stderr);
        abort();
    }
    findings_free(findings);
    return snapshot;
}

static void play_group(struct score *score, const struct scenario_group *group, const char *wanted)
{
    struct snapshot *http = read_config(http_yaml);
    struct snapshot *passthrough = read_config(passthrough_yaml);
    for (size_t i = 0; i < group->count; i++) {
        const struct scenario *scenario = &group->scenarios[i];
        if (strncmp(scenario->name, wanted, strlen(wanted)) != 0)
            continue;
        for (size_t h = 0; scenario->hosts[h]; h++)
            play_scenario(score, scenario, scenario->hosts[h],
                          scenario->flags & SCENARIO_PASSTHROUGH ? passthrough : http);
    }
    snapshot_unref(http);
    snapshot_unref(passthrough);
}

static void on_abort(int number)
{
    const char *text = play_name();
    ssize_t ignored = write(2, text, strlen(text));
    ignored = write(2, "\n", 1);
    (void)ignored;
}

int main(int argc, char **argv)
{
    struct score score = {0};
    signal(SIGABRT, on_abort);
    for (size_t i = 0; argc > 1 && i < sizeof groups / sizeof *groups; i++)
        if (strcmp(argv[1], groups[i]->name) == 0)
            play_group(&score, groups[i], argc > 2 ? argv[2] : "");
    kernel_done();
    printf("%lu runs, %lu failed\n", score.runs, score.failures);
    return score.failures || score.runs == 0;
}
