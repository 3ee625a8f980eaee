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

static const struct scenario_group *const groups[] = {&plain_group};

static const char yaml[] =
    "listeners: [{bind: '192.0.2.80:80'}]\n"
    "sites:\n"
    "  - {name: dedicated, hosts: [a.example], plain_http: serve, routes: [{path: /, forward: dedicated}]}\n"
    "  - {name: shared, hosts: [s.example], plain_http: serve, routes: [{path: /, forward: shared}]}\n"
    "pools:\n"
    "  - {name: dedicated, servers: [{name: iis1.example, address: '10.0.0.1:80'}]}\n"
    "  - {name: shared, links: shared, servers: [{name: iis2.example, address: '10.0.0.2:80'}]}\n";

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

static void disturb_everywhere(struct score *score, struct script *script, enum stream stream, enum event event)
{
    for (size_t at = 0; at <= script->totals[stream]; at++)
        run(score, script, (struct plan){.stream = stream, .at = at, .event = event, .is_backwards = at % 2});
}

static void play_scenario(struct score *score, const struct scenario *scenario, const char *host,
                          struct snapshot *snapshot)
{
    struct script script;
    script_init(&script, scenario, host, snapshot);
    unsigned long failures = score->failures;
    run(score, &script, (struct plan){.stream = STREAM_NONE});
    run(score, &script, (struct plan){.stream = STREAM_NONE, .dribbles = true});
    run(score, &script, (struct plan){.stream = STREAM_NONE, .dribbles = true, .is_backwards = true});
    for (unsigned stream = 0; stream < STREAM_COUNT && failures == score->failures; stream++)
        for (unsigned event = 0; event < EVENT_COUNT; event++)
            if (event != EVENT_TIME)
                disturb_everywhere(score, &script, (enum stream)stream, (enum event)event);
    script_done(&script);
}

static struct snapshot *read_config(void)
{
    struct findings *findings = findings_new("replay.yaml");
    struct snapshot *snapshot = snapshot_parse("replay.yaml", span_text(yaml), findings);
    if (!snapshot) {
        char *text = findings_print(findings);
        fputs(text, stderr);
        abort();
    }
    findings_free(findings);
    return snapshot;
}

static void play_group(struct score *score, const struct scenario_group *group, const char *wanted)
{
    struct snapshot *snapshot = read_config();
    for (size_t i = 0; i < group->count; i++) {
        const struct scenario *scenario = &group->scenarios[i];
        if (strncmp(scenario->name, wanted, strlen(wanted)) != 0)
            continue;
        for (size_t h = 0; scenario->hosts[h]; h++)
            play_scenario(score, scenario, scenario->hosts[h], snapshot);
    }
    snapshot_unref(snapshot);
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
