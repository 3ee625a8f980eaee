// SPDX-License-Identifier: Apache-2.0
// Who acts in a play: servers that follow a table, clients that follow a list. They touch wires
// only, but for coming in.
#include <stdlib.h>

#include "stage.h"

// ---- servers

static bool is_shared(const struct play *play)
{
    return play->script->host[0] == 's';
}

static void note_request(struct play *play, struct wire *wire, int client, struct span said,
                         unsigned flags)
{
    if (wire->owner < 0)
        play->used += client != BESIDE;
    play->begun += client != BESIDE;
    if (wire->owner >= 0 && wire->owner != client && wire->is_tied)
        complain(play, "rule 1: client %d asks on a link that carried credentials of client %d",
                 client, wire->owner);
    if (wire->owner >= 0 && wire->owner != client && !is_shared(play))
        complain(play, "client %d asks on the dedicated link of client %d", client, wire->owner);
    wire->is_second_hand = wire->is_second_hand || (wire->owner >= 0 && wire->owner != client);
    if (flags & ROW_TIES && !wire->is_tied && wire->is_second_hand)
        complain(play, "credentials of client %d go to a link that has served others", client);
    wire->owner = client;
    if (flags & (ROW_TIES | ROW_OFFERS) && !wire->is_tied) {
        wire->is_tied = true;
        wire->known_at = flags & ROW_TIES ? 0 : wire->said_bytes + said.size;
    }
    wire->is_between_legs = flags & ROW_LEGS;
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
        note_request(play, wire, row->client, bytes_span(&script->said[i]), row->flags);
        answer(play, wire, bytes_span(&script->said[i]), row->flags);
        return true;
    }
    if (hears(heard, bytes_span(&script->beside[2]), &may_come)) {
        wire->judged += script->beside[2].size;
        note_request(play, wire, BESIDE, bytes_span(&script->beside[3]), 0);
        answer(play, wire, bytes_span(&script->beside[3]), 0);
        return true;
    }
    if (!may_come && !play->has_failed) {
        complain(play, "a server in state %u hears what it does not expect", wire->row_state);
        complain_text(play, "heard", heard);
    }
    return false;
}

bool cast_servers(struct play *play)
{
    bool have_acted = false;
    for (size_t i = 0; i < kernel.wire_count; i++) {
        struct wire *wire = &kernel.wires[i];
        while (wire->is_link && server_acts(play, wire))
            have_acted = true;
        if (wire->is_link && wire->is_shut && !wire->wants_fin) {
            wire_end(wire); // what a server does when its client has ended
            have_acted = true;
        }
    }
    return have_acted;
}

// ---- clients

bool cast_waits(struct play *play)
{
    struct player *player = &play->players[play->baton % play->player_count];
    if (play->plays_beside || player_is_over(player) || player->acts[player->at].kind != LATER)
        return false;
    kernel_pass_ms((uint64_t)atol(player->acts[player->at++].text));
    return true;
}

static void come_in(struct play *play, struct player *player, unsigned number)
{
    int fd;
    struct address address = {
        .v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(40000 + number))},
        .size = sizeof address.v4};
    address.v4.sin_addr.s_addr = htonl(0xc0000200 + number);
    player->wire = kernel_accept(&fd);
    player->wire->owner = (int)number;
    entry_accept(play->keeper, &play->entrance, fd, &address);
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

// What was heard is not what was expected from `differs_at` on. A disturbance may have put our own
// answer there.
static void judge_difference(struct play *play, struct player *player, struct span heard,
                             size_t differs_at)
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
    complain(play, "client %d hears what it does not expect, from byte %zu on", player->wire->owner,
             differs_at);
    complain_text(play, "heard", heard);
    complain_text(play, "expected", bytes_span(&player->texts[player->at]));
}

static size_t same_bytes(struct span a, struct span b)
{
    size_t i = 0;
    while (i < a.size && i < b.size && a.data[i] == b.data[i])
        i++;
    return i;
}

// While we drain, answers say that the connection ends; that line is taken out before the rest is
// judged. True when it was there, or may yet come.
static bool forgive_close(struct play *play, struct player *player, size_t at)
{
    struct span close = SPAN("Connection: close\r\n");
    struct bytes *heard = &player->wire->heard;
    while (at > 0 && heard->data[player->judged + at - 1] != '\n')
        at--;
    struct span text = span_after(bytes_span(heard), player->judged + at);
    struct span expected = span_after(bytes_span(&player->texts[player->at]), at);
    if (play->plan->event != EVENT_DRAIN || !play->has_fired)
        return false;
    if (text.size < close.size)
        return span_starts_with(close, text);
    if (!span_starts_with(text, close))
        return false;
    struct bytes rest = {0};
    if (span_starts_with(expected, SPAN("Connection: keep-alive\r\n")))
        bytes_add(&rest, SPAN("Connection: keep-alive\r\n"));
    bytes_add(&rest, span_after(text, close.size));
    heard->size = player->judged + at;
    bytes_add(heard, bytes_span(&rest));
    free(rest.data);
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
    case LATER:
    case ACT_NONE:
        return false;
    }
    return false;
}

bool player_is_over(const struct player *player)
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
    while (!player_is_over(player) && player_acts(play, player)) {
        player->at++;
        has_acted = true;
    }
    return has_acted;
}

bool cast_clients(struct play *play)
{
    if (play->plays_beside)
        return run_player(play, &play->beside, BESIDE);
    for (size_t tries = 0; tries < play->player_count; tries++) {
        size_t i = play->baton % play->player_count;
        size_t before = play->baton;
        if (player_is_over(&play->players[i])) {
            play->baton++;
            continue;
        }
        return run_player(play, &play->players[i], (unsigned)i + 1) || play->baton != before;
    }
    return false;
}
