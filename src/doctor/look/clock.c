// SPDX-License-Identifier: Apache-2.0
// Whose clock differs from ours? A Type 1, which logs nobody in, brings two answers at once: the
// Date of HTTP and the time of the NTLM challenge. The KDC's clock came with the first ticket.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/filetime.h"
#include "doctor/look/logins.h"

static void add(json_t *sources, const char *kind, const char *name, int64_t offset_s)
{
    char text[160];

    snprintf(text, sizeof(text), "%s%s%.120s", kind, name[0] ? " " : "", name);
    json_array_append_new(
        sources, json_pack("{s:o,s:I}", "name", look_text(text), "offset_s", (json_int_t)offset_s));
}

static void add_challenge(json_t *sources, const char *scheme, const char *base64, const char *name)
{
    uint8_t scratch[8 * 1024];
    char value[12 * 1024];
    struct token token;

    snprintf(value, sizeof(value), "%s %s", scheme, base64);
    token_read(span_text(value), scratch, sizeof(scratch), &token);
    if (token.kind == TOKEN_NTLM_CHALLENGE && token.server_filetime)
        add(sources, "ntlm", name, filetime_to_unix_s(token.server_filetime) - time(NULL));
}

static void ask_end(const struct look_round *round, const struct look_end *end, json_t *sources)
{
    char host[LOOK_HOST_MAX];
    char authorization[256];
    struct trial_way way = look_way(round, end, host);
    struct call *call = NULL;
    struct call_answer answer;

    if (end->address.size == 0 || end->is_further || !look_has_time(round, end) ||
        !is_ok(call_open(&way.address, &way.call, &call, NULL)))
        return;
    char *type1 = ntlm_client_negotiate(false);
    CHECK(type1);
    snprintf(authorization, sizeof(authorization), "NTLM %s", type1);
    free(type1);
    call_ask(call,
             &(struct call_request){
                 .target = way.target, .host = way.host, .authorization = authorization},
             &answer);
    if (answer.date_s)
        add(sources, "http", end->name, answer.date_s - time(NULL));
    const char *type2 = call_answer_token(&answer, "NTLM");
    if (type2)
        add_challenge(sources, "NTLM", type2, end->name);
    call_answer_done(&answer);
    call_close(call);
}

json_t *look_clock(const struct look_round *round, const struct look_end *end)
{
    json_t *sources = json_array();
    int64_t offset_s;

    for (size_t i = 0; i < round->end_count; i++)
        ask_end(round, &round->ends[i], sources);
    if (round->kerberos && kerberos_client_clock(round->kerberos, &offset_s))
        add(sources, "kdc", "", offset_s);
    return json_pack("{s:I,s:o}", "own_s", (json_int_t)time(NULL), "sources", sources);
}
