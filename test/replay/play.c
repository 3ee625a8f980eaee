// SPDX-License-Identifier: Apache-2.0
// The play: a worker's keeper on the fake kernel, the clients and servers of a script, and what must hold at every rest
// and at the end. Every judgement of rule numbers refers to the pin rules of docs/design.
#include "play.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "mode/client.h"

#define TURNS_MAX  20000
#define RESTS_MAX  20000
#define LONG_MS    (2 * 3600 * 1000)
#define SAID_MAX   4096

struct player {
    const struct act *acts;
    const struct bytes *texts;
    struct wire *wire;
    size_t at;     // the act
    size_t judged; // bytes of what it heard
    bool has_stopped; // a disturbance has ended its script
};

struct play {
    struct script *script;
    const struct plan *plan;
    struct io_thread io;
    struct keeper *keeper;
    struct service *service;
    struct findings *findings;
    struct player players[PLAYERS_MAX];
    struct player beside;
    size_t player_count;
    size_t baton;
    size_t used;  // links that carried a request of a player
    size_t begun; // requests of players, or parts of them, that servers heard
    bool is_lenient;   // a disturbance may have ended scripts early
    bool has_fired;
    bool plays_beside; // only the client beside acts
    bool has_failed;
};

static char name[256];

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

static void complain(struct play *play, const char *format, ...)
{
    if (play->has_failed)
        return;
    play->has_failed = true;
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "FAILED %s: ", name);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

static void show(const char *what, struct span text)
{
    fprintf(stderr, "  %s (%zu bytes):\n%.*s\n", what, text.size, SPAN_PRINT(span_first(text, 600)));
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

static void open_worker(struct play *play)
{
    const struct snapshot *snapshot = play->script->snapshot;
    CHECK(io_thread_init(&play->io));
    play->keeper = calloc(1, sizeof *play->keeper);
    play->findings = findings_new("replay");
    play->service = service_new(play->script->snapshot, NULL, NULL, play->findings);
    CHECK(play->keeper && play->service);
    keeper_init(play->keeper, &play->io, 0, 1);
    play->keeper->owner = play;
    play->keeper->log = on_log;
    play->keeper->listener_clients = calloc(snapshot->listener_count, sizeof(size_t));
    keeper_adopt(play->keeper, play->service);
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
    struct service *service = service_new(play->script->snapshot, play->service, NULL, play->findings);
    CHECK(service);
    keeper_adopt(play->keeper, service);
    service_unref(play->service);
    play->service = service;
}

static void close_worker(struct play *play)
{
    keeper_done(play->keeper);
    loop_turn(play->io.loop, 0);
    CHECK(loop_live(play->io.loop) == 0);
    service_unref(play->service);
    io_thread_done(&play->io);
    if (kernel.open_files)
        complain(play, "%zu descriptors were never closed", kernel.open_files);
    findings_free(play->findings);
    free(play->keeper);
}

// ---- servers

static bool is_shared(const struct play *play)
{
    return play->script->host[0] == 's';
}

static void note_owner(struct play *play, struct wire *wire, int client, bool ties)
{
    if (wire->owner < 0)
        play->used += client != BESIDE;
    play->begun += client != BESIDE;
    if (wire->owner >= 0 && wire->owner != client && wire->is_tied)
        complain(play, "rule 1: client %d asks on a link that carried credentials of client %d", client, wire->owner);
    if (wire->owner >= 0 && wire->owner != client && !is_shared(play))
        complain(play, "client %d asks on the dedicated link of client %d", client, wire->owner);
    wire->owner = client;
    wire->is_tied = wire->is_tied || ties;
}

static void answer(struct play *play, struct wire *wire, struct span said, unsigned flags)
{
    if (wire->state != WIRE_OPEN || wire->wants_fin)
        return;
    wire_say(wire, said);
    if (flags & ROW_LEAVES)
        wire_leave(wire);
    else if (flags & ROW_ENDS)
        wire_end(wire);
}

// Does the server now hear what it expects? False: not yet. `ret_may`: it may still come.
static bool hears(struct span rest_heard, struct span expected, bool *ret_may)
{
    if (span_starts_with(rest_heard, expected) && !span_is_empty(expected))
        return true;
    *ret_may = *ret_may || span_starts_with(expected, rest_heard);
    return false;
}

// True when a row has been played.
static bool server_acts(struct play *play, struct wire *wire)
{
    const struct script *script = play->script;
    struct span heard = span_after(bytes_span(&wire->heard), wire->judged);
    bool may_come = false;
    if (span_is_empty(heard))
        return false;
    for (size_t i = 0; i < 16 && script->scenario->rows[i].heard; i++) {
        const struct row *row = &script->scenario->rows[i];
        if (row->state != wire->row_state && row->state != ANY_STATE)
            continue;
        if (!hears(heard, bytes_span(&script->heard[i]), &may_come))
            continue;
        wire->judged += script->heard[i].size;
        wire->row_state = row->next;
        note_owner(play, wire, row->client, row->flags & ROW_TIES);
        answer(play, wire, bytes_span(&script->said[i]), row->flags);
        return true;
    }
    if (hears(heard, bytes_span(&script->beside[2]), &may_come)) {
        wire->judged += script->beside[2].size;
        note_owner(play, wire, BESIDE, false);
        answer(play, wire, bytes_span(&script->beside[3]), 0);
        return true;
    }
    if (!may_come && !play->has_failed) {
        complain(play, "a server in state %u hears what it does not expect", wire->row_state);
        show("heard", heard);
    }
    return false;
}

static bool servers_act(struct play *play)
{
    bool have_acted = false;
    for (size_t i = 0; i < kernel.wire_count; i++)
        while (kernel.wires[i].is_link && server_acts(play, &kernel.wires[i]))
            have_acted = true;
    return have_acted;
}

// ---- clients

static void come_in(struct play *play, struct player *player, unsigned number)
{
    int fd;
    size_t listener = play->script->scenario->flags & SCENARIO_PASSTHROUGH ? 1 : 0;
    struct address address = {.v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(40000 + number))},
                              .size = sizeof address.v4};
    address.v4.sin_addr.s_addr = htonl(0xc0000200 + number);
    player->wire = kernel_accept(&fd);
    player->wire->owner = (int)number;
    entry_accept(play->keeper, listener, fd, &address);
}

