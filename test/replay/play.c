// SPDX-License-Identifier: Apache-2.0
// The play: a worker's keeper on the fake kernel, the clients and servers of a script, and what
// must hold at every rest and at the end. Every judgement of rule numbers refers to the pin rules
// of docs/design.

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "mode/client.h"
#include "stage.h"

#define TURNS_MAX 20000
#define RESTS_MAX 20000
#define LONG_MS   (2 * 3600 * 1000)
static char name[256];
static struct keeper keeper_memory;

const char *play_name(void)
{
    return name;
}

const char *event_word(enum event event)
{
    static const char *const words[EVENT_COUNT] = {"pause", "beside", "reload", "reset",    "end",
                                                   "leave", "time",   "drain",  "close_all"};
    return words[event];
}

const char *stream_word(enum stream stream)
{
    static const char *const words[STREAM_COUNT + 1] = {"client_says", "client_hears", "link_says",
                                                        "link_hears", "undisturbed"};
    return words[stream];
}

void complain(struct play *play, const char *format, ...)
{
    if (play->has_failed)
        return;
    play->has_failed = true;
    if (play->script->scenario->flags & SCENARIO_PLANTED)
        return;
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "FAILED %s: ", name);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

void complain_text(const struct play *play, const char *what, struct span text)
{
    if (play->script->scenario->flags & SCENARIO_PLANTED)
        return;
    fprintf(stderr, "  %s (%zu bytes):\n%.*s\n", what, text.size,
            SPAN_PRINT(span_first(text, 600)));
}

static bool is_measure(const struct play *play)
{
    return play->plan->stream == STREAM_NONE && !play->plan->dribble;
}

// ---- the worker

static void on_log(struct keeper *keeper, struct span line)
{
    struct play *play = keeper->owner;
    if (!span_ends_with(line, SPAN("}\n")))
        complain(play, "a line of the log is not whole");
    for (size_t i = 0; material_secret(i); i++)
        if (memmem(line.data, line.size, material_secret(i), strlen(material_secret(i))))
            complain(play, "rule 11: a token is in the log");
}

// What one play has learnt of its servers is not for the next.
static void forget_connects(struct service *service)
{
    for (size_t i = 0; i < service->snapshot->pool_count; i++) {
        for (size_t k = 0; k < service->pools[i]->server_count; k++) {
            struct server *server = service->pools[i]->servers[k];
            CHECK(atomic_load(&server->links) == 0);
            atomic_store(&server->connect_errors, 0);
            atomic_store(&server->avoided_until, 0);
        }
    }
}

static void open_worker(struct play *play)
{
    CHECK(io_thread_init(&play->io));
    play->keeper = &keeper_memory;
    memset(play->keeper, 0, offsetof(struct keeper, request)); // behind it is scratch
    forget_connects(play->script->service);
    keeper_init(play->keeper, &play->io, 0, 1);
    play->keeper->owner = play;
    play->keeper->log = on_log;
    play->keeper->turnstile = play->turnstile = turnstile_new();
    play->keeper->clients_max = SIZE_MAX;
    play->entrance = (struct entrance){.turnstile = play->turnstile};
    keeper_adopt(play->keeper, play->script->service);
}

// Turns until nothing is left to do before something comes or time passes.
static void rest(struct play *play)
{
    for (unsigned turns = 0; turns < TURNS_MAX; turns++) {
        loop_turn(play->io.loop, -1);
        if (kernel.is_idle)
            return;
    }
    complain(play, "the loop spins: it does not come to rest");
}

static void reload(struct play *play)
{
    struct findings *findings = findings_new("replay");
    struct service *service =
        service_new(play->script->snapshot, play->script->service, NULL, NULL, findings);
    CHECK(service);
    keeper_adopt(play->keeper, service);
    service_unref(service);
    findings_free(findings);
}

