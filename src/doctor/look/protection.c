// SPDX-License-Identifier: Apache-2.0
// Extended Protection: the same login again and again, each time with another word about the
// channel and the service. What is let in and what is not tells how the server is set. Every
// password here is the right one; what is refused is refused for the channel.
#include "base/check.h"
#include "doctor/look/logins.h"

#define BOGUS_SPN "HTTP/bogus.invalid"

struct probe {
    const char *word;
    enum trial_binding binding;
    bool is_for_other; // names a service that nobody has
};

static const struct probe ntlm_probes[] = {
    {"P0", TRIAL_BINDING_OWN, false},    {"P1", TRIAL_BINDING_RANDOM, false},
    {"P2", TRIAL_BINDING_ABSENT, false}, {"P3", TRIAL_BINDING_EMPTY, false},
    {"P4", TRIAL_BINDING_OWN, true},
};
static const struct probe kerberos_probes[] = {
    {"bound", TRIAL_BINDING_OWN, false},
    {"other", TRIAL_BINDING_RANDOM, false},
    {"unbound", TRIAL_BINDING_ABSENT, false},
    {"empty", TRIAL_BINDING_EMPTY, false},
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static enum outcome try_one(const struct look_round *round, const struct trial_way *way,
                            const struct trial_wish *wish)
{
    struct trial trial;

    look_try(round, way, wish, &trial);
    enum outcome outcome = trial.outcome;
    trial_done(&trial);
    return outcome;
}

struct probing {
    const struct look_round *round;
    const struct trial_way *way;
    const struct trial_wish *wish;
    const struct probe *probes;
    bool is_tried[LOOK_SIDES_MAX];
    enum outcome outcomes[LOOK_SIDES_MAX];
};

static void probe(void *context, size_t index)
{
    struct probing *probing = context;
    struct trial_wish wish = *probing->wish;

    wish.binding = probing->probes[index].binding;
    if (probing->probes[index].is_for_other)
        wish.spn = BOGUS_SPN;
    probing->is_tried[index] = look_way_has_time(probing->round, probing->way);
    if (probing->is_tried[index])
        probing->outcomes[index] = try_one(probing->round, probing->way, &wish);
}

// The right word first: without a login there is nothing to learn about its channel.
static void probe_all(const struct look_round *round, const struct trial_way *way,
                      const struct trial_wish *wish, const struct probe *probes, size_t count,
                      json_t *node)
{
    struct probing probing = {.round = round, .way = way, .wish = wish, .probes = probes};

    probe(&probing, 0);
    if (probing.outcomes[0] == OUTCOME_OK || probing.outcomes[0] == OUTCOME_REFUSED)
        look_side_by_side(1, count, probe, &probing);
    for (size_t i = 0; i < count; i++) {
        if (probing.is_tried[i])
            json_object_set_new(node, probes[i].word,
                                json_string(outcome_word(probing.outcomes[i])));
    }
}

// ---- P5: what the node's own certificate would bind to

static bool binding_at(const struct look_round *round, const struct look_end *end,
                       uint8_t ret_binding[16])
{
    struct call_wish wish = look_wish(round, end);
    struct tls_dialogue_certificate certificate;
    struct call *call = NULL;

    if (!end->is_tls || end->address.size == 0 ||
        !is_ok(call_open(&end->address, &wish, &call, NULL)))
        return false;
    call_certificate(call, &certificate);
    call_close(call);
    memcpy(ret_binding, certificate.binding, 16);
    return certificate.has_binding;
}

// Tries the certificate of each node until one is let in.
static void probe_nodes(const struct look_round *round, const struct trial_way *way,
                        struct trial_wish wish, const struct look_end *front, json_t *node)
{
    uint8_t own[16];

    if (!binding_at(round, front, own))
        return;
    wish.binding = TRIAL_BINDING_GIVEN;
    for (size_t i = 0; i < round->end_count && look_way_has_time(round, way); i++) {
        const struct look_end *end = &round->ends[i];
        if (!end->is_node || !binding_at(round, end, wish.binding_bytes) ||
            memcmp(wish.binding_bytes, own, sizeof(own)) == 0)
            continue;
        enum outcome outcome = try_one(round, way, &wish);
        json_object_set_new(node, "P5", json_string(outcome_word(outcome)));
        json_object_set_new(node, "P5_node", look_text(end->name));
        if (outcome == OUTCOME_OK)
            return;
    }
}

json_t *look_protection(const struct look_round *round, const struct look_end *end)
{
    char host[LOOK_HOST_MAX];
    char spn[LOOK_SPN_MAX];
    struct trial_way way = look_way(round, end, host);
    struct trial_wish ntlm = {.account = &round->subject->accounts[0], .spn = look_spn(round, spn)};
    struct trial_wish kerberos = {
        .scheme = TRIAL_KERBEROS, .kerberos = round->kerberos, .spn = spn};
    json_t *node = json_object();

    if (look_has_password(round, 0)) {
        probe_all(round, &way, &ntlm, ntlm_probes, COUNT_OF(ntlm_probes), node);
        if (!end->is_node && fact_is_known(node, "P1"))
            probe_nodes(round, &way, ntlm, end, node);
    }
    if (round->kerberos) {
        json_t *part = json_object();
        probe_all(round, &way, &kerberos, kerberos_probes, COUNT_OF(kerberos_probes), part);
        json_object_set_new(node, "kerberos", part);
    }
    return node;
}