// Our own answer instead of the server's: whole, and nothing behind it.
static bool is_own_answer(struct span text)
{
    static const char *const statuses[] = {"400", "408", "413", "502", "503", "504"};
    bool is_known = false;
    for (size_t i = 0; i < 6 && text.size > 12; i++)
        is_known = is_known || memcmp(text.data + 9, statuses[i], 3) == 0;
    const uint8_t *body = memmem(text.data, text.size, "\r\n\r\n", 4);
    if (!is_known || !body || !memmem(text.data, text.size, "\r\nCache-Control: no-store\r\n", 27))
        return false;
    size_t body_size = text.size - (size_t)(body + 4 - text.data);
    const char *length = memmem(text.data, text.size, "Content-Length: ", 16);
    bool is_whole = length && (size_t)atol(length + 16) == body_size;
    return body_size == 0 || (is_whole && memmem(body, body_size + 4, "\nReason: ", 9));
}

// What was heard is not what was expected from `differs_at` on. A disturbance may have put our own answer there.
static void judge_difference(struct play *play, struct player *player, struct span heard, size_t differs_at)
{
    size_t start = differs_at;
    while (start > 0 && !span_starts_with(span_after(heard, start), SPAN("HTTP/1.1 ")))
        start--;
    if (play->is_lenient && is_own_answer(span_after(heard, start))) {
        player->judged += heard.size;
        player->has_stopped = true;
        return;
    }
    if (play->has_failed)
        return;
    complain(play, "client %d hears what it does not expect, from byte %zu on", player->wire->owner, differs_at);
    show("heard", heard);
    show("expected", bytes_span(&player->texts[player->at]));
}