static void close_worker(struct play *play)
{
    keeper_done(play->keeper);
    play->turnstile = turnstile_unref(play->turnstile);
    loop_turn(play->io.loop, 0);
    CHECK(loop_live(play->io.loop) == 0);
    io_thread_done(&play->io);
    if (kernel.open_files)
        complain(play, "%zu descriptors were never closed", kernel.open_files);
}

// ---- events

static const struct act beside_acts[] = {
    {SAY, ""}, {HEAR, ""}, {END, ""}, {HEAR_END, ""}, {ACT_NONE, ""}};

static void go_on(struct play *play);

static void play_beside(struct play *play)
{
    play->plays_beside = true;
    play->beside = (struct player){.acts = beside_acts, .texts = play->script->beside};
    go_on(play);
    if (!player_is_over(&play->beside)) {
        kernel_lift_cut(); // it was lent a link whose bytes we hold
        go_on(play);
    }
    if (!player_is_over(&play->beside))
        complain(play, "the client beside is left without its answer");
    else if (play->beside.judged != play->beside.wire->heard.size)
        complain(play, "the client beside hears more than its answer");
    play->plays_beside = false;
}

// Rule 5: is it just the turn of a client that has heard a token and has not begun to answer it?
static void note_legs(struct play *play)
{
    for (size_t i = 0; i < kernel.wire_count; i++) {
        const struct wire *link = &kernel.wires[i];
        if (!link->is_link || !link->is_between_legs || link->owner < 1 ||
            link->owner > PLAYERS_MAX)
            continue;
        const struct player *player = &play->players[link->owner - 1];
        bool hears = player->acts[player->at].kind == HEAR;
        size_t waiting = player->wire->heard.size - player->judged;
        if (!hears || waiting != player->texts[player->at].size || link->judged != link->heard.size)
            continue;
        play->between_legs = player;
        play->must_reach = player->at + 3; // heard this, said the next, heard its answer
    }
}

static void fire(struct play *play)
{
    const struct plan *plan = play->plan;
    struct wire *wire = kernel.cut_wire;
    play->has_fired = true;
    if (plan->event == EVENT_TIME || plan->event == EVENT_DRAIN)
        note_legs(play);
    if (plan->event == EVENT_BESIDE)
        play_beside(play);
    else if (plan->event == EVENT_RELOAD)
        reload(play);
    else if (plan->event == EVENT_RESET)
        wire_reset(wire);
    else if (plan->event == EVENT_TIME)
        kernel_pass_ms(plan->pass_ms);
    else if (plan->event == EVENT_DRAIN)
        keeper_drain(play->keeper);
    else if (plan->event == EVENT_CLOSE_ALL)
        keeper_close_all(play->keeper, END_DRAINED);
    else if (plan->event == EVENT_END || plan->event == EVENT_LEAVE) {
        wire->said.size = 0;
        if (plan->event == EVENT_END)
            wire_end(wire);
        else
            wire_leave(wire);
    }
    kernel_lift_cut();
}

static void note_rest(struct play *play)
{
    struct script *script = play->script;
    if (!is_measure(play) || script->rest_count == RESTS_KEPT)
        return;
    for (unsigned stream = 0; stream < STREAM_COUNT; stream++)
        script->rests[stream][script->rest_count] = kernel.moved[stream];
    script->rest_count++;
}

// Until nobody has anything to do.
static void go_on(struct play *play)
{
    for (unsigned rests = 0; !play->has_failed; rests++) {
        if (rests > RESTS_MAX) {
            complain(play, "the play does not end");
            return;
        }
        rest(play);
        note_rest(play);
        if (kernel_is_cut() && !play->has_fired) {
            fire(play);
            continue;
        }
        bool has_moved = cast_servers(play);
        has_moved = cast_clients(play) || has_moved;
        has_moved = kernel_deliver() || has_moved;
        if (!has_moved && !cast_waits(play))
            return;
    }
}

// ---- what must hold