static size_t same_bytes(struct span a, struct span b)
{
    size_t i = 0;
    while (i < a.size && i < b.size && a.data[i] == b.data[i])
        i++;
    return i;
}

// While we drain, answers say that the connection ends; that line is taken out before the rest is judged. True when it
// was there, or may yet come.
static bool forgive_close(struct play *play, struct player *player, size_t at)
{
    struct span close = SPAN("Connection: close\r\n");
    struct bytes *heard = &player->wire->heard;
    struct span text = span_after(bytes_span(heard), player->judged + at);
    if (play->plan->event != EVENT_DRAIN || !play->has_fired)
        return false;
    if (text.size < close.size)
        return span_starts_with(close, text);
    if (!span_starts_with(text, close))
        return false;
    size_t behind = text.size - close.size;
    memmove(heard->data + player->judged + at, text.data + close.size, behind);
    heard->size -= close.size;
    return true;
}

// True when all of it was heard.
static bool player_hears(struct play *play, struct player *player)
{
    struct span expected = bytes_span(&player->texts[player->at]);
    struct span heard = span_after(bytes_span(&player->wire->heard), player->judged);
    size_t same = same_bytes(heard, expected);
    bool differs = same < heard.size && same < expected.size;
    if (differs && forgive_close(play, player, same)) {
        heard = span_after(bytes_span(&player->wire->heard), player->judged);
        same = same_bytes(heard, expected);
    } else if (differs) {
        judge_difference(play, player, heard, same);
    }
    if (same < expected.size)
        return false;
    player->judged += expected.size;
    return true;
}

// True when the act is over and the next may begin.
static bool player_acts(struct play *play, struct player *player)
{
    switch (player->acts[player->at].kind) {
    case SAY:
        wire_say(player->wire, bytes_span(&player->texts[player->at]));
        return true;
    case HEAR:
        return player_hears(play, player);
    case HEAR_END:
        return wire_is_ended(player->wire);
    case END:
        wire_end(player->wire);
        return true;
    case LEAVE:
        wire_leave(player->wire);
        return true;
    case PASS:
        play->baton++;
        player->at++;
        return false;
    case ACT_NONE:
        return false;
    }
    return false;
}

static bool is_over(const struct player *player)
{
    return player->has_stopped || player->acts[player->at].kind == ACT_NONE;
}

static bool run_player(struct play *play, struct player *player, unsigned number)
{
    bool has_acted = false;
    if (!player->wire) {
        come_in(play, player, number);
        has_acted = true;
    }
    while (!is_over(player) && player_acts(play, player)) {
        player->at++;
        has_acted = true;
    }
    return has_acted;
}

static bool clients_act(struct play *play)
{
    if (play->plays_beside)
        return run_player(play, &play->beside, BESIDE);
    for (size_t tries = 0; tries < play->player_count; tries++) {
        size_t i = play->baton % play->player_count;
        size_t before = play->baton;
        if (!is_over(&play->players[i]) && (run_player(play, &play->players[i], (unsigned)i + 1) || play->baton != before))
            return true;
        if (!is_over(&play->players[i]))
            return false;
        play->baton++;
    }
    return false;
}

// ---- events

static const struct act beside_acts[] = {{SAY, ""}, {HEAR, ""}, {END, ""}, {HEAR_END, ""}, {ACT_NONE, ""}};

static void go_on(struct play *play);

static void play_beside(struct play *play)
{
    play->plays_beside = true;
    play->beside = (struct player){.acts = beside_acts, .texts = play->script->beside};
    go_on(play);
    if (!is_over(&play->beside)) {
        kernel_lift_cut(); // it was lent a link whose bytes we hold
        go_on(play);
    }
    if (!is_over(&play->beside))
        complain(play, "the client beside is left without its answer");
    else if (play->beside.judged != play->beside.wire->heard.size)
        complain(play, "the client beside hears more than its answer");
    play->plays_beside = false;
}

static void fire(struct play *play)
{
    const struct plan *plan = play->plan;
    struct wire *wire = kernel.cut_wire;
    play->has_fired = true;
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

// Until nobody has anything to do.
static void go_on(struct play *play)
{
    for (unsigned rests = 0; !play->has_failed; rests++) {
        if (rests > RESTS_MAX) {
            complain(play, "the play does not end");
            return;
        }
        rest(play);
        if (kernel_is_cut() && !play->has_fired) {
            fire(play);
            continue;
        }
        bool has_moved = servers_act(play);
        has_moved = clients_act(play) || has_moved;
        if (!(kernel_deliver() || has_moved))
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
        bool is_lost = link->has_fin || link->is_reset;
        if (is_lost && !wire_is_ended(player->wire) && !player->wire->is_reset)
            complain(play, "rule 2: the pinned link is gone and client %d was not told", link->owner);
        if (!wire_is_live(player->wire) && wire_is_live(link))
            complain(play, "rule 2: client %d is gone and its pinned link lives", link->owner);
    }
}

static void judge_players(struct play *play)
{
    for (size_t i = 0; i < play->player_count && !play->is_lenient; i++) {
        const struct player *player = &play->players[i];
        if (!is_over(player))
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
        play->begun += kernel.wires[i].is_link && kernel.wires[i].heard.size > kernel.wires[i].judged;
}

// Rule 4: however it was disturbed, no request is heard twice.
static void judge_begun(struct play *play)
{
    count_unfinished(play);
    bool is_measure = play->plan->stream == STREAM_NONE && !play->plan->dribbles;
    if (is_measure) {
        memcpy(play->script->totals, kernel.moved, sizeof kernel.moved);
        play->script->begun = play->begun;
        if (play->script->scenario->links && play->script->scenario->links != play->used)
            complain(play, "%zu links were used", play->used);
    } else if (play->begun > play->script->begun) {
        complain(play, "rule 4: servers hear %zu requests instead of %zu", play->begun, play->script->begun);
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
        complain(play, "left over: %zu clients, %zu exchanges, %zu pins, %zu links", keeper->client_count,
                 keeper->exchange_count, keeper->pin_count, links_of(keeper));
    keeper_close_all(play->keeper, END_DRAINED);
    rest(play);
}

// ---- the play

static bool ends_scripts(enum event event)
{
    return event >= EVENT_RESET;
}

static void prepare(struct play *play)
{
    const struct plan *plan = play->plan;
    const struct scenario *scenario = play->script->scenario;
    snprintf(name, sizeof name, "%s on %s: %s at %zu of %s%s%s, %llu ms", scenario->name, play->script->host,
             event_word(plan->event), plan->at, stream_word(plan->stream), plan->dribbles ? ", dribbling" : "",
             plan->is_backwards ? ", backwards" : "", (unsigned long long)plan->pass_ms);
    kernel_reset();
    kernel.cut_stream = plan->stream;
    kernel.cut_at = plan->at;
    kernel.dribbles = plan->dribbles;
    kernel.is_backwards = plan->is_backwards;
    memcpy(kernel.fates, scenario->fates, sizeof kernel.fates);
    play->is_lenient = plan->stream != STREAM_NONE && ends_scripts(plan->event);
    while (play->player_count < PLAYERS_MAX && scenario->clients[play->player_count][0].kind != ACT_NONE) {
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
    bool takes_clients = plan->event != EVENT_DRAIN && !(script->scenario->flags & SCENARIO_PASSTHROUGH);
    kernel_lift_cut();
    if (takes_clients && !play.has_failed)
        play_beside(&play);
    judge_end(&play);
    close_worker(&play);
    return !play.has_failed;
}

// ---- scripts

void script_init(struct script *script, const struct scenario *scenario, const char *host, struct snapshot *snapshot)
{
    static const char *const beside[4] = {
        "GET /open HTTP/1.1\r\nHost: {host}\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nnobody\n",
        "GET /open HTTP/1.1\r\nHost: {host}\r\n{via 9}\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nnobody\n"};
    *script = (struct script){.scenario = scenario, .host = host, .snapshot = snapshot};
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
}