// Rule 2, when everything that could happen has happened: neither end of a pin outlives the other.
static void judge_pins(struct play *play)
{
    for (size_t i = 0; i < kernel.wire_count; i++) {
        const struct wire *link = &kernel.wires[i];
        if (!link->is_link || !link->is_tied || link->owner < 1 || link->owner > PLAYERS_MAX)
            continue;
        const struct player *player = &play->players[link->owner - 1];
        bool is_lost = (link->has_fin || link->is_reset) && link->arrived_bytes >= link->known_at;
        if (is_lost && !wire_is_ended(player->wire) && !player->wire->is_reset)
            complain(play, "rule 2: the pinned link is gone and client %d was not told",
                     link->owner);
        if (!wire_is_live(player->wire) && wire_is_live(link))
            complain(play, "rule 2: client %d is gone and its pinned link lives", link->owner);
    }
}

// An answer that only the end of the connection completes must not look complete when it was cut.
static void judge_cut(struct play *play, const struct player *player)
{
    const struct plan *plan = play->plan;
    bool is_by_client = plan->stream == STREAM_CLIENT_SAYS || plan->stream == STREAM_CLIENT_HEARS;
    bool is_cut = (plan->event == EVENT_RESET && !is_by_client) || plan->event == EVENT_TIME ||
                  plan->event == EVENT_CLOSE_ALL;
    bool hears = player->wire && player->acts[player->at].kind == HEAR &&
                 player->wire->heard.size > player->judged;
    if (is_cut && !player_is_over(player) && hears && !player->wire->was_reset_by_us)
        complain(play, "an answer that was cut looks complete");
}

static void judge_players(struct play *play)
{
    if (play->between_legs && play->between_legs->at < play->must_reach)
        complain(play, "rule 5: a step between the legs ended the login");
    if (play->script->scenario->flags & SCENARIO_UNTIL_CLOSE)
        judge_cut(play, &play->players[0]);
    for (size_t i = 0; i < play->player_count && !play->is_lenient; i++) {
        const struct player *player = &play->players[i];
        if (!player_is_over(player))
            complain(play, "client %zu waits in vain in its act %zu", i + 1, player->at + 1);
        else if (player->judged != player->wire->heard.size)
            complain(play, "client %zu hears more than it expects", i + 1);
        else if (player->wire->was_reset_by_us)
            complain(play, "client %zu is reset", i + 1);
    }
}

static void count_unfinished(struct play *play)
{
    for (size_t i = 0; i < kernel.wire_count; i++)
        play->begun +=
            kernel.wires[i].is_link && kernel.wires[i].heard.size > kernel.wires[i].judged;
}

// Rule 4: however it was disturbed, no request is heard twice.
static void judge_begun(struct play *play)
{
    kernel.traces = NULL;
    count_unfinished(play);
    if (is_measure(play)) {
        play->script->begun = play->begun;
        if (play->script->scenario->links && play->script->scenario->links != play->used)
            complain(play, "%zu links were used", play->used);
    } else if (play->begun > play->script->begun) {
        complain(play, "rule 4: servers hear %zu requests instead of %zu", play->begun,
                 play->script->begun);
    }
}

static size_t links_of(const struct keeper *keeper)
{
    size_t links = 0;
    for (const struct list *item = keeper->sides.next; item != &keeper->sides; item = item->next) {
        const struct service_side *side = CONTAINER(item, const struct service_side, siblings);
        for (size_t i = 0; i < side->service->snapshot->pool_count; i++)
            links += side->pools[i].link_count;
    }
    return links;
}

// Everybody leaves and hours pass: nothing may be left, without anybody closing it by force.
static void judge_end(struct play *play)
{
    for (size_t i = 0; i < play->player_count; i++)
        if (play->players[i].wire)
            wire_leave(play->players[i].wire);
    go_on(play);
    for (unsigned i = 0; i < 3; i++) {
        kernel_pass_ms(LONG_MS);
        rest(play);
    }
    const struct keeper *keeper = play->keeper;
    if (keeper->client_count || keeper->exchange_count || keeper->pin_count || links_of(keeper))
        complain(play, "left over: %zu clients, %zu exchanges, %zu pins, %zu links",
                 keeper->client_count, keeper->exchange_count, keeper->pin_count, links_of(keeper));
    keeper_close_all(play->keeper, END_DRAINED);
    rest(play);
}

// ---- the play

// May scripts end early after it?
static bool ends_scripts(enum event event)
{
    return event >= EVENT_RESET;
}

static void prepare(struct play *play)
{
    const struct plan *plan = play->plan;
    const struct scenario *scenario = play->script->scenario;
    snprintf(name, sizeof name, "%s on %s: %s at %zu of %s%s%s, %llu ms", scenario->name,
             play->script->host, event_word(plan->event), plan->at, stream_word(plan->stream),
             plan->dribble ? ", dribbling" : "", plan->is_backwards ? ", backwards" : "",
             (unsigned long long)plan->pass_ms);
    kernel_reset();
    kernel.cut_stream = plan->stream;
    kernel.cut_at = plan->at;
    kernel.dribble = plan->dribble;
    kernel.is_backwards = plan->is_backwards;
    kernel.traces = is_measure(play) ? play->script->traces : NULL;
    memcpy(kernel.fates, scenario->fates, sizeof kernel.fates);
    play->is_lenient = plan->stream != STREAM_NONE && ends_scripts(plan->event);
    while (play->player_count < PLAYERS_MAX &&
           scenario->clients[play->player_count][0].kind != ACT_NONE) {
        struct player *player = &play->players[play->player_count];
        player->acts = scenario->clients[play->player_count];
        player->texts = play->script->acts[play->player_count++];
    }
}

bool play(struct script *script, const struct plan *plan)
{
    struct play play = {.script = script, .plan = plan};
    prepare(&play);
    open_worker(&play);
    go_on(&play);
    judge_pins(&play);
    judge_players(&play);
    judge_begun(&play);
    bool takes_clients = plan->event != EVENT_DRAIN &&
                         !(script->scenario->flags & (SCENARIO_PASSTHROUGH | SCENARIO_ALONE));
    kernel_lift_cut();
    if (takes_clients && !play.has_failed)
        play_beside(&play);
    judge_end(&play);
    close_worker(&play);
    return !play.has_failed;
}

// ---- scripts

void script_init(struct script *script, const struct scenario *scenario, const char *host,
                 struct snapshot *snapshot)
{
    static const char *const beside[4] = {"GET /open HTTP/1.1\r\nHost: {host}\r\n\r\n",
                                          "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nnobody\n",
                                          "GET /open HTTP/1.1\r\nHost: {host}\r\n{via 9}\r\n",
                                          "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nnobody\n"};
    *script = (struct script){.scenario = scenario, .host = host, .snapshot = snapshot};
    struct findings *findings = findings_new("replay");
    script->service = service_new(snapshot, NULL, NULL, NULL, findings);
    CHECK(script->service);
    findings_free(findings);
    for (size_t p = 0; p < PLAYERS_MAX; p++)
        for (size_t i = 0; i < 24 && scenario->clients[p][i].kind != ACT_NONE; i++)
            if (scenario->clients[p][i].text)
                material_expand(scenario->clients[p][i].text, host, &script->acts[p][i]);
    for (size_t i = 0; i < 16 && scenario->rows[i].heard; i++) {
        material_expand(scenario->rows[i].heard, host, &script->heard[i]);
        material_expand(scenario->rows[i].said, host, &script->said[i]);
    }
    for (size_t i = 0; i < 4; i++)
        material_expand(beside[i], host, &script->beside[i]);
}

void script_done(struct script *script)
{
    for (size_t p = 0; p < PLAYERS_MAX; p++)
        for (size_t i = 0; i < 24; i++)
            free(script->acts[p][i].data);
    for (size_t i = 0; i < 16; i++) {
        free(script->heard[i].data);
        free(script->said[i].data);
    }
    for (size_t i = 0; i < 4; i++)
        free(script->beside[i].data);
    for (size_t i = 0; i < STREAM_COUNT; i++)
        free(script->traces[i].data);
    service_unref(script->service);
}
